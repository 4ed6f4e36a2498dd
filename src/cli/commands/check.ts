// `fairlead check`: all problems of a configuration in one go.
import { problemsToJson, renderProblems } from "../../config/problems.ts";
import type { LinkerConfig } from "../../app/config.ts";
import { Exit, type Given } from "../command.ts";
import { readConfig, unusable } from "../read-config.ts";
import type { Terminal } from "../terminal.ts";

export async function check(given: Given, terminal: Terminal): Promise<number> {
  const file = given.required(0);
  const { config, problems } = await readConfig(file, given.has("expand-env"), terminal);
  if (given.has("json")) {
    terminal.out(`${JSON.stringify({ file, valid: config !== null, problems: problemsToJson(problems) }, null, 2)}\n`);
  } else {
    terminal.err(renderProblems(problems));
    if (config === null) terminal.err(`${unusable(file, problems)}\n`);
    else terminal.out(`${file} can be used: ${contents(config)}\n`);
  }
  return config === null ? Exit.failed : Exit.ok;
}

function contents({ namers, routers }: LinkerConfig): string {
  const listeners = routers.flatMap((router) =>
    router.servers.map(({ ip, port }) => `${router.label} (${router.protocol}) on ${ip}:${port}`),
  );
  const sources = namers.map((namer) => namer.kind);
  return `${listeners.join(", ")}${sources.length === 0 ? "" : `; endpoints from ${sources.join(", ")}`}`;
}
