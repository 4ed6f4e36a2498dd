// Accrual policies by kind (linkerd1 §6.3).
import { type Backoff, constant, decorrelatedJittered, equalJittered } from "../../base/backoff.ts";
import type { Random } from "../../base/random.ts";
import { ConsecutiveFailures } from "./consecutive-failures.ts";
import { never } from "./none.ts";
import type { AccrualPolicy } from "./policy.ts";

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
  | { readonly kind: "none" };

/** Linkerd's own backoff for dead endpoints, unlike a configured `jittered` one, draws with equal jitter. */
const DEFAULT_DEAD_MS = { first: 5_000, longest: 300_000 } as const;

/** A policy for one endpoint. */
export function accrualPolicy(spec: AccrualSpec, random: Random): AccrualPolicy {
  if (spec.kind === "none") return never;
  return new ConsecutiveFailures(spec.failures, deadFor(spec.backoff, random));
}

function deadFor(spec: BackoffSpec | undefined, random: Random): Backoff {
  if (spec === undefined) return equalJittered(DEFAULT_DEAD_MS.first, DEFAULT_DEAD_MS.longest, random);
  return spec.kind === "constant" ? constant(spec.ms) : decorrelatedJittered(spec.minMs, spec.maxMs, random);
}
