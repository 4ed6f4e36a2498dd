// What policy comes to at run time: configuration with every default filled in.
import type { BalancerSpec } from "../balance/balancer.ts";
import type { AccrualSpec } from "../resilience/accrual/kinds.ts";
import type { BudgetSpec } from "../resilience/budget.ts";
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
  readonly noDelay: boolean;
  readonly keepAlive: boolean;
}

/** Policy of one logical name (linkerd1 §6.6). */
export interface ServiceSettings {
  readonly totalTimeoutMs: number;
  /** Which answers are failures; of `io.l5d.http.allSuccessful` none is. */
  readonly allSuccessful: boolean;
}

/** Looks policy up by name: concrete ids for clients, logical names for services. */
export interface Policies {
  client(id: string): ClientSettings;
  service(path: string): ServiceSettings;
}
