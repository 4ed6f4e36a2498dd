// @hot `kind: fairlead.aimd`: one more per round trip while answers come in time, a share of the limit less when one does not.
import { Outcome } from "../core/outcome.ts";
import type { LimitLaw } from "./limit-law.ts";

export interface AimdSpec {
  readonly initialLimit: number;
  readonly minLimit: number;
  readonly maxLimit: number;
  /** An answer that takes longer is too slow. */
  readonly latencyMs: number;
  /** What is left of the limit after a slow answer: 0.5 to 1. */
  readonly backoffRatio: number;
}

/**
 * As TCP does: what was sent before the last decrease has seen the state that led to it, and does not decrease the limit again.
 * The limit grows only while at least half of it is used; otherwise nothing is known of what lies above.
 */
export class AimdLimit implements LimitLaw {
  readonly #spec: AimdSpec;
  limit: number;
  #decreasedMs = Number.NEGATIVE_INFINITY;

  constructor(spec: AimdSpec) {
    this.#spec = spec;
    this.limit = Math.min(spec.maxLimit, Math.max(spec.minLimit, spec.initialLimit));
  }

  ended(nowMs: number, startedMs: number, outcome: Outcome, inFlight: number): void {
    if (outcome === Outcome.ignorable) return;
    if (nowMs - startedMs > this.#spec.latencyMs) this.#decrease(nowMs, startedMs);
    // A quick failure says nothing: a service with a fault is not one with too much to do.
    else if (outcome === Outcome.success && 2 * inFlight >= this.limit)
      this.limit = Math.min(this.#spec.maxLimit, this.limit + 1 / this.limit);
  }

  #decrease(nowMs: number, startedMs: number): void {
    if (startedMs < this.#decreasedMs) return;
    this.#decreasedMs = nowMs;
    this.limit = Math.max(this.#spec.minLimit, this.limit * this.#spec.backoffRatio);
  }
}
