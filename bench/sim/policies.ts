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
  /** Share of the instances that may be out at a time, and how gently one comes back; 100 and 0 are the defaults of Linkerd 1.x files. */
  readonly maxEjectionPercent: number;
  readonly slowStartMs: number;
  /** Null: nothing is requeued. */
  readonly requeues: BudgetSpec | null;
  readonly retries: Retries;
}

/** The product's defaults. */
const budget: BudgetSpec = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
const accrual: AccrualSpec = { kind: "io.l5d.consecutiveFailures", failures: 5 };
const none = { at: "none" } as const;
const original = { maxEjectionPercent: 100, slowStartMs: 0 } as const;

export const policies: Readonly<Record<PolicyName, Policy>> = {
  bare: { doc: "no accrual, nothing repeated", ...original, accrual: { kind: "none" }, requeues: null, retries: none },
  accrual: { doc: "accrual, nothing repeated", ...original, accrual, requeues: null, retries: none },
  default: {
    doc: "accrual and requeues: the defaults of Linkerd 1.x files",
    ...original,
    accrual,
    requeues: budget,
    retries: none,
  },
  retries: {
    doc: "defaults, and retries within a budget",
    ...original,
    accrual,
    requeues: budget,
    retries: { at: "budget", spec: budget, earnedBy: "requests" },
  },
  earned: {
    doc: "the same, but only requests that succeed fill the budget",
    ...original,
    accrual,
    requeues: budget,
    retries: { at: "budget", spec: budget, earnedBy: "successes" },
  },
  storm: {
    doc: "defaults, and two retries each without a budget",
    ...original,
    accrual,
    requeues: budget,
    retries: { at: "always", times: 2 },
  },
  modern: {
    doc: "the defaults of files with fairlead: 1: success rate or failures in a row, at most half of all out, and a gentle return",
    accrual: { kind: "fairlead.successRateOrFailures", successRate: 0.8, window: 30, failures: 5 },
    maxEjectionPercent: 50,
    slowStartMs: 10_000,
    requeues: budget,
    retries: none,
  },
};
