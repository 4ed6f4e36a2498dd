// `/admin/metrics.json` (linkerd1 §7.2): counters and gauges by name, distributions as eleven numbers, flat or as a tree.
import type { MetricsTree, Reading } from "./tree.ts";
import { ChunkedText } from "./chunked-text.ts";
import type { Summary } from "./summary.ts";

/** What the query of `/admin/metrics.json` asks for. */
export interface JsonOptions {
  /** Only names that begin with this; empty for all. */
  readonly prefix: string;
  /** Nested objects instead of one flat object. */
  readonly tree: boolean;
  /** Indented, and names of one level in order. */
  readonly pretty: boolean;
}

const STAT_FIELDS: readonly (keyof Summary)[] = [
  "count",
  "max",
  "min",
  "avg",
  "sum",
  "p50",
  "p90",
  "p95",
  "p99",
  "p9990",
  "p9999",
];

/**
 * The metrics below `root` as JSON text, piece by piece. Write one piece per turn of the event loop: values are read when their piece
 * is made, and scopes may come and go in between. A distribution that has seen nothing for two windows shows only its count, zero.
 */
export function* metricsJson(root: MetricsTree, options: JsonOptions): Generator<string, void, undefined> {
  const writer = new JsonWriter(options.pretty);
  writer.open();
  if (options.tree) yield* nested(root, "", options, writer);
  else yield* flat(root, "", options, writer);
  writer.close();
  yield writer.text.take();
}

function* flat(
  place: MetricsTree,
  name: string,
  options: JsonOptions,
  writer: JsonWriter,
): Generator<string, void, undefined> {
  if (place.metric !== null) writeFlat(place.metric, name, options.prefix, writer);
  if (writer.text.full) yield writer.text.take();
  for (const child of childrenOf(place, options)) {
    const childName = nameBelow(name, child);
    if (mayMatch(childName, options.prefix)) yield* flat(child, childName, options, writer);
  }
}

function* nested(
  place: MetricsTree,
  name: string,
  options: JsonOptions,
  writer: JsonWriter,
): Generator<string, void, undefined> {
  if (place.metric !== null && name.startsWith(options.prefix)) writeLeaf(place.metric, writer);
  if (writer.text.full) yield writer.text.take();
  for (const child of childrenOf(place, options)) {
    const childName = nameBelow(name, child);
    if (!mayMatch(childName, options.prefix)) continue;
    writer.key(child.segment);
    writer.open();
    yield* nested(child, childName, options, writer);
    writer.close();
  }
}

function writeFlat(metric: Reading, name: string, prefix: string, writer: JsonWriter): void {
  if (metric.kind === "stat") writeSummary(metric.snapshot(), name, prefix, writer);
  else if (name.startsWith(prefix)) writer.number(name, metric.value);
}

function writeSummary(summary: Summary, name: string, prefix: string, writer: JsonWriter): void {
  for (const field of summary.count === 0 ? (["count"] as const) : STAT_FIELDS) {
    const key = `${name}.${field}`;
    if (key.startsWith(prefix)) writer.number(key, summary[field]);
  }
}

function writeLeaf(metric: Reading, writer: JsonWriter): void {
  if (metric.kind === "stat") writeSummary(metric.snapshot(), "stat", "", writer);
  else writer.number(metric.kind, metric.value);
}

function childrenOf(place: MetricsTree, options: JsonOptions): Iterable<MetricsTree> {
  if (!options.pretty) return place.children;
  return [...place.children].sort((a, b) => (a.segment < b.segment ? -1 : 1));
}

function nameBelow(name: string, child: MetricsTree): string {
  return name === "" ? child.segment : `${name}/${child.segment}`;
}

/** Can this name, or one that goes on from it, begin with the prefix? */
function mayMatch(name: string, prefix: string): boolean {
  return name.startsWith(prefix) || prefix.startsWith(name);
}

/** Objects of numbers and objects, with or without white space. */
class JsonWriter {
  readonly text = new ChunkedText();
  readonly #pretty: boolean;
  #depth = 0;
  #empty = true;

  constructor(pretty: boolean) {
    this.#pretty = pretty;
  }

  open(): void {
    this.text.add("{");
    this.#depth++;
    this.#empty = true;
  }

  close(): void {
    this.#depth--;
    this.text.add(this.#empty ? "}" : `${this.#newline()}}`);
    this.#empty = false;
    if (this.#depth === 0) this.text.add("\n");
  }

  key(name: string): void {
    const separator = this.#empty ? "" : ",";
    this.text.add(`${separator}${this.#newline()}${JSON.stringify(name)}${this.#pretty ? ": " : ":"}`);
    this.#empty = false;
  }

  /** JSON has no NaN and no infinity: they become null. */
  number(name: string, value: number): void {
    this.key(name);
    this.text.add(Number.isFinite(value) ? String(value) : "null");
  }

  #newline(): string {
    return this.#pretty ? `\n${"  ".repeat(this.#depth)}` : "";
  }
}
