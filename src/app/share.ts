// A part of what is configured for the whole process: totals are split over the event loops that live.

/** One of several event loops. */
export interface Share {
  /** From 0, among those that live. */
  readonly index: number;
  /** How many there are. */
  readonly of: number;
}

/** All of it: there is one event loop. */
export const WHOLE: Share = { index: 0, of: 1 };

/** The share of an event loop, which changes when another dies or comes back. */
export class LiveShare {
  share: Share;
  /** Grows with every change. */
  version = 0;

  constructor(share: Share) {
    this.share = share;
  }

  change(share: Share): void {
    this.share = share;
    this.version++;
  }
}

/**
 * Its part of a whole number: the parts of all add up to it, as long as there is one for each; a loop without any could serve nobody, so each
 * has at least one. 0 and infinity, which mean no limit, stay what they are.
 */
export function partOf(total: number, { index, of }: Share): number {
  if (total <= 0 || !Number.isFinite(total)) return total;
  return Math.max(1, Math.floor(total / of) + (index < total % of ? 1 : 0));
}

/** A total as one event loop may use it up; read on the path of requests. */
export class SharedTotal {
  readonly #total: number;
  readonly #live: LiveShare;
  #version = -1;
  #part = 0;

  constructor(total: number, live: LiveShare) {
    this.#total = total;
    this.#live = live;
  }

  get part(): number {
    if (this.#version !== this.#live.version) {
      this.#version = this.#live.version;
      this.#part = partOf(this.#total, this.#live.share);
    }
    return this.#part;
  }
}

/** What may be repeated without any traffic is a total of the process, and split over the loops that live; shares of traffic need no splitting. */
export function sharedBudget<B extends { readonly minRetriesPerSec: number }>(budget: B, live: LiveShare): B {
  if (live.share === WHOLE) return budget;
  return {
    ...budget,
    get minRetriesPerSec() {
      return budget.minRetriesPerSec / live.share.of;
    },
  };
}
