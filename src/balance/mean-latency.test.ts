import fc from "fast-check";
import { expect, test } from "vitest";
import type { LoadCell } from "../core/picker.ts";
import { MeanLatency } from "./mean-latency.ts";

const loadAt = (cell: LoadCell, nowMs: number): number => {
  cell.weigh(nowMs);
  return cell.load;
};

test("MeanLatency moves to each answer by its share and falls while none come", () => {
  const cell = new MeanLatency(20, 10_000);
  cell.start(0);
  cell.end(100, 0);
  expect(loadAt(cell, 100)).toBeCloseTo(100, 9);
  cell.start(100);
  cell.end(100, 100);
  expect(loadAt(cell, 100)).toBeCloseTo(95, 9);
  expect(loadAt(cell, 10_100)).toBeCloseTo(95 / Math.E, 9);
});

test("MeanLatency counts what waits by its age once that is more than the mean", () => {
  const cell = new MeanLatency(20, 10_000);
  cell.start(0);
  cell.end(10, 0);
  cell.start(10);
  cell.start(20);
  expect(loadAt(cell, 20)).toBeCloseTo(3 * 10 * Math.exp(-10 / 10_000), 9);
  expect(loadAt(cell, 1_015)).toBeCloseTo(3 * 1_000, 9);
});

test("MeanLatency counts a tunnel as in progress, and neither its age nor its length", () => {
  const cell = new MeanLatency(20, 1e12);
  cell.start(0);
  cell.answered(10, 0);
  expect(loadAt(cell, 3_600_000)).toBeCloseTo(20, 3);
  cell.start(3_600_000);
  expect(loadAt(cell, 3_600_100)).toBeCloseTo(300, 3);
  cell.end(3_600_100, 3_600_000);
  const before = loadAt(cell, 3_600_100);
  cell.left();
  expect(cell.pending).toBe(0);
  expect(loadAt(cell, 3_600_100)).toBeCloseTo(before / 2, 3);
});

test("MeanLatency of an endpoint without history is free while idle and nearly infinite while busy", () => {
  const cell = new MeanLatency(20, 10_000);
  expect(loadAt(cell, 5)).toBe(0);
  cell.start(5);
  expect(loadAt(cell, 6)).toBe(2 ** 47);
});

test("MeanLatency after a long time believes the newest answer", () => {
  const cell = new MeanLatency(20, 1_000);
  cell.start(0);
  cell.end(100, 0);
  cell.start(20_000);
  cell.end(20_010, 20_000);
  expect(loadAt(cell, 20_010)).toBeCloseTo(10, 3);
});

test("MeanLatency does not fall by failing fast, and weighs more the more fails", () => {
  const [sound, failing] = [new MeanLatency(20, 10_000), new MeanLatency(20, 10_000)];
  let nowMs = 0;
  for (let n = 0; n < 200; n++) {
    for (const cell of [sound, failing]) cell.start(nowMs);
    sound.end(nowMs + 20, nowMs, false);
    const failed = n % 2 === 1;
    failing.end(nowMs + (failed ? 1 : 20), nowMs, failed);
    nowMs += 20;
  }
  expect(loadAt(failing, nowMs) / loadAt(sound, nowMs)).toBeGreaterThan(3);
});

test("MeanLatency of an endpoint that only fails is high and finite", () => {
  const cell = new MeanLatency(20, 10_000);
  for (let n = 0; n < 1_000; n++) {
    cell.start(n);
    cell.end(n + 1, n, true);
  }
  expect(loadAt(cell, 1_000)).toBeCloseTo(4, 1);
});

test("MeanLatency reads the same however often it is read in between", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(500), { minLength: 1, maxLength: 20 }), (steps) => {
      const [read, unread] = [new MeanLatency(20, 10_000), new MeanLatency(20, 10_000)];
      let nowMs = 0;
      for (const step of steps) {
        for (const cell of [read, unread]) cell.start(nowMs);
        nowMs += step;
        read.weigh(nowMs);
        for (const cell of [read, unread]) cell.end(nowMs, nowMs - step);
      }
      expect(loadAt(read, nowMs + 50)).toBe(loadAt(unread, nowMs + 50));
    }),
  );
});

test("MeanLatency does not care about clock readings out of order", () => {
  const cell = new MeanLatency(20, 10_000);
  cell.start(100);
  cell.end(90, 100);
  expect(cell.pending).toBe(0);
  expect(loadAt(cell, 80)).toBe(0);
});
