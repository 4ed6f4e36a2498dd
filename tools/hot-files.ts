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

const ACCESSOR = /^\s*(?:get|set) [\w$]+\(/;

/**
 * Finds getters and setters of object literals, in whatever file: V8 keeps such an object as a dictionary, and whoever reads anything of it in a
 * loop pays for a search each time. A function, or a class, says the same. Waived as above.
 * @returns problems as `line: words`, lines counted from 1.
 */
export function accessorProblems(text: string): string[] {
  const lines = text.split("\n");
  const code = codeOnly(text);
  const problems: string[] = [];
  /** Of each brace that is open: is it that of a class or an interface? */
  const open: boolean[] = [];
  let headAt = 0;
  let at = 0;
  for (const [number, line] of code.split("\n").entries()) {
    const waived = [lines[number - 1], lines[number]].some((words) => WAIVER.test(words ?? ""));
    if (ACCESSOR.test(line) && open.at(-1) === false && !waived)
      problems.push(
        `${number + 1}: a getter in an object literal makes a dictionary of it; if it is rare, say why: // cold: reason`,
      );
    const last = line.trimEnd().length - 1;
    for (let column = 0; column <= line.length; column++, at++) {
      const char = line[column] ?? "\n";
      if (char === "{") open.push(/\b(?:class|interface)\b/.test(code.slice(headAt, at)));
      else if (char === "}") open.pop();
      if (column === last && /[{};]/.test(char)) headAt = at + 1; // braces within a line may be those of a type
    }
  }
  return problems;
}
