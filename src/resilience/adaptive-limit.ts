// @hot As many requests at a time as the service serves well, found out rather than configured.
import type { Outcome } from "../core/outcome.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";
import { AimdLimit, type AimdSpec } from "./aimd-limit.ts";
import { GradientLimit, type GradientSpec } from "./gradient-limit.ts";
import type { LimitLaw } from "./limit-law.ts";

/** A client's `concurrencyLimit` as configured. */
export type LimitSpec =
  | { readonly kind: "none" }
  | ({ readonly kind: "fairlead.gradient" } & GradientSpec)
  | ({ readonly kind: "fairlead.aimd" } & AimdSpec);

/** The limit of one client. What does not fit is refused at once: waiting would only add to the latency that the limit keeps low. */
export class AdaptiveLimit {
  readonly #law: LimitLaw;
  readonly #refused: Counter;
  #inFlight = 0;
  #full = false;

  /** @param scope the client's `concurrency_limit`. */
  constructor(law: LimitLaw, scope: Scope) {
    this.#law = law;
    this.#refused = scope.counter("refused");
    scope.gauge("limit", () => Math.floor(law.limit)); // cold: once per client
    scope.gauge("inflight", () => this.#inFlight); // cold: as above
  }

  /** Places there are, and places taken. */
  get limit(): number {
    return Math.floor(this.#law.limit);
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes a place; false when there is none. Each place taken is released once. */
  tryAcquire(): boolean {
    // A limit of 4.7 lets four in.
    if (this.#inFlight + 1 > this.#law.limit) {
      this.#full = true;
      this.#refused.inc();
      return false;
    }
    this.#inFlight++;
    return true;
  }

  /** Gives a place back. @param startedMs when the request was sent. */
  release(nowMs: number, startedMs: number, outcome: Outcome): void {
    this.#law.ended(nowMs, startedMs, outcome, this.#inFlight, this.#full);
    this.#full = false;
    this.#inFlight--;
  }
}

/** The limit that was configured; null for none. */
export function adaptiveLimit(spec: LimitSpec, scope: Scope, nowMs: number): AdaptiveLimit | null {
  if (spec.kind === "none") return null;
  if (spec.kind === "fairlead.aimd") return new AdaptiveLimit(new AimdLimit(spec), scope);
  const law = new GradientLimit(spec, nowMs);
  scope.gauge("min_rtt_ms", () => law.baselineMs); // cold: once per client
  return new AdaptiveLimit(law, scope);
}
