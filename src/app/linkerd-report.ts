// What `fairlead check --linkerd` says: everything that is different with a file of Linkerd 1.x.
import { metBy } from "../config/applied.ts";
import type { ConfigNode } from "../config/node.ts";
import { type KeyPath, pathText, type Problem } from "../config/problems.ts";
import type { Source, Span } from "../config/source.ts";
import { configSchema } from "./config-schema.ts";

/** One difference, perhaps met in several places. */
export interface ReportedDifference {
  readonly what: "must be changed" | "has no effect" | "is different" | "other default with fairlead: 1";
  readonly lines: readonly number[];
  /** The key; `[]` stands for all items of a list that meet it. */
  readonly path: string;
  readonly message: string;
  /** What to do; empty where there is nothing to do. */
  readonly advice: string;
}

/** The sections of the text, in order. */
const TITLES: Readonly<Record<ReportedDifference["what"], string>> = {
  "must be changed": "Must be changed",
  "has no effect": "Has no effect, or not its whole effect",
  "is different": "Works, but differently",
  "other default with fairlead: 1": "Would have another default with fairlead: 1, which this file can do without",
};

/** How a default is shown that is not there. */
const NO_DEFAULT = "none";

interface Read {
  readonly problems: readonly Problem[];
  readonly tree: ConfigNode | null;
  readonly source: Source;
}

/** All differences that a file meets, from the same table that docs/linkerd-differences.md is printed from. */
export function linkerdDifferences({ problems, source, tree }: Read): ReportedDifference[] {
  const told = problems.map(({ advice, line, message, path, severity }): ReportedDifference => ({
    what: severity === "error" ? "must be changed" : "has no effect",
    lines: [line],
    path,
    message,
    advice,
  }));
  if (tree === null) return told;
  const { differences, defaults } = metBy(configSchema.spec, tree);
  const lineOf = ({ start }: Span) => source.position(start).line;
  const groups = new Groups();
  for (const { at, difference, instead, span } of differences) {
    const value = instead === null || instead === NO_DEFAULT ? "" : ` Not written, it is ${plain(instead)} here.`;
    groups.add("is different", at, lineOf(span), difference.says + value, difference.before ?? "");
  }
  for (const { at, modern, original, span } of defaults) {
    const message = `${plain(original)} here, ${plain(modern)} there`;
    groups.add("other default with fairlead: 1", at, lineOf(span), message, "");
  }
  return [...told, ...groups.all()];
}

/** The report as text. */
export function linkerdReport(file: string, differences: readonly ReportedDifference[]): string {
  const sections = Object.entries(TITLES).flatMap(([what, title]) => {
    const those = differences.filter((one) => one.what === what);
    return those.length === 0 ? [] : [`${title} (${those.length})\n${those.map(entry).join("")}`];
  });
  return [
    ...sections,
    `${verdict(file, differences)}\nWhat no file shows (headers, metrics, admin pages, ports): docs/migration-from-linkerd.md\n`,
  ].join("\n");
}

/** Whether a file can be run as it is. */
export function runsUnchanged(differences: readonly ReportedDifference[]): boolean {
  return differences.every(({ what }) => what !== "must be changed");
}

function entry({ advice, lines, message, path }: ReportedDifference): string {
  const where = `${lines.length === 1 ? "line" : "lines"} ${lines.join(", ")}`;
  return `  ${where}${path === "" ? "" : `: ${path}`}\n      ${message}\n${advice === "" ? "" : `      -> ${advice}\n`}`;
}

function verdict(file: string, differences: readonly ReportedDifference[]): string {
  const changes = differences.filter(({ what }) => what === "must be changed").length;
  if (changes === 0) return `${file} can be run unchanged.`;
  return `${file} cannot be run unchanged: ${changes} ${changes === 1 ? "place" : "places"} to change.`;
}

/** Puts together what is the same in several places, such as two servers. */
class Groups {
  readonly #groups = new Map<string, ReportedDifference>();

  add(what: ReportedDifference["what"], at: KeyPath, line: number, message: string, advice: string): void {
    const general = at
      .map((step) => (typeof step === "number" ? "[]" : step))
      .join(".")
      .replaceAll(".[]", "[]");
    const key = JSON.stringify([what, general, message]);
    const known = this.#groups.get(key);
    if (known === undefined) this.#groups.set(key, { what, lines: [line], path: pathText(at), message, advice });
    else {
      const path = known.path === pathText(at) ? known.path : general;
      const lines = known.lines.includes(line) ? known.lines : [...known.lines, line];
      this.#groups.set(key, { ...known, lines, path });
    }
  }

  all(): readonly ReportedDifference[] {
    return [...this.#groups.values()];
  }
}

/** Defaults are written for Markdown. */
function plain(value: string): string {
  return value.replaceAll("`", "");
}
