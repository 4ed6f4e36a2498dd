// Sets of policies: what judges an instance, and what repeats a request.
import type { AccrualSpec } from "../../src/resilience/accrual/kinds.ts";
import type { BudgetSpec } from "../../src/resilience/budget.ts";
import type { PolicyName } from "./scenario.ts";

/**
 * Who repeats a request that failed, whatever the failure: nobody, a budget for all requests of a client (linkerd1 §6.6.1), or every
 * request by itself so many times. Retries are done by the simulator, with the product's budget.
 */
export type Retries =
  | { readonly at: "none" }
  | { readonly at: "budget"; readonly spec: BudgetSpec; readonly earnedBy: "requests" | "successes" }
  | { readonly at: "always"; readonly times: number };

export interface Policy {
  readonly doc: string;
  readonly accrual: AccrualSpec;
  /** Null: nothing is requeued. */
  readonly requeues: BudgetSpec | null;
  readonly retries: Retries;
}

/** The product's defaults. */
const budget: BudgetSpec = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
const accrual: AccrualSpec = { kind: "io.l5d.consecutiveFailures", failures: 5 };
const none = { at: "none" } as const;

export const policies: Readonly<Record<PolicyName, Policy>> = {
  bare: { doc: "no accrual, nothing repeated", accrual: { kind: "none" }, requeues: null, retries: none },
  accrual: { doc: "accrual, nothing repeated", accrual, requeues: null, retries: none },
  default: { doc: "accrual and requeues: the defaults", accrual, requeues: budget, retries: none },
  retries: {
    doc: "defaults, and retries within a budget",
    accrual,
    requeues: budget,
    retries: { at: "budget", spec: budget, earnedBy: "requests" },
  },
  earned: {
    doc: "the same, but only requests that succeed fill the budget",
    accrual,
    requeues: budget,
    retries: { at: "budget", spec: budget, earnedBy: "successes" },
  },
  storm: {
    doc: "defaults, and two retries each without a budget",
    accrual,
    requeues: budget,
    retries: { at: "always", times: 2 },
  },
};
