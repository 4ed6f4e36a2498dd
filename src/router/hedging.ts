// @hot Second attempts beside slow first ones, for one client (finagle §4.7): when, to which endpoint, and which of the two answers.
import type { Attempt } from "../core/attempt.ts";
import { type Cause, causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { ExactLimit } from "../core/exact-limit.ts";
import type { Exchange } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";
import type { LimitKeeper } from "../core/limit.ts";
import { Nack } from "../core/nack.ts";
import { Outcome } from "../core/outcome.ts";
import { Tunnel } from "../core/tunnel.ts";
import type { RetryBudget } from "../resilience/budget.ts";
import type { HedgePolicy } from "../resilience/hedge-policy.ts";

/** Which requests may be sent twice. */
export type HedgedMethods = "safe" | "idempotent" | "all";

/** What hedging needs of its client. */
export interface HedgeClient {
  /** Makes one more attempt at another endpoint than that of the first, if there is one and `pays` says that it is paid for. */
  attemptBeside(ex: Exchange, pays: () => boolean): void;
  /** Stops an attempt. */
  stop(attempt: Attempt, why: Failure): void;
  /** Drops an answer whose head has come. */
  drop(attempt: Attempt): void;
}

const GIVEN_UP: ReadonlySet<Cause> = new Set([causes.attemptTimeout, causes.tryTimeout]);

/** The hedging of one client. */
export class Hedging implements LimitKeeper<Exchange> {
  readonly policy: HedgePolicy;
  readonly #methods: HedgedMethods;
  readonly #budget: RetryBudget;
  readonly #loop: DataLoop;
  readonly #client: HedgeClient;

  /** @param budget what bounds all that the client sends again. */
  constructor(policy: HedgePolicy, methods: HedgedMethods, budget: RetryBudget, loop: DataLoop, client: HedgeClient) {
    this.policy = policy;
    this.#methods = methods;
    this.#budget = budget;
    this.#loop = loop;
    this.#client = client;
  }

  /** A request comes to the client. */
  begin(ex: Exchange): void {
    const { nowMs } = this.#loop;
    this.policy.started(nowMs);
    if (!this.#covers(ex)) return;
    const delayMs = this.policy.delayMs(nowMs);
    if (delayMs < 0) return;
    ex.hedgeLimit ??= new ExactLimit(ex, this.#loop);
    ex.hedgeLimit.set(delayMs, this);
  }

  #covers(ex: Exchange): boolean {
    if (this.#methods === "all") return true;
    return this.#methods === "safe" ? ex.safe : ex.idempotent;
  }

  // The first attempt is slow. Of a body that is still coming there is only one.
  timeUp(ex: Exchange): void {
    if (ex.attempt === null || ex.rival !== null || ex.answered || ex.tunnel !== Tunnel.none) return;
    if (ex.hasBody && !(ex.downstream.requestPassed && ex.downstream.canReplay())) return;
    this.#client.attemptBeside(ex, () => this.policy.mayHedge(this.#loop.nowMs, this.#budget)); // cold: slow requests only
  }

  /** An attempt has its answer, and there is another. */
  wins(attempt: Attempt): boolean {
    const ex = attempt.exchange as Exchange;
    const other = (ex.attempt === attempt ? ex.rival : ex.attempt) as Attempt;
    if (attempt.outcome !== Outcome.success) {
      this.#client.drop(attempt);
      this.loses(ex);
      return false;
    }
    const { nowMs } = this.#loop;
    this.policy.record(nowMs, nowMs - other.startMs);
    if (ex.attempt === attempt) this.policy.won();
    this.#client.stop(other, new Failure(causes.superseded)); // cold: hedged requests only
    ex.failure = null;
    ex.outcome = attempt.outcome;
    return true;
  }

  /** One of two attempts came to nothing; the exchange waits for the other. */
  loses(ex: Exchange): void {
    ex.failure = null;
    ex.outcome = Outcome.success;
    ex.retryable = false;
    ex.undecided = false;
    ex.nack = Nack.none;
  }

  /** What one attempt took, be it that it succeeded or that it was given up: without the latter slow ones would be missing. */
  ended(ex: Exchange, sinceMs: number): void {
    const { nowMs } = this.#loop;
    const cause = ex.failure?.cause;
    const counts = cause === undefined ? ex.outcome === Outcome.success : GIVEN_UP.has(cause);
    if (counts) this.policy.record(nowMs, nowMs - sinceMs);
  }
}
