// Reads the configuration file again, when it changes or somebody asks, and puts it in force if it can be used.
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import type { Env } from "../base/env.ts";
import type { Json } from "../config/node.ts";
import { nodeDisk } from "../namers/fs/disk.ts";
import { WatchedEntries } from "../namers/fs/watched-entries.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { ConfigOptions, LinkerConfig } from "./config.ts";
import { ConfigReader } from "./config-reading.ts";

/** What became of a wish to reload. */
export type ReloadOutcome =
  | { readonly at: "unchanged" }
  | { readonly at: "reloaded"; readonly tookMs: number }
  /** The old configuration serves on. */
  | { readonly at: "refused"; readonly message: string; readonly problems: Json };

/** What a reloader works with. */
export interface ReloaderParts {
  /** The file, and how it is read. */
  readonly options: ConfigOptions;
  /** The text in force. */
  readonly text: string;
  readonly env: Env;
  readonly logger: Logger;
  readonly scope: Scope;
  /** Puts a configuration in force; rejects when that is not possible. */
  readonly apply: (config: LinkerConfig) => Promise<void>;
  /** Says why an error of `apply` came, in words. */
  readonly explain: (error: unknown, config: LinkerConfig) => string;
  /** Told before and after a configuration is put in force. */
  readonly reloading: () => void;
  readonly reloaded: () => void;
}

/** A file of more than this is no configuration. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

/** One file, one reload at a time. */
export class Reloader implements Disposable {
  readonly #parts: ReloaderParts;
  readonly #path: string;
  readonly #reloads;
  readonly #failures;
  readonly #took;
  readonly #reader: ConfigReader;
  #text: string;
  #last: Promise<unknown> = Promise.resolve();
  /** Wishes that came while one waits are fulfilled with it. */
  #waiting: Promise<ReloadOutcome> | null = null;
  #watch: Disposable | null = null;
  #refusedText: string | null = null;
  #disposed = false;
  /** Why the file as it is now is not in force; null if it is. */
  problem: string | null = null;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#path = resolve(parts.options.file);
    this.#text = parts.text;
    this.#reader = new ConfigReader(parts.env);
    const { scope } = parts;
    this.#reloads = scope.counter("reloads");
    this.#failures = scope.counter("reload_failures");
    this.#took = scope.latency("reload_ms");
    scope.gauge("in_force", () => (this.problem === null ? 1 : 0));
  }

  /** Reloads whenever the file changes, until disposed of. */
  watch(): void {
    const { env } = this.#parts;
    const disk = { ...nodeDisk, read: (path: string) => nodeDisk.read(path, MAX_FILE_BYTES) };
    const entry = new WatchedEntries(disk, env).at(dirname(this.#path), "", basename(this.#path));
    this.#watch = entry.observe((state) => {
      if (state.at === "missing")
        this.#parts.logger.warn(`${this.#path} is gone; what was read from it stays in force`);
      else if (state.at !== "pending" && !(state.at === "file" && this.#isKnown(state.text)))
        void this.reload("the file has changed");
    });
  }

  /** Has it been read, and nothing else since? */
  #isKnown(text: string): boolean {
    return this.problem === null ? text === this.#text : text === this.#refusedText;
  }

  /** Reads the file now. @param why for the log. */
  reload(why: string): Promise<ReloadOutcome> {
    if (this.#waiting !== null) return this.#waiting;
    const outcome = this.#last.then(() => {
      this.#waiting = null;
      return this.#reload(why);
    });
    this.#waiting = outcome;
    this.#last = outcome;
    return outcome;
  }

  /** Waits for the reload in progress, and lets no other begin until what is returned is disposed of. */
  async hold(): Promise<Disposable> {
    const before = this.#last;
    const released = Promise.withResolvers<void>();
    this.#last = before.then(() => released.promise);
    await before;
    return { [Symbol.dispose]: () => released.resolve() };
  }

  /** Nothing is read any more; what is being put in force already is finished. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#watch?.[Symbol.dispose]();
    this.#reader[Symbol.dispose]();
  }

  /** Never rejects: whoever asks is told in the outcome. */
  async #reload(why: string): Promise<ReloadOutcome> {
    const { env, logger, options } = this.#parts;
    const startedMs = env.clock.nowMs();
    let text: string | null = null;
    try {
      if (this.#disposed) throw new Error("the proxy is stopping");
      text = await readFile(this.#path, "utf8");
      if (text === this.#text) {
        if (this.problem !== null) logger.info(`${why}: ${options.file} is again as it is in force`);
        this.#inForce();
        return { at: "unchanged" };
      }
      const { config, problems, told } = await this.#reader.read(text, options);
      if (config === null) return this.#refused(why, text, told.trimEnd(), problems);
      if (told !== "") logger.warn(`${why}: ${options.file}\n${told.trimEnd()}`);
      await this.#apply(config);
      this.#text = text;
      this.#inForce();
      const tookMs = env.clock.nowMs() - startedMs;
      this.#reloads.inc();
      this.#took.record(tookMs);
      logger.info(`${why}: ${options.file} is in force, after ${Math.round(tookMs)} ms`);
      return { at: "reloaded", tookMs };
    } catch (error) {
      return this.#refused(why, text, error instanceof Error ? error.message : String(error), []);
    }
  }

  async #apply(config: LinkerConfig): Promise<void> {
    this.#parts.reloading();
    try {
      await this.#parts.apply(config);
    } catch (error) {
      throw new Error(this.#parts.explain(error, config), { cause: error });
    } finally {
      this.#parts.reloaded();
    }
  }

  #inForce(): void {
    this.problem = null;
    this.#refusedText = null;
  }

  #refused(why: string, text: string | null, message: string, problems: Json): ReloadOutcome {
    const { logger, options } = this.#parts;
    if (this.#disposed) return { at: "refused", message: "the proxy is stopping", problems: [] };
    this.#failures.inc();
    this.#refusedText = text;
    this.problem = message;
    logger.error(`${why}, but ${options.file} cannot be used; the configuration before it stays in force\n${message}`);
    return { at: "refused", message, problems };
  }
}
