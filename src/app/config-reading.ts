// Reads configurations beside the traffic, in a thread of its own.
import { getCompileCacheDir } from "node:module";
import { Worker } from "node:worker_threads";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { Json } from "../config/node.ts";
import type { ConfigOptions, LinkerConfig } from "./config.ts";
import { threadFile } from "./thread-file.ts";

/** A configuration, or what is wrong with it, as plain values. */
export interface ReadConfig {
  /** Null when there is an error among the problems. */
  readonly config: LinkerConfig | null;
  readonly problems: Json;
  /** All problems in words; empty if there are none. */
  readonly told: string;
  /** Code of plug-ins has been loaded: what it has begun, and what could not be loaded, stays with the thread. */
  readonly loadedPlugins: boolean;
}

/** What the thread is asked. */
export interface ConfigRequest {
  readonly text: string;
  readonly options: ConfigOptions;
}

/** There is nothing more to read: the thread leaves as little behind as it can, and ends. */
export type EndOfReading = "end";

/** Who has changed a file once often does so again soon, and most of the time goes into the start of a thread. */
const IDLE_MS = 10_000;
/** What takes longer is no configuration. */
const LONGEST_MS = 30_000;
/** A configuration that needs more is none. New objects get more room than in the serving thread: nobody waits for this one's pauses. */
const BOUNDS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 8 };

/** One reading at a time; the thread is there for a while after the last. */
export class ConfigReader implements Disposable {
  readonly #env: Env;
  #thread: Worker | null = null;
  #idle: Timer | null = null;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Reads a text as `loadConfig` does. Rejects when there is no thread to be had, or it gives up. */
  async read(text: string, options: ConfigOptions): Promise<ReadConfig> {
    this.#idle?.cancel();
    const thread = (this.#thread ??= this.#start());
    const { promise, reject, resolve } = Promise.withResolvers<ReadConfig>();
    const ended = (code: number) => reject(new Error(`the thread that reads the configuration ended with ${code}`));
    const request: ConfigRequest = { text, options: { ...options, environment: { ...options.environment } } };
    using _limit = this.#env.timers.after(LONGEST_MS, () => {
      reject(new Error(`reading the configuration took more than ${LONGEST_MS / 1000} s`));
      this.#end(thread);
    });
    thread.once("message", resolve).once("error", reject).once("exit", ended);
    thread.ref();
    thread.postMessage(request);
    try {
      const read = await promise;
      if (read.loadedPlugins) this.#end(thread);
      return read;
    } catch (error) {
      this.#end(thread);
      throw error;
    } finally {
      thread.off("message", resolve).off("error", reject).off("exit", ended);
      thread.unref();
      this.#idle = this.#env.timers.after(IDLE_MS, () => this.#leave(thread));
    }
  }

  [Symbol.dispose](): void {
    this.#idle?.cancel();
    if (this.#thread !== null) this.#end(this.#thread);
  }

  #start(): Worker {
    const compileCache = getCompileCacheDir();
    const env = compileCache === undefined ? process.env : { ...process.env, NODE_COMPILE_CACHE: compileCache };
    const thread = new Worker(threadFile("config-thread"), { stdin: false, resourceLimits: BOUNDS, env });
    thread.on("error", () => this.#end(thread)); // whoever waits for it is told; nobody else need know
    return thread;
  }

  #leave(thread: Worker): void {
    if (this.#thread !== thread) return;
    this.#thread = null;
    thread.postMessage("end" satisfies EndOfReading);
  }

  #end(thread: Worker): void {
    if (this.#thread === thread) this.#thread = null;
    void thread.terminate();
  }
}
