// What the bench knows of any proxy under test.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Family, speaking } from "./families.ts";
import type { Generator } from "./generator.ts";
import type { Ports } from "./ports.ts";
import { familyOf, memoryOf, PROXY_CORE, type Started, start } from "./processes.ts";

/** Where a bench runs: its folder for configurations and sockets, its ports, its generator. */
export interface Site {
  readonly folder: string;
  readonly ports: Ports;
  readonly generator: Generator;
  /** All host names lead to one group of upstream servers; else each has a group, and pools, of its own. */
  readonly shared: boolean;
}

/** Host names svc0, svc1, … that every proxy routes. */
export const SERVICES = 100;

/** A proxy that could be started, or is absent for a reason. */
export interface ProxyKind {
  readonly name: string;
  readonly family: Family;
  /** Version text, or undefined when it is not installed. */
  version(): string | undefined;
  start(site: Site): Promise<Proxy>;
}

const STARTS_WITHIN_S = 15;

/** A running proxy: a process with all it starts, or several that serve one port together. */
export class Proxy {
  readonly name: string;
  readonly family: Family;
  readonly port: number;
  readonly #processes: readonly Started[];

  constructor(name: string, family: Family, port: number, ...processes: readonly Started[]) {
    this.name = name;
    this.family = family;
    this.port = port;
    this.#processes = processes;
  }

  /** Of the first process; 0 when there is none. */
  get pid(): number {
    return this.#processes[0]?.pid ?? 0;
  }

  /** All processes whose CPU time is this proxy's. */
  pids(): number[] {
    return this.#processes.flatMap(({ pid }) => familyOf(pid));
  }

  memory(): { rss: number; anonymous: number } {
    const parts = this.#processes.map(({ pid }) => memoryOf(pid));
    const sum = (of: "rss" | "anonymous"): number => parts.reduce((total, part) => total + part[of], 0);
    return { rss: sum("rss"), anonymous: sum("anonymous") };
  }

  complaint(): string {
    return this.#processes.map((process) => process.complaint()).join(" ");
  }

  signal(name: NodeJS.Signals): void {
    for (const { child } of this.#processes) child.kill(name);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
  }
}

export interface Launch {
  readonly name: string;
  readonly family: Family;
  readonly command: readonly string[];
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A host name the proxy knows, for the first request. */
  readonly host?: string;
}

/** Starts a proxy on its core and waits for the first 200 through it. `firstMs` is the time from spawn to that. */
export async function launch(site: Site, what: Launch): Promise<{ proxy: Proxy; firstMs: number }> {
  const startedNs = process.hrtime.bigint();
  const first = site.generator.run({
    target: what.port,
    connections: 1,
    seconds: STARTS_WITHIN_S,
    limit: 1,
    headers: 5,
    hosts: 1,
    hostName: what.host ?? "svc",
    ...speaking(what.family),
  });
  const child = await start(what.command, { core: PROXY_CORE, cwd: site.folder, ...(what.env && { env: what.env }) });
  child.child.stdout?.resume();
  const giveUp = (): void => site.generator.release();
  child.child.once("exit", giveUp);
  const result = await first;
  child.child.off("exit", giveUp);
  if (result.ok > 0) {
    return {
      proxy: new Proxy(what.name, what.family, what.port, child),
      firstMs: (result.endNs - Number(startedNs)) / 1e6,
    };
  }
  await child.stop();
  throw new Error(
    `${what.name} did not answer with 200 within ${STARTS_WITHIN_S} s: ${child.complaint().replaceAll(/\s+/g, " ").slice(0, 400) || "it said nothing"}`,
  );
}

/** Writes a configuration file of the bench; answers its name relative to the site's folder. */
export function writeConfig(site: Site, name: string, text: string): string {
  const path = join(site.folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
  return name;
}
