import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { seededRandom } from "../base/random.ts";
import { Histogram } from "../telemetry/histogram.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry, PullGauge } from "../telemetry/registry.ts";
import { Retries, type RetriesSpec } from "./retries.ts";

const BUDGET = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };

function setUp(changes: Partial<RetriesSpec> = {}) {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  const retries = new Retries({ budget: BUDGET, ...changes }, registry.root.scope("retries"), env.clock);
  const count = (name: string) => {
    const metric = registry.find("retries", name);
    if (metric instanceof Histogram) return metric.totalSum;
    return metric instanceof Counter || metric instanceof PullGauge ? metric.value : Number.NaN;
  };
  return { env, retries, count };
}

test("Retries begin with a budget of a hundred; every request adds a fifth of one", () => {
  const { retries, count } = setUp();
  expect(count("budget")).toBe(100);
  for (let n = 0; n < 50; n++) retries.begin(0);
  expect(count("budget")).toBe(110);
  for (let n = 0; n < 110; n++) expect(retries.allows(0, n)).toBe(true);
  expect(retries.allows(0, 0)).toBe(false);
  expect([count("total"), count("budget"), count("budget_exhausted")]).toEqual([110, 0, 1]);
});

test("Retries come back when the budget's ttl has passed", () => {
  const { env, retries, count } = setUp();
  for (let n = 0; n < 101; n++) retries.allows(0, 0);
  expect(count("budget_exhausted")).toBe(1);
  env.advance(11_000);
  expect(count("budget")).toBe(100);
  expect(retries.allows(11_000, 0)).toBe(true);
});

test("Retries of one request stop at maxRetries, and pay nothing for that", () => {
  const { retries, count } = setUp({ maxRetries: 2 });
  expect([0, 1, 2, 3].map((soFar) => retries.allows(0, soFar))).toEqual([true, true, false, false]);
  expect([count("total"), count("max_exhausted"), count("budget_exhausted"), count("budget")]).toEqual([2, 2, 0, 98]);
});

test("Retries with a maxRetries of 0 are off", () => {
  const { retries } = setUp({ maxRetries: 0 });
  expect(retries.allows(0, 0)).toBe(false);
});

test("Retries count what they did for each request, and what they could not do", () => {
  const { retries, count } = setUp();
  retries.ended(0);
  retries.ended(3);
  retries.ended(2);
  retries.cannotReplay();
  expect([count("per_request"), count("cannot_replay"), count("backoffs_exhausted")]).toEqual([5, 1, 0]);
});

test("Retries follow at once without a backoff, and after the same time with a constant one", () => {
  const random = seededRandom(1);
  expect(setUp().retries.delayMs(0, random)).toBe(0);
  const { retries } = setUp({ backoff: { kind: "constant", ms: 25 } });
  expect([0, 25, 25].map((previous) => retries.delayMs(previous, random))).toEqual([25, 25, 25]);
});

test("Retries with jitter wait minMs first, then up to three times as long as before and never longer than maxMs", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(5_000), fc.nat(), (minMs, more, seed) => {
      const maxMs = minMs + more;
      const { retries } = setUp({ backoff: { kind: "jittered", minMs, maxMs } });
      const random = seededRandom(seed);
      let previousMs = retries.delayMs(0, random);
      expect(previousMs).toBe(minMs);
      for (let n = 0; n < 20; n++) {
        const delayMs = retries.delayMs(previousMs, random);
        expect(delayMs).toBeGreaterThanOrEqual(minMs);
        expect(delayMs).toBeLessThanOrEqual(Math.min(maxMs, 3 * previousMs));
        previousMs = delayMs;
      }
    }),
  );
});

test("Retries are, over any ttl less one slice, at most their share of the ttl's requests and their minimum", () => {
  const event = fc.record({ stepMs: fc.oneof(fc.nat(50), fc.nat(3_000)), requests: fc.nat(20), failures: fc.nat(30) });
  const budget = fc.record({
    ttlSecs: fc.integer({ min: 1, max: 10 }),
    minRetriesPerSec: fc.nat(3),
    percentCanRetry: fc.constantFrom(0, 0.01, 0.2, 1, 2),
  });
  fc.assert(
    fc.property(budget, fc.array(event, { maxLength: 60 }), (budget, events) => {
      const { retries } = setUp({ budget });
      const history: { atMs: number; requests: number; retried: number }[] = [];
      let nowMs = 0;
      for (const { stepMs, requests, failures } of events) {
        nowMs += stepMs;
        for (let n = 0; n < requests; n++) retries.begin(nowMs);
        let retried = 0;
        for (let n = 0; n < failures; n++) if (retries.allows(nowMs, 0)) retried++;
        expect(retries.budget.balance(nowMs)).toBeGreaterThanOrEqual(0);
        history.push({ atMs: nowMs, requests, retried });
        if (retried === 0) continue;
        const ttlMs = budget.ttlSecs * 1_000;
        const lately = history.filter(({ atMs }) => atMs > nowMs - 0.9 * ttlMs).reduce((sum, h) => sum + h.retried, 0);
        const earned = history.filter(({ atMs }) => atMs > nowMs - ttlMs).reduce((sum, h) => sum + h.requests, 0);
        expect(lately).toBeLessThanOrEqual(budget.percentCanRetry * earned + budget.minRetriesPerSec * budget.ttlSecs);
      }
    }),
  );
});

test("Retries show their parameters", () => {
  const { retries } = setUp({ maxRetries: 3, backoff: { kind: "jittered", minMs: 10, maxMs: 200 } });
  expect(retries.view()).toEqual({ ...BUDGET, maxRetries: 3, backoff: "10 to 200 ms" });
  expect(setUp().retries.view()).toMatchObject({ maxRetries: null, backoff: "0 to 0 ms" });
});
