// Paths: the names everything is routed by. A path is a sequence of non-empty byte strings.
import { scan, type Scanner, type SyntaxProblem } from "./syntax.ts";

/**
 * An immutable name such as `/svc/users`. A segment is a string with one character per byte (U+0000 to U+00FF), as it came off the wire.
 * Paths compare by their bytes; `show()` is canonical and serves as a key.
 */
export class Path {
  static readonly root = new Path([]);
  readonly segments: readonly string[];
  #shown: string | undefined;
  #bytes = -1;

  private constructor(segments: readonly string[]) {
    this.segments = segments;
  }

  /** A path of the given segments. See `from`. */
  static of(...segments: readonly string[]): Path {
    return Path.from(segments);
  }

  /** @throws RangeError for an empty segment or a character that is no byte: such a name could not be written down. */
  static from(segments: readonly string[]): Path {
    for (const segment of segments)
      if (!isSegment(segment)) throw new RangeError(`not a path segment: ${JSON.stringify(segment)}`);
    return segments.length === 0 ? Path.root : new Path(segments);
  }

  /** A path of segments that have been read as such, and need no second look. */
  static trusted(segments: readonly string[]): Path {
    return new Path(segments);
  }

  get size(): number {
    return this.segments.length;
  }

  /** About as many as its text has. */
  get bytes(): number {
    if (this.#bytes < 0) this.#bytes = this.segments.reduce((sum, segment) => sum + segment.length + 1, 0);
    return this.#bytes;
  }

  take(count: number): Path {
    if (count >= this.size) return this;
    return count <= 0 ? Path.root : new Path(this.segments.slice(0, count));
  }

  drop(count: number): Path {
    if (count <= 0) return this;
    return count >= this.size ? Path.root : new Path(this.segments.slice(count));
  }

  concat(suffix: Path): Path {
    if (suffix.size === 0) return this;
    return this.size === 0 ? suffix : new Path(this.segments.concat(suffix.segments));
  }

  startsWith(prefix: Path): boolean {
    if (prefix.size > this.size) return false;
    for (let i = 0; i < prefix.size; i++) if (prefix.segments[i] !== this.segments[i]) return false;
    return true;
  }

  equals(other: Path): boolean {
    return this === other || (this.size === other.size && this.startsWith(other));
  }

  /** The canonical text, computed once: `/`, `/svc/users`, `/svc/\x61\x2f\x62`. */
  show(): string {
    this.#shown ??= this.size === 0 ? "/" : this.segments.map((segment) => `/${showSegment(segment)}`).join("");
    return this.#shown;
  }

  toString(): string {
    return this.show();
  }

  toJSON(): string {
    return this.show();
  }
}

const BYTES = /^[\0-\xff]+$/;
const SHOWABLE = /^[0-9A-Za-z_:.#$%-]+$/;
const LEADING_SHOWABLE = /[0-9A-Za-z_:.#$%-]+/y;
const HEX_BYTE = /^[0-9a-fA-F]{2}$/;

/** Whether `text` can be one segment: not empty, and every character a byte. */
export function isSegment(text: string): boolean {
  return BYTES.test(text);
}

/** A segment for ordinary text: its UTF-8 bytes. */
export function segmentOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The text of one segment. All or nothing: one byte that is not showable has every byte of the segment escaped. */
export function showSegment(segment: string): string {
  return SHOWABLE.test(segment) ? segment : escaped(segment);
}

function escaped(segment: string): string {
  return Array.from(segment, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
}

/** Reads a whole text as a path; blanks and comments around it are allowed. */
export function parsePath(text: string): Path | SyntaxProblem {
  return scan(text, (scanner) => {
    scanner.skipBlanks();
    const path = scanPath(scanner);
    scanner.expectEnd("the path");
    return path;
  });
}

/** A path from text that is known to be well formed, such as a constant. @throws SyntaxProblem */
export function pathFrom(text: string): Path {
  const path = parsePath(text);
  if (path instanceof Path) return path;
  throw path;
}

const PLAIN_PATH = /(?:\/[0-9A-Za-z_:.#$%-]+)+/y;

/** Reads the segments of a path without escapes in one go; undefined, at the same place, if the path needs a closer look. */
export function scanPlainSegments(scanner: Scanner): readonly string[] | undefined {
  PLAIN_PATH.lastIndex = scanner.at;
  const text = PLAIN_PATH.exec(scanner.source)?.[0];
  if (text === undefined || /[/\\*\x80-\uffff]/.test(scanner.source.charAt(scanner.at + text.length))) return undefined;
  scanner.at += text.length;
  return text.slice(1).split("/");
}

/** Reads a path at the cursor, up to the first character that cannot belong to it. */
export function scanPath(scanner: Scanner): Path {
  const plain = scanPlainSegments(scanner);
  if (plain !== undefined) return Path.trusted(plain);
  if (!scanner.take("/")) scanner.fail('a path begins with "/"');
  if (!atSegment(scanner)) return rootOrProblem(scanner);
  const segments = [scanSegment(scanner)];
  while (scanner.take("/")) segments.push(scanSegment(scanner));
  return Path.from(segments);
}

function rootOrProblem(scanner: Scanner): Path {
  if (scanner.peek() === "/") scanner.fail('empty path segment: write a name between the two "/"');
  refuseRawByte(scanner);
  return Path.root;
}

/** Reads one segment, literal characters and `\xHH` escapes mixed. */
export function scanSegment(scanner: Scanner): string {
  const start = scanner.at;
  let segment = "";
  for (;;) {
    LEADING_SHOWABLE.lastIndex = scanner.at;
    const literal = LEADING_SHOWABLE.exec(scanner.source)?.[0];
    if (literal !== undefined) {
      segment += literal;
      scanner.at += literal.length;
    } else if (scanner.peek() === "\\") segment += scanEscape(scanner);
    else break;
  }
  refuseRawByte(scanner);
  if (scanner.at === start) scanner.fail('a path segment must follow "/"');
  return segment;
}

function atSegment(scanner: Scanner): boolean {
  const c = scanner.peek();
  return c === "\\" || SHOWABLE.test(c);
}

function scanEscape(scanner: Scanner): string {
  const hex = scanner.source.slice(scanner.at + 2, scanner.at + 4);
  if (scanner.source.charAt(scanner.at + 1) !== "x" || !HEX_BYTE.test(hex)) {
    scanner.fail("an escape is \\x and two hexadecimal digits, such as \\x2f");
  }
  scanner.at += 4;
  return String.fromCharCode(Number.parseInt(hex, 16));
}

/** Says how to write a character that may only appear escaped, where it clearly was meant to be part of the name. */
function refuseRawByte(scanner: Scanner): void {
  const code = scanner.source.codePointAt(scanner.at);
  if (code === undefined || code < 0x80) return;
  const character = String.fromCodePoint(code);
  scanner.fail(`"${character}" cannot stand in a path as it is; write ${escaped(segmentOf(character))}`);
}
