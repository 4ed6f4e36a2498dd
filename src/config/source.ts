// The text of a configuration file, and where in it an offset lies.

/** A place in a text as people count it: both start at 1; columns count UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A half-open range of offsets in a source. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** One file under its display name. Offsets are UTF-16 units from its beginning. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    this.#lineStarts = lineStartsOf(text);
  }

  /** Line and column of an offset; an offset past the end is taken as the end. */
  position(offset: number): Position {
    const wanted = Math.min(Math.max(offset, 0), this.text.length);
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#startOf(middle) <= wanted) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: wanted - this.#startOf(low) + 1 };
  }

  /** The text of a line, counted from 1, without its line break. */
  line(line: number): string {
    const start = this.#startOf(line - 1);
    const next = this.#lineStarts[line] ?? this.text.length + 1;
    return this.text.slice(start, next - 1).replace(/\r$/, "");
  }

  #startOf(index: number): number {
    return this.#lineStarts[index] ?? 0;
  }
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}
