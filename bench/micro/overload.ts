// What keeps overload from spreading, as it runs for each request.
import { systemClock } from "../../src/base/clock.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Deadline } from "../../src/core/deadline.ts";
import { Outcome } from "../../src/core/outcome.ts";
import { type AdaptiveLimit, adaptiveLimit, type LimitSpec } from "../../src/resilience/adaptive-limit.ts";
import { RetryBudget } from "../../src/resilience/budget.ts";
import { DeadlineAdmission } from "../../src/resilience/deadline-admission.ts";
import { HedgePolicy } from "../../src/resilience/hedge-policy.ts";
import { NackAdmission } from "../../src/resilience/nack-admission.ts";
import { Retries } from "../../src/resilience/retries.ts";
import type { MetricsRegistry } from "../../src/telemetry/registry.ts";
import type { Operation } from "./operations.ts";

const BUDGET = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
const LIMITS = { initialLimit: 20, minLimit: 4, maxLimit: 1000 };

/** Fresh operations. Whole milliseconds as times, as for the balancers. */
export function overloadOperations(registry: MetricsRegistry): Operation[] {
  return [
    nackOperation(registry),
    deadlineOperation(registry),
    limitOperation(registry, { kind: "fairlead.gradient", ...LIMITS, tolerance: 1.5, smoothing: 0.2, windowMs: 100 }),
    limitOperation(registry, { kind: "fairlead.aimd", ...LIMITS, latencyMs: 50, backoffRatio: 0.9 }),
    hedgeOperation(registry),
    retriesOperation(registry),
    retryOperation(registry),
  ];
}

function nackOperation(registry: MetricsRegistry): Operation {
  const admission = new NackAdmission(registry.root.scope("nack_admission_control"), 0.5);
  const random = seededRandom(1);
  let nowMs = 1;
  return {
    name: "NackAdmission: admit and record",
    run(times) {
      let admitted = 0;
      for (let n = 0; n < times; n++) {
        nowMs++;
        if (!admission.admits(nowMs, random)) continue;
        admitted++;
        admission.record(nowMs, (n & 3) !== 0);
      }
      return admitted;
    },
  };
}

function deadlineOperation(registry: MetricsRegistry): Operation {
  const admission = new DeadlineAdmission("enforce", registry.root, 0.5);
  const deadlines = Array.from({ length: 1024 }, (_, n): Deadline => ({
    timestampMs: 1_000_000,
    timestampRestNs: 0,
    deadlineMs: 1_000_000 + (n % 100) - 5,
    deadlineRestNs: 0,
    received: true,
  }));
  let nowMs = 1;
  return {
    name: "DeadlineAdmission: judge",
    run(times) {
      let verdicts = 0;
      for (let n = 0; n < times; n++) verdicts += admission.judge(deadlines[n & 1023]!, 1_000_001, nowMs++);
      return verdicts;
    },
  };
}

function limitOperation(registry: MetricsRegistry, spec: LimitSpec): Operation {
  const limiter = adaptiveLimit(spec, registry.root.scope(spec.kind), 0.5) as AdaptiveLimit; // not of kind none
  for (let n = 0; n < 12; n++) limiter.tryAcquire();
  let nowMs = 1;
  return {
    name: `AdaptiveLimit, ${spec.kind}`,
    run(times) {
      let acquired = 0;
      for (let n = 0; n < times; n++) {
        nowMs++;
        if (!limiter.tryAcquire()) continue;
        acquired++;
        limiter.release(nowMs, nowMs - (n & 31), Outcome.success);
      }
      return acquired;
    },
  };
}

function hedgeOperation(registry: MetricsRegistry): Operation {
  const hedge = new HedgePolicy({ maxExtraLoad: 0.01, minDelayMs: 1 }, registry.root.scope("backups"), 0.5);
  const client = new RetryBudget(BUDGET, 0.5);
  let [nowMs, fractions] = [1, 0];
  return {
    name: "HedgePolicy: a request, a backup in 128",
    run(times) {
      let backups = 0;
      for (let n = 0; n < times; n++) {
        // Ten requests in a millisecond.
        if (++fractions % 10 === 0) nowMs++;
        hedge.started(nowMs);
        if (hedge.delayMs(nowMs) > 0 && (n & 127) === 0 && hedge.mayHedge(nowMs, client)) backups++;
        hedge.record(nowMs, n & 63);
      }
      return backups;
    },
  };
}

function retriesOperation(registry: MetricsRegistry): Operation {
  const retries = new Retries({ budget: BUDGET }, registry.root.scope("retries"), systemClock);
  let nowMs = systemClock.nowMs();
  return {
    name: "Retries: a request without a retry",
    run(times) {
      nowMs = Math.ceil(nowMs);
      for (let n = 0; n < times; n++) {
        nowMs++;
        retries.begin(nowMs);
        retries.ended(0);
      }
      return nowMs;
    },
  };
}

function retryOperation(registry: MetricsRegistry): Operation {
  // A jittered delay is a fraction, which costs the retry one small object.
  const backoff = { kind: "constant", ms: 25 } as const;
  const retries = new Retries({ budget: BUDGET, backoff }, registry.root.scope("retried"), systemClock);
  const random = seededRandom(1);
  let nowMs = systemClock.nowMs();
  let previousMs = 0;
  return {
    name: "Retries: a request with a retry",
    run(times) {
      nowMs = Math.ceil(nowMs);
      let retried = 0;
      for (let n = 0; n < times; n++) {
        nowMs++;
        retries.begin(nowMs);
        if (!retries.allows(nowMs, 0)) continue;
        previousMs = retries.delayMs(previousMs, random);
        retried++;
        retries.ended(1);
      }
      return retried + previousMs;
    },
  };
}
