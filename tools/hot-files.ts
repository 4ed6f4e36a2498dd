// The words a file marked `@hot` goes without: each costs an allocation or a turn of the event loop per request.
import { codeOnly } from "./source-text.ts";

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/\basync\b/, "async"],
  [/\bawait\b/, "await"],
  [/\bnew Promise\b/, "new Promise"],
  [/\.then\(/, ".then()"],
  [/\.\.\./, "spread or rest"],
  [/\.(?:map|filter|forEach|reduce|flatMap)\(/, "a closure per element"],
  [/\.bind\(/, ".bind()"],
  [/\bObject\.(?:keys|values|entries|assign|fromEntries)\(/, "an object walk"],
];
const WAIVER = /\/\/ cold: \S/;
/** What we pool is constructed rarely. */
const CONSTRUCTOR = /^\s*constructor\(/;

/**
 * Checks a file whose first line says `@hot`. Free are: code that runs once at load, constructors, a line that ends in `// cold: reason`,
 * and the line or block below a comment line of that form.
 * @returns problems as `line: words`, lines counted from 1.
 */
export function hotProblems(text: string): string[] {
  const lines = text.split("\n");
  if (!(lines[0] ?? "").includes("@hot")) return [];
  const problems: string[] = [];
  let depth = 0;
  let coldFrom: number | undefined;
  let announced = false;
  for (const [at, code] of codeOnly(text).split("\n").entries()) {
    const waived = WAIVER.test(lines[at] ?? "");
    if (code.trim() === "") {
      announced ||= waived;
      continue;
    }
    if (announced || CONSTRUCTOR.test(code)) coldFrom ??= depth;
    const word = waived || coldFrom !== undefined ? undefined : forbiddenWord(code, depth);
    if (word !== undefined) problems.push(`${at + 1}: ${word} in a @hot file; if it is rare, say why: // cold: reason`);
    depth += balance(code);
    if (coldFrom !== undefined && depth <= coldFrom) coldFrom = undefined;
    announced = false;
  }
  return problems;
}

/** At depth 0 only what stands inside a function counts: the rest runs when the module is loaded. */
function forbiddenWord(code: string, depth: number): string | undefined {
  const body = depth > 0 ? code : code.slice(code.search(/=>|\bfunction\b|$/));
  return FORBIDDEN.find(([pattern]) => pattern.test(body))?.[1];
}

function balance(code: string): number {
  return (code.match(/[({[]/g)?.length ?? 0) - (code.match(/[)}\]]/g)?.length ?? 0);
}
