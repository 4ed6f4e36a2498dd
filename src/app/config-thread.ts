// A thread that reads configurations: five thousand rules take longer than requests should wait.
import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { problemsToJson, renderProblems } from "../config/problems.ts";
import { loadConfig } from "./config.ts";
import { noExtensions } from "./extensions.ts";
import type { ConfigRequest, EndOfReading, ReadConfig } from "./config-reading.ts";
import { giveBackMemory } from "./give-back-memory.ts";

/** Where there is only one core, requests come first. */
const NICENESS = 5;
/** To Linux this is the calling thread, to others all of the process. */
const THIS_THREAD = 0;

if (process.platform === "linux") standBehind();

function standBehind(): void {
  try {
    setPriority(THIS_THREAD, NICENESS);
  } catch {
    // A unit may forbid it (`SystemCallFilter=~@resources`): then the configuration is read as fast as requests are answered.
  }
}

parentPort?.on(
  "message",
  (message: ConfigRequest | EndOfReading) => void (message === "end" ? end() : answer(message)),
);

/** An error that it throws ends the thread, and whoever waits hears of it. */
async function answer({ options, text }: ConfigRequest): Promise<void> {
  const { config, extensions, problems } = await loadConfig(text, options);
  const read: ReadConfig = {
    config,
    problems: problemsToJson(problems),
    told: renderProblems(problems),
    loadedPlugins: extensions !== noExtensions,
  };
  parentPort?.postMessage(read);
}

/** Nothing keeps the thread alive then. */
async function end(): Promise<void> {
  await giveBackMemory();
  parentPort?.close();
}
