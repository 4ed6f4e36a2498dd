// The line protocol of InfluxDB, with Linkerd's measurements, tags and fields (linkerd1 §7.1): the metrics of one place are the fields of one
// line, and routers, services, clients and servers are tags.
//
// Differences from the original: what would end a tag or a field early is escaped, and a line has no field that is no number.
import { ChunkedText } from "../../telemetry/chunked-text.ts";
import type { Summary } from "../../telemetry/summary.ts";
import type { MetricsTree, Reading } from "../../telemetry/tree.ts";

/** How many scopes are looked at in one turn of the event loop. */
const SCOPES_PER_TURN = 500;
/** The measurement of metrics that stand in no scope. */
const ROOT = "root";
/** Below `rt/<router>`, these name what comes next. */
const ENTITIES: ReadonlySet<string> = new Set(["server", "service", "client", "overridden"]);

const STAT_FIELDS: readonly (readonly [suffix: string, field: keyof Summary])[] = [
  ["count", "count"],
  ["sum", "sum"],
  ["avg", "avg"],
  ["min", "min"],
  ["max", "max"],
  ["p50", "p50"],
  ["p90", "p90"],
  ["p95", "p95"],
  ["p99", "p99"],
  ["p999", "p9990"],
  ["p9999", "p9999"],
];

type Pair = readonly [key: string, value: string | number];
type Tags = Readonly<Record<string, string>>;

/** Where a walk over the scopes stands. */
interface Place {
  /** Scopes that are part of the measurement's name. */
  readonly name: readonly string[];
  readonly tags: Tags;
}

/**
 * The metrics below `root`, piece by piece; some pieces are empty and only mean "let others run". Write one piece per turn of the event loop.
 * @param host the tag of that name on every line.
 */
export function* influxdbText(root: MetricsTree, host: string): Generator<string, void, undefined> {
  const text = new ChunkedText();
  const walk = { looked: 0 };
  yield* lines(root, { name: [], tags: { host } }, text, walk);
  yield text.take();
}

/** What is deeper comes first. */
function* lines(
  scope: MetricsTree,
  place: Place,
  text: ChunkedText,
  walk: { looked: number },
): Generator<string, void, undefined> {
  const fields: Pair[] = [];
  for (const child of scope.children) {
    if (child.metric !== null) fields.push(...fieldsOf(child.segment, child.metric));
    if (++walk.looked % SCOPES_PER_TURN === 0) yield "";
    if (child.hasChildren) yield* lines(child, below(place, child.segment), text, walk);
  }
  if (fields.length === 0) return;
  text.add(`${measurement(place)},${pairText(Object.entries(place.tags))} ${pairText(fields)}\n`);
  if (text.full) yield text.take();
}

function below({ name, tags }: Place, segment: string): Place {
  const tag = tagFor(name, tags);
  return tag === undefined ? { name: [...name, segment], tags } : { name, tags: { ...tags, [tag]: segment } };
}

/** What the next scope is the value of; undefined where it is part of the name. */
function tagFor(name: readonly string[], tags: Tags): string | undefined {
  const [root, entity = "", part] = name;
  if (root !== "rt") return undefined;
  if (name.length === 1) return "rt" in tags ? undefined : "rt";
  if (name.length === 2) return ENTITIES.has(entity) && !(entity in tags) ? entity : undefined;
  return name.length === 3 && entity === "client" && part === "service" && !("service" in tags) ? "service" : undefined;
}

function measurement({ name }: Place): string {
  return name.length === 0 ? ROOT : name.join(":").replaceAll(/[^a-zA-Z0-9:]/g, "_");
}

/** In order of their keys. */
function pairText(pairs: readonly Pair[]): string {
  return pairs
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escaped(key)}=${typeof value === "number" ? value : escaped(value)}`)
    .join(",");
}

/** A distribution that has seen nothing for two windows shows only its count, zero. */
function fieldsOf(name: string, metric: Reading): Pair[] {
  if (metric.kind !== "stat") return field(name, metric.value);
  if (metric.totalCount === 0) return [];
  const summary = metric.snapshot();
  if (summary.count === 0) return field(`${name}_count`, 0);
  return STAT_FIELDS.flatMap(([suffix, key]) => field(`${name}_${suffix}`, summary[key]));
}

function field(name: string, value: number): Pair[] {
  return Number.isFinite(value) ? [[name, value]] : [];
}

/**
 * Of keys and tags. An empty tag is none. A line cannot hold a line end, nor a backslash before what ends a key or a tag: some readers take it for
 * the escape of that.
 */
function escaped(text: string): string {
  if (text === "") return "none";
  return text.replaceAll(/\p{Cc}|\\+(?=[,= ]|$)/gu, "_").replaceAll(/[,= ]/g, (c) => `\\${c}`);
}
