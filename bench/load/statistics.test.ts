import fc from "fast-check";
import { expect, test } from "vitest";
import { median, quantile, seededRandom, shuffled, spread } from "./statistics.ts";

test("median takes the middle of an odd count and the mean of the two middles of an even one", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
});

test("median of nothing is not a number", () => {
  expect(median([])).toBeNaN();
});

test("spread keeps the range beside the median", () => {
  expect(spread([1.02, 0.98, 1.1])).toEqual({ median: 1.02, min: 0.98, max: 1.1 });
});

test("quantile uses the nearest rank, so p99 of forty values is their largest", () => {
  const values = Array.from({ length: 40 }, (_, i) => i + 1);
  expect(quantile(values, 0.99)).toBe(40);
  expect(quantile(values, 0.5)).toBe(20);
});

test("seededRandom gives the same numbers for the same seed, all of them in 0…1", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
      const [a, b] = [seededRandom(seed), seededRandom(seed)];
      for (let i = 0; i < 20; i++) {
        const value = a();
        expect(value).toBe(b());
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(1);
      }
    }),
  );
});

test("shuffled keeps every item exactly once", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
      const ascending = (a: number, b: number): number => a - b;
      expect(shuffled(items, seededRandom(seed)).toSorted(ascending)).toEqual(items.toSorted(ascending));
    }),
  );
});

test("shuffled does not always begin with the same item", () => {
  const random = seededRandom(7);
  const firsts = new Set(Array.from({ length: 50 }, () => shuffled(["nginx", "haproxy", "fairlead"], random)[0]));
  expect(firsts.size).toBe(3);
});
