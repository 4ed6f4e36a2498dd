import fc from "fast-check";
import { expect, test } from "vitest";
import { InvariantViolation } from "../base/invariant.ts";
import { type BudgetSpec, RetryBudget } from "./budget.ts";

const DEFAULTS: BudgetSpec = { ttlSecs: 10, minRetriesPerSec: 10, percentCanRetry: 0.2 };

const budgetOf = (changes: Partial<BudgetSpec> = {}) => new RetryBudget({ ...DEFAULTS, ...changes }, 0);

/** Withdraws until refused, at most `most` times. */
function drain(budget: RetryBudget, nowMs: number, most = 100_000): number {
  let paid = 0;
  while (paid < most && budget.tryWithdraw(nowMs)) paid++;
  return paid;
}

test("RetryBudget with defaults counts as Finagle's own code does", () => {
  const budget = budgetOf();
  expect(budget.balance(0)).toBe(100);
  for (let n = 0; n < 50; n++) budget.deposit(0);
  expect(budget.balance(0)).toBe(110);
  expect(drain(budget, 0)).toBe(110);
  expect(budget.balance(0)).toBe(0);
  expect(budget.tryWithdraw(0)).toBe(false);
  expect(budget.balance(11_000)).toBe(100);
});

test("RetryBudget refuses the retry that would overdraw it, and takes nothing for it", () => {
  const budget = budgetOf({ minRetriesPerSec: 0 });
  for (let n = 0; n < 4; n++) budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(false);
  budget.deposit(0);
  expect(budget.tryWithdraw(0)).toBe(true);
  expect(budget.tryWithdraw(0)).toBe(false);
});

test("RetryBudget's withdrawals expire as well as its deposits", () => {
  const budget = budgetOf();
  expect(drain(budget, 0)).toBe(100);
  expect(budget.tryWithdraw(9_999)).toBe(false);
  expect(drain(budget, 10_000)).toBe(100);
});

test("RetryBudget's deposits expire slice by slice", () => {
  const budget = budgetOf({ minRetriesPerSec: 0 });
  for (let second = 0; second < 10; second++) for (let n = 0; n < 5; n++) budget.deposit(second * 1_000);
  expect(budget.balance(9_999)).toBe(10);
  expect(budget.balance(10_000)).toBe(9);
  expect(budget.balance(15_500)).toBe(4);
  expect(budget.balance(19_000)).toBe(0);
});

test("RetryBudget whose percent and minimum are zero never pays", () => {
  const budget = budgetOf({ percentCanRetry: 0, minRetriesPerSec: 0 });
  for (let n = 0; n < 1_000; n++) budget.deposit(0);
  expect(budget.balance(0)).toBe(0);
  expect(budget.tryWithdraw(0)).toBe(false);
});

test("RetryBudget of zero percent pays only its minimum", () => {
  const budget = budgetOf({ percentCanRetry: 0, minRetriesPerSec: 3, ttlSecs: 5 });
  for (let n = 0; n < 1_000; n++) budget.deposit(0);
  expect(drain(budget, 0)).toBe(15);
});

test("RetryBudget over one hundred percent pays several retries for one request", () => {
  const budget = budgetOf({ percentCanRetry: 2, minRetriesPerSec: 0 });
  for (let n = 0; n < 100; n++) budget.deposit(0);
  expect(drain(budget, 0)).toBe(200);
});

test("RetryBudget limits one request to a fifth of the balance, rounded up", () => {
  const budget = budgetOf();
  expect(budget.limitPerRequest(0)).toBe(20);
  drain(budget, 0, 99);
  expect(budget.limitPerRequest(0)).toBe(1);
  drain(budget, 0);
  expect(budget.limitPerRequest(0)).toBe(0);
});

test.each([0.0001, 0.001, 0.01, 0.1, 0.2, 0.25, 0.5, 0.75, 0.9999, 1, 2])(
  "RetryBudget of %s retries per request pays that share of 10 000 requests, up to the rounding of its price",
  (percentCanRetry) => {
    const budget = budgetOf({ percentCanRetry, minRetriesPerSec: 0 });
    let paid = 0;
    for (let n = 0; n < 10_000; n++) {
      budget.deposit(0);
      paid += drain(budget, 0, 10);
    }
    const price = Math.trunc(1000 / percentCanRetry) / 1000;
    expect(Math.abs(paid - 10_000 / price)).toBeLessThanOrEqual(1);
    expect(Math.abs(paid - 10_000 * percentCanRetry)).toBeLessThanOrEqual(
      Math.max(1, 10_000 * percentCanRetry * 0.002),
    );
  },
);

test("RetryBudget refuses what the configuration should have refused", () => {
  expect(() => budgetOf({ ttlSecs: 61 })).toThrow(InvariantViolation);
  expect(() => budgetOf({ minRetriesPerSec: -1 })).toThrow(InvariantViolation);
  expect(() => budgetOf({ percentCanRetry: 1001 })).toThrow(InvariantViolation);
});

test("RetryBudget pays, over any ttl less one slice, at most its share of the ttl's deposits and its reserve, and is never negative", () => {
  const event = fc.record({ stepMs: fc.oneof(fc.nat(50), fc.nat(3_000)), deposits: fc.nat(20), retries: fc.nat(30) });
  const spec = fc.record({
    ttlSecs: fc.integer({ min: 1, max: 10 }),
    minRetriesPerSec: fc.nat(3),
    percentCanRetry: fc.constantFrom(0, 0.01, 0.2, 0.5, 1, 2),
  });
  fc.assert(
    fc.property(spec, fc.array(event, { maxLength: 60 }), (given, events) => {
      const budget = new RetryBudget(given, 0);
      const ttlMs = given.ttlSecs * 1000;
      const history: { atMs: number; deposits: number; paid: number }[] = [];
      let nowMs = 0;
      for (const { stepMs, deposits, retries } of events) {
        nowMs += stepMs;
        for (let n = 0; n < deposits; n++) budget.deposit(nowMs);
        const paid = drain(budget, nowMs, retries);
        expect(budget.balance(nowMs)).toBeGreaterThanOrEqual(0);
        if (paid < retries) expect(budget.balance(nowMs)).toBe(0);
        history.push({ atMs: nowMs, deposits, paid });
        if (paid === 0) continue;
        const paidLately = history.filter((h) => h.atMs > nowMs - 0.9 * ttlMs).reduce((sum, h) => sum + h.paid, 0);
        const earned = history.filter((h) => h.atMs > nowMs - ttlMs).reduce((sum, h) => sum + h.deposits, 0);
        expect(paidLately).toBeLessThanOrEqual(given.percentCanRetry * earned + given.minRetriesPerSec * given.ttlSecs);
      }
    }),
    { numRuns: 200 },
  );
});
