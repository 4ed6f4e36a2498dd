// What policy comes to at run time: configuration with every default filled in.
import type { BalancerSpec } from "../balance/balancer.ts";
import type { Classifier } from "../core/classifier.ts";
import type { StreamTimeouts } from "../core/stream-timeout.ts";
import type { AccrualSpec } from "../resilience/accrual/kinds.ts";
import type { LimitSpec } from "../resilience/adaptive-limit.ts";
import type { BudgetSpec } from "../resilience/budget.ts";
import type { RetriesSpec } from "../resilience/retries.ts";
import type { HedgeSpec } from "../resilience/hedge-policy.ts";
import type { HedgedMethods } from "./hedging.ts";
import type { HoldLimits } from "./held-answer.ts";
import type { HealthCheckSpec } from "../resilience/health/health-check.ts";
import type { PoolLimits } from "../sessions/pool.ts";

/** Policy of one bound client (linkerd1 §6.1). 0 ms = no limit. */
export interface ClientSettings {
  readonly balancer: BalancerSpec;
  readonly accrual: AccrualSpec;
  readonly maxEjectionPercent: number;
  readonly slowStartMs: number;
  readonly failFast: boolean;
  readonly healthCheck: HealthCheckSpec;
  readonly pool: PoolLimits;
  readonly attemptTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly requeueBudget: BudgetSpec;
  readonly concurrencyLimit: LimitSpec;
  /** Null for no second attempts. */
  readonly hedge: (HedgeSpec & { readonly methods: HedgedMethods }) | null;
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
  /** Of connections to endpoints; null for none. */
  readonly timeouts: StreamTimeouts | null;
}

/** Policy of one logical name (linkerd1 §6.6). */
export interface ServiceSettings {
  readonly totalTimeoutMs: number;
  readonly retries: RetriesSpec;
  /** How an answer is held back whose end has to tell whether it failed; null where none is. */
  readonly hold: HoldLimits | null;
  /** So much of a request's body is kept to be sent again. */
  readonly replayBytes: number;
  /** How long one try may take to the head of its answer; 0 for no limit. */
  readonly perTryTimeoutMs: number;
  /** Which answers are failures. */
  readonly classifier: Classifier;
}

/** Looks policy up by name: concrete ids for clients, logical names for services. */
export interface Policies {
  client(id: string): ClientSettings;
  service(path: string): ServiceSettings;
}
