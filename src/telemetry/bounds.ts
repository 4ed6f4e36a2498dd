// The bounds of distributions for monitoring: few, the same in every process, and the same as long as it lives, so that what many
// processes counted can be added up.
import { bucketOf } from "./buckets.ts";

/** Upper bounds that values of a distribution are counted up to. */
export interface Bounds {
  /** What is recorded in one base unit: 1000 ms in a second. */
  readonly perBaseUnit: number;
  /** Smallest steps per recorded unit. */
  readonly scale: number;
  /** In base units, ascending. */
  readonly upTo: readonly number[];
  /** The bucket each of them falls into: what lies in it counts, so that a value up to 3.2 % above a bound may count below it, and none up to it above. */
  readonly lastBuckets: readonly number[];
}

/** Of lengths of time: recorded in milliseconds, kept to the microsecond, told in seconds. */
export const TIMES = boundsOf(
  1000,
  1000,
  [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
);

/** Of whole numbers, exact where they are small. */
export const COUNTS = boundsOf(1, 1, [0, 1, 2, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000]);

function boundsOf(perBaseUnit: number, scale: number, upTo: readonly number[]): Bounds {
  const lastBuckets = upTo.map((bound) => bucketOf(Math.round(bound * perBaseUnit * scale)));
  return { perBaseUnit, scale, upTo, lastBuckets };
}
