// Patterns over paths, `/#/io.l5d.fs/{service}-{version}/*`: for path-scoped policies and for rewriting.
import { isSegment, Path, scanSegment } from "./path.ts";
import { scan, type Scanner, SyntaxProblem } from "./syntax.ts";

/** What the variables of a pattern stood for. */
export type Captures = ReadonlyMap<string, string>;

const noCaptures: Captures = new Map();

type Element = { readonly kind: "any" } | { readonly kind: "literal"; readonly text: string } | Pieces;

/** Variables with literals between and around them: `literals` has one item more than `names`. */
interface Pieces {
  readonly kind: "pieces";
  readonly literals: readonly string[];
  readonly names: readonly string[];
}

/**
 * A pattern for the beginning of a path, by whole segments: `*` is any one segment, `{name}` captures. A segment may mix several captures with
 * literals; captures are greedy, from left to right: of `a-b-c`, `{x}-{y}` takes `a-b` and `c`; `{x}{y}` gives everything to x.
 */
export class PathMatcher {
  readonly pattern: string;
  readonly #elements: readonly Element[];

  private constructor(pattern: string, elements: readonly Element[]) {
    this.pattern = pattern;
    this.#elements = elements;
  }

  static parse(pattern: string): PathMatcher | SyntaxProblem {
    const elements = parseElements(pattern);
    return elements instanceof Error ? elements : new PathMatcher(pattern, elements);
  }

  /** How many segments a match covers. */
  get size(): number {
    return this.#elements.length;
  }

  /** The names it captures. */
  get variables(): readonly string[] {
    return variablesOf(this.#elements);
  }

  /** The captures if `path` begins with this pattern, else null. A name used twice keeps its last value. */
  match(path: Path): Captures | null {
    if (path.size < this.#elements.length) return null;
    let captures: Map<string, string> | undefined;
    for (const [i, element] of this.#elements.entries()) {
      const segment = path.segments[i] ?? "";
      if (element.kind === "any") continue;
      if (element.kind === "literal") {
        if (element.text !== segment) return null;
      } else if (!capture(element, segment, (captures ??= new Map()))) return null;
    }
    return captures ?? noCaptures;
  }
}

/** A path with variables to be filled in, `/srv/{service}`. */
export class PathTemplate {
  readonly #elements: readonly Element[];

  private constructor(elements: readonly Element[]) {
    this.#elements = elements;
  }

  static parse(text: string): PathTemplate | SyntaxProblem {
    const star = text.indexOf("*");
    if (star >= 0)
      return new SyntaxProblem('"*" has no value to fill in; write a {variable} of the pattern', text, star);
    const elements = parseElements(text);
    return elements instanceof Error ? elements : new PathTemplate(elements);
  }

  /** The names it needs values for. */
  get variables(): readonly string[] {
    return variablesOf(this.#elements);
  }

  /** The path, or null if a segment came out empty: no such path exists. A variable without a value stays as it is written. */
  fill(captures: Captures): Path | null {
    const segments = this.#elements.map((element) => filled(element, captures));
    return segments.every(isSegment) ? Path.from(segments) : null;
  }
}

function variablesOf(elements: readonly Element[]): readonly string[] {
  return elements.flatMap((element) => (element.kind === "pieces" ? element.names : []));
}

function filled(element: Element, captures: Captures): string {
  if (element.kind !== "pieces") return element.kind === "literal" ? element.text : "";
  return element.literals.reduce((text, literal, i) => {
    const name = element.names[i - 1] ?? "";
    return text + (captures.get(name) ?? `{${name}}`) + literal;
  });
}

/**
 * Greedy matching without backtracking: the first literal begins the segment, the last ends it, and those between are taken from right to left at
 * their rightmost places. That gives each capture, from left to right, the most it can have, in time linear in the segment.
 */
function capture({ literals, names }: Pieces, segment: string, into: Map<string, string>): boolean {
  const first = literals[0] ?? "";
  const last = literals.at(-1) ?? "";
  let end = segment.length - last.length;
  if (end < first.length || !segment.startsWith(first) || !segment.endsWith(last)) return false;
  const values: string[] = [];
  for (let i = names.length - 1; i > 0; i--) {
    const before = literals[i] ?? "";
    const at = end < before.length ? -1 : segment.lastIndexOf(before, end - before.length);
    if (at < first.length) return false;
    values[i] = segment.slice(at + before.length, end);
    end = at;
  }
  values[0] = segment.slice(first.length, end);
  names.forEach((name, i) => into.set(name, values[i] ?? ""));
  return true;
}

const VARIABLE = /[A-Za-z0-9_.:-]+/y;

function parseElements(text: string): readonly Element[] | SyntaxProblem {
  return scan(text, (scanner) => {
    const elements: Element[] = [];
    if (scanner.peek() !== "/") scanner.fail('a pattern begins with "/"');
    while (scanner.take("/")) {
      if (scanner.done && elements.length === 0) break; // "/" alone matches everything
      elements.push(scanElement(scanner));
    }
    if (!scanner.done) scanner.fail(unexpected(scanner.peek()));
    return elements;
  });
}

function unexpected(character: string): string {
  if (character === "*") return '"*" stands for a whole segment and cannot be mixed with other text; use {variable}';
  if (character === "}") return '"}" without a "{" before it';
  return "a pattern is made of segments, * and {variable}; any other character is written \\xHH";
}

function scanElement(scanner: Scanner): Element {
  if (scanner.take("*")) return { kind: "any" };
  const literals = [scanLiteral(scanner)];
  const names: string[] = [];
  while (scanner.peek() === "{") {
    names.push(scanVariable(scanner));
    literals.push(scanLiteral(scanner));
  }
  if (names.length > 0) return { kind: "pieces", literals, names };
  if (literals[0] === "") scanner.fail('a segment, * or {variable} must follow "/"');
  return { kind: "literal", text: literals[0] ?? "" };
}

function scanLiteral(scanner: Scanner): string {
  const c = scanner.peek();
  if (c === "" || c === "/" || c === "{") return "";
  return c === "*" || c === "}" ? scanner.fail(unexpected(c)) : scanSegment(scanner);
}

function scanVariable(scanner: Scanner): string {
  const start = scanner.at;
  scanner.take("{");
  VARIABLE.lastIndex = scanner.at;
  const name = VARIABLE.exec(scanner.source)?.[0];
  if (name === undefined) scanner.fail("a variable is {name}, of letters, digits and _ . : -", start);
  scanner.at += name.length;
  if (!scanner.take("}")) scanner.fail('"{" without a "}" after it', start);
  return name;
}
