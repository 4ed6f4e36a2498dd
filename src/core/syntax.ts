// Reading small languages (paths, trees, dtabs, patterns): a cursor over a text, and errors that point at the character.

/** Text of a name that could not be read. A value: parsers return it; it is an `Error` only to be thrown by callers who want to. */
export class SyntaxProblem extends Error {
  override readonly name = "SyntaxProblem";
  /** Where in the parsed text, counted in characters from 0; the length of the text means "at its end". */
  readonly offset: number;
  /** The surroundings of the offending character, which stands in brackets: `/svc => /a |[;]`. */
  readonly text: string;
  /** Line of the offending character, from 1. */
  readonly line: number;
  /** Column of the offending character, from 1. */
  readonly column: number;

  constructor(message: string, source: string, offset: number) {
    super(message);
    this.offset = offset;
    this.text = bracketed(source, offset);
    const lineStart = source.lastIndexOf("\n", offset - 1) + 1;
    this.line = countLines(source, lineStart);
    this.column = offset - lineStart + 1;
  }

  /** One line for people: what is wrong and where. */
  show(): string {
    return `${this.message}: ${this.text}`;
  }
}

const CONTEXT_CHARS = 60;

function bracketed(source: string, offset: number): string {
  const from = Math.max(0, offset - CONTEXT_CHARS);
  const to = Math.min(source.length, offset + CONTEXT_CHARS);
  const before = (from > 0 ? "…" : "") + source.slice(from, offset);
  if (offset >= source.length) return `${oneLine(before)}[end]`;
  const character = String.fromCodePoint(source.codePointAt(offset) ?? 0);
  const after = source.slice(offset + character.length, to) + (to < source.length ? "…" : "");
  return `${oneLine(before)}[${visible(character)}]${oneLine(after)}`;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

function visible(character: string): string {
  if (character === "\n") return "\\n";
  const code = character.codePointAt(0) ?? 0;
  return code < 0x20 || code === 0x7f ? `\\x${code.toString(16).padStart(2, "0")}` : character;
}

function countLines(source: string, end: number): number {
  let lines = 1;
  for (let at = source.indexOf("\n"); at >= 0 && at < end; at = source.indexOf("\n", at + 1)) lines++;
  return lines;
}

/** A cursor over a text. Its methods either advance or throw a `SyntaxProblem`. */
export class Scanner {
  readonly source: string;
  at = 0;

  constructor(source: string) {
    this.source = source;
  }

  get done(): boolean {
    return this.at >= this.source.length;
  }

  /** The character here, or "" at the end. */
  peek(): string {
    return this.source.charAt(this.at);
  }

  /** Steps over `token` if it is next. */
  take(token: string): boolean {
    if (!this.source.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  /** Steps over white space and `#` comments, which run to the end of their line. */
  skipBlanks(): void {
    for (;;) {
      const c = this.peek();
      if (c === "#") this.#skipLine();
      else if (c === " " || c === "\n" || c === "\t" || c === "\r") this.at++;
      else return;
    }
  }

  /** Refuses whatever but blanks is left. */
  expectEnd(what: string): void {
    this.skipBlanks();
    if (!this.done) this.fail(`expected nothing more after ${what}`);
  }

  fail(message: string, at = this.at): never {
    throw new SyntaxProblem(message, this.source, at);
  }

  #skipLine(): void {
    const end = this.source.indexOf("\n", this.at);
    this.at = end < 0 ? this.source.length : end + 1;
  }
}

/** Runs a reader over a whole text and hands a syntax problem back as a value. */
export function scan<T>(source: string, read: (scanner: Scanner) => T): T | SyntaxProblem {
  try {
    return read(new Scanner(source));
  } catch (problem) {
    if (problem instanceof SyntaxProblem) return problem;
    throw problem;
  }
}
