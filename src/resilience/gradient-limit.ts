// @hot `kind: fairlead.gradient`: the limit falls as latency rises above what it has been for long
// (Gradient2 of Netflix's concurrency-limits).
import { Outcome } from "../core/outcome.ts";
import type { LimitLaw } from "./limit-law.ts";

export interface GradientSpec {
  readonly initialLimit: number;
  readonly minLimit: number;
  readonly maxLimit: number;
  /** Latency may rise to so many times the long average before the limit falls. */
  readonly tolerance: number;
  /** How much of each new estimate is taken: 0 to 1. */
  readonly smoothing: number;
  /** Shortest stretch of time that makes a sample. */
  readonly windowMs: number;
}

/** Fewest answers that make a sample. */
const FEWEST_ANSWERS = 10;
/** A sample takes at least two round trips, so that it sees what the last change did, but no longer than this. */
const LONGEST_WINDOW_MS = 1_000;
/** Samples that the long average remembers, and how many begin it. */
const LONG_MEMORY = 600;
const WARM_UP = 10;
/** While requests are refused the long average rises this much more slowly. */
const SLOWER_WHEN_FULL = 20;
/** A long average this many times the short one is out of date, and falls by a tenth with each sample. */
const OUT_OF_DATE = 2;
const FALLING = 0.9;
/** One sample lowers the limit by no more than a half, before smoothing. */
const LEAST_GRADIENT = 0.5;

/**
 * Each sample is the mean latency of a window: `gradient = tolerance × long / short`, between 0.5 and 1, and the limit moves by
 * `smoothing` towards `gradient × limit + √limit`, the root being the queue that is thought healthy. It moves only when at least half
 * of it was used.
 *
 * Beyond Gradient2: a window in which requests were refused raises the long average twenty times more slowly. Otherwise a lasting
 * overload becomes the new normal, and the limit grows until nothing is limited.
 */
export class GradientLimit implements LimitLaw {
  readonly #spec: GradientSpec;
  limit: number;
  /** The long average: latency as it is without a queue, in milliseconds. */
  baselineMs = 0;
  #samples = 0;
  #windowEndMs: number;
  #sumMs = 0;
  #answers = 0;
  #mostInFlight = 0;
  #full = false;

  constructor(spec: GradientSpec, nowMs: number) {
    this.#spec = spec;
    this.limit = Math.min(spec.maxLimit, Math.max(spec.minLimit, spec.initialLimit));
    this.#windowEndMs = nowMs + spec.windowMs;
  }

  ended(nowMs: number, startedMs: number, outcome: Outcome, inFlight: number, full: boolean): void {
    this.#full ||= full;
    const latencyMs = nowMs - startedMs;
    // A failure may come at once and says nothing then; one that took long has waited at least so long.
    if (outcome === Outcome.ignorable || (outcome === Outcome.failure && latencyMs <= this.baselineMs)) return;
    this.#sumMs += latencyMs;
    this.#answers++;
    if (inFlight > this.#mostInFlight) this.#mostInFlight = inFlight;
    if (this.#answers >= FEWEST_ANSWERS && nowMs >= this.#windowEndMs) this.#endWindow(nowMs);
  }

  #endWindow(nowMs: number): void {
    const shortMs = this.#sumMs / this.#answers;
    this.#learn(shortMs);
    if (2 * this.#mostInFlight >= this.limit) this.#move(shortMs);
    this.#windowEndMs = nowMs + Math.max(this.#spec.windowMs, Math.min(2 * shortMs, LONGEST_WINDOW_MS));
    this.#sumMs = 0;
    this.#answers = 0;
    this.#mostInFlight = 0;
    this.#full = false;
  }

  #learn(shortMs: number): void {
    if (this.#samples < WARM_UP) {
      this.#samples++;
      this.baselineMs += (shortMs - this.baselineMs) / this.#samples;
      return;
    }
    const slower = this.#full && shortMs > this.baselineMs ? SLOWER_WHEN_FULL : 1;
    this.baselineMs += ((shortMs - this.baselineMs) * 2) / ((LONG_MEMORY + 1) * slower);
    if (this.baselineMs > OUT_OF_DATE * shortMs) this.baselineMs *= FALLING;
  }

  #move(shortMs: number): void {
    const { tolerance, smoothing, minLimit, maxLimit } = this.#spec;
    const ratio = shortMs > 0 ? (tolerance * this.baselineMs) / shortMs : 1;
    const gradient = Math.max(LEAST_GRADIENT, Math.min(1, ratio));
    const estimate = gradient * this.limit + Math.sqrt(this.limit);
    this.limit = Math.max(minLimit, Math.min(maxLimit, this.limit + smoothing * (estimate - this.limit)));
  }
}
