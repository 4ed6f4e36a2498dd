import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { type Random, seededRandom } from "../base/random.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry, PullGauge } from "../telemetry/registry.ts";
import { NackAdmission } from "./nack-admission.ts";

const WINDOW_MS = 120_000;

function setUp() {
  const registry = new MetricsRegistry(new ManualEnv());
  const admission = new NackAdmission(registry.root.scope("nack_admission_control"), 0);
  const read = (name: string) => {
    const metric = registry.find("nack_admission_control", name);
    return metric instanceof Counter || metric instanceof PullGauge ? metric.value : Number.NaN;
  };
  return { admission, ema: () => read("ema_value"), dropped: () => read("dropped_requests") };
}

/** Dice that always show the same. */
const showing = (value: number): Random => ({ next: () => value, int: () => 0, bits32: () => 0 });
const highest = showing(1 - 2 ** -32);

/** Ten requests in no time and then one refusal that far away, so that the average becomes what is asked for. */
function sinkTo(admission: NackAdmission, from: number, to: number, fromMs: number): number {
  const atMs = fromMs - WINDOW_MS * Math.log(to / from);
  for (let n = 0; n < 10; n++) admission.admits(atMs, highest);
  admission.record(atMs, true);
  return atMs;
}

test("NackAdmission begins with an average of one and sends everything", () => {
  const { admission, ema, dropped } = setUp();
  expect(ema()).toBe(1);
  for (let n = 0; n < 100; n++) expect(admission.admits(n, showing(0))).toBe(true);
  expect(dropped()).toBe(0);
});

test.each([
  [0.5, 0],
  [0.49, 0.02],
  [0.4, 0.2],
  [0.3, 0.4],
  [0.2, 0.6],
  [0.125, 0.75],
  [0.01, 0.75],
])("NackAdmission drops at an average of %s with a probability of %s", (average, share) => {
  const { admission, ema, dropped } = setUp();
  const atMs = sinkTo(admission, 1, average + 1e-12, 0);
  expect(ema()).toBeCloseTo(average, 9);
  if (share > 0) expect(admission.admits(atMs, showing(share - 1e-6))).toBe(false);
  expect(admission.admits(atMs, showing(share + 1e-6))).toBe(true);
  expect(dropped()).toBe(share > 0 ? 1 : 0);
});

test("NackAdmission weighs an answer by the time since the one before it, and not at all when there was none", () => {
  const { admission, ema } = setUp();
  for (let n = 0; n < 10; n++) admission.admits(1_000, highest);
  admission.record(1_000, true);
  expect(ema()).toBeCloseTo(Math.exp(-1_000 / WINDOW_MS), 12);
  const before = ema();
  admission.record(1_000, true);
  admission.record(999, true);
  expect(ema()).toBe(before);
  admission.record(1_000 + WINDOW_MS, false);
  expect(ema()).toBeCloseTo(before + (1 - Math.exp(-1)) * (1 - before), 12);
});

test("NackAdmission takes a refusal for an answer when there were fewer than five requests in the last second", () => {
  const { admission, ema } = setUp();
  const atMs = sinkTo(admission, 1, 0.4, 0);
  const laterMs = atMs + 10_000;
  for (let n = 0; n < 4; n++) admission.admits(laterMs, highest);
  admission.record(laterMs, true);
  expect(ema()).toBeGreaterThan(0.4);
  const before = ema();
  admission.admits(laterMs + 100, highest);
  admission.record(laterMs + 100, true);
  expect(ema()).toBeLessThan(before);
});

test("NackAdmission lets a quarter through when everything is refused, and everything soon after that has ended", () => {
  const { admission, ema } = setUp();
  const random = seededRandom(3);
  let sent = 0;
  const run = (fromMs: number, seconds: number, nacked: boolean) => {
    sent = 0;
    for (let nowMs = fromMs; nowMs < fromMs + seconds * 1_000; nowMs += 10) {
      if (!admission.admits(nowMs, random)) continue;
      sent++;
      admission.record(nowMs + 5, nacked);
    }
  };
  run(0, 600, true);
  expect(ema()).toBeLessThan(0.01);
  run(600_000, 60, true);
  expect(sent / 6_000).toBeCloseTo(0.25, 1);
  run(660_000, 90, false);
  expect(ema()).toBeGreaterThan(0.5);
  run(750_000, 10, false);
  expect(sent).toBe(1_000);
});

test("NackAdmission's average stays between zero and one, and what is dropped does not move it", () => {
  const event = fc.record({ stepMs: fc.nat(60_000), requests: fc.nat(8), nacked: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 100 }), (events) => {
      const { admission, ema } = setUp();
      let nowMs = 0;
      for (const { stepMs, requests, nacked } of events) {
        nowMs += stepMs;
        const before = ema();
        for (let n = 0; n < requests; n++) admission.admits(nowMs, showing(0));
        expect(ema()).toBe(before);
        admission.record(nowMs, nacked);
        expect(ema()).toBeGreaterThanOrEqual(0);
        expect(ema()).toBeLessThanOrEqual(1);
      }
    }),
  );
});
