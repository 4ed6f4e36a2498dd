// The process log: one line per event on standard error, with a level per logger that can be changed while running.
// Own code because it is forty lines; the library considered costs 10 MB of memory in every sidecar.
import type { Clock } from "../base/clock.ts";

/** Levels in order of severity. */
export const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"] as const;
export type Level = (typeof LEVELS)[number];

/** Writes events of one part of the proxy. */
export interface Logger {
  readonly name: string;
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string, error?: unknown): void;
}

/** All loggers of a process. */
export class Log {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #levels = new Map<string, Level>();
  readonly #loggers = new Map<string, Logger>();
  #rootLevel: Level = "INFO";
  /** Told of every level that is set: other threads have logs of their own. */
  followed: (name: string, level: Level) => void = () => undefined;

  /** @param write takes whole lines, their line end included. */
  constructor(clock: Clock, write: (line: string) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** The logger of this name, made when new. */
  logger(name: string): Logger {
    const known = this.#loggers.get(name);
    if (known !== undefined) return known;
    const logger: Logger = {
      name,
      debug: (message) => this.#log(name, "DEBUG", message),
      info: (message) => this.#log(name, "INFO", message),
      warn: (message) => this.#log(name, "WARN", message),
      error: (message, error) =>
        this.#log(name, "ERROR", error === undefined ? message : `${message}: ${describe(error)}`),
    };
    this.#loggers.set(name, logger);
    return logger;
  }

  /** Loggers with their levels in force; `""` is the root, whose level holds where none is set. */
  levels(): { readonly name: string; readonly level: Level }[] {
    const named = [...this.#loggers.keys()]
      .sort()
      .map((name) => ({ name, level: this.#levels.get(name) ?? this.#rootLevel }));
    return [{ name: "", level: this.#rootLevel }, ...named];
  }

  /** Sets the level of a logger, or of the root for `""`; false when there is no such logger. */
  setLevel(name: string, level: Level): boolean {
    if (name === "") this.#rootLevel = level;
    else if (this.#loggers.has(name)) this.#levels.set(name, level);
    else return false;
    this.followed(name, level);
    return true;
  }

  /** Writes a line that another thread has made. */
  write(line: string): void {
    this.#write(line);
  }

  #log(name: string, level: Level, message: string): void {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(this.#levels.get(name) ?? this.#rootLevel)) return;
    const time = new Date(this.#clock.epochMs()).toISOString();
    this.#write(`${time} ${level.padEnd(5)} ${name}: ${message}\n`);
  }
}

/** The level of this name, in any case, or undefined. */
export function levelOf(text: string): Level | undefined {
  return LEVELS.find((level) => level === text.toUpperCase());
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
