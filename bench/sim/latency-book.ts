// What an instance tells those who probe it: its latency at about as many requests in flight as it has now (Prequal, NSDI 2024, §4).

const REMEMBERED = 9;
const HIGHEST = 64;
/** After this long without a new one they are forgotten: who was slow once and is not asked any more would stay slow for ever. */
const RECENT_MS = 5000;

/** The last few latencies at one number of requests in flight. */
class Page {
  readonly #recent: number[] = [];
  #count = 0;
  #median = -1;
  #lastMs = 0;

  isRecent(nowMs: number): boolean {
    return nowMs - this.#lastMs <= RECENT_MS;
  }

  note(latencyMs: number, nowMs: number): void {
    if (!this.isRecent(nowMs)) this.#recent.length = this.#count = 0;
    this.#lastMs = nowMs;
    this.#recent[this.#count++ % REMEMBERED] = latencyMs;
    this.#median = -1;
  }

  /** Sorted only when someone asks. */
  get median(): number {
    if (this.#median < 0) this.#median = this.#recent.toSorted((a, b) => a - b)[this.#recent.length >> 1]!;
    return this.#median;
  }
}

/** The last few latencies for each number of requests in flight at arrival. */
export class LatencyBook {
  /** As long as it had to become. */
  readonly #pages: (Page | null)[] = [];

  note(rif: number, latencyMs: number, nowMs: number): void {
    const at = Math.min(rif, HIGHEST);
    while (this.#pages.length <= at) this.#pages.push(null);
    (this.#pages[at] ??= new Page()).note(latencyMs, nowMs);
  }

  /** The median at this number, or at the nearest one that has been seen; 0 without any. */
  estimate(rif: number, nowMs: number): number {
    const at = Math.min(rif, HIGHEST);
    for (let away = 0; away <= HIGHEST; away++) {
      const page = this.#recentAt(at - away, nowMs) ?? this.#recentAt(at + away, nowMs);
      if (page !== null) return page.median;
    }
    return 0;
  }

  #recentAt(rif: number, nowMs: number): Page | null {
    const page = rif < 0 || rif >= this.#pages.length ? null : this.#pages[rif]!;
    return page !== null && page.isRecent(nowMs) ? page : null;
  }
}
