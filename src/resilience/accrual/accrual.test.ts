import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { undeclaredMetrics } from "../../../test/support/undeclared-metrics.ts";
import { constant, equalJittered } from "../../base/backoff.ts";
import { seededRandom } from "../../base/random.ts";
import { EndpointStatus } from "../../core/picker.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { Accrual, accrualCounters, type AccrualOwner } from "./accrual.ts";
import { ConsecutiveFailures } from "./consecutive-failures.ts";
import { noCap } from "./ejection-cap.ts";
import { accrualPolicy } from "./kinds.ts";
import { never } from "./none.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";

const { busy, closed, open } = EndpointStatus;

class Log implements AccrualOwner {
  readonly lines: string[] = [];
  died(forMs: number, again: boolean): void {
    this.lines.push(`${again ? "again " : ""}dead for ${forMs}`);
  }
  revived(): void {
    this.lines.push("alive");
  }
}

function setUp(policy: AccrualPolicy, cap = noCap) {
  const registry = new MetricsRegistry(new ManualEnv());
  const counters = accrualCounters(registry.root.scope("rt", "http", "client", "x", "failure_accrual"));
  const log = new Log();
  const counted = () => [
    counters.removals.value,
    counters.probes.value,
    counters.revivals.value,
    counters.removedForMs.value,
  ];
  return { registry, log, counted, accrual: new Accrual(policy, counters, log, cap) };
}

const fails = (accrual: Accrual, times: number, nowMs: number) => {
  for (let n = 0; n < times; n++) {
    accrual.started(nowMs);
    accrual.failed(nowMs);
  }
};

test("An endpoint dies after five failures in a row, is probed after its dead period, and a success revives it", () => {
  const { accrual, counted, log } = setUp(new ConsecutiveFailures(5, constant(10_000)));
  fails(accrual, 4, 0);
  expect(accrual.settledStatus(0, open)).toBe(open);
  fails(accrual, 1, 0);
  expect(accrual.settledStatus(0, open)).toBe(busy);
  expect(accrual.health(9_999)).toBe("dead");
  expect(accrual.health(10_000)).toBe("probing");
  expect(accrual.settledStatus(10_000, open)).toBe(open);
  accrual.started(10_001);
  expect(accrual.settledStatus(10_001, open)).toBe(busy);
  accrual.succeeded(10_002);
  expect(accrual.settledStatus(10_002, open)).toBe(open);
  expect(accrual.health(10_002)).toBe("alive");
  expect(counted()).toEqual([1, 1, 1, 10_000]);
  expect(log.lines).toEqual(["dead for 10000", "alive"]);
});

test("A success between failures starts the count over", () => {
  const { accrual } = setUp(new ConsecutiveFailures(3, constant(1_000)));
  fails(accrual, 2, 0);
  accrual.succeeded(0);
  fails(accrual, 2, 0);
  expect(accrual.health(0)).toBe("alive");
  fails(accrual, 1, 0);
  expect(accrual.health(0)).toBe("dead");
});

test("A failed probe means dead for the next, longer period; a revival starts the backoff over", () => {
  const { accrual, counted, log } = setUp(
    new ConsecutiveFailures(1, equalJittered(5_000, 300_000, { next: () => 0, int: () => 0, bits32: () => 0 })),
  );
  fails(accrual, 1, 0);
  fails(accrual, 1, 5_000);
  fails(accrual, 1, 10_000);
  expect(accrual.health(19_999)).toBe("dead");
  accrual.started(20_000);
  accrual.succeeded(20_000);
  fails(accrual, 1, 30_000);
  expect(log.lines).toEqual(["dead for 5000", "again dead for 5000", "again dead for 10000", "alive", "dead for 5000"]);
  expect(counted()).toEqual([2, 3, 1, 25_000]);
});

test("An ignorable outcome of the probe leaves the endpoint probing, for another request", () => {
  const { accrual, counted } = setUp(new ConsecutiveFailures(1, constant(1_000)));
  fails(accrual, 1, 0);
  accrual.started(1_000);
  accrual.ignored(1_001);
  expect(accrual.settledStatus(1_001, open)).toBe(open);
  expect(accrual.health(1_001)).toBe("probing");
  expect(counted()).toEqual([1, 1, 0, 1_000]);
});

test("An ignorable outcome says nothing of a live endpoint", () => {
  const { accrual } = setUp(new ConsecutiveFailures(2, constant(1_000)));
  fails(accrual, 1, 0);
  accrual.ignored(0);
  fails(accrual, 1, 0);
  expect(accrual.health(0)).toBe("dead");
});

test("A failed probe that the policy forgives leaves the endpoint probing", () => {
  let verdict = 1_000;
  const { accrual } = setUp({ ...never, failed: () => verdict });
  fails(accrual, 1, 0);
  verdict = STAY;
  fails(accrual, 1, 1_000);
  expect(accrual.health(1_000)).toBe("probing");
  expect(accrual.settledStatus(1_000, open)).toBe(open);
});

test("What was in flight when the endpoint died is not judged while it is dead", () => {
  const { accrual, counted } = setUp(new ConsecutiveFailures(2, constant(1_000)));
  for (let n = 0; n < 5; n++) accrual.started(0);
  for (let n = 0; n < 4; n++) accrual.failed(10);
  accrual.succeeded(20);
  expect(accrual.health(20)).toBe("dead");
  expect(accrual.health(1_010)).toBe("probing");
  expect(counted()).toEqual([1, 1, 0, 1_000]);
});

test("A request that is sent to a dead endpoint in need does not count as its probe", () => {
  const { accrual, counted } = setUp(new ConsecutiveFailures(1, constant(1_000)));
  fails(accrual, 1, 0);
  accrual.started(500);
  accrual.succeeded(600);
  expect(accrual.health(600)).toBe("dead");
  expect(counted()).toEqual([1, 0, 0, 1_000]);
});

test("The status below shows through while the endpoint is alive or waits for its probe", () => {
  const { accrual } = setUp(new ConsecutiveFailures(1, constant(1_000)));
  expect(accrual.settledStatus(0, closed)).toBe(closed);
  fails(accrual, 1, 0);
  expect(accrual.settledStatus(0, closed)).toBe(busy);
  expect(accrual.settledStatus(1_000, busy)).toBe(busy);
  expect(accrual.settledStatus(1_000, closed)).toBe(closed);
});

test("The kind none never takes an endpoint out", () => {
  const { accrual } = setUp(never);
  fails(accrual, 1_000, 0);
  accrual.succeeded(0);
  expect(accrual.health(0)).toBe("alive");
});

test("The default policy is five failures and five seconds; configured backoffs are constant or decorrelated", () => {
  const random = seededRandom(1);
  const deaths = (policy: AccrualPolicy) => Array.from({ length: 8 }, () => policy.failed(0));
  const byDefault = deaths(accrualPolicy({ kind: "io.l5d.consecutiveFailures", failures: 5 }, random, 0));
  expect(byDefault.slice(0, 5)).toEqual([STAY, STAY, STAY, STAY, 5_000]);
  expect(byDefault[5]).toBeGreaterThanOrEqual(5_000);
  expect(byDefault[5]).toBeLessThan(10_000);
  const kind = "io.l5d.consecutiveFailures";
  expect(
    deaths(accrualPolicy({ kind, failures: 7, backoff: { kind: "constant", ms: 40 } }, random, 0)).slice(5),
  ).toEqual([STAY, 40, 40]);
  const jittered = deaths(
    accrualPolicy({ kind, failures: 1, backoff: { kind: "jittered", minMs: 10, maxMs: 50 } }, random, 0),
  );
  expect(jittered[0]).toBe(10);
  for (const ms of jittered) expect(ms).toBeLessThanOrEqual(50);
  expect(accrualPolicy({ kind: "none" }, random, 0)).toBe(never);
});

test("The counters of failure accrual are declared", () => {
  expect(undeclaredMetrics(setUp(never).registry.root)).toEqual([]);
});

/** The state machine of finagle §3.1 with a timer for each dead period, as a list of plain facts. */
class Model {
  state: "alive" | "dead" | "probe open" | "probe closed" = "alive";
  failures = 0;
  wakesAtMs = 0;
  removals = 0;
  probes = 0;
  revivals = 0;
  removedForMs = 0;

  tick(nowMs: number): void {
    if (this.state !== "dead" || nowMs < this.wakesAtMs) return;
    this.state = "probe open";
    this.probes++;
  }
  start(): void {
    if (this.state === "probe open") this.state = "probe closed";
  }
  succeed(): void {
    if (this.state === "probe closed") {
      this.state = "alive";
      this.revivals++;
    }
    this.failures = 0;
  }
  fail(nowMs: number): void {
    if (this.state === "dead" || this.state === "probe open") return;
    this.failures++;
    if (this.failures >= 3) {
      if (this.state === "alive") this.removals++;
      this.state = "dead";
      this.wakesAtMs = nowMs + 100;
      this.removedForMs += 100;
    } else if (this.state === "probe closed") this.state = "probe open";
  }
  ignore(): void {
    if (this.state === "probe closed") this.state = "probe open";
  }
}

test("Accrual without timers does what the state machine with timers does, for any order of events", () => {
  const event = fc.record({
    act: fc.constantFrom("start", "succeed", "fail", "fail", "fail", "ignore", "look"),
    stepMs: fc.constantFrom(0, 1, 30, 99, 100, 250),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const { accrual, counted } = setUp(new ConsecutiveFailures(3, constant(100)));
      const model = new Model();
      const agree = (atMs: number) => {
        expect(accrual.settledStatus(atMs, open)).toBe(
          model.state === "alive" || model.state === "probe open" ? open : busy,
        );
        expect(accrual.health(atMs)).toBe(model.state.startsWith("probe") ? "probing" : model.state);
        expect(counted()).toEqual([model.removals, model.probes, model.revivals, model.removedForMs]);
      };
      const steps = {
        start: (atMs: number) => (accrual.started(atMs), model.start()),
        succeed: (atMs: number) => (accrual.succeeded(atMs), model.succeed()),
        fail: (atMs: number) => (accrual.failed(atMs), model.fail(atMs)),
        ignore: (atMs: number) => (accrual.ignored(atMs), model.ignore()),
        look: agree,
      };
      let nowMs = 0;
      for (const { act, stepMs } of events) {
        nowMs += stepMs;
        model.tick(nowMs);
        steps[act](nowMs);
      }
      agree(nowMs);
    }),
    { numRuns: 500 },
  );
});
