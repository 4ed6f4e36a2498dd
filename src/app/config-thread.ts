// A thread that reads one configuration and ends: five thousand rules take longer than requests should wait.
import { parentPort, workerData } from "node:worker_threads";
import { problemsToJson, renderProblems } from "../config/problems.ts";
import { type ConfigOptions, loadConfig } from "./config.ts";
import type { ReadConfig } from "./config-reading.ts";

/** What the thread is given. */
export interface ConfigRequest {
  readonly text: string;
  readonly options: ConfigOptions;
}

const { options, text } = workerData as ConfigRequest; // `config-reading` starts this file
const { config, problems } = await loadConfig(text, options);
const answer: ReadConfig = { config, problems: problemsToJson(problems), told: renderProblems(problems) };
parentPort?.postMessage(answer);
