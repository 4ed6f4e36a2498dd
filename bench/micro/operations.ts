// The operations of the numeric crafts, each as a loop: timed by the bench, checked for allocation by its test.
import { systemEnv } from "../../src/base/env.ts";
import { seededRandom } from "../../src/base/random.ts";
import { TimerWheel, WheelTimer } from "../../src/base/timer-wheel.ts";
import { type BalancerSpec, createBalancer } from "../../src/balance/balancer.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../../src/core/picker.ts";
import { constant } from "../../src/base/backoff.ts";
import { accrualCounters } from "../../src/resilience/accrual/accrual.ts";
import { SlowStart } from "../../src/resilience/slow-start.ts";
import { Standing } from "../../src/resilience/standing.ts";
import { noCap } from "../../src/resilience/accrual/ejection-cap.ts";
import { ConsecutiveFailures } from "../../src/resilience/accrual/consecutive-failures.ts";
import { RetryBudget } from "../../src/resilience/budget.ts";
import type { MetricsRegistry } from "../../src/telemetry/registry.ts";

/** An operation, `times` over. */
export interface Operation {
  readonly name: string;
  readonly run: (times: number) => number;
}

const nobody = { died: () => undefined, revived: () => undefined };

/** A slow start that does not end. */
const FOREVER_MS = 1e12;

/** A node with accrual, as the data path has it. */
class Node implements BalancerNode {
  readonly key: string;
  readonly cell: LoadCell;
  readonly accrual: Standing;
  weight = 1;

  constructor(key: string, cell: LoadCell, accrual: Standing) {
    this.key = key;
    this.cell = cell;
    this.accrual = accrual;
  }

  status(nowMs: number): EndpointStatus {
    return this.accrual.status(nowMs, EndpointStatus.open);
  }

  settledStatus(nowMs: number): EndpointStatus {
    return this.accrual.settledStatus(nowMs, EndpointStatus.open);
  }
}

/** Fresh operations; dispose the registry afterwards. */
export function operations(registry: MetricsRegistry): readonly Operation[] {
  return [
    ...metricOperations(registry),
    ...balanceOperations(registry),
    ...resilienceOperations(),
    ...wheelOperations(),
  ];
}

function metricOperations(registry: MetricsRegistry): Operation[] {
  const counters = Array.from({ length: 12 }, (_, n) => registry.root.counter(`c${n}`));
  const counter = registry.root.counter("requests");
  const latency = registry.root.latency("request_latency_ms");
  const values = Float64Array.from({ length: 1024 }, (_, n) => 0.05 + ((n * 7919) % 997) * 0.113);
  return [
    {
      name: "Counter.inc, one counter",
      run(times) {
        for (let n = 0; n < times; n++) counter.inc();
        return counter.value;
      },
    },
    {
      name: "Counter.inc, twelve counters in turn",
      run(times) {
        for (let n = 0; n < times; n++) counters[n % 12]!.inc();
        return counters[0]!.value;
      },
    },
    {
      name: "Histogram.record, varying milliseconds",
      run(times) {
        for (let n = 0; n < times; n++) latency.record(values[n & 1023]!);
        return latency.totalCount;
      },
    },
  ];
}

const probation = { enableProbation: false };
const aperture = {
  kind: "aperture",
  ...probation,
  maxEffort: 5,
  smoothWindowMs: 5_000,
  lowLoad: 0.5,
  highLoad: 2,
} as const;

const BALANCERS: readonly (readonly [string, BalancerSpec])[] = [
  ["p2c", { kind: "p2c", ...probation, maxEffort: 5 }],
  ["ewma", { kind: "ewma", ...probation, maxEffort: 5, decayTimeMs: 10_000 }],
  ["aperture", { ...aperture, minAperture: 3, minDeterministicAperture: 12 }],
  ["ring aperture", { ...aperture, minAperture: 1, minDeterministicAperture: 12, peer: { id: 1, count: 3 } }],
  ["heap", { kind: "heap", ...probation }],
  ["best of 5", { kind: "fairlead.bestOf", ...probation, choices: 5, answers: 20, decayTimeMs: 10_000, maxEffort: 5 }],
  ["round robin", { kind: "roundRobin", ...probation, maxEffort: 5 }],
];

function balanceOperations(registry: MetricsRegistry): Operation[] {
  return BALANCERS.flatMap(([kind, spec]) => [
    pickOperation(registry, kind, spec, 3),
    pickOperation(registry, kind, spec, 100),
    pickOperation(registry, kind, spec, 8, 3),
  ]);
}

/** @param ramping how many of the nodes get only a part of the picks. */
function pickOperation(
  registry: MetricsRegistry,
  kind: string,
  spec: BalancerSpec,
  size: number,
  ramping = 0,
): Operation {
  const scope = registry.root.scope(`${kind}${size}`);
  const env = { ...systemEnv(), random: seededRandom(1) };
  const nothing = { left: () => undefined, expired: () => undefined };
  const balancer = createBalancer<Node>(spec, env, scope, nothing);
  const slowStart = new SlowStart(FOREVER_MS, seededRandom(2), () => balancer.nodes);
  const shared = { counters: accrualCounters(scope), cap: noCap, slowStart };
  const node = (_: unknown, n: number) => {
    const standing = new Standing(new ConsecutiveFailures(5, constant(5_000)), shared, nobody);
    if (n < ramping) standing.ramp(0.5);
    return new Node(`h:${n}`, balancer.newCell(), standing);
  };
  balancer.update(Array.from({ length: size }, node));
  // Whole milliseconds as times: a fraction computed here would be boxed at every call, while a clock reading is boxed once a turn.
  // Fractions once, so that the fields are made for them.
  for (const each of balancer.nodes) {
    each.cell.start(0.25);
    each.cell.end(0.5, 0.25);
  }
  let nowMs = 1;
  return {
    name: `${kind} of ${size}${ramping > 0 ? `, ${ramping} ramping` : ""}: pick, start, accrual, end`,
    run(times) {
      let load = 0;
      for (let n = 0; n < times; n++) {
        nowMs++;
        const picked = balancer.pick(nowMs)!;
        picked.cell.start(nowMs);
        picked.accrual.started(nowMs);
        picked.accrual.succeeded(nowMs);
        picked.cell.end(nowMs + 1, nowMs);
        load += picked.cell.pending;
      }
      return load;
    },
  };
}

function resilienceOperations(): Operation[] {
  const budget = new RetryBudget({ ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 }, 0.5);
  let nowMs = 1;
  return [
    {
      name: "RetryBudget: deposit and balance",
      run(times) {
        let balance = 0;
        for (let n = 0; n < times; n++) {
          nowMs++;
          budget.deposit(nowMs);
          balance += budget.balance(nowMs);
        }
        return balance;
      },
    },
  ];
}

function wheelOperations(): Operation[] {
  const env = systemEnv();
  const idle = { cancel: () => undefined, [Symbol.dispose]: () => undefined };
  const wheel = new TimerWheel({
    clock: env.clock,
    timers: { after: () => idle, every: () => idle, soon: () => undefined },
  });
  let fired = 0;
  const owner = { onTimer: () => void fired++ };
  const timers = Array.from({ length: 1024 }, () => new WheelTimer(owner));
  const busy = Array.from({ length: 1024 }, () => new WheelTimer(owner));
  for (const timer of busy) wheel.arm(timer, 1e9);
  let nowMs = env.clock.nowMs();
  return [
    {
      name: "TimerWheel: arm and cancel",
      run(times) {
        for (let n = 0; n < times; n++) {
          const timer = timers[n & 1023]!;
          wheel.arm(timer, 1_000);
          wheel.cancel(timer);
        }
        return wheel.armed;
      },
    },
    {
      name: "TimerWheel: re-arm, 1024 armed",
      run(times) {
        for (let n = 0; n < times; n++) wheel.arm(busy[n & 1023]!, 1e9);
        return wheel.armed;
      },
    },
    {
      name: "TimerWheel: arm, place, fire",
      run(times) {
        for (let n = 0; n < times; n++) {
          wheel.arm(timers[n & 1023]!, 0);
          if ((n & 1023) === 1023) wheel.advance((nowMs += 50));
        }
        return fired;
      },
    },
  ];
}
