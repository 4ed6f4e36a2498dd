import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { Histogram } from "../telemetry/histogram.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { RetryBudget } from "./budget.ts";
import { HedgePolicy, type HedgeSpec } from "./hedge-policy.ts";

function setUp(changes: Partial<HedgeSpec> = {}) {
  const registry = new MetricsRegistry(new ManualEnv());
  const hedge = new HedgePolicy({ maxExtraLoad: 0.01, minDelayMs: 1, ...changes }, registry.root.scope("backups"), 0);
  const count = (name: string) => {
    const metric = registry.find("backups", name);
    return metric instanceof Counter ? metric.value : metric instanceof Histogram ? metric.totalCount : Number.NaN;
  };
  return { hedge, count };
}

const clientBudget = (minRetriesPerSec = 10) =>
  new RetryBudget({ ttlSecs: 10, minRetriesPerSec, percentCanRetry: 0.2 }, 0);

/** Requests that took 1, 2, … `most` ms. */
function recordUpTo(hedge: HedgePolicy, most: number): void {
  for (let ms = 1; ms <= most; ms++) hedge.record(0, ms);
}

test("HedgePolicy sends the backup when all but the slowest share would have been answered", () => {
  const { hedge, count } = setUp();
  recordUpTo(hedge, 1_000);
  expect(hedge.delayMs(3_000)).toBe(990);
  expect(count("send_backup_after_ms")).toBe(1);
  const { hedge: bolder } = setUp({ maxExtraLoad: 0.1 });
  recordUpTo(bolder, 1_000);
  expect(bolder.delayMs(3_000)).toBe(900);
});

test("HedgePolicy sends no backup before it has looked at latencies, and looks every three seconds", () => {
  const { hedge } = setUp();
  recordUpTo(hedge, 100);
  expect(hedge.delayMs(0)).toBe(-1);
  expect(hedge.delayMs(2_999)).toBe(-1);
  expect(hedge.delayMs(3_000)).toBe(99);
  for (let n = 0; n < 100; n++) hedge.record(3_000, 500);
  expect(hedge.delayMs(5_999)).toBe(99);
  expect(hedge.delayMs(6_000)).toBe(500);
});

test("HedgePolicy without latencies sends no backup, and none when it has forgotten them", () => {
  const { hedge, count } = setUp();
  expect(hedge.delayMs(3_000)).toBe(-1);
  hedge.record(3_000, 7);
  expect(hedge.delayMs(6_000)).toBe(7);
  expect(hedge.delayMs(60_000)).toBe(-1);
  expect(count("send_backup_after_ms")).toBe(1);
});

test.each([
  ["at least a millisecond", { minDelayMs: 1 }, 0.2, 1],
  ["at least what is configured", { minDelayMs: 50 }, 20, 50],
  ["nothing to speak of above", { minDelayMs: 50 }, 70, 70],
  ["up to what is counted", { minDelayMs: 1 }, 1_999, 1_999],
  ["never when it is longer", { minDelayMs: 1 }, 2_000, -1],
  ["never when it is much longer", { minDelayMs: 1 }, 60_000, -1],
])("HedgePolicy waits %s", (_, spec, latencyMs, delayMs) => {
  const { hedge } = setUp(spec);
  hedge.record(0, latencyMs);
  expect(hedge.delayMs(3_000)).toBe(delayMs);
});

test("HedgePolicy pays for one backup with a hundred requests, of whatever kind", () => {
  const { hedge, count } = setUp();
  const client = clientBudget();
  for (let n = 0; n < 99; n++) hedge.started(0);
  expect(hedge.mayHedge(0, client)).toBe(false);
  hedge.started(0);
  expect(hedge.mayHedge(0, client)).toBe(true);
  expect(hedge.mayHedge(0, client)).toBe(false);
  hedge.won();
  expect([count("backups_sent"), count("backups_won"), count("budget_exhausted")]).toEqual([1, 1, 2]);
});

test("HedgePolicy needs both budgets, and pays from neither when one refuses", () => {
  const { hedge, count } = setUp({ maxExtraLoad: 0.5 });
  const empty = clientBudget(0);
  for (let n = 0; n < 2; n++) hedge.started(0);
  expect(hedge.mayHedge(0, empty)).toBe(false);
  expect(count("budget_exhausted")).toBe(1);
  const client = clientBudget();
  expect(hedge.mayHedge(0, client)).toBe(true);
  expect(client.balance(0)).toBe(99);
  expect(hedge.mayHedge(0, client)).toBe(false);
  expect(client.balance(0)).toBe(99);
});

test("HedgePolicy sends at most its share of backups over ten seconds, less one slice", () => {
  const event = fc.record({ stepMs: fc.nat(2_000), requests: fc.nat(50), wishes: fc.nat(10) });
  fc.assert(
    fc.property(fc.constantFrom(0, 0.01, 0.05, 0.5), fc.array(event, { maxLength: 60 }), (maxExtraLoad, events) => {
      const { hedge } = setUp({ maxExtraLoad });
      const client = clientBudget(1_000);
      const history: { atMs: number; requests: number; sent: number }[] = [];
      let nowMs = 0;
      for (const { stepMs, requests, wishes } of events) {
        nowMs += stepMs;
        for (let n = 0; n < requests; n++) hedge.started(nowMs);
        let sent = 0;
        for (let n = 0; n < wishes; n++) if (hedge.mayHedge(nowMs, client)) sent++;
        history.push({ atMs: nowMs, requests, sent });
        if (sent === 0) continue;
        const lately = history.filter(({ atMs }) => atMs > nowMs - 9_000).reduce((sum, h) => sum + h.sent, 0);
        const earned = history.filter(({ atMs }) => atMs > nowMs - 10_000).reduce((sum, h) => sum + h.requests, 0);
        expect(lately).toBeLessThanOrEqual(maxExtraLoad * earned);
      }
    }),
  );
});
