// `fairlead check`: all problems of a configuration in one go.
import { problemsToJson, renderProblems } from "../../config/problems.ts";
import type { LinkerConfig, LoadedConfig } from "../../app/config.ts";
import { CommandProblem, Exit, type Given } from "../command.ts";
import { readConfig, unusable } from "../read-config.ts";
import type { Terminal } from "../terminal.ts";

export async function check(given: Given, terminal: Terminal): Promise<number> {
  const file = given.required(0);
  if (given.has("expand") && given.has("linkerd")) throw new CommandProblem("choose one of --expand and --linkerd");
  const loaded = await readConfig(file, given.has("expand-env"), terminal);
  const { config, problems } = loaded;
  if (given.has("linkerd")) return compare(loaded, given, terminal);
  if (given.has("docs") || given.has("schema")) return describePlugins(loaded, given, terminal);
  if (config !== null && given.has("expand")) {
    await expand(loaded, given, terminal);
  } else if (given.has("json")) {
    terminal.out(`${JSON.stringify({ file, valid: config !== null, problems: problemsToJson(problems) }, null, 2)}\n`);
  } else {
    terminal.err(renderProblems(problems));
    if (config === null) terminal.err(`${unusable(file, problems)}\n`);
    else terminal.out(`${file} can be used: ${contents(config)}\n`);
  }
  return config === null ? Exit.failed : Exit.ok;
}

/** What the plug-ins add, for people or for editors. */
async function describePlugins({ config, extensions, problems }: LoadedConfig, given: Given, terminal: Terminal) {
  const { pluggedJsonSchema, pluggedReference } = await import("../../app/plugged-docs.ts");
  terminal.err(renderProblems(problems));
  terminal.out(given.has("docs") ? pluggedReference(extensions) : pluggedJsonSchema(extensions));
  return config === null ? Exit.failed : Exit.ok;
}

/** Standard output is a configuration; what there is to tell about the file goes elsewhere. */
async function expand({ problems, tree }: LoadedConfig, given: Given, terminal: Terminal): Promise<void> {
  if (tree === null) return; // never of a configuration that can be used
  terminal.err(renderProblems(problems));
  const { expandedJson, expandedYaml } = await import("../../app/services/text.ts");
  const file = given.required(0);
  terminal.out(
    given.has("json")
      ? `${JSON.stringify(expandedJson(tree), null, 2)}\n`
      : await expandedYaml(tree, file === "-" ? "the input" : file),
  );
}

/** What is different with a file of Linkerd 1.x. */
async function compare(loaded: LoadedConfig, given: Given, terminal: Terminal): Promise<number> {
  const file = given.required(0);
  if (loaded.mode === "fairlead")
    throw new CommandProblem(`${file} has fairlead: 1, so it is no file of Linkerd 1.x`, Exit.failed);
  const { linkerdDifferences, linkerdReport, runsUnchanged } = await import("../../app/linkerd-report.ts");
  const differences = linkerdDifferences(loaded);
  const unchanged = runsUnchanged(differences);
  if (given.has("json")) terminal.out(`${JSON.stringify({ file, runsUnchanged: unchanged, differences }, null, 2)}\n`);
  else terminal.out(linkerdReport(file, differences));
  return unchanged ? Exit.ok : Exit.failed;
}

function contents({ namers, routers }: LinkerConfig): string {
  const listeners = routers.flatMap((router) =>
    router.servers.map(({ ip, port }) => `${router.label} (${router.protocol}) on ${ip}:${port}`),
  );
  const sources = namers.map((namer) => namer.kind);
  return `${listeners.join(", ")}${sources.length === 0 ? "" : `; endpoints from ${sources.join(", ")}`}`;
}
