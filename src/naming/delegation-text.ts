// An explanation as text for a terminal: one line per step, the way a request goes marked, the rule beside what it made.
import { addressText } from "../core/socket-address.ts";
import { type Delegation, type ExplainedName, outcomeOf } from "./delegation.ts";

interface Line {
  readonly left: string;
  readonly right: string;
}

const MAX_ADDRESSES = 8;
const MAX_LEFT_CHARS = 70;

/**
 * The tree, indented. `>` marks the way a request goes; on the other lines a `|` was not reached, because an alternative before it was the
 * answer. To the right stands the rule, or the namer, that made the step.
 */
export function renderDelegation(tree: Delegation): string {
  const lines: Line[] = [];
  write(tree, 0, true, "", lines);
  const width = Math.min(MAX_LEFT_CHARS, Math.max(...lines.map((line) => (line.right === "" ? 0 : line.left.length))));
  const text = lines.map(({ left, right }) => (right === "" ? left : `${left.padEnd(width)}  ${right}`));
  return `${text.join("\n")}\n`;
}

function write(
  tree: Delegation,
  indent: number,
  chosen: boolean,
  label: string,
  lines: Line[],
  right = origin(tree),
): void {
  if (tree.type === "transformation" && tree.of !== undefined) {
    write(tree.of, indent, chosen, label, lines, right);
    write(tree.tree, indent + 1, chosen, "", lines, `by ${tree.name}`);
    return;
  }
  lines.push({ left: `${chosen ? ">" : " "} ${"  ".repeat(indent)}${label}${tree.path}${meaning(tree)}`, right });
  if (tree.type === "delegate") write(tree.delegate, indent + 1, chosen, "", lines);
  else if (tree.type === "alt") writeAlternatives(tree.alt, indent + 1, chosen, lines);
  else if (tree.type === "union") {
    for (const branch of tree.union)
      write(branch.tree, indent + 1, chosen && isTaken(branch.tree), `${branch.weight} * `, lines);
  } else if (tree.type === "transformation") {
    if (tree.bound !== undefined) writeBound(tree.bound, indent + 1, chosen, lines);
    write(tree.tree, indent + 1, chosen, "", lines, `by ${tree.name}`);
  } else if (tree.type === "leaf") writeBound(tree.bound, indent + 1, chosen, lines);
}

/** Only the first alternative that is not neg is taken; those after it are not even tried. */
function writeAlternatives(alternatives: readonly Delegation[], indent: number, chosen: boolean, lines: Line[]): void {
  const answer = alternatives.findIndex((alternative) => outcomeOf(alternative) !== "neg");
  for (const [i, alternative] of alternatives.entries()) {
    write(alternative, indent, chosen && i === answer, i > answer && answer >= 0 ? "| " : "", lines);
  }
}

function writeBound(bound: ExplainedName, indent: number, chosen: boolean, lines: Line[]): void {
  const residual = bound.path === "/" ? "" : `, residual ${bound.path}`;
  lines.push({
    left: `${chosen ? ">" : " "} ${"  ".repeat(indent)}bound: ${bound.id}${residual}, ${endpoints(bound)}`,
    right: "",
  });
}

function endpoints({ addr, status }: ExplainedName): string {
  if (status !== undefined) return `answered here with ${status}`;
  if (addr.type === "pending") return "addresses not known yet";
  if (addr.type === "neg") return "no such host or service";
  if (addr.type === "failed") return `addresses unknown: ${addr.cause}`;
  if (addr.addrs.length === 0) return "no addresses";
  const shown = addr.addrs.slice(0, MAX_ADDRESSES).map(({ ip, port }) => addressText({ host: ip, port }));
  const more = addr.addrs.length - shown.length;
  return shown.join(" ") + (more > 0 ? ` and ${more} more` : "");
}

function isTaken(branch: Delegation): boolean {
  const outcome = outcomeOf(branch);
  return outcome === "bound" || outcome === "empty";
}

function meaning(tree: Delegation): string {
  switch (tree.type) {
    case "neg":
      return "  (no such name)";
    case "fail":
      return "  (fail: stop)";
    case "empty":
      return "  (exists, has no addresses)";
    case "pending":
      return "  (not known yet)";
    case "exception":
      return `  (failed: ${tree.message})`;
    default:
      return "";
  }
}

function origin(tree: Delegation): string {
  if (tree.dentry !== undefined) return `${tree.dentry.prefix} => ${tree.dentry.dst}`;
  return tree.namer === undefined ? "" : `by ${tree.namer}`;
}
