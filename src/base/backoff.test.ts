import fc from "fast-check";
import { expect, test } from "vitest";
import { type Backoff, constant, decorrelatedJittered, equalJittered, exponentialJittered, inTurn } from "./backoff.ts";
import { type Random, seededRandom } from "./random.ts";

const take = (backoff: Backoff, count: number): number[] => Array.from({ length: count }, () => backoff.next());

/** A generator that always draws the same fraction. */
const stuckAt = (fraction: number): Random => ({
  next: () => fraction,
  int: (bound) => Math.floor(fraction * bound),
  bits32: () => 0,
});

test("A constant backoff repeats its delay, also after a reset", () => {
  const backoff = constant(250);
  expect(take(backoff, 3)).toEqual([250, 250, 250]);
  backoff.reset();
  expect(backoff.next()).toBe(250);
});

test("Equal jitter from 5 s to 300 s doubles its steps and ends at 300 s for ever", () => {
  const shortest = [5, 5, 10, 20, 40, 80, 160, 300, 300, 300].map((s) => s * 1000);
  expect(take(equalJittered(5_000, 300_000, stuckAt(0)), 10)).toEqual(shortest);
  const middle = [5, 7.5, 15, 30, 60, 120, 240, 300, 300].map((s) => s * 1000);
  expect(take(equalJittered(5_000, 300_000, stuckAt(0.5)), 9)).toEqual(middle);
});

test("Equal jitter stays at its maximum once a draw has reached it", () => {
  const early = [5, 9.9, 19.8, 39.6, 79.2, 158.4, 300, 300, 300].map((s) => s * 1000);
  take(equalJittered(5_000, 300_000, stuckAt(0.98)), 9).forEach((delayMs, step) =>
    expect(delayMs).toBeCloseTo(early[step] ?? 0, 6),
  );
});

test("Equal jitter draws the sixth step below its maximum seven times in eight", () => {
  const random = seededRandom(7);
  let below = 0;
  for (let run = 0; run < 8_000; run++) {
    const sixth = take(equalJittered(5_000, 300_000, random), 7)[6] ?? 0;
    expect(sixth).toBeGreaterThanOrEqual(160_000);
    if (sixth < 300_000) below++;
  }
  expect(below / 8_000).toBeCloseTo(7 / 8, 1);
});

test("Equal jitter keeps every step within its range, and a reset starts it over", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 1_000_000 }),
      (seed, startMs, spanMs) => {
        const maxMs = startMs + spanMs;
        const backoff = equalJittered(startMs, maxMs, seededRandom(seed));
        for (const round of [1, 2]) {
          expect(backoff.next(), `round ${round}`).toBe(startMs);
          for (let halfMs = startMs; halfMs < 4 * maxMs; halfMs *= 2) {
            const delayMs = backoff.next();
            expect(delayMs).toBeGreaterThanOrEqual(Math.min(halfMs, maxMs));
            expect(delayMs).toBeLessThanOrEqual(Math.min(2 * halfMs, maxMs));
          }
          expect(backoff.next()).toBe(maxMs);
          backoff.reset();
        }
      },
    ),
    { numRuns: 50 },
  );
});

test("Decorrelated jitter begins at its minimum and draws between that and three times the previous delay", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 1_000 }),
      fc.integer({ min: 0, max: 100_000 }),
      (seed, minMs, spanMs) => {
        const maxMs = minMs + spanMs;
        const backoff = decorrelatedJittered(minMs, maxMs, seededRandom(seed));
        let previousMs = backoff.next();
        expect(previousMs).toBe(minMs);
        for (const delayMs of take(backoff, 40)) {
          expect(delayMs).toBeGreaterThanOrEqual(minMs);
          expect(delayMs).toBeLessThanOrEqual(Math.min(maxMs, 3 * previousMs));
          previousMs = delayMs;
        }
        backoff.reset();
        expect(backoff.next()).toBe(minMs);
      },
    ),
    { numRuns: 50 },
  );
});

test("Decorrelated jitter may shrink again, as Linkerd's does and Finagle's does not", () => {
  const delays = take(decorrelatedJittered(10, 10_000, seededRandom(3)), 200);
  expect(delays.some((delayMs, at) => at > 0 && delayMs < (delays[at - 1] ?? 0))).toBe(true);
  expect(delays).toContain(10_000);
});

test("Exponential jitter draws below the previous delay times 2, 4, 8, …, and ends at its maximum once that bound reaches it", () => {
  // 1, then half of 2, half of 1 × 4, half of 2 × 8, half of 8 × 16 would be 64: 128 is more than 32.
  expect(take(exponentialJittered(1_000, 32_000, stuckAt(0.5)), 7)).toEqual([
    1_000, 1_000, 2_000, 8_000, 32_000, 32_000, 32_000,
  ]);
  // It shrinks as well: 1, 0.1 × 2, 0.1 × 0.8, 0.1 × 0.64, 0.1 × 1.024, 0.1 × 3.2768, 0.1 × 20.97152; 2.097152 × 128 is more than 32.
  const shrinking = [1_000, 200, 80, 64, 102.4, 327.68, 2_097.152, 32_000, 32_000];
  take(exponentialJittered(1_000, 32_000, stuckAt(0.1)), 9).forEach((delayMs, step) =>
    expect(delayMs).toBeCloseTo(shrinking[step] ?? 0, 6),
  );
});

test("Exponential jitter that is reset starts over", () => {
  const backoff = exponentialJittered(1_000, 32_000, stuckAt(0.5));
  const first = take(backoff, 6);
  backoff.reset();
  expect(take(backoff, 6)).toEqual(first);
});

test("Of two backoffs in turn the second follows after so many delays, until a reset", () => {
  const backoff = inTurn(exponentialJittered(1_000, 32_000, stuckAt(0.1)), 3, constant(7));
  for (const round of [1, 2]) {
    expect(take(backoff, 5).map(Math.round), `round ${round}`).toEqual([1_000, 200, 80, 7, 7]);
    backoff.reset();
  }
});
