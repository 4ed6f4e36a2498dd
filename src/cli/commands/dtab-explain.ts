// `fairlead dtab explain`: how a name is resolved, by rules on the command line, of a configuration, or of a running proxy.
import { type Delegation, type Outcome, outcomeOf } from "../../naming/delegation.ts";
import { renderDelegation } from "../../naming/delegation-text.ts";
import { parsePath, type Path } from "../../core/path.ts";
import { SyntaxProblem } from "../../core/syntax.ts";
import { CommandProblem, Exit, type Given } from "../command.ts";
import type { Terminal } from "../terminal.ts";

const SOURCES = ["dtab", "config", "admin"];

export async function dtabExplain(given: Given, terminal: Terminal): Promise<number> {
  const path = parsedPath(given.required(0));
  const tree = await explanation(sourceOf(given), path, given, terminal);
  const outcome = outcomeOf(tree);
  terminal.out(given.has("json") ? `${JSON.stringify(tree, null, 2)}\n` : inWords(tree, outcome, terminal));
  return outcome === "bound" ? Exit.ok : Exit.failed;
}

function parsedPath(text: string): Path {
  const path = parsePath(text);
  if (!(path instanceof SyntaxProblem)) return path;
  throw new CommandProblem(`PATH: ${path.show()}`);
}

function sourceOf(given: Given): string {
  const sources = SOURCES.filter((name) => given.has(name));
  const [only] = sources;
  if (only === undefined)
    throw new CommandProblem("dtab explain needs rules: --dtab TEXT, --config FILE or --admin HOST:PORT");
  if (sources.length > 1)
    throw new CommandProblem(`dtab explain takes its rules from one place, not from --${sources.join(" and --")}`);
  if (only === "dtab" && given.has("router")) throw new CommandProblem("--router goes with --config and --admin");
  if (only !== "config" && given.has("expand-env")) throw new CommandProblem("--expand-env goes with --config");
  return only;
}

async function explanation(source: string, path: Path, given: Given, terminal: Terminal): Promise<Delegation> {
  if (source === "admin") {
    const { askAdmin } = await import("../ask-admin.ts");
    return askAdmin(given.value("admin") ?? "", path, given.value("router"), given.value("override"));
  }
  const { explainHere } = await import("../explain-here.ts");
  return explainHere(path, given, terminal);
}

const ENDINGS: Readonly<Record<Outcome, string>> = {
  bound: "leads to endpoints",
  neg: "leads nowhere: there is no such name",
  fail: "leads nowhere: an entry says ! (fail)",
  empty: "leads nowhere: it exists and has no addresses ($)",
  failed: "leads nowhere: resolving it failed",
  pending: "is not known yet: discovery has not answered",
};

function inWords(tree: Delegation, outcome: Outcome, { paint }: Terminal): string {
  const lines = renderDelegation(tree)
    .split("\n")
    .map((line) => (line.startsWith(">") ? paint("green", line) : line));
  const ending = `${tree.path} ${ENDINGS[outcome]}`;
  return `${lines.join("\n")}\n${paint(outcome === "bound" ? "bold" : "red", ending)}\n`;
}
