import fc from "fast-check";
import { expect, test } from "vitest";
import { bucketOf, middleOf } from "./buckets.ts";

test("A bucket's middle is within 1/64 of the border values of every octave, and exact below 64", () => {
  for (let exponent = 0; exponent <= 52; exponent++) {
    for (const value of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1]) {
      expect(Math.abs(middleOf(bucketOf(value)) - value)).toBeLessThanOrEqual(value < 64 ? 0 : value / 64);
    }
  }
});

test("The whole range of exact numbers takes 1568 buckets", () => {
  expect(bucketOf(0)).toBe(0);
  expect(bucketOf(Number.MAX_SAFE_INTEGER)).toBe(1567);
});

test("Buckets keep the order of values, and neighbours share a bucket or have neighbouring ones", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
      expect(Math.sign(bucketOf(a) - bucketOf(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
      if (a > 0) expect(bucketOf(a) - bucketOf(a - 1)).toBeLessThanOrEqual(1);
    }),
  );
});
