import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveShare, partOf, SharedTotal } from "./share.ts";

test("the parts of all event loops add up to the total, and none is without", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), fc.integer({ min: 1, max: 64 }), (total, of) => {
      const parts = Array.from({ length: of }, (_, index) => partOf(total, { index, of }));
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(1);
      if (total >= of) expect(parts.reduce((sum, part) => sum + part, 0)).toBe(total);
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
    }),
  );
});

test("no limit is none for each", () => {
  expect(partOf(0, { index: 1, of: 2 })).toBe(0);
  expect(partOf(Number.POSITIVE_INFINITY, { index: 1, of: 2 })).toBe(Number.POSITIVE_INFINITY);
});

test("a part grows when another event loop is gone", () => {
  const live = new LiveShare({ index: 0, of: 2 });
  const total = new SharedTotal(9, live);
  expect(total.part).toBe(5);
  live.change({ index: 0, of: 1 });
  expect(total.part).toBe(9);
});
