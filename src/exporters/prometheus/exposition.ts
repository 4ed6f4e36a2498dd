// The Prometheus text format, version 0.0.4, with Linkerd's names and labels (linkerd1 §7.3).
//
// Two differences from the original: every family has a TYPE line and is written in one go, as the format demands; and `_count` and
// `_sum` grow for ever, as it demands of a summary. Quantiles and `_avg` are of the last one to two windows.
import type { Distribution, MetricsTree, Reading } from "../../telemetry/tree.ts";
import { ChunkedText } from "../../telemetry/chunked-text.ts";
import type { Summary } from "../../telemetry/summary.ts";
import { below, metricName, type Place, START } from "./labels.ts";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** How many scopes are looked at in one turn of the event loop. */
const SCOPES_PER_TURN = 500;

const QUANTILES: readonly (readonly [label: string, field: keyof Summary])[] = [
  ["0", "min"],
  ["0.5", "p50"],
  ["0.9", "p90"],
  ["0.95", "p95"],
  ["0.99", "p99"],
  ["0.999", "p9990"],
  ["0.9999", "p9999"],
  ["1", "max"],
];

/** All metrics of one name. */
interface Family {
  readonly name: string;
  readonly kind: Reading["kind"];
  readonly members: { readonly labels: string; readonly place: MetricsTree }[];
}

/**
 * The metrics below `root`, piece by piece; some pieces are empty and only mean "let others run". Write one piece per turn of the
 * event loop. A metric that is pruned meanwhile is left out.
 * @param prefix put before every name, as the `prefix` key of the exporter says.
 */
export function* prometheusText(root: MetricsTree, prefix: string): Generator<string, void, undefined> {
  const text = new ChunkedText();
  const families = new Families(prefix);
  yield* families.gather(root, START);
  for (const family of families.all) {
    if (family.kind === "stat") yield* writeSummaries(family, text);
    else yield* writeNumbers(family, text);
  }
  yield text.take();
}

/** Gathers families by name: the format wants the members of one together. */
class Families {
  readonly #prefix: string;
  readonly #byName = new Map<string, Family>();
  #looked = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get all(): Iterable<Family> {
    return this.#byName.values();
  }

  /** Everything below a scope; now and then an empty piece. */
  *gather(scope: MetricsTree, place: Place): Generator<string, void, undefined> {
    for (const child of scope.children) {
      const childPlace = below(place, child);
      if (child.metric !== null) this.#join(child, child.metric.kind, childPlace);
      if (++this.#looked % SCOPES_PER_TURN === 0) yield "";
      if (child.hasChildren) yield* this.gather(child, childPlace);
    }
  }

  #join(scope: MetricsTree, kind: Reading["kind"], place: Place): void {
    const name = metricName(this.#prefix, place);
    const key = `${kind} ${name}`;
    const family = this.#byName.get(key) ?? { name, kind, members: [] };
    if (family.members.length === 0) this.#byName.set(key, family);
    family.members.push({ labels: place.labels.text, place: scope });
  }
}

function* writeNumbers({ name, kind, members }: Family, text: ChunkedText): Generator<string, void, undefined> {
  text.add(`# TYPE ${name} ${kind}\n`);
  for (const { labels, place } of members) {
    const metric = place.metric;
    if (metric !== null && metric.kind !== "stat") text.add(sample(name, labels, metric.value));
    if (text.full) yield text.take();
  }
}

/** A summary and, since that may have no average, a gauge beside it. Distributions that never saw a value are left out. */
function* writeSummaries({ name, members }: Family, text: ChunkedText): Generator<string, void, undefined> {
  const averages: string[] = [];
  text.add(`# TYPE ${name} summary\n`);
  for (const { labels, place } of members) {
    const metric = place.metric;
    if (metric === null || metric.kind !== "stat" || metric.totalCount === 0) continue;
    const summary = metric.snapshot();
    writeSummary(name, labels, metric, summary, text);
    if (summary.count > 0) averages.push(sample(`${name}_avg`, labels, summary.avg));
    if (text.full) yield text.take();
  }
  text.add(`# TYPE ${name}_avg gauge\n`);
  for (const average of averages) {
    text.add(average);
    if (text.full) yield text.take();
  }
}

function writeSummary(name: string, labels: string, metric: Distribution, summary: Summary, text: ChunkedText): void {
  if (summary.count > 0) {
    const separator = labels === "" ? "" : ", ";
    for (const [quantile, field] of QUANTILES) {
      text.add(sample(name, `${labels}${separator}quantile="${quantile}"`, summary[field]));
    }
  }
  text.add(sample(`${name}_sum`, labels, metric.totalSum));
  text.add(sample(`${name}_count`, labels, metric.totalCount));
}

function sample(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
