// @hot May a request that was answered with a retryable failure be sent again, and when? (finagle §4.5, linkerd1 §6.6.1)
import { nextDecorrelated } from "../base/backoff.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { BackoffSpec } from "./accrual/kinds.ts";
import { type BudgetSpec, RetryBudget } from "./budget.ts";

/** A service's `retries` as configured. */
export interface RetriesSpec {
  readonly budget: BudgetSpec;
  /** Left out, retries follow at once. */
  readonly backoff?: BackoffSpec | undefined;
  /** Retries of one request; left out, only the budget and the total timeout bound them. */
  readonly maxRetries?: number | undefined;
}

/** The retries of one service. What a request keeps of them is two numbers: how many there were, and the delay of the last. */
export class Retries {
  readonly budget: RetryBudget;
  readonly #spec: RetriesSpec;
  readonly #most: number;
  /** With both 0 there is no waiting; with both the same, always that long. */
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #total: Counter;
  readonly #perRequest: Histogram;
  readonly #budgetExhausted: Counter;
  readonly #maxExhausted: Counter;
  readonly #cannotReplay: Counter;

  /** @param scope the service's `retries`. */
  constructor(spec: RetriesSpec, scope: Scope, clock: Clock) {
    const { backoff } = spec;
    this.#spec = spec;
    this.budget = new RetryBudget(spec.budget, clock.nowMs());
    this.#most = spec.maxRetries ?? Number.MAX_SAFE_INTEGER;
    this.#minMs = backoff === undefined ? 0 : backoff.kind === "constant" ? backoff.ms : backoff.minMs;
    this.#maxMs = backoff?.kind === "jittered" ? backoff.maxMs : this.#minMs;
    this.#total = scope.counter("total");
    this.#perRequest = scope.stat("per_request");
    this.#budgetExhausted = scope.counter("budget_exhausted");
    this.#maxExhausted = scope.counter("max_exhausted");
    this.#cannotReplay = scope.counter("cannot_replay");
    // A name of the original. No backoff that can be configured ever ends, here or there.
    scope.counter("backoffs_exhausted");
    scope.gauge("budget", () => this.budget.balance(clock.nowMs())); // cold: once per service
  }

  /** A request begins: every one earns its share of a retry, whatever becomes of it. */
  begin(nowMs: number): void {
    this.budget.deposit(nowMs);
  }

  /** May a request be sent once more? Pays when it may. @param retriesSoFar how often it was sent again before. */
  allows(nowMs: number, retriesSoFar: number): boolean {
    if (retriesSoFar >= this.#most) {
      this.#maxExhausted.inc();
      return false;
    }
    if (!this.budget.tryWithdraw(nowMs)) {
      this.#budgetExhausted.inc();
      return false;
    }
    this.#total.inc();
    return true;
  }

  /** As `allows`, only to know; pays and counts nothing. */
  couldAllow(nowMs: number, retriesSoFar: number): boolean {
    return retriesSoFar < this.#most && this.budget.balance(nowMs) > 0;
  }

  /** How long the retry waits. @param previousDelayMs how long the request's last retry waited; 0 when this is its first. */
  delayMs(previousDelayMs: number, random: Random): number {
    if (this.#minMs === this.#maxMs) return this.#minMs;
    return nextDecorrelated(this.#minMs, this.#maxMs, previousDelayMs, random);
  }

  /** A retryable failure that could not be retried: the body of the request is gone. */
  cannotReplay(): void {
    this.#cannotReplay.inc();
  }

  /** The request has ended after so many retries. */
  ended(retries: number): void {
    if (retries === 0) this.#perRequest.recordZero();
    else this.#perRequest.record(retries);
  }

  /** Parameters, for people. */
  view(): Readonly<Record<string, number | string | null>> {
    const { budget, maxRetries } = this.#spec;
    const { ttlSecs, minRetriesPerSec, percentCanRetry } = budget;
    return {
      ttlSecs,
      minRetriesPerSec,
      percentCanRetry,
      maxRetries: maxRetries ?? null,
      backoff: `${this.#minMs} to ${this.#maxMs} ms`,
    };
  }
}
