// Metrics as StatsD takes them, with Linkerd's names (linkerd1 §7.1):
//
//   linkerd.rt.http.server.127_0_0_1.4140.requests:42|c              a counter: by how much it grew since the last time
//   linkerd.rt.http.server.127_0_0_1.4140.pending:3|g                a gauge
//   linkerd.rt.http.server.127_0_0_1.4140.request_latency_ms:7.25|ms|@0.01   a share of the values of a distribution
import type { Random } from "../../base/random.ts";
import type { Distribution, MetricsTree, Reading } from "../../telemetry/tree.ts";

/** Of one distribution, however many values it saw. */
const MAX_VALUES = 200;
/** What fits into one frame of Ethernet. */
const MAX_BYTES = 1432;

/** What was told of a distribution: how many values there were in all, and between each two bounds. */
interface Told {
  readonly total: number;
  readonly byBound: readonly number[];
}

/** Remembers what was told, so that only what is new is told. */
export class StatsdLines {
  readonly #prefix: string;
  readonly #sampleRate: number;
  readonly #random: Random;
  #counters: ReadonlyMap<string, number> = new Map();
  #stats: ReadonlyMap<string, Told> = new Map();

  /** @param sampleRate the share of the values of distributions. */
  constructor(prefix: string, sampleRate: number, random: Random) {
    this.#prefix = prefix === "" ? "" : `${prefix}.`;
    this.#sampleRate = sampleRate;
    this.#random = random;
  }

  /** What is there now counts as told. */
  takeAsTold(root: MetricsTree): void {
    for (const _ of this.lines(root)) continue;
  }

  /** Lines in datagrams, each as full as it may be. */
  *datagrams(root: MetricsTree): Generator<Buffer, void, undefined> {
    let text = "";
    for (const line of this.lines(root)) {
      if (text !== "" && text.length + 1 + line.length > MAX_BYTES) {
        yield Buffer.from(text, "latin1");
        text = "";
      }
      text += text === "" ? line : `\n${line}`;
    }
    if (text !== "") yield Buffer.from(text, "latin1");
  }

  /** Whatever is new below `root`. What is not there any more is forgotten; what was not come to, because the reading broke off, is not. */
  *lines(root: MetricsTree): Generator<string, void, undefined> {
    const counters = new Map<string, number>();
    const stats = new Map<string, Told>();
    let whole = false;
    try {
      for (const [{ metric }, name] of metricsBelow(root, ""))
        if (metric !== null) yield* this.#linesOf(metric, name, counters, stats);
      whole = true;
    } finally {
      this.#counters = whole ? counters : new Map([...this.#counters, ...counters]);
      this.#stats = whole ? stats : new Map([...this.#stats, ...stats]);
    }
  }

  *#linesOf(
    metric: Reading,
    name: string,
    counters: Map<string, number>,
    stats: Map<string, Told>,
  ): Generator<string, void, undefined> {
    const called = `${this.#prefix}${statsdName(name)}`;
    if (metric.kind === "stat") {
      if (metric.totalCount === 0) return;
      const now = { total: metric.totalCount, byBound: metric.countsByBound() };
      stats.set(name, now);
      yield* this.#values(called, metric, now, this.#stats.get(name));
    } else if (metric.kind === "gauge") yield* gauge(called, metric.value);
    else {
      const { value } = metric;
      counters.set(name, value);
      const grown = grownBy(value, this.#counters.get(name) ?? 0);
      if (grown > 0) yield `${called}:${grown}|c`;
    }
  }

  /** Of what came since the last time, a share: each value drawn from between the two bounds that it was counted between. */
  *#values(called: string, metric: Distribution, now: Told, before: Told | undefined): Generator<string> {
    const known = before === undefined || before.total > now.total ? { total: 0, byBound: [] } : before;
    const added = now.total - known.total;
    const rate = Math.min(this.#sampleRate, MAX_VALUES / added);
    if (added === 0 || rate === 0) return;
    const { bounds } = metric;
    const { count, max, min } = metric.snapshot();
    const span = count >= added ? { min, max } : { min: 0, max: Number.POSITIVE_INFINITY };
    const suffix = rate < 1 ? `|ms|@${Number(rate.toPrecision(4))}` : "|ms";
    let lower = 0;
    for (const [i, counted] of now.byBound.entries()) {
      const upper = (bounds.upTo[i] ?? Number.POSITIVE_INFINITY) * bounds.perBaseUnit;
      const wanted = (counted - (known.byBound[i] ?? 0)) * rate;
      const values = Math.floor(wanted) + (this.#random.next() < wanted % 1 ? 1 : 0);
      for (let n = 0; n < values; n++) {
        const value = this.#between(Math.max(lower, span.min), Math.min(upper, span.max));
        yield `${called}:${bounds.scale === 1 ? Math.ceil(value) : Number(value.toFixed(3))}${suffix}`;
      }
      lower = upper;
    }
  }

  #between(lower: number, upper: number): number {
    if (!(upper > lower)) return Number.isFinite(upper) ? upper : lower;
    return Number.isFinite(upper) ? upper - this.#random.next() * (upper - lower) : lower;
  }
}

/** What was counted anew began at zero. */
function grownBy(now: number, before: number): number {
  return now < before ? now : now - before;
}

/** A sign would mean a change: what is below zero is set by way of zero. */
function* gauge(called: string, value: number): Generator<string, void, undefined> {
  if (!Number.isFinite(value)) return;
  if (value < 0) yield `${called}:0|g`;
  yield `${called}:${plain(value)}|g`;
}

/** Without an exponent, which not every reader takes. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e") ? value.toFixed(6) : text;
}

function* metricsBelow(scope: MetricsTree, above: string): Generator<readonly [MetricsTree, string]> {
  for (const child of scope.children) {
    const name = above === "" ? child.segment : `${above}/${child.segment}`;
    yield [child, name];
    if (child.hasChildren) yield* metricsBelow(child, name);
  }
}

/** Slashes become dots, and what is no letter and no digit an underscore. */
function statsdName(name: string): string {
  return name
    .replaceAll(/[^/A-Za-z0-9]/g, "_")
    .replaceAll("//", "/")
    .replaceAll("/", ".");
}
