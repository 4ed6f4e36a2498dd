// Reads a configuration beside the traffic, in a thread of its own.
import { Worker } from "node:worker_threads";
import type { Json } from "../config/node.ts";
import type { ConfigOptions, LinkerConfig } from "./config.ts";
import type { ConfigRequest } from "./config-thread.ts";
import { threadFile } from "./thread-file.ts";

/** A configuration, or what is wrong with it, as plain values. */
export interface ReadConfig {
  /** Null when there is an error among the problems. */
  readonly config: LinkerConfig | null;
  readonly problems: Json;
  /** All problems in words; empty if there are none. */
  readonly told: string;
}

/** Reads a text as `loadConfig` does. Rejects when there is no thread to be had. */
export function readBeside(text: string, options: ConfigOptions): Promise<ReadConfig> {
  const { promise, reject, resolve } = Promise.withResolvers<ReadConfig>();
  const request: ConfigRequest = { text, options: { ...options, environment: { ...options.environment } } };
  const thread = new Worker(threadFile("config-thread"), { workerData: request, stdin: false });
  thread.once("message", (answer: ReadConfig) => {
    resolve(answer);
    void thread.terminate(); // what a plug-in has begun would keep it alive
  });
  thread.once("error", reject);
  thread.once("exit", (code) => reject(new Error(`the thread that reads the configuration ended with ${code}`)));
  return promise;
}
