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
  const ending = endingOf(tree);
  terminal.out(given.has("json") ? `${JSON.stringify(tree, null, 2)}\n` : inWords(tree, ending, terminal));
  return ending === "endpoints" ? Exit.ok : Exit.failed;
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

/** What becomes of a request. */
type Ending = Exclude<Outcome, "bound"> | "endpoints" | "no-endpoints";

function endingOf(tree: Delegation): Ending {
  const outcome = outcomeOf(tree);
  if (outcome !== "bound") return outcome;
  return hasEndpoints(tree) ? "endpoints" : "no-endpoints";
}

/** Whether the way a request goes ends where there is somebody to answer. */
function hasEndpoints(tree: Delegation): boolean {
  switch (tree.type) {
    case "leaf":
      return tree.bound.status !== undefined || (tree.bound.addr.type === "bound" && tree.bound.addr.addrs.length > 0);
    case "transformation":
      return hasEndpoints(tree.tree);
    case "delegate":
      return hasEndpoints(tree.delegate);
    case "alt": {
      const taken = tree.alt.find((alternative) => outcomeOf(alternative) !== "neg");
      return taken !== undefined && hasEndpoints(taken);
    }
    case "union":
      return tree.union.some((branch) => hasEndpoints(branch.tree));
    default:
      return false;
  }
}

const ENDINGS: Readonly<Record<Ending, string>> = {
  endpoints: "leads somewhere",
  "no-endpoints": "is a known name, but has no endpoints",
  neg: "leads nowhere: there is no such name",
  fail: "leads nowhere: an entry says ! (fail)",
  empty: "leads nowhere: an entry says $ (no endpoints)",
  failed: "leads nowhere: resolving it failed",
  pending: "is not known yet: discovery has not answered",
};

function inWords(tree: Delegation, ending: Ending, { paint }: Terminal): string {
  const lines = renderDelegation(tree)
    .split("\n")
    .map((line) => (line.startsWith(">") ? paint("green", line) : line));
  return `${lines.join("\n")}\n${paint(ending === "endpoints" ? "bold" : "red", `${tree.path} ${ENDINGS[ending]}`)}\n`;
}
