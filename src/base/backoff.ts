// How long to wait before the next try: endless sequences of delays (finagle §3.2, linkerd1 §6.6.1).
import type { Random } from "./random.ts";

/** An endless sequence of delays. One per thing that waits: it remembers its place. */
export interface Backoff {
  /** The next delay in milliseconds. */
  next(): number;
  /** Starts over with the first delay. */
  reset(): void;
}

/** The same delay for ever. */
export function constant(delayMs: number): Backoff {
  return { next: () => delayMs, reset: () => undefined };
}

/**
 * Doubling steps, each the step's lower half plus a random part of the upper half; `maxMs` for ever once a step reaches it.
 * 5 s to 300 s gives 5, [5,10), [10,20), [20,40), [40,80), [80,160), [160,300], 300, … seconds (finagle §3.2).
 */
export function equalJittered(startMs: number, maxMs: number, random: Random): Backoff {
  return new EqualJittered(startMs, maxMs, random);
}

/**
 * The first delay is `minMs`, each later one uniform in [minMs, 3 × previous] and capped at `maxMs`.
 * This is what Linkerd's `jittered` retry backoff draws (linkerd1 §6.6.1); unlike Finagle's stream of that name it may also shrink.
 */
export function decorrelatedJittered(minMs: number, maxMs: number, random: Random): Backoff {
  return new DecorrelatedJittered(minMs, maxMs, random);
}

/** One step of `decorrelatedJittered`, for whoever keeps the delay before it; 0 when there was none. */
export function nextDecorrelated(minMs: number, maxMs: number, previousMs: number, random: Random): number {
  const drawnMs = previousMs === 0 ? minMs : minMs + random.next() * (3 * previousMs - minMs);
  return Math.min(drawnMs, maxMs);
}

/**
 * The first delay is `startMs`, each later one uniform in [0, previous × 2^n) for n = 1, 2, …: it may shrink as well as grow, and jumps once it
 * grows. `maxMs` for ever once that bound reaches it (finagle §3.2).
 */
export function exponentialJittered(startMs: number, maxMs: number, random: Random): Backoff {
  return new ExponentialJittered(startMs, maxMs, random);
}

/** The first `count` delays of one backoff, then those of another. */
export function inTurn(first: Backoff, count: number, then: Backoff): Backoff {
  let taken = 0;
  return {
    next: () => (taken < count ? (taken++, first.next()) : then.next()),
    reset() {
      taken = 0;
      first.reset();
      then.reset();
    },
  };
}

class EqualJittered implements Backoff {
  readonly #startMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #halfMs = 0;
  #ended = false;

  constructor(startMs: number, maxMs: number, random: Random) {
    this.#startMs = startMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  next(): number {
    if (this.#ended) return this.#maxMs;
    if (this.#halfMs === 0) return this.#first();
    const delayMs = this.#halfMs + this.#random.next() * this.#halfMs;
    this.#ended = this.#halfMs >= this.#maxMs || delayMs >= this.#maxMs;
    this.#halfMs *= 2;
    return this.#ended ? this.#maxMs : delayMs;
  }

  reset(): void {
    this.#halfMs = 0;
    this.#ended = false;
  }

  #first(): number {
    this.#halfMs = this.#startMs;
    return Math.min(this.#startMs, this.#maxMs);
  }
}

class DecorrelatedJittered implements Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #previousMs = 0;

  constructor(minMs: number, maxMs: number, random: Random) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  next(): number {
    this.#previousMs = nextDecorrelated(this.#minMs, this.#maxMs, this.#previousMs, this.#random);
    return this.#previousMs;
  }

  reset(): void {
    this.#previousMs = 0;
  }
}

class ExponentialJittered implements Backoff {
  readonly #startMs: number;
  readonly #maxMs: number;
  readonly #random: Random;
  #previousMs = 0;
  #attempt = 0;
  #ended = false;

  constructor(startMs: number, maxMs: number, random: Random) {
    this.#startMs = startMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  next(): number {
    if (this.#ended) return this.#maxMs;
    if (this.#attempt === 0) this.#previousMs = this.#startMs;
    else {
      const boundMs = this.#previousMs * 2 ** this.#attempt;
      this.#ended = boundMs >= this.#maxMs;
      this.#previousMs = this.#ended ? this.#maxMs : this.#random.next() * boundMs;
    }
    this.#attempt++;
    return this.#previousMs;
  }

  reset(): void {
    this.#attempt = 0;
    this.#ended = false;
  }
}
