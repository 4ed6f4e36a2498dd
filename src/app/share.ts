// A part of what is configured for the whole process: totals are split over the event loops that live.
import type { BudgetSpec } from "../resilience/budget.ts";
import type { MultiplexedLimits } from "../sessions/multiplexed.ts";
import type { PoolLimits } from "../sessions/pool.ts";

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

/** Bounds of pools, of which every event loop has its part. A class: pools read them with every request, and objects made with getters of their own are read slowly. */
export class SharedPoolLimits implements PoolLimits {
  readonly idleTimeMs: number;
  readonly sessionIdleMs: number;
  readonly sessionLifeMs: number;
  readonly #minSize: SharedTotal;
  readonly #maxSize: SharedTotal;
  readonly #maxWaiters: SharedTotal;

  constructor(limits: PoolLimits, live: LiveShare) {
    this.idleTimeMs = limits.idleTimeMs;
    this.sessionIdleMs = limits.sessionIdleMs;
    this.sessionLifeMs = limits.sessionLifeMs;
    this.#minSize = new SharedTotal(limits.minSize, live);
    this.#maxSize = new SharedTotal(limits.maxSize, live);
    this.#maxWaiters = new SharedTotal(limits.maxWaiters, live);
  }

  get minSize(): number {
    return this.#minSize.part;
  }

  get maxSize(): number {
    return this.#maxSize.part;
  }

  get maxWaiters(): number {
    return this.#maxWaiters.part;
  }
}

/** The same for connections that carry many requests at a time. */
export class SharedConnectionLimits implements MultiplexedLimits {
  readonly idleTimeMs: number;
  readonly sessionLifeMs: number;
  readonly #maxConnections: SharedTotal;

  constructor(limits: MultiplexedLimits, live: LiveShare) {
    this.idleTimeMs = limits.idleTimeMs;
    this.sessionLifeMs = limits.sessionLifeMs;
    this.#maxConnections = new SharedTotal(limits.maxConnections, live);
  }

  get maxConnections(): number {
    return this.#maxConnections.part;
  }
}

class SharedBudget implements BudgetSpec {
  readonly ttlSecs: number;
  readonly percentCanRetry: number;
  readonly #perSec: number;
  readonly #live: LiveShare;

  constructor({ ttlSecs, minRetriesPerSec, percentCanRetry }: BudgetSpec, live: LiveShare) {
    this.ttlSecs = ttlSecs;
    this.percentCanRetry = percentCanRetry;
    this.#perSec = minRetriesPerSec;
    this.#live = live;
  }

  get minRetriesPerSec(): number {
    return this.#perSec / this.#live.share.of;
  }
}

/** What may be repeated without any traffic is a total of the process, and split over the loops that live; shares of traffic need no splitting. */
export function sharedBudget(budget: BudgetSpec, live: LiveShare): BudgetSpec {
  return live.share === WHOLE ? budget : new SharedBudget(budget, live);
}
