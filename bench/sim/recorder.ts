// What a run leaves behind. A request that failed was never answered: its latency is infinite.

/** The shares at which the curve of latencies is kept. */
export const curveShares = [
  0.5, 0.6, 0.7, 0.8, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.993, 0.996, 0.998, 0.999,
] as const;

/** One run in numbers. */
export interface RunResult {
  readonly requests: number;
  /** Share of requests that were answered well. */
  readonly success: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Attempts sent to the busiest instance, as a multiple of the mean. */
  readonly spread: number;
  /** Attempts per request. */
  readonly amplification: number;
  /** Latencies at `curveShares`. */
  readonly curveMs: readonly number[];
  /** Success of the requests that came in each second. */
  readonly successBySecond: readonly number[];
  /** Attempts per instance as multiples of the mean, the busiest first. */
  readonly loads: readonly number[];
}

export class Recorder {
  attempts = 0;
  /** Requests that have begun and not ended. */
  inFlight = 0;
  #requests = 0;
  #good = 0;
  #latenciesMs = new Float64Array(16_384);
  readonly #seconds: { all: number; good: number }[];

  constructor(durationMs: number) {
    this.#seconds = Array.from({ length: Math.ceil(durationMs / 1000) }, () => ({ all: 0, good: 0 }));
  }

  began(): void {
    this.inFlight++;
  }

  ended(startMs: number, latencyMs: number, good: boolean): void {
    this.inFlight--;
    if (this.#requests === this.#latenciesMs.length) this.#grow();
    this.#latenciesMs[this.#requests++] = good ? latencyMs : Infinity;
    const second = this.#seconds[Math.floor(startMs / 1000)]!;
    second.all++;
    if (!good) return;
    this.#good++;
    second.good++;
  }

  /** @param picked attempts per instance. */
  result(picked: readonly number[]): RunResult {
    const sorted = this.#latenciesMs.subarray(0, this.#requests).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
    const mean = this.attempts / picked.length;
    const loads = picked.map((count) => count / mean).toSorted((a, b) => b - a);
    return {
      requests: this.#requests,
      success: this.#good / this.#requests,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
      p99Ms: at(0.99),
      p999Ms: at(0.999),
      spread: loads[0]!,
      amplification: this.attempts / this.#requests,
      curveMs: curveShares.map(at),
      successBySecond: this.#seconds.map(({ all, good }) => (all === 0 ? 1 : good / all)),
      loads,
    };
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#latenciesMs.length);
    larger.set(this.#latenciesMs);
    this.#latenciesMs = larger;
  }
}
