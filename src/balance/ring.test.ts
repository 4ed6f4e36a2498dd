import fc from "fast-check";
import { expect, test } from "vitest";
import { covers, windowWidth } from "./ring.ts";

const logicalOf = (endpoints: number) => Math.min(12, endpoints);

test.each([
  [3, 10, 1],
  [10, 100, 0.2],
  [4, 18, 0.75],
  [65, 20, 0.6153846],
  [1, 50, 1],
  [100, 13, 0.93],
])("The window of each of %i clients of %i endpoints is %f wide, as Finagle's", (clients, endpoints, width) => {
  expect(windowWidth(clients, endpoints, logicalOf(endpoints))).toBeCloseTo(width, 7);
});

test("A window covers endpoints in part and goes on past the end of the ring", () => {
  const second = covers({ id: 1, count: 4 }, 18, 12);
  expect(second.slice(0, 4)).toEqual([0, 0, 0, 0]);
  expect(second[4]).toBeCloseTo(0.5, 9);
  expect(second.slice(5).every((share) => Math.abs(share - 1) < 1e-9)).toBe(true);
  const first = covers({ id: 0, count: 12 }, 24, 12);
  expect(first.flatMap((share, at) => (share > 0 ? [at] : []))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  const last = covers({ id: 11, count: 12 }, 24, 12);
  expect(last.flatMap((share, at) => (share > 0 ? [at] : []))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 22, 23]);
});

test("All clients together cover every endpoint equally, and each at least what it wants", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 80 }), (count, endpoints) => {
      const logical = logicalOf(endpoints);
      const sums = new Array<number>(endpoints).fill(0);
      for (let id = 0; id < count; id++) {
        const shares = covers({ id, count }, endpoints, logical);
        shares.forEach((share, at) => (sums[at]! += share));
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeGreaterThan(logical - 1e-6);
        expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
      }
      for (const sum of sums) expect(Math.abs(sum - sums[0]!)).toBeLessThan(1e-6);
    }),
  );
});
