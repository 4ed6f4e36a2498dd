// What a distribution says to people and exporters.
import { middleOf } from "./buckets.ts";

/** A reading of the last one to two windows, in the unit of what was recorded. All zero when `count` is. */
export interface Summary {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly avg: number;
  readonly p50: number;
  readonly p90: number;
  readonly p95: number;
  readonly p99: number;
  readonly p9990: number;
  readonly p9999: number;
}

/** What one window of a histogram counted, in whole units; all zero when `count` is. */
export interface Counted {
  readonly buckets: ArrayLike<number>;
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999] as const;

/** Two windows as one reading; `scale` units make one of what was recorded. */
export function summarize(a: Counted, b: Counted, scale: number): Summary {
  const count = a.count + b.count;
  const sum = (a.sum + b.sum) / scale;
  const min = a.count === 0 ? b.min : b.count === 0 ? a.min : Math.min(a.min, b.min);
  const max = Math.max(a.max, b.max);
  const [p50 = 0, p90 = 0, p95 = 0, p99 = 0, p9990 = 0, p9999 = 0] = quantiles(a.buckets, b.buckets, count).map(
    (middle) => Math.min(max, Math.max(min, middle)) / scale,
  );
  const avg = count === 0 ? 0 : sum / count;
  return { count, sum, min: min / scale, max: max / scale, avg, p50, p90, p95, p99, p9990, p9999 };
}

/** The middles of the buckets that hold the values of rank `ceil(quantile × count)`, in one pass. */
function quantiles(a: ArrayLike<number>, b: ArrayLike<number>, count: number): number[] {
  const found: number[] = [];
  const length = Math.max(a.length, b.length);
  let seen = 0;
  for (let bucket = 0; bucket < length && found.length < QUANTILES.length; bucket++) {
    seen += (a[bucket] ?? 0) + (b[bucket] ?? 0);
    while (found.length < QUANTILES.length && seen >= Math.max(1, Math.ceil(QUANTILES[found.length]! * count))) {
      found.push(middleOf(bucket));
    }
  }
  return found;
}
