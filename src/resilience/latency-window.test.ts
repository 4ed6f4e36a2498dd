import fc from "fast-check";
import { expect, test } from "vitest";
import { LatencyWindow } from "./latency-window.ts";

function windowOf(latencies: readonly number[], atMs = 0): LatencyWindow {
  const window = new LatencyWindow(0);
  for (const latency of latencies) window.record(atMs, latency);
  return window;
}

test("LatencyWindow knows the percentiles of whole milliseconds exactly", () => {
  const window = windowOf(Array.from({ length: 1_000 }, (_, n) => n + 1));
  expect(window.percentile(0, 0.5)).toBe(500);
  expect(window.percentile(0, 0.9)).toBe(900);
  expect(window.percentile(0, 0.99)).toBe(990);
  expect(window.percentile(0, 0.999)).toBe(999);
  expect(window.percentile(0, 1)).toBe(1_000);
  expect(window.percentile(0, 0)).toBe(1);
});

test("LatencyWindow does not lose a rank to binary fractions", () => {
  expect(0.55 * 100).toBeGreaterThan(55);
  expect(windowOf(Array.from({ length: 100 }, (_, n) => n + 1)).percentile(0, 0.55)).toBe(55);
});

test("LatencyWindow cuts fractions off and takes what it cannot hold for the longest", () => {
  const window = windowOf([0.7, 1.9, -3, Number.NaN, 5_000, Number.POSITIVE_INFINITY]);
  expect(window.percentile(0, 0.5)).toBe(0);
  expect(window.percentile(0, 0.6)).toBe(1);
  expect(window.percentile(0, 1)).toBe(2_000);
});

test("LatencyWindow without requests has no percentile", () => {
  const window = new LatencyWindow(0);
  expect(window.percentile(0, 0.99)).toBe(-1);
  window.record(0, 5);
  expect(window.percentile(30_000, 0.99)).toBe(-1);
});

test("LatencyWindow remembers the current bucket of ten seconds and two older ones", () => {
  const window = new LatencyWindow(0);
  window.record(9_999, 10);
  window.record(10_000, 20);
  window.record(25_000, 30);
  expect(window.percentile(29_999, 0)).toBe(10);
  expect(window.percentile(30_000, 0)).toBe(20);
  expect(window.percentile(40_000, 0)).toBe(30);
  expect(window.percentile(50_000, 0)).toBe(-1);
  window.record(1_000_000, 40);
  expect(window.percentile(1_000_000, 0)).toBe(40);
});

test("LatencyWindow's percentiles are those of the sorted latencies of its three buckets", () => {
  const event = fc.record({ stepMs: fc.oneof(fc.nat(500), fc.nat(15_000)), latencyMs: fc.nat(2_500) });
  fc.assert(
    fc.property(
      fc.array(event, { minLength: 1, maxLength: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (events, share) => {
        const window = new LatencyWindow(0);
        let nowMs = 0;
        const all = events.map(({ stepMs, latencyMs }) => {
          nowMs += stepMs;
          window.record(nowMs, latencyMs);
          return { bucket: Math.floor(nowMs / 10_000), latencyMs: Math.min(latencyMs, 2_000) };
        });
        const recent = all.filter(({ bucket }) => bucket > Math.floor(nowMs / 10_000) - 3);
        const sorted = recent.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.ceil(share * sorted.length - 1e-9));
        expect(window.percentile(nowMs, share)).toBe(sorted[rank - 1]);
      },
    ),
  );
});
