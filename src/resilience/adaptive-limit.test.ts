import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { seededRandom } from "../base/random.ts";
import { Outcome } from "../core/outcome.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry, PullGauge } from "../telemetry/registry.ts";
import { type AdaptiveLimit, adaptiveLimit, type LimitSpec } from "./adaptive-limit.ts";

const GRADIENT = {
  kind: "fairlead.gradient",
  initialLimit: 20,
  minLimit: 4,
  maxLimit: 1_000,
  tolerance: 1.5,
  smoothing: 0.2,
  windowMs: 100,
} as const;
const AIMD = {
  kind: "fairlead.aimd",
  initialLimit: 20,
  minLimit: 1,
  maxLimit: 1_000,
  latencyMs: 50,
  backoffRatio: 0.9,
} as const;

function setUp(spec: LimitSpec) {
  const registry = new MetricsRegistry(new ManualEnv());
  const limiter = adaptiveLimit(spec, registry.root, 0) as AdaptiveLimit;
  const read = (name: string) => {
    const metric = registry.find(name);
    return metric instanceof Counter || metric instanceof PullGauge ? metric.value : Number.NaN;
  };
  return { limiter, read };
}

/** Takes all places there are. */
function fill(limiter: AdaptiveLimit): number {
  let taken = 0;
  while (limiter.tryAcquire()) taken++;
  return taken;
}

interface Service {
  /** Requests it works on at a time. */
  readonly servers: number;
  /** Mean time of work, by the moment it begins; the times are drawn from an exponential distribution. */
  readonly meanMs: (nowMs: number) => number;
}

interface Reading {
  readonly perSecond: number;
  readonly latencyMs: number;
  readonly refused: number;
}

/** Poisson arrivals at a limiter before an M/M/k queue, until `untilMs`; readings of the last `lastMs`. */
function simulate(
  limiter: AdaptiveLimit,
  service: Service,
  perSecond: number,
  untilMs: number,
  lastMs: number,
): Reading {
  const random = seededRandom(7);
  const exponential = (meanMs: number) => -Math.log(1 - random.next()) * meanMs;
  const waiting: number[] = [];
  const working: { readonly startedMs: number; readonly endMs: number }[] = [];
  let nextMs = exponential(1_000 / perSecond);
  let [done, latencyMs, refused] = [0, 0, 0];
  const work = (nowMs: number, startedMs: number) => {
    working.push({ startedMs, endMs: nowMs + exponential(service.meanMs(nowMs)) });
    working.sort((a, b) => a.endMs - b.endMs);
  };
  for (;;) {
    const first = working[0];
    const nowMs = Math.min(nextMs, first?.endMs ?? nextMs);
    if (nowMs > untilMs) break;
    const counts = nowMs > untilMs - lastMs;
    if (first !== undefined && first.endMs === nowMs) {
      working.shift();
      limiter.release(nowMs, first.startedMs, Outcome.success);
      if (counts) {
        done++;
        latencyMs += nowMs - first.startedMs;
      }
      const startedMs = waiting.shift();
      if (startedMs !== undefined) work(nowMs, startedMs);
      continue;
    }
    nextMs += exponential(1_000 / perSecond);
    if (!limiter.tryAcquire()) refused += counts ? 1 : 0;
    else if (working.length < service.servers) work(nowMs, nowMs);
    else waiting.push(nowMs);
  }
  for (const { startedMs } of working) limiter.release(untilMs, startedMs, Outcome.ignorable);
  for (const startedMs of waiting) limiter.release(untilMs, startedMs, Outcome.ignorable);
  return { perSecond: done / (lastMs / 1_000), latencyMs: latencyMs / done, refused };
}

const always = (meanMs: number) => () => meanMs;
/** A thousand requests per second are what it can do. */
const tenServers = { servers: 10, meanMs: always(10) };

test("AdaptiveLimit of kind none is none", () => {
  expect(adaptiveLimit({ kind: "none" }, new MetricsRegistry(new ManualEnv()).root, 0)).toBeNull();
});

test("AdaptiveLimit lets as many in as its limit, and another when one has left", () => {
  const { limiter, read } = setUp(GRADIENT);
  expect(fill(limiter)).toBe(20);
  expect([read("limit"), read("inflight"), read("refused")]).toEqual([20, 20, 1]);
  limiter.release(5, 0, Outcome.success);
  expect(limiter.tryAcquire()).toBe(true);
  expect(limiter.tryAcquire()).toBe(false);
});

test("A gradient limit moves by a fifth of the way to gradient × limit + √limit", () => {
  const { limiter, read } = setUp({ ...GRADIENT, windowMs: 50 });
  for (let n = 0; n < 20; n++) limiter.tryAcquire();
  for (let n = 0; n < 9; n++) limiter.release(40, 0, Outcome.success);
  expect(read("limit")).toBe(20);
  limiter.release(60, 20, Outcome.success);
  // The first sample is its own average: the gradient is 1.
  expect(read("min_rtt_ms")).toBe(40);
  expect(read("limit")).toBe(Math.floor(20 + 0.2 * Math.sqrt(20)));
});

/** Ten answers at a moment when a window ends: one sample each, of a limit that is used up. */
function sampler(limiter: AdaptiveLimit): (latencyMs: number) => void {
  let nowMs = 0;
  return (latencyMs) => {
    nowMs += 1_001;
    fill(limiter);
    for (let n = 0; n < 10; n++) limiter.release(nowMs, nowMs - latencyMs, Outcome.success);
  };
}

test("A gradient limit falls as latency rises beyond what is tolerated, by a tenth per sample at most", () => {
  const { limiter, read } = setUp({ ...GRADIENT, initialLimit: 100 });
  const sample = sampler(limiter);
  let limit = 100;
  const expectLimit = (gradient: number) => {
    limit += 0.2 * (gradient * limit + Math.sqrt(limit) - limit);
    expect(read("limit")).toBe(Math.floor(limit));
  };
  for (let n = 0; n < 10; n++) {
    sample(10);
    expectLimit(1);
  }
  expect(read("min_rtt_ms")).toBeCloseTo(10, 9);
  sample(14.9);
  expectLimit(1);
  for (let n = 0; n < 10; n++) {
    sample(1_000);
    expectLimit(0.5);
  }
  for (let n = 0; n < 100; n++) sample(1_000);
  expect(read("limit")).toBe(4);
});

test("A gradient limit's long average follows by 2/601 of the way, a twentieth of that while requests are refused, and falls faster when it is out of date", () => {
  const { limiter, read } = setUp(GRADIENT);
  const sample = sampler(limiter);
  for (let n = 0; n < 10; n++) sample(100);
  sample(160);
  const refused = 100 + (60 * 2) / 601 / 20;
  expect(read("min_rtt_ms")).toBeCloseTo(refused, 9);
  sample(90);
  const less = refused + ((90 - refused) * 2) / 601;
  expect(read("min_rtt_ms")).toBeCloseTo(less, 9);
  sample(10);
  expect(read("min_rtt_ms")).toBeCloseTo(0.9 * (less + ((10 - less) * 2) / 601), 9);
});

test("A gradient limit waits two round trips to see what its last change did, but no longer than a second", () => {
  const { limiter, read } = setUp(GRADIENT);
  const expectWindowEnd = (endMs: number, latencyMs: number) => {
    const before = read("min_rtt_ms");
    fill(limiter);
    for (let n = 0; n < 10; n++) limiter.release(endMs - 1, endMs - 1 - latencyMs, Outcome.success);
    expect(read("min_rtt_ms")).toBe(before);
    limiter.release(endMs, endMs - latencyMs, Outcome.success);
    expect(read("min_rtt_ms")).not.toBe(before);
  };
  expectWindowEnd(100, 40);
  expectWindowEnd(200, 300);
  expectWindowEnd(800, 3_000);
  expectWindowEnd(1_800, 1);
});

test("A gradient limit that is hardly used does not grow", () => {
  const { limiter, read } = setUp(GRADIENT);
  for (let nowMs = 0; nowMs < 10_000; nowMs += 10) {
    limiter.tryAcquire();
    limiter.release(nowMs + 5, nowMs, Outcome.success);
  }
  expect(read("limit")).toBe(20);
  expect(read("min_rtt_ms")).toBeCloseTo(5, 9);
});

test("A gradient limit hears nothing from quick failures and callers who went away", () => {
  const { limiter, read } = setUp(GRADIENT);
  for (let round = 1; round <= 20; round++) {
    const nowMs = round * 200;
    const taken = fill(limiter);
    for (let n = 0; n < taken; n++) limiter.release(nowMs, nowMs, n % 2 === 0 ? Outcome.ignorable : Outcome.failure);
  }
  expect([read("limit"), read("min_rtt_ms")]).toEqual([20, 0]);
});

test("A gradient limit lets a service that is overloaded twice do all it can, with a short queue, for minutes", () => {
  const { limiter, read } = setUp(GRADIENT);
  const { perSecond, latencyMs } = simulate(limiter, tenServers, 2_000, 300_000, 60_000);
  expect(perSecond).toBeGreaterThan(970);
  expect(latencyMs).toBeLessThan(70);
  expect(read("limit")).toBeLessThan(80);
  expect(read("inflight")).toBe(0);
});

test("A gradient limit that knew calm times keeps latency near them under overload", () => {
  const { limiter, read } = setUp(GRADIENT);
  const service = { servers: 10, meanMs: (nowMs: number) => (nowMs < 60_000 ? 5 : 10) };
  const { perSecond, latencyMs } = simulate(limiter, service, 1_500, 180_000, 60_000);
  expect(perSecond).toBeGreaterThan(900);
  expect(latencyMs).toBeLessThan(30);
  expect(read("limit")).toBeLessThan(30);
});

test("A gradient limit finds its way back when the service is quick again", () => {
  const { limiter, read } = setUp(GRADIENT);
  const service = { servers: 10, meanMs: (nowMs: number) => (nowMs > 30_000 && nowMs < 60_000 ? 80 : 10) };
  const { perSecond, refused } = simulate(limiter, service, 600, 80_000, 10_000);
  expect(perSecond).toBeGreaterThan(570);
  expect(refused).toBe(0);
  expect(read("limit")).toBeGreaterThan(10);
});

test("A gradient limit does not hinder a service that has room", () => {
  const { limiter } = setUp(GRADIENT);
  const { latencyMs, refused } = simulate(limiter, tenServers, 600, 60_000, 50_000);
  expect(refused).toBe(0);
  expect(latencyMs).toBeLessThan(12);
});

test("An aimd limit grows by one per round trip, in time and at least half used", () => {
  const { limiter, read } = setUp(AIMD);
  for (let n = 0; n < 20; n++) limiter.tryAcquire();
  for (let n = 0; n < 21; n++) {
    expect(read("limit")).toBe(20);
    limiter.release(50, 0, Outcome.success);
    limiter.tryAcquire();
  }
  expect(read("limit")).toBe(21);
  for (let n = 0; n < 10; n++) limiter.release(50, 0, Outcome.failure);
  for (let n = 0; n < 100; n++) {
    limiter.release(50, 0, Outcome.success);
    limiter.tryAcquire();
  }
  expect(read("limit")).toBe(21);
});

test("An aimd limit falls by a tenth for slow answers, once for all that were sent before", () => {
  const { limiter, read } = setUp(AIMD);
  for (let n = 0; n < 20; n++) limiter.tryAcquire();
  limiter.release(51, 0, Outcome.success);
  expect(read("limit")).toBe(18);
  limiter.release(52, 0, Outcome.failure);
  limiter.release(110, 50, Outcome.success);
  expect(read("limit")).toBe(18);
  limiter.release(111, 51, Outcome.failure);
  expect(read("limit")).toBe(16);
  limiter.release(900, 300, Outcome.ignorable);
  limiter.release(901, 900, Outcome.failure);
  expect(read("limit")).toBe(16);
});

test("An aimd limit keeps an overloaded service's latency below what was asked for", () => {
  const { limiter, read } = setUp(AIMD);
  const { perSecond, latencyMs } = simulate(limiter, tenServers, 2_000, 60_000, 30_000);
  expect(perSecond).toBeGreaterThan(950);
  expect(latencyMs).toBeLessThan(50);
  expect(read("limit")).toBeLessThan(60);
  expect(read("inflight")).toBe(0);
});

const anySpec: fc.Arbitrary<LimitSpec> = fc
  .record({ aimd: fc.boolean(), minLimit: fc.integer({ min: 1, max: 20 }), more: fc.nat(200), start: fc.nat(300) })
  .map(({ aimd, minLimit, more, start }) => ({
    ...(aimd ? AIMD : GRADIENT),
    minLimit,
    maxLimit: minLimit + more,
    initialLimit: start,
  }));

test("AdaptiveLimit of any kind stays between its bounds, never lets in more, and ends with nothing in flight", () => {
  const event = fc.record({
    stepMs: fc.nat(300),
    wanted: fc.nat(60),
    ended: fc.nat(60),
    outcome: fc.constantFrom(Outcome.success, Outcome.success, Outcome.failure, Outcome.ignorable),
  });
  fc.assert(
    fc.property(anySpec, fc.array(event, { maxLength: 100 }), (spec, events) => {
      if (spec.kind === "none") return;
      const { limiter, read } = setUp(spec);
      const inFlight: number[] = [];
      let nowMs = 0;
      for (const { stepMs, wanted, ended, outcome } of events) {
        nowMs += stepMs;
        for (let n = 0; n < wanted; n++) {
          const taken = limiter.tryAcquire();
          expect(taken).toBe(inFlight.length < read("limit"));
          if (taken) inFlight.push(nowMs);
        }
        for (let n = 0; n < ended; n++) {
          const startedMs = inFlight.shift();
          if (startedMs !== undefined) limiter.release(nowMs, startedMs, outcome);
        }
        expect(read("inflight")).toBe(inFlight.length);
        expect(read("limit")).toBeGreaterThanOrEqual(spec.minLimit);
        expect(read("limit")).toBeLessThanOrEqual(spec.maxLimit);
      }
      for (const startedMs of inFlight) limiter.release(nowMs, startedMs, Outcome.success);
      expect(read("inflight")).toBe(0);
    }),
  );
});
