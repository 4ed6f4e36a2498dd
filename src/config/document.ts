// YAML (and JSON, which is part of it) to nodes with places. Hostile input ends here: duplicate keys, alias bombs, depth and size.
import type * as Yaml from "yaml";
import { type ConfigNode, type MapEntry, type ScalarNode, type ScalarStyle, totalSize } from "./node.ts";
import { type KeyPath, type Problems, quote } from "./problems.ts";
import { type Span } from "./source.ts";

/** The largest file read, in UTF-16 units: what fits into a Kubernetes ConfigMap. */
const maxLength = 1024 * 1024;
const maxDepth = 64;
const maxValues = 100_000;
const maxSyntaxProblems = 20;

/** Reads the text of `problems.source`. Returns null after problems that leave nothing worth checking further. */
export function parseDocument(yaml: typeof Yaml, problems: Problems): ConfigNode | null {
  const text = problems.source.text;
  if (text.length > maxLength) {
    problems.error(
      { start: 0, end: 0 },
      [],
      `the file is longer than ${maxLength} characters`,
      "split it, or remove what is not configuration",
    );
    return null;
  }
  // The library's own check for unique keys takes quadratic time; ours is in `Conversion`.
  const document = yaml.parseDocument(text, {
    uniqueKeys: false,
    prettyErrors: false,
    keepSourceTokens: false,
    version: "1.2",
  });
  const complaints = [...document.errors, ...document.warnings];
  if (complaints.length > 0) {
    reportSyntax(complaints, problems);
    return null;
  }
  const root = new Conversion(yaml, problems).convert(document.contents, [], { start: 0, end: 0 });
  if (root.size <= maxValues) return root;
  problems.error(
    root,
    [],
    `the file holds ${root.size} values when its aliases are followed`,
    `stay below ${maxValues}`,
  );
  return null;
}

const syntaxAdvice: Partial<Record<Yaml.ErrorCode, string>> = {
  BAD_INDENT: "start all entries of one list or map in the same column, and close open brackets",
  TAB_AS_INDENT: "indent with spaces",
  BLOCK_AS_IMPLICIT_KEY: 'write one "key: value" per line, and put a value that contains ": " in quotes',
  MULTILINE_IMPLICIT_KEY: 'write "key: value" on one line',
  MISSING_CHAR: "close the bracket or quote, or add the missing character",
  BAD_SCALAR_START: "put the value in quotes",
  MULTIPLE_DOCS: 'keep one document in the file, without further "---" lines',
  TAG_RESOLVE_FAILED: "remove the tag",
  RESOURCE_EXHAUSTION: `nest at most ${maxDepth} levels deep`,
};

/** Syntax errors follow from each other; only the first at each place is told, and never an endless list. */
function reportSyntax(complaints: readonly Yaml.YAMLError[], problems: Problems): void {
  const told = new Set<number>();
  for (const { code, message, pos } of complaints) {
    const [start, end] = pos;
    if (told.has(start)) continue;
    told.add(start);
    const text = code === "RESOURCE_EXHAUSTION" ? "nested too deeply" : shortened(message);
    problems.error(
      { start, end },
      [],
      `YAML: ${text}`,
      syntaxAdvice[code] ?? "see the YAML 1.2 specification, or put the value in quotes",
    );
    if (told.size === maxSyntaxProblems) return;
  }
}

function shortened(message: string): string {
  return message.length <= 120 ? message : `${message.slice(0, 120)}…`;
}

class Conversion {
  readonly #yaml: typeof Yaml;
  readonly #problems: Problems;
  readonly #anchors = new Map<string, ConfigNode | "being read">();

  constructor(yaml: typeof Yaml, problems: Problems) {
    this.#yaml = yaml;
    this.#problems = problems;
  }

  /** @param place where the value would be if it is missing */
  convert(node: unknown, path: KeyPath, place: Span): ConfigNode {
    if (this.#yaml.isAlias(node)) return this.#aliased(node, path, place);
    const span = spanOf(node, place);
    if (path.length > maxDepth) {
      this.#problems.error(span, path.slice(0, 3), "nested too deeply", `nest at most ${maxDepth} levels deep`);
      return nothing(span);
    }
    const anchor = this.#yaml.isScalar(node) || this.#yaml.isCollection(node) ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, "being read");
    const converted = this.#convertContent(node, path, span);
    if (anchor !== undefined) this.#anchors.set(anchor, converted);
    return converted;
  }

  #convertContent(node: unknown, path: KeyPath, span: Span): ConfigNode {
    if (this.#yaml.isMap(node)) {
      const entries = this.#entries(node.items, path, span);
      return { type: "map", entries, ...span, size: 1 + totalSize(entries.map((entry) => entry.value)) };
    }
    if (this.#yaml.isSeq(node)) {
      const items = node.items.map((item, index) => this.convert(item, [...path, index], span));
      return { type: "list", items, ...span, size: 1 + totalSize(items) };
    }
    return this.#yaml.isScalar(node) ? this.#scalar(node, span) : nothing(span);
  }

  #entries(pairs: readonly Yaml.Pair[], path: KeyPath, place: Span): MapEntry[] {
    const entries = new Map<string, MapEntry>();
    for (const pair of pairs) {
      const keySpan = spanOf(pair.key, place);
      const key = this.#keyText(pair.key);
      if (key === null) {
        this.#problems.error(keySpan, path, "a key that is no plain word", "write a word followed by a colon");
        continue;
      }
      const first = entries.get(key);
      if (first !== undefined) {
        const { line } = this.#problems.source.position(first.keySpan.start);
        this.#problems.error(
          keySpan,
          [...path, key],
          `${quote(key)} is given twice, first in line ${line}`,
          "keep one of them",
        );
        continue;
      }
      entries.set(key, {
        key,
        keySpan,
        value: this.convert(pair.value, [...path, key], { start: keySpan.end, end: keySpan.end }),
      });
    }
    return [...entries.values()];
  }

  #keyText(key: unknown): string | null {
    if (!this.#yaml.isScalar(key) || key.value === null) return null;
    return typeof key.value === "string" ? key.value : (key.source ?? null);
  }

  #scalar(node: Yaml.Scalar, span: Span): ScalarNode {
    const { value } = node;
    const text = node.source ?? String(value);
    const known =
      value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    // Whatever else an explicit tag may produce (a date, say) is the text it was written as.
    return {
      type: "scalar",
      value: known ? value : text,
      text,
      style: styleOf(node),
      expanded: false,
      ...span,
      size: 1,
    };
  }

  #aliased(alias: Yaml.Alias, path: KeyPath, place: Span): ConfigNode {
    const span = spanOf(alias, place);
    const target = this.#anchors.get(alias.source);
    if (target !== undefined && target !== "being read") return target;
    const what =
      target === undefined
        ? `no anchor ${quote(alias.source)} comes before this alias`
        : "an alias inside its own anchor";
    this.#problems.error(span, path, what, "write the value out");
    return nothing(span);
  }
}

/** The library gives parsed nodes a range; where a value is missing there is none. */
function spanOf(node: unknown, place: Span): Span {
  const range = typeof node === "object" && node !== null && "range" in node ? (node as Yaml.Node).range : undefined;
  return range === undefined || range === null ? place : { start: range[0], end: range[1] };
}

function nothing(span: Span): ScalarNode {
  return {
    type: "scalar",
    value: null,
    text: "",
    style: "plain",
    expanded: false,
    start: span.start,
    end: span.end,
    size: 1,
  };
}

const styles: Readonly<Record<Yaml.Scalar.Type, ScalarStyle>> = {
  BLOCK_FOLDED: "block",
  BLOCK_LITERAL: "block",
  PLAIN: "plain",
  QUOTE_DOUBLE: "double",
  QUOTE_SINGLE: "single",
};

function styleOf(node: Yaml.Scalar): ScalarStyle {
  return node.type === undefined ? "plain" : styles[node.type];
}
