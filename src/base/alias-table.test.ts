import fc from "fast-check";
import { expect, test } from "vitest";
import { AliasTable } from "./alias-table.ts";
import { seededRandom } from "./random.ts";

function frequencies(weights: readonly number[], draws: number, seed = 12345): number[] {
  const table = new AliasTable(weights);
  const random = seededRandom(seed);
  const counts = weights.map(() => 0);
  for (let draw = 0; draw < draws; draw++) counts[table.pick(random)]! += 1;
  return counts.map((count) => count / draws);
}

test("AliasTable draws each index in proportion to its weight", () => {
  const found = frequencies([1, 2, 3, 4], 100_000);
  [0.1, 0.2, 0.3, 0.4].forEach((expected, at) => expect(found[at]).toBeCloseTo(expected, 2));
});

test("AliasTable never draws an index of weight zero", () => {
  expect(frequencies([0, 1, 0, 3, 0], 20_000).map((f) => f > 0)).toEqual([false, true, false, true, false]);
});

test("AliasTable whose weights are all zero draws evenly", () => {
  for (const found of frequencies([0, 0, 0], 30_000)) expect(found).toBeCloseTo(1 / 3, 2);
});

test("AliasTable meets any set of weights within five standard deviations", () => {
  const weights = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e3, noNaN: true })), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(weights, fc.integer(), (ws, seed) => {
      const total = ws.reduce((a, b) => a + b, 0);
      fc.pre(total > 0);
      const draws = 5_000;
      frequencies(ws, draws, seed).forEach((found, at) => {
        const expected = (ws[at] ?? 0) / total;
        expect(Math.abs(found - expected)).toBeLessThanOrEqual(
          5 * Math.sqrt((expected * (1 - expected)) / draws) + 2 / draws,
        );
        if (expected === 0) expect(found).toBe(0);
      });
    }),
    { numRuns: 60, seed: 1 },
  );
});
