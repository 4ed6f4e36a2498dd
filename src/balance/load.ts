// @hot The load of one endpoint: what balancers compare (finagle §2.3).
import type { LoadCell } from "../core/picker.ts";

const NS_PER_MS = 1e6;
/** What an endpoint without history costs while something is pending on it: so much that it is asked at most once at a time. */
const PENALTY = 2 ** 47 - 1;

/** Counts requests in progress. */
export class LeastLoaded implements LoadCell {
  pending = 0;

  get load(): number {
    return this.pending;
  }

  start(): void {
    this.pending++;
  }

  end(): void {
    this.pending--;
  }

  answered(): void {
    // It is counted, whatever it does.
  }

  left(): void {
    this.pending--;
  }

  weigh(): void {
    // The count is always up to date.
  }
}

/**
 * Peak-sensitive moving average of latency, times requests in progress. A slower answer than the average replaces it at once; faster
 * ones and the mere passing of time (weighing counts as an answer in no time) bring it down slowly. Cost is in nanoseconds.
 */
export class PeakEwma implements LoadCell {
  pending = 0;
  load = 0;
  readonly #decayMs: number;
  /** The average at `#stampMs`; 0 also means that there is none yet, since whatever comes first is higher. */
  #costNs = 0;
  #stampMs = 0;
  /** The share of the average that was left of it when the stamp last moved. */
  #left = 1;

  /** @param decayMs time after which a latency's weight has fallen to 1/e. */
  constructor(decayMs: number) {
    this.#decayMs = decayMs;
  }

  start(): void {
    this.pending++;
  }

  end(nowMs: number, startedMs: number): void {
    this.pending--;
    this.#elapse(nowMs);
    const latencyNs = Math.max(0, nowMs - startedMs) * NS_PER_MS;
    const averageNs = latencyNs * (1 - this.#left) + this.#costNs * this.#left;
    this.#costNs = latencyNs > this.#costNs ? latencyNs : averageNs;
  }

  answered(nowMs: number, startedMs: number): void {
    this.end(nowMs, startedMs);
    this.pending++;
  }

  left(): void {
    this.pending--;
  }

  weigh(nowMs: number): void {
    this.#elapse(nowMs);
    this.#costNs *= this.#left;
    this.load = this.#costNs === 0 && this.pending !== 0 ? PENALTY + this.pending : this.#costNs * (this.pending + 1);
  }

  /** Moves the stamp to now, never back. */
  #elapse(nowMs: number): void {
    const elapsedMs = nowMs - this.#stampMs;
    this.#left = elapsedMs > 0 ? Math.exp(-elapsedMs / this.#decayMs) : 1;
    if (elapsedMs > 0) this.#stampMs = nowMs;
  }
}
