// What is wrong with a configuration: where, what, and what to write instead.
import { type Source, type Span } from "./source.ts";

/** An error keeps the process from starting; a warning does not. */
export type Severity = "error" | "warning";

/** One step into a configuration: a key of a map or an index of a list. */
export type Step = string | number;
export type KeyPath = readonly Step[];

/** The source line a problem is on, cut to a width a terminal can show. */
export interface Excerpt {
  readonly text: string;
  /** How many characters of `text` come before the marked part, and how many are marked. */
  readonly before: number;
  readonly marked: number;
}

export interface Problem {
  readonly severity: Severity;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Key path such as `routers[0].servers[0].port`; empty for the file as a whole. */
  readonly path: string;
  /** What was wrong, with what was found. */
  readonly message: string;
  /** What to write instead. */
  readonly advice: string;
  readonly excerpt: Excerpt;
}

/** How many problems of one file are kept; what comes after is only counted. */
const maxKept = 1000;
const excerptWidth = 120;
const quotedLength = 60;

/** Collects the problems of one source. */
export class Problems {
  readonly source: Source;
  readonly #kept: { readonly offset: number; readonly problem: Problem }[] = [];
  #dropped = 0;
  #errors = 0;

  constructor(source: Source) {
    this.source = source;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  /** True when further problems are only counted, so that their wording is not worth any effort. */
  get isFull(): boolean {
    return this.#kept.length === maxKept;
  }

  error(span: Span, path: KeyPath, message: string, advice: string): void {
    this.#errors++;
    this.#add("error", span, path, message, advice);
  }

  warning(span: Span, path: KeyPath, message: string, advice: string): void {
    this.#add("warning", span, path, message, advice);
  }

  /** All problems in the order of their place in the file. */
  sorted(): Problem[] {
    const problems = this.#kept.toSorted((one, other) => one.offset - other.offset).map((entry) => entry.problem);
    const last = problems.at(-1);
    if (last === undefined || this.#dropped === 0) return problems;
    return [
      ...problems,
      { ...last, path: "", message: `${this.#dropped} more problems are not shown`, advice: "mend these first" },
    ];
  }

  #add(severity: Severity, span: Span, path: KeyPath, message: string, advice: string): void {
    if (this.isFull) {
      this.#dropped++;
      return;
    }
    const { line, column } = this.source.position(span.start);
    const excerpt = excerptOf(this.source.line(line), column - 1, span.end - span.start);
    const file = this.source.file;
    this.#kept.push({
      offset: span.start,
      problem: { severity, file, line, column, path: pathText(path), message, advice, excerpt },
    });
  }
}

/** `routers[0].servers[0].port`; keys that are not plain words appear as `["a b"]`. */
export function pathText(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[\w$/*.-]{1,60}$/.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

/** A text as messages show it: in quotes, control characters escaped, cut after 60 characters. */
export function quote(text: string): string {
  return JSON.stringify(text.length <= quotedLength ? text : `${text.slice(0, quotedLength)}…`);
}

/** Problems as text: one line that names everything, then the source line with the place marked. */
export function renderProblems(problems: readonly Problem[]): string {
  return problems.map(renderProblem).join("");
}

function renderProblem(problem: Problem): string {
  const where = `${problem.file}:${problem.line}:${problem.column}`;
  const subject = problem.path === "" ? "" : `${problem.path}: `;
  const gutter = `${problem.line}`.padStart(5);
  const { text, before, marked } = problem.excerpt;
  return [
    `${where}: ${problem.severity}: ${subject}${problem.message}; ${problem.advice}\n`,
    `${gutter} | ${text}\n`,
    `${" ".repeat(gutter.length)} | ${" ".repeat(before)}${"^".repeat(marked)}\n`,
  ].join("");
}

/** The form `--json` prints: everything but the excerpt. */
export type ProblemJson = Omit<Problem, "excerpt">;

export function problemsToJson(problems: readonly Problem[]): ProblemJson[] {
  return problems.map(({ excerpt: _, ...rest }) => rest);
}

function excerptOf(line: string, before: number, length: number): Excerpt {
  const from = before < excerptWidth - 20 ? 0 : before - (excerptWidth >> 1);
  // One column per character, so that the mark stays under its text; control characters must not reach a terminal.
  const text = line.slice(from, from + excerptWidth).replace(/[\p{Cc}\u2028\u2029]/gu, " ");
  const marked = Math.max(1, Math.min(length, from + excerptWidth - before, line.length - before));
  return { text, before: before - from, marked };
}
