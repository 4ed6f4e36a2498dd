// @hot Percentiles of the latencies of the last half minute, in whole milliseconds (finagle §4.7).
//
// Three buckets of 10 s, the current one and two older, each with a counter for every millisecond up to 2000: three significant
// digits, as HDR histograms of that range have. 24 KB, for clients that hedge.

const BUCKETS = 3;
const BUCKET_MS = 10_000;
/** Longer latencies count as this. */
export const LONGEST_MS = 2_000;
const STEPS = LONGEST_MS + 1;

export class LatencyWindow {
  readonly #counts = new Uint32Array(BUCKETS * STEPS);
  readonly #totals = new Uint32Array(BUCKETS);
  #current = 0;
  #startMs: number;

  /** @param nowMs when the first bucket begins. */
  constructor(nowMs: number) {
    this.#startMs = nowMs;
  }

  record(nowMs: number, latencyMs: number): void {
    this.#roll(nowMs);
    const step = latencyMs >= LONGEST_MS ? LONGEST_MS : latencyMs > 0 ? Math.floor(latencyMs) : 0;
    this.#counts[this.#current * STEPS + step]! += 1;
    this.#totals[this.#current]! += 1;
  }

  /**
   * The latency that this share of the window's requests did not exceed; -1 when there were none. Walks all counters: for now and then.
   * @param share 0 to 1.
   */
  percentile(nowMs: number, share: number): number {
    this.#roll(nowMs);
    const counts = this.#counts;
    const total = this.#totals[0]! + this.#totals[1]! + this.#totals[2]!;
    if (total === 0) return -1;
    const rank = Math.max(1, Math.ceil(share * total - ROUNDING));
    let seen = 0;
    let step = -1;
    while (seen < rank) {
      step++;
      seen += counts[step]! + counts[STEPS + step]! + counts[2 * STEPS + step]!;
    }
    return step;
  }

  #roll(nowMs: number): void {
    const elapsedMs = nowMs - this.#startMs;
    if (elapsedMs < BUCKET_MS) return;
    const steps = Math.floor(elapsedMs / BUCKET_MS);
    this.#startMs += steps * BUCKET_MS;
    for (let step = Math.min(steps, BUCKETS); step > 0; step--) {
      this.#current = (this.#current + 1) % BUCKETS;
      this.#counts.fill(0, this.#current * STEPS, (this.#current + 1) * STEPS);
      this.#totals[this.#current] = 0;
    }
  }
}

/** 0.99 of 100 is 99, whatever binary fractions say. */
const ROUNDING = 1e-9;
