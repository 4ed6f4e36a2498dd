// @hot How many retries recent traffic can afford: a leaky token bucket (finagle §4.1, linkerd1 §6.6.3).
import { invariant } from "../base/invariant.ts";
import { WindowedAdder } from "../base/windowed-adder.ts";

/** `budget` and `requeueBudget` as configured. */
export interface BudgetSpec {
  /** How long deposits and withdrawals count, in seconds: 1 to 60. */
  readonly ttlSecs: number;
  /** Retries per second that are allowed without any traffic. */
  readonly minRetriesPerSec: number;
  /** Retries per request: 0.2 is one in five, 2 is two for each; 0 to 1000. */
  readonly percentCanRetry: number;
}

const SCALE = 1000;
const SLICES = 10;
/** Share of the balance that one request may use up. */
const SHARE_PER_REQUEST = 0.2;

/**
 * Each deposit adds 1000, each withdrawal takes 1000 / percent, and both are forgotten after `ttlSecs` in ten slices. A reserve of
 * `minRetriesPerSec × ttlSecs` withdrawals is always there. Withdrawals expire too: the reserve is per ttl, not for ever.
 * All arithmetic is in whole numbers. One budget per client, never shared.
 */
export class RetryBudget {
  readonly #spec: BudgetSpec;
  readonly #deposit: number;
  readonly #cost: number;
  readonly #window: WindowedAdder;

  /** @param spec whose minimum may change: with several event loops each has a part, the larger the fewer live. */
  constructor(spec: BudgetSpec, nowMs: number) {
    const { ttlSecs, minRetriesPerSec, percentCanRetry } = spec;
    invariant(ttlSecs >= 1 && ttlSecs <= 60, "a budget's ttl is checked with the configuration: 1 to 60 s");
    invariant(minRetriesPerSec >= 0, "a budget's minimum is checked with the configuration: not negative");
    invariant(
      percentCanRetry >= 0 && percentCanRetry <= 1000,
      "a budget's percent is checked with the configuration: 0 to 1000",
    );
    this.#deposit = percentCanRetry === 0 ? 0 : SCALE;
    this.#cost = percentCanRetry === 0 ? 1 : Math.trunc(SCALE / percentCanRetry);
    this.#spec = spec;
    this.#window = new WindowedAdder(ttlSecs * 1000, SLICES, nowMs);
  }

  // No getter: the engine calls private ones slowly.
  #reserve(): number {
    return this.#spec.minRetriesPerSec * this.#spec.ttlSecs * this.#cost;
  }

  /** A request earned its share: one that succeeded for a requeue budget, every one for a retry budget (finagle §4.2, §4.5). */
  deposit(nowMs: number): void {
    this.#window.add(this.#deposit, nowMs);
  }

  /** Pays for one retry; false when there is not enough, and then nothing is taken. */
  tryWithdraw(nowMs: number): boolean {
    if (this.#window.sum(nowMs) + this.#reserve() < this.#cost) return false;
    this.#window.add(-this.#cost, nowMs);
    return true;
  }

  /** Retries it would pay for now. Never negative, although deposits may expire before the withdrawals they paid for. */
  balance(nowMs: number): number {
    return Math.max(0, Math.floor((this.#window.sum(nowMs) + this.#reserve()) / this.#cost));
  }

  /** Retries one request may make when it starts now: a fifth of the balance, rounded up (finagle §4.2). */
  limitPerRequest(nowMs: number): number {
    return Math.ceil(SHARE_PER_REQUEST * this.balance(nowMs));
  }
}
