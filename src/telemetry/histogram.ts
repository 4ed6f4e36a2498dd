// @hot Latencies and sizes as log-linear histograms over sliding windows.
//
// Buckets are counted in two windows, the running one and the last complete one, and a reading is both together: one to two
// windows of traffic (60 to 120 s). So a busy metric never reads zero between windows.
// What was counted since the start is kept by a few bounds only, and added to when a window ends: recording pays nothing for it.
import { type Bounds, COUNTS, TIMES } from "./bounds.ts";
import { BucketPages, pageOf, placeOf } from "./bucket-pages.ts";
import { bucketOf } from "./buckets.ts";
import type { CellStore } from "./cells.ts";
import type { PlainDistribution, SparseWindow } from "./snapshot.ts";
import { type Counted, summarize, type Summary } from "./summary.ts";
import type { WindowClock } from "./window-clock.ts";

// A window's totals stand in four cells, the two windows' side by side.
const COUNT = 0;
const SUM = 1;
const MIN = 2;
const MAX = 3;
const WINDOW_CELLS = 4;
const NO_BUCKETS = new Float64Array();
const NO_PAGE = new Uint32Array();

/** A distribution of non-negative values. Negative values and NaN count as zero. */
export class Histogram {
  readonly #windows: WindowClock;
  readonly #scale: number;
  /** By which its lifetime is told. */
  readonly bounds: Bounds;
  readonly #store: CellStore;
  #epoch: number;
  /** First cell of the totals of both windows. */
  #cell: number;
  #totals: Float64Array;
  /** Where the totals of the windows begin. */
  #running: number;
  #complete: number;
  /** Null before the first value: most distributions of most services never see one. */
  #runningPages: BucketPages | null = null;
  #completePages: BucketPages | null = null;
  /** The page of the running window that was written last. */
  #page = -1;
  #pageBuckets: Uint32Array = NO_PAGE;
  #pageAt = 0;
  // Zeros that have no page: some distributions have hardly anything else.
  /** Of the running window, not among its totals yet. */
  #zeros = 0;
  /** Of the windows, among their totals. */
  #runningZeros = 0;
  #completeZeros = 0;
  #earlierCount = 0;
  #earlierSum = 0;
  /** Values of earlier windows between bounds; null before the first that held any. */
  #earlierByBound: number[] | null = null;
  #retired = false;

  /**
   * @param store where its numbers are kept.
   * @param windows the process's window numbers.
   * @param bounds whether these are whole numbers, or milliseconds kept to the microsecond.
   */
  constructor(store: CellStore, windows: WindowClock, bounds: Bounds = COUNTS) {
    this.#store = store;
    this.#windows = windows;
    this.bounds = bounds;
    this.#scale = bounds.scale;
    this.#epoch = windows.epoch;
    this.#cell = store.allocate(8);
    this.#totals = store.chunkOf(this.#cell);
    this.#running = store.indexOf(this.#cell);
    this.#complete = this.#running + WINDOW_CELLS;
  }

  get kind(): "stat" {
    return "stat";
  }

  record(value: number): void {
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    const units = value > 0 ? Math.round(Math.min(value * this.#scale, Number.MAX_SAFE_INTEGER)) : 0;
    const bucket = bucketOf(units);
    if (pageOf(bucket) === this.#page || this.#open(bucket)) {
      this.#pageBuckets[this.#pageAt + placeOf(bucket)]! += 1;
    }
    const totals = this.#totals;
    const at = this.#running;
    const first = totals[at + COUNT] === 0;
    if (first || units < totals[at + MIN]!) totals[at + MIN] = units;
    if (first || units > totals[at + MAX]!) totals[at + MAX] = units;
    totals[at + COUNT]! += 1;
    totals[at + SUM]! += units;
  }

  /** The same as `record(0)`, for less. */
  recordZero(): void {
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    this.#zeros++;
  }

  // Zeros kept aside join the totals before anything is read or turned.
  #takeZeros(): void {
    const zeros = this.#zeros;
    if (zeros === 0) return;
    this.#zeros = 0;
    this.#runningZeros += zeros;
    this.#totals[this.#running + COUNT]! += zeros;
    this.#totals[this.#running + MIN] = 0;
  }

  /** Goes to the page of a bucket. False if the value is not to be counted there: it has been noted, or the metric is gone. */
  #open(bucket: number): boolean {
    if (this.#retired) return false;
    const { buckets } = this.#store;
    const pages = (this.#runningPages ??= new BucketPages(buckets));
    if (pages.note(bucket)) return false;
    const page = pages.open(pageOf(bucket));
    this.#page = pageOf(bucket);
    this.#pageBuckets = buckets.chunkOf(page);
    this.#pageAt = buckets.indexOf(page);
    return true;
  }

  /** How many values were recorded since the start. */
  get totalCount(): number {
    return this.#earlierCount + this.#zeros + this.#totals[this.#running + COUNT]!;
  }

  /** The sum of all values since the start. */
  get totalSum(): number {
    return (this.#earlierSum + this.#totals[this.#running + SUM]!) / this.#scale;
  }

  /** How many values since the start lie between one bound and the next; the last number is of those beyond all bounds. */
  countsByBound(): number[] {
    this.#takeZeros();
    const counts = this.#earlierByBound?.slice() ?? this.#noCounts();
    this.#addRunningTo(counts);
    return counts;
  }

  #addRunningTo(counts: number[]): void {
    counts[0]! += this.#runningZeros;
    this.#runningPages?.addTo(counts, this.bounds.lastBuckets);
  }

  #noCounts(): number[] {
    const counts: number[] = [];
    for (let i = 0; i <= this.bounds.upTo.length; i++) counts.push(0);
    return counts;
  }

  /** The last complete window and the running one together. */
  snapshot(): Summary {
    this.#windows.refresh();
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    this.#takeZeros();
    return summarize(
      this.#counted(this.#running, this.#runningPages, this.#runningZeros),
      this.#counted(this.#complete, this.#completePages, this.#completeZeros),
      this.#scale,
    );
  }

  /** All it has counted, as plain values. */
  plain(): PlainDistribution {
    this.#windows.refresh();
    if (this.#epoch !== this.#windows.epoch) this.#turn();
    const byBound = this.countsByBound();
    return {
      times: this.bounds === TIMES,
      totalCount: this.totalCount,
      totalSum: this.totalSum,
      byBound,
      running: sparse(this.#counted(this.#running, this.#runningPages, this.#runningZeros)),
      complete: sparse(this.#counted(this.#complete, this.#completePages, this.#completeZeros)),
    };
  }

  #counted(at: number, pages: BucketPages | null, zeros: number): Counted {
    const totals = this.#totals;
    return {
      buckets: pages?.read(zeros) ?? (zeros > 0 ? Float64Array.of(zeros) : NO_BUCKETS),
      count: totals[at + COUNT]!,
      sum: totals[at + SUM]!,
      min: totals[at + MIN]!,
      max: totals[at + MAX]!,
    };
  }

  #turn(): void {
    this.#takeZeros();
    const passed = this.#windows.epoch - this.#epoch;
    const oldest = this.#complete;
    const oldestCount = this.#totals[oldest + COUNT]! - this.#completeZeros;
    const pages = this.#completePages;
    this.#epoch = this.#windows.epoch;
    this.#earlierCount += this.#totals[this.#running + COUNT]!;
    this.#earlierSum += this.#totals[this.#running + SUM]!;
    if (this.#totals[this.#running + COUNT]! > 0) {
      this.#addRunningTo((this.#earlierByBound ??= this.#noCounts()));
    }
    this.#complete = this.#running;
    this.#completePages = this.#runningPages;
    this.#completeZeros = this.#runningZeros;
    this.#running = oldest;
    this.#runningPages = pages;
    this.#runningZeros = 0;
    this.#clear(oldest);
    pages?.clear(oldestCount);
    if (passed > 1) this.#forget();
    this.#page = -1;
  }

  // Nothing was recorded for a whole window: what we hold is older than a reading may show, and the pages go back.
  #forget(): void {
    this.#clear(this.#complete);
    this.#completeZeros = 0;
    this.#runningPages?.free();
    this.#completePages?.free();
  }

  #clear(at: number): void {
    this.#totals.fill(0, at, at + WINDOW_CELLS);
  }

  /** Gives the memory back. Whoever still holds the metric writes into the void from now on. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#zeros = 0;
    this.#runningZeros = 0;
    this.#completeZeros = 0;
    this.#runningPages?.free();
    this.#completePages?.free();
    this.#store.release(this.#cell, 8);
    this.#cell = this.#store.sink;
    this.#totals = this.#store.chunkOf(this.#cell);
    this.#running = this.#store.indexOf(this.#cell);
    this.#complete = this.#running + WINDOW_CELLS;
    this.#page = -1;
  }
}

function sparse({ buckets, count, max, min, sum }: Counted): SparseWindow {
  const pairs: number[] = [];
  for (let i = 0; i < buckets.length; i++) if (buckets[i]! > 0) pairs.push(i, buckets[i]!);
  return { buckets: pairs, count, sum, min, max };
}
