// @hot Is a failed request sent again? (finagle §4.2, linkerd1 §6.6.2) Only when it is known not to have been processed, or
// when a kept-alive connection was lost under a request that does no harm twice.
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Failure } from "../core/failure.ts";
import { Outcome } from "../core/outcome.ts";
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { BudgetSpec } from "./budget.ts";
import { RetryBudget } from "./budget.ts";

/** Attempts to get a connection at all are not charged to the budget, but there are no more than this. */
const MAX_ACQUISITIONS = 25;

/** The requeues of one client. */
export class Requeue {
  readonly budget: RetryBudget;
  readonly #loop: DataLoop;
  readonly #spec: BudgetSpec;
  readonly #requeues: Counter;
  readonly #perRequest: Histogram;
  readonly #exhausted: Counter;
  readonly #requestLimit: Counter;
  readonly #cannotRetry: Counter;
  readonly #notOpen: Counter;

  constructor(spec: BudgetSpec, loop: DataLoop, scope: Scope) {
    this.#spec = spec;
    this.#loop = loop;
    this.budget = new RetryBudget(spec, loop.nowMs);
    this.#requeues = scope.counter("requeues");
    this.#perRequest = scope.stat("requeues_per_request");
    this.#exhausted = scope.counter("budget_exhausted");
    this.#requestLimit = scope.counter("request_limit");
    this.#cannotRetry = scope.counter("cannot_retry");
    this.#notOpen = scope.counter("not_open");
    scope.gauge("budget", () => this.budget.balance(loop.clock.nowMs())); // cold: once per client
  }

  /**
   * Shall `ex`, which has just failed, be sent again?
   * @param open the balancer has an endpoint that is open.
   */
  allows(ex: Exchange, open: boolean): boolean {
    const failure = ex.failure as Failure;
    if (!mayRepeat(ex, failure) || !ex.downstream.canReplay()) return false;
    // A service that is leaving has not begun: it is as if there had been no connection.
    const { category } = failure.cause;
    const acquiring = category === "connect" || category === "leaving";
    if (!open) {
      (acquiring ? this.#notOpen : this.#cannotRetry).inc();
      return false;
    }
    if (acquiring) {
      if (ex.attempts - ex.attemptsBefore > MAX_ACQUISITIONS) return false;
    } else if (!this.#pay(ex)) {
      // Whoever stands above, here or in front of us, must not multiply what is refused here (finagle §4.2).
      ex.retryable = false;
      ex.failure = failure.final();
      return false;
    }
    this.#requeues.inc();
    return true;
  }

  #pay(ex: Exchange): boolean {
    const nowMs = this.#loop.nowMs;
    if (ex.attempts - ex.attemptsBefore > this.budget.limitPerRequest(nowMs)) {
      this.#requestLimit.inc();
      return false;
    }
    if (this.budget.tryWithdraw(nowMs)) return true;
    this.#exhausted.inc();
    return false;
  }

  /** The exchange left the client for good. Only successes earn the budget something. */
  ended(ex: Exchange): void {
    if (ex.outcome === Outcome.success) this.budget.deposit(this.#loop.nowMs);
    const attempts = ex.attempts - ex.attemptsBefore;
    if (attempts === 1) this.#perRequest.recordZero();
    else if (attempts > 1) this.#perRequest.record(attempts - 1);
  }

  /** What was decided, in words. */
  note(failure: Failure, again: boolean): string {
    const left = this.budget.balance(this.#loop.nowMs);
    return `${again ? "requeue" : "no requeue"}: ${failure.cause.token} (${failure.retry}; budget ${left})`;
  }

  /** Parameters, for people. */
  view(): { ttlSecs: number; minRetriesPerSec: number; percentCanRetry: number } {
    const { ttlSecs, minRetriesPerSec, percentCanRetry } = this.#spec;
    return { ttlSecs, minRetriesPerSec, percentCanRetry };
  }
}

// A failure that may have been processed is repeated only in the one case that is the proxy's own doing: the reuse of a
// connection that the service was just closing.
function mayRepeat(ex: Exchange, failure: Failure): boolean {
  if (failure.retry === "safe") return !failure.ours;
  return failure.cause === causes.stale && ex.idempotent;
}
