// A tree of metrics as plain values, which another thread can be sent and add to those of others.
import { type Bounds, COUNTS, TIMES } from "./bounds.ts";
import { gaugeOfAll } from "./gauge-sums.ts";
import { Histogram } from "./histogram.ts";
import type { Place } from "./registry.ts";
import { type Counted, summarize, type Summary } from "./summary.ts";
import type { Distribution, MetricsTree, Reading } from "./tree.ts";

/** What a window counted: buckets that are not zero, each followed by its count. */
export interface SparseWindow extends Omit<Counted, "buckets"> {
  readonly buckets: readonly number[];
}

/** A distribution as plain values. */
export interface PlainDistribution {
  readonly times: boolean;
  readonly totalCount: number;
  readonly totalSum: number;
  readonly byBound: readonly number[];
  readonly running: SparseWindow;
  readonly complete: SparseWindow;
}

/** A place with all that is below it. */
export interface Snapshot {
  readonly segment: string;
  readonly counter?: number;
  readonly gauge?: number;
  readonly stat?: PlainDistribution;
  readonly below?: readonly Snapshot[];
}

/** Everything below a scope, read now. */
export function snapshotOf(place: Place): Snapshot {
  const { metric, segment } = place;
  const below = place.hasChildren ? { below: Array.from(place.children, snapshotOf) } : {};
  if (metric === null) return { segment, ...below };
  if (metric instanceof Histogram)
    return { segment, stat: metric.totalCount === 0 ? nothing(metric) : metric.plain(), ...below };
  return metric.kind === "counter"
    ? { segment, counter: metric.value, ...below }
    : { segment, gauge: metric.value, ...below };
}

const EMPTY: SparseWindow = { buckets: [], count: 0, sum: 0, min: 0, max: 0 };

/** Most distributions of a tree never see anything, and have their name all the same. */
function nothing({ bounds }: Histogram): PlainDistribution {
  return { times: bounds === TIMES, totalCount: 0, totalSum: 0, byBound: [], running: EMPTY, complete: EMPTY };
}

/** What only grows: what is left of a thread that is gone. Windows are of the last minutes, and would stay for ever. */
export function lasting({ below, counter, segment, stat }: Snapshot): Snapshot {
  const kept = below?.map(lasting);
  return {
    segment,
    ...(counter === undefined ? {} : { counter }),
    ...(stat === undefined ? {} : { stat: { ...stat, running: EMPTY, complete: EMPTY } }),
    ...(kept === undefined ? {} : { below: kept }),
  };
}

/** Several trees as one: counters and distributions are added, gauges too unless each tree tells of the same thing. */
export class MergedTree implements MetricsTree {
  readonly segment: string;
  readonly #parts: readonly Snapshot[];
  readonly #above: string;
  #children: Map<string, MergedTree> | null = null;

  constructor(parts: readonly Snapshot[], above = "") {
    this.segment = parts[0]?.segment ?? "";
    this.#parts = parts;
    this.#above = above;
  }

  get metric(): Reading | null {
    const stats = this.#parts.flatMap(({ stat }) => stat ?? []);
    if (stats.length > 0) return new MergedDistribution(stats);
    const counters = this.#parts.flatMap(({ counter }) => counter ?? []);
    if (counters.length > 0) return { kind: "counter", value: sum(counters) };
    const gauges = this.#parts.flatMap(({ gauge }) => gauge ?? []);
    if (gauges.length === 0) return null;
    return { kind: "gauge", value: gaugeOfAll(this.#above, this.segment, gauges) };
  }

  /** All parts as plain values again. */
  plain(): Snapshot {
    const { metric, segment } = this;
    const below = this.hasChildren ? { below: [...this.children].map((child) => child.plain()) } : {};
    if (metric === null) return { segment, ...below };
    if (metric instanceof MergedDistribution) return { segment, stat: metric.plain(), ...below };
    if (metric.kind === "counter") return { segment, counter: metric.value, ...below };
    return { segment, ...(metric.kind === "gauge" ? { gauge: metric.value } : {}), ...below };
  }

  get children(): Iterable<MergedTree> {
    return this.#below.values();
  }

  get hasChildren(): boolean {
    return this.#parts.some(({ below }) => below !== undefined && below.length > 0);
  }

  existing(segment: string): MergedTree | undefined {
    return this.#below.get(segment);
  }

  get #below(): Map<string, MergedTree> {
    if (this.#children !== null) return this.#children;
    const parts = new Map<string, Snapshot[]>();
    for (const { below = [] } of this.#parts) {
      for (const child of below) {
        const known = parts.get(child.segment);
        if (known === undefined) parts.set(child.segment, [child]);
        else known.push(child);
      }
    }
    this.#children = new Map([...parts].map(([segment, same]) => [segment, new MergedTree(same, this.segment)]));
    return this.#children;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

class MergedDistribution implements Distribution {
  readonly #parts: readonly PlainDistribution[];

  constructor(parts: readonly PlainDistribution[]) {
    this.#parts = parts;
  }

  get kind(): "stat" {
    return "stat";
  }

  get bounds(): Bounds {
    return this.#parts[0]?.times === true ? TIMES : COUNTS;
  }

  get totalCount(): number {
    return sum(this.#parts.map(({ totalCount }) => totalCount));
  }

  get totalSum(): number {
    return sum(this.#parts.map(({ totalSum }) => totalSum));
  }

  countsByBound(): number[] {
    const counts: number[] = [];
    for (const { byBound } of this.#parts)
      for (const [i, count] of byBound.entries()) counts[i] = (counts[i] ?? 0) + count;
    return counts;
  }

  plain(): PlainDistribution {
    const { bounds, totalCount, totalSum } = this;
    const byBound = this.countsByBound();
    const [running, complete] = [this.#parts.map((part) => part.running), this.#parts.map((part) => part.complete)];
    return {
      times: bounds === TIMES,
      totalCount,
      totalSum,
      byBound,
      running: sparse(running),
      complete: sparse(complete),
    };
  }

  snapshot(): Summary {
    const running = together(this.#parts.map((part) => part.running));
    const complete = together(this.#parts.map((part) => part.complete));
    return summarize(running, complete, this.bounds.scale);
  }
}

function together(windows: readonly SparseWindow[]): Counted {
  const buckets: number[] = [];
  for (const window of windows) {
    for (let i = 0; i < window.buckets.length; i += 2) {
      const bucket = window.buckets[i]!; // pairs, as below
      while (buckets.length <= bucket) buckets.push(0);
      buckets[bucket]! += window.buckets[i + 1]!;
    }
  }
  const seen = windows.filter(({ count }) => count > 0);
  return {
    buckets,
    count: sum(seen.map(({ count }) => count)),
    sum: sum(seen.map((window) => window.sum)),
    min: seen.length === 0 ? 0 : Math.min(...seen.map(({ min }) => min)),
    max: Math.max(0, ...seen.map(({ max }) => max)),
  };
}

function sparse(windows: readonly SparseWindow[]): SparseWindow {
  const { buckets, ...rest } = together(windows);
  return {
    ...rest,
    buckets: Array.from(buckets, (count, bucket) => [bucket, count])
      .filter(([, count]) => count !== 0)
      .flat(),
  };
}
