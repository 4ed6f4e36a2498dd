// The package's public entry: start a proxy from a configuration text.
import { systemClock } from "../base/clock.ts";
import { renderProblems } from "../config/problems.ts";
import { logOutput } from "../telemetry/log-output.ts";
import { Log } from "../telemetry/log.ts";
import { loadConfig } from "./config.ts";
import { Linker } from "./linker.ts";

export type { Linker };

/** A configuration that cannot be used; the message lists every problem with its place and what to write instead. */
export class ConfigurationError extends Error {
  override name = "ConfigurationError";
}

/** What `startLinker` may be told. */
export interface StartOptions {
  /** The name problems show, in whose directory paths of plug-ins begin; `fairlead.yaml` by default. */
  readonly file?: string;
  /** Environment variables for `expandEnv`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Takes the lines of the process log; standard error by default. */
  readonly writeLog?: (line: string) => void;
}

/**
 * Starts a proxy from Linkerd 1.x YAML or JSON.
 * @throws ConfigurationError when the text cannot be used; the system's error when a port cannot be bound.
 */
export async function startLinker(text: string, options: StartOptions = {}): Promise<Linker> {
  const {
    file = "fairlead.yaml",
    environment = process.env,
    writeLog = logOutput(process.stderr, systemClock),
  } = options;
  const { config, problems } = await loadConfig(text, { file, environment });
  if (config === null) throw new ConfigurationError(renderProblems(problems));
  return Linker.start(config, { log: new Log(systemClock, writeLog) });
}
