// Every link of our texts that stays in the repository leads somewhere: to a file, a folder, a heading.
import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

const TEXTS = ["*.md", "docs/**/*.md", "src/**/*.md", "bench/**/*.md", "examples/**/*.md", "test/**/*.md"];
const LINK = /!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g;
const FENCE = /^\s*(?:```|~~~)/;

/** A link and where it stands. */
export interface Link {
  readonly target: string;
  /** Counted from 1. */
  readonly line: number;
}

/** The links of a Markdown text, without those inside code. */
export function linksOf(markdown: string): Link[] {
  return proseLines(markdown).flatMap(({ text, line }) =>
    [...text.replaceAll(/`[^`]*`/g, "").matchAll(LINK)].map((match) => ({ target: match[1] ?? "", line })),
  );
}

/** The anchors of a Markdown text, as GitHub makes them from headings. */
export function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const { text } of proseLines(markdown)) {
    const heading = /^#{1,6}\s+(.*)$/.exec(text)?.[1];
    if (heading === undefined) continue;
    const slug = slugOf(heading);
    let anchor = slug;
    for (let copy = 1; anchors.has(anchor); copy++) anchor = `${slug}-${copy}`;
    anchors.add(anchor);
  }
  return anchors;
}

function slugOf(heading: string): string {
  const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
  return text
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .trim()
    .replaceAll(/\s/g, "-");
}

function proseLines(markdown: string): { text: string; line: number }[] {
  let inCode = false;
  return markdown.split("\n").flatMap((text, at) => {
    const fence = FENCE.test(text);
    if (fence) inCode = !inCode;
    return fence || inCode ? [] : [{ text, line: at + 1 }];
  });
}

function problem(file: string, target: string): string | undefined {
  if (/^[a-z][a-z+.-]*:/i.test(target)) return undefined;
  const [path = "", anchor] = target.split("#");
  const found = path === "" ? file : join(dirname(file), decodeURIComponent(path));
  if (!existsSync(found)) return `${target} leads nowhere`;
  if (anchor === undefined || !found.endsWith(".md") || statSync(found).isDirectory()) return undefined;
  return anchorsOf(readFileSync(found, "utf8")).has(anchor) ? undefined : `${found} has no heading #${anchor}`;
}

function main(): void {
  const files = globSync(TEXTS).toSorted();
  const problems = files.flatMap((file) =>
    linksOf(readFileSync(file, "utf8")).flatMap(({ target, line }) => {
      const words = problem(file, target);
      return words === undefined ? [] : [`${file}:${line}: ${words}`];
    }),
  );
  for (const words of problems) console.error(words);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

if (import.meta.main) main();
