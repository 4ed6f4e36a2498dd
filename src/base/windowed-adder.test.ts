import fc from "fast-check";
import { expect, test } from "vitest";
import { WindowedAdder } from "./windowed-adder.ts";

test("WindowedAdder sums what was added within the window", () => {
  const adder = new WindowedAdder(10_000, 10, 0);
  adder.add(3, 0);
  adder.add(4, 5_500);
  expect(adder.sum(9_999)).toBe(7);
});

test("WindowedAdder forgets slice by slice", () => {
  const adder = new WindowedAdder(10_000, 10, 0);
  adder.add(1, 999);
  adder.add(2, 1_000);
  expect(adder.sum(9_999)).toBe(3);
  expect(adder.sum(10_000)).toBe(2);
  expect(adder.sum(10_999)).toBe(2);
  expect(adder.sum(11_000)).toBe(0);
});

test("WindowedAdder is empty after a long silence and goes on from there", () => {
  const adder = new WindowedAdder(10_000, 10, 0);
  adder.add(5, 0);
  expect(adder.sum(86_400_000)).toBe(0);
  adder.add(2, 86_400_500);
  expect(adder.sum(86_401_000)).toBe(2);
});

test("WindowedAdder takes a clock reading from before the current slice as now", () => {
  const adder = new WindowedAdder(10_000, 10, 0);
  adder.add(1, 5_000);
  adder.add(1, 4_000);
  expect(adder.sum(14_999)).toBe(2);
});

test("WindowedAdder keeps everything younger than window minus slice and nothing older than the window", () => {
  const addition = fc.record({
    stepMs: fc.integer({ min: 0, max: 3_000 }),
    amount: fc.integer({ min: -5_000, max: 5_000 }),
  });
  fc.assert(
    fc.property(fc.array(addition, { maxLength: 60 }), (additions) => {
      const adder = new WindowedAdder(1_000, 5, 0);
      const seen: { atMs: number; amount: number }[] = [];
      let nowMs = 0;
      for (const { stepMs, amount } of additions) {
        nowMs += stepMs;
        adder.add(amount, nowMs);
        seen.push({ atMs: nowMs, amount });
        const firstSlice = Math.floor(nowMs / 200) - 4;
        const expected = seen
          .filter((s) => Math.floor(s.atMs / 200) >= firstSlice)
          .reduce((sum, s) => sum + s.amount, 0);
        expect(adder.sum(nowMs)).toBe(expected);
      }
    }),
  );
});

test("A windowed adder that is reset holds nothing, and a slice begins then", () => {
  const adder = new WindowedAdder(100, 5, 0);
  for (const nowMs of [0, 30, 70]) adder.add(1, nowMs);
  adder.reset(75);
  expect(adder.sum(75)).toBe(0);
  adder.add(2, 94);
  expect(adder.sum(174)).toBe(2);
  expect(adder.sum(175)).toBe(0);
});
