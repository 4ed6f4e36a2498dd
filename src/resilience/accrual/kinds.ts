// Accrual policies by kind (linkerd1 §6.3).
import { type Backoff, constant, decorrelatedJittered, equalJittered } from "../../base/backoff.ts";
import type { Random } from "../../base/random.ts";
import { ConsecutiveFailures } from "./consecutive-failures.ts";
import { never } from "./none.ts";
import { OrElse } from "./or-else.ts";
import type { AccrualPolicy } from "./policy.ts";
import { SuccessRate } from "./success-rate.ts";
import { SuccessRateWindowed } from "./success-rate-windowed.ts";

/** A `backoff` as configured. */
export type BackoffSpec =
  | { readonly kind: "constant"; readonly ms: number }
  | { readonly kind: "jittered"; readonly minMs: number; readonly maxMs: number };

/** A client's `failureAccrual` as configured. */
export type AccrualSpec =
  | {
      readonly kind: "io.l5d.consecutiveFailures";
      readonly failures: number;
      readonly backoff?: BackoffSpec | undefined;
    }
  | {
      readonly kind: "io.l5d.successRate";
      readonly successRate: number;
      readonly requests: number;
      readonly backoff?: BackoffSpec | undefined;
    }
  | {
      readonly kind: "io.l5d.successRateWindowed";
      readonly successRate: number;
      /** In seconds. */
      readonly window: number;
      readonly backoff?: BackoffSpec | undefined;
    }
  | {
      readonly kind: "fairlead.successRateOrFailures";
      readonly successRate: number;
      /** In seconds. */
      readonly window: number;
      readonly failures: number;
      readonly backoff?: BackoffSpec | undefined;
    }
  | { readonly kind: "none" };

/** Linkerd's own backoff for dead endpoints, unlike a configured `jittered` one, draws with equal jitter. */
const DEFAULT_DEAD_MS = { first: 5_000, longest: 300_000 } as const;

/** A policy for one endpoint, which looks at it from now on. */
export function accrualPolicy(spec: AccrualSpec, random: Random, nowMs: number): AccrualPolicy {
  const backoff = () => deadFor("backoff" in spec ? spec.backoff : undefined, random);
  switch (spec.kind) {
    case "none":
      return never;
    case "io.l5d.consecutiveFailures":
      return new ConsecutiveFailures(spec.failures, backoff());
    case "io.l5d.successRate":
      return new SuccessRate(spec.successRate, spec.requests, backoff());
    case "io.l5d.successRateWindowed":
      return new SuccessRateWindowed(spec.successRate, spec.window * 1000, backoff(), nowMs);
    case "fairlead.successRateOrFailures":
      return new OrElse(
        new SuccessRateWindowed(spec.successRate, spec.window * 1000, backoff(), nowMs),
        new ConsecutiveFailures(spec.failures, backoff()),
      );
  }
}

/** The parameters of failure accrual, for people. */
export function accrualView(spec: AccrualSpec): Readonly<Record<string, string | number>> {
  const { backoff, ...rest } = { backoff: undefined, ...spec };
  if (backoff === undefined) return rest;
  const { kind, ...times } = backoff;
  return { ...rest, backoff: [kind, ...Object.values(times)].join(" ") };
}

/** How long an endpoint is dead each time. */
export function deadFor(spec: BackoffSpec | undefined, random: Random): Backoff {
  if (spec === undefined) return equalJittered(DEFAULT_DEAD_MS.first, DEFAULT_DEAD_MS.longest, random);
  return spec.kind === "constant" ? constant(spec.ms) : decorrelatedJittered(spec.minMs, spec.maxMs, random);
}
