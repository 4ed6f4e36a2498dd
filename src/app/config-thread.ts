// A thread that reads configurations: five thousand rules take longer than requests should wait.
import { parentPort } from "node:worker_threads";
import { problemsToJson, renderProblems } from "../config/problems.ts";
import { loadConfig } from "./config.ts";
import { noExtensions } from "./extensions.ts";
import type { ConfigRequest, ReadConfig } from "./config-reading.ts";

parentPort?.on("message", (request: ConfigRequest) => void answer(request));

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
