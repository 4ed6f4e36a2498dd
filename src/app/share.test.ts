import fc from "fast-check";
import { expect, test } from "vitest";
import { RetryBudget } from "../resilience/budget.ts";
import { LiveShare, partOf, sharedBudget, SharedTotal, WHOLE } from "./share.ts";

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

test("what may be repeated without traffic is split, and follows the event loops that live", () => {
  const spec = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };
  const live = new LiveShare({ index: 1, of: 2 });
  const budget = new RetryBudget(sharedBudget(spec, live), 0);
  expect(budget.balance(0)).toBe(50);
  live.change({ index: 0, of: 1 });
  expect(budget.balance(0)).toBe(100);
  for (let i = 0; i < 80; i++) expect(budget.tryWithdraw(0)).toBe(true);
  live.change({ index: 0, of: 2 }); // the other one is back, and this one has used up more than its part
  expect(budget.balance(0)).toBe(0);
  expect(budget.tryWithdraw(0)).toBe(false);
  expect(sharedBudget(spec, new LiveShare(WHOLE))).toBe(spec);
});
