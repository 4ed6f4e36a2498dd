// The last requests of a sample, for people to look at.
import type { TracedRequest } from "../../telemetry/traced-request.ts";

/** Keeps as many as it may; the oldest makes room. */
export class RecentRequests {
  readonly #capacity: number;
  readonly #kept: TracedRequest[] = [];
  /** Where the next one goes, once it is full. */
  #next = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(request: TracedRequest): void {
    this.#kept[this.#next] = request;
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** The latest first, by when they arrived: workers tell of theirs in batches. Of one moment, the one that was told of last. */
  list(): readonly TracedRequest[] {
    const latestToldFirst = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)].toReversed();
    return latestToldFirst.sort((a, b) => b.startMs - a.startMs);
  }
}
