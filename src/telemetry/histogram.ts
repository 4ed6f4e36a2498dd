// @hot Latencies and sizes as log-linear histograms over sliding windows.
//
// Buckets are counted in two windows, the running one and the last complete one, and a reading is both together: one to two
// windows of traffic (60 to 120 s). So a busy metric never reads zero between windows.
import { bucketOf, SUB_BUCKETS } from "./buckets.ts";
import { summarize, type Summary } from "./summary.ts";
import type { WindowClock } from "./window-clock.ts";

const NO_BUCKETS = new Uint32Array(0);

/** What was recorded in one window, in whole units. */
class Window {
  buckets = NO_BUCKETS;
  count = 0;
  sum = 0;
  min = Number.MAX_SAFE_INTEGER;
  max = 0;

  record(units: number): void {
    const bucket = bucketOf(units);
    if (bucket >= this.buckets.length) this.#grow(bucket);
    this.buckets[bucket]! += 1;
    this.count += 1;
    this.sum += units;
    if (units < this.min) this.min = units;
    if (units > this.max) this.max = units;
  }

  clear(): void {
    if (this.count === 0) return;
    this.buckets.fill(0);
    this.count = 0;
    this.sum = 0;
    this.min = Number.MAX_SAFE_INTEGER;
    this.max = 0;
  }

  /** A metric that slept for whole windows gives its buckets back. */
  free(): void {
    this.clear();
    this.buckets = NO_BUCKETS;
  }

  /** Room for `bucket` and the rest of its two octaves: a metric pays for the range it sees. */
  #grow(bucket: number): void {
    const step = 2 * SUB_BUCKETS;
    const grown = new Uint32Array((Math.floor(bucket / step) + 1) * step);
    grown.set(this.buckets);
    this.buckets = grown;
  }
}

/** A distribution of non-negative values. Negative values and NaN count as zero. */
export class Histogram {
  readonly #windows: WindowClock;
  readonly #scale: number;
  #epoch: number;
  #running = new Window();
  #complete = new Window();
  #earlierCount = 0;
  #earlierSum = 0;

  /**
   * @param windows the process's window numbers.
   * @param scale smallest steps per recorded unit: 1 for whole numbers, 1000 for milliseconds kept to the microsecond.
   */
  constructor(windows: WindowClock, scale = 1) {
    this.#windows = windows;
    this.#scale = scale;
    this.#epoch = windows.epoch;
  }

  get kind(): "stat" {
    return "stat";
  }

  record(value: number): void {
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    this.#running.record(value > 0 ? Math.round(Math.min(value * this.#scale, Number.MAX_SAFE_INTEGER)) : 0);
  }

  /** How many values were recorded since the start. */
  get totalCount(): number {
    return this.#earlierCount + this.#running.count;
  }

  /** The sum of all values since the start. */
  get totalSum(): number {
    return (this.#earlierSum + this.#running.sum) / this.#scale;
  }

  /** The last complete window and the running one together. */
  snapshot(): Summary {
    this.#windows.refresh();
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    return summarize(this.#running, this.#complete, this.#scale);
  }

  #turn(): void {
    const passed = this.#windows.epoch - this.#epoch;
    this.#epoch = this.#windows.epoch;
    this.#earlierCount += this.#running.count;
    this.#earlierSum += this.#running.sum;
    const oldest = this.#complete;
    this.#complete = this.#running;
    this.#running = oldest;
    oldest.clear();
    if (passed > 1) this.#forget();
  }

  /** Nothing was recorded for a whole window: what we hold is older than a reading may show. */
  #forget(): void {
    this.#running.free();
    this.#complete.free();
  }
}
