// What the scenarios know of any proxy: how one hop of the chain is started from a configuration that lies here as a file.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Started } from "../../load/processes.ts";
import type { Protocol } from "../plan.ts";

/** One proxy of the chain. */
export interface Hop {
  /** The name callers ask for. */
  readonly name: string;
  readonly port: number;
  readonly adminPort: number;
  readonly endpoints: readonly number[];
  readonly attemptMs: number;
  readonly totalMs: number;
  /** For its files. */
  readonly folder: string;
}

export interface ProxyKind {
  readonly name: string;
  /** For people. */
  readonly title: string;
  /** Files of its configuration, in this folder. */
  readonly files: Readonly<Record<Protocol, string>>;
  /** Undefined when it is not installed. */
  version(): string | undefined;
  start(protocol: Protocol, hop: Hop): Promise<Started>;
}

/** Writes a configuration of this folder for a hop; answers where. */
export function writeConfiguration(file: string, hop: Hop): string {
  const path = join(hop.folder, file);
  writeFileSync(path, filled(readFileSync(join(import.meta.dirname, file), "utf8"), hop));
  return path;
}

/** `${NAME}` becomes the hop's value; a line with `${ENDPOINT}` is repeated for each endpoint. */
export function filled(text: string, hop: Hop): string {
  const values: Readonly<Record<string, string | number>> = {
    NAME: hop.name,
    PORT: hop.port,
    ADMIN_PORT: hop.adminPort,
    FOLDER: hop.folder,
    ATTEMPT_MS: hop.attemptMs,
    TOTAL_MS: hop.totalMs,
    // nginx counts failures of the last seconds, not failures in a row, and with all servers out it answers nothing: where there are two,
    // failures that come from further down would take both.
    MAX_FAILS: hop.endpoints.length > 2 ? 3 : 0,
  };
  const replaced = (line: string, more: Readonly<Record<string, string | number>>): string =>
    line.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => String({ ...values, ...more }[name] ?? whole));
  const lines = text.split("\n").flatMap((line) => {
    if (!line.includes("${ENDPOINT}")) return [replaced(line, {})];
    return hop.endpoints.map((port, at) => replaced(line, { ENDPOINT: `127.0.0.1:${port}`, NUMBER: at + 1 }));
  });
  return lines.join("\n");
}
