import fc from "fast-check";
import { expect, test } from "vitest";
import { Ewma } from "./ewma.ts";

test("Ewma takes the first sample as it is", () => {
  const average = new Ewma(10);
  expect(average.update(1000, 7)).toBe(7);
});

test("Ewma gives an old sample the weight exp(-distance/window)", () => {
  const average = new Ewma(10);
  average.update(0, 1);
  expect(average.update(10, 0)).toBeCloseTo(Math.exp(-1), 12);
  expect(average.update(30, 1)).toBeCloseTo(1 - Math.exp(-2) + Math.exp(-3), 12);
});

test("Ewma ignores a lower sample that has no distance from the last one", () => {
  const average = new Ewma(10);
  average.update(5, 4);
  expect(average.update(5, 0)).toBe(4);
  expect(average.update(3, 0)).toBe(4);
});

test("Ewma with no window keeps the last sample only", () => {
  const average = new Ewma(0);
  average.update(1, 4);
  expect(average.update(1, 9)).toBe(9);
});

test("Ewma starts over after a reset", () => {
  const average = new Ewma(10);
  average.update(1, 4);
  average.reset();
  expect(average.value).toBe(0);
  expect(average.update(2, 9)).toBe(9);
});

test("Ewma stays between the smallest and the largest sample, whatever the steps", () => {
  const sample = fc.record({
    step: fc.double({ min: 0, max: 100, noNaN: true }),
    x: fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
      const average = new Ewma(10);
      let stamp = 0;
      for (const { step, x } of samples) average.update((stamp += step), x);
      const all = samples.map((s) => s.x);
      expect(average.value).toBeGreaterThanOrEqual(Math.min(...all) - 1e-6);
      expect(average.value).toBeLessThanOrEqual(Math.max(...all) + 1e-6);
    }),
  );
});
