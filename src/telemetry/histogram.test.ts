import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { COUNTS, TIMES } from "./bounds.ts";
import { PAGE_BUCKETS } from "./bucket-store.ts";
import { bucketOf } from "./buckets.ts";
import { CellStore } from "./cells.ts";
import { Histogram } from "./histogram.ts";
import { WindowClock } from "./window-clock.ts";

const WINDOW_MS = 60_000;

function setUp(bounds = COUNTS) {
  const env = new ManualEnv();
  const windows = new WindowClock(env, WINDOW_MS);
  windows.run();
  const store = new CellStore();
  return { env, windows, buckets: store.buckets, histogram: new Histogram(store, windows, bounds) };
}

test("Histogram summarises what was recorded", () => {
  const { histogram } = setUp();
  for (let n = 1; n <= 50; n++) histogram.record(n);
  expect(histogram.snapshot()).toEqual({
    count: 50,
    sum: 1275,
    min: 1,
    max: 50,
    avg: 25.5,
    p50: 25,
    p90: 45,
    p95: 48,
    p99: 50,
    p9990: 50,
    p9999: 50,
  });
});

test("Histogram takes the lower of two values as the median, as Finagle does", () => {
  const { histogram } = setUp();
  histogram.record(1);
  histogram.record(2);
  expect(histogram.snapshot()).toMatchObject({ p50: 1, p90: 2, avg: 1.5 });
});

test("Histogram of milliseconds keeps fractions", () => {
  const { histogram } = setUp(TIMES);
  histogram.record(0.25);
  histogram.record(1.5);
  expect(histogram.snapshot()).toMatchObject({ count: 2, sum: 1.75, min: 0.25, max: 1.5, avg: 0.875 });
});

test("Histogram counts a negative value and NaN as zero and stops at the largest exact number", () => {
  const { histogram } = setUp();
  histogram.record(-5);
  histogram.record(Number.NaN);
  expect(histogram.snapshot()).toMatchObject({ count: 2, min: 0, max: 0, p9999: 0 });
  histogram.record(Number.POSITIVE_INFINITY);
  expect(histogram.snapshot()).toMatchObject({ count: 3, max: Number.MAX_SAFE_INTEGER });
});

test("Histogram that recorded nothing reads zero everywhere", () => {
  expect(setUp().histogram.snapshot()).toMatchObject({ count: 0, sum: 0, min: 0, max: 0, avg: 0, p99: 0 });
});

test("Histogram never reads zero between windows while there is traffic", () => {
  const { env, histogram } = setUp();
  for (let second = 0; second < 600; second++) {
    histogram.record(10);
    expect(histogram.snapshot().count).toBeGreaterThan(0);
    if (second >= 60) expect(histogram.snapshot().count).toBeGreaterThanOrEqual(60);
    expect(histogram.snapshot().count).toBeLessThanOrEqual(120);
    env.advance(1_000);
  }
});

test("Histogram shows a value for the rest of its window and the next one, then forgets it", () => {
  const { env, histogram } = setUp();
  env.advance(30_000);
  histogram.record(5);
  env.advance(30_000);
  expect(histogram.snapshot().count).toBe(1);
  env.advance(59_999);
  expect(histogram.snapshot()).toMatchObject({ count: 1, p50: 5 });
  env.advance(1);
  expect(histogram.snapshot().count).toBe(0);
});

test("Histogram keeps windows apart also when nobody reads for a long time", () => {
  const { env, histogram } = setUp();
  histogram.record(1_000_000);
  env.advance(600_000);
  histogram.record(7);
  expect(histogram.snapshot()).toMatchObject({ count: 1, min: 7, max: 7 });
});

test("Histogram's totals grow for ever", () => {
  const { env, histogram } = setUp(TIMES);
  histogram.record(1.5);
  env.advance(WINDOW_MS);
  histogram.record(2);
  env.advance(10 * WINDOW_MS);
  expect(histogram.snapshot().count).toBe(0);
  expect(histogram.totalCount).toBe(2);
  expect(histogram.totalSum).toBe(3.5);
});

test("Histogram counts by bounds for ever: what windows forget, zeros kept aside, and values beyond all bounds", () => {
  const { env, histogram } = setUp(TIMES);
  const counts = () => histogram.countsByBound().flatMap((n, i) => (n === 0 ? [] : `${TIMES.upTo[i] ?? "more"}: ${n}`));
  expect(counts()).toEqual([]);
  for (const ms of [1, 3, 10, 10.4, 60_000]) histogram.record(ms);
  histogram.recordZero();
  const first = ["0.001: 2", "0.005: 1", "0.01: 1", "0.025: 1", "60: 1"];
  expect(counts()).toEqual(first);
  env.advance(WINDOW_MS);
  histogram.record(70_000);
  expect(counts()).toEqual([...first, "more: 1"]);
  env.advance(10 * WINDOW_MS);
  histogram.snapshot();
  histogram.record(3);
  expect(counts()).toEqual(["0.001: 2", "0.005: 2", "0.01: 1", "0.025: 1", "60: 1", "more: 1"]);
});

test("Histogram counts every value once, at the first bound it does not exceed, or one that it exceeds by less than 3.2 percent", () => {
  const values = fc.array(fc.oneof(fc.double({ min: 0, max: 100, noNaN: true }), fc.nat(100_000)), { maxLength: 100 });
  fc.assert(
    fc.property(values, fc.nat(150), (all, turnAfter) => {
      const { env, histogram } = setUp(TIMES);
      for (const [n, ms] of all.entries()) {
        if (n === turnAfter) env.advance(WINDOW_MS);
        histogram.record(ms);
      }
      let upTo = 0;
      for (const [i, count] of histogram.countsByBound().entries()) {
        upTo += count;
        const boundMs = (TIMES.upTo[i] ?? Number.POSITIVE_INFINITY) * 1000;
        expect(upTo).toBeGreaterThanOrEqual(all.filter((ms) => ms <= boundMs).length);
        expect(upTo).toBeLessThanOrEqual(all.filter((ms) => ms <= boundMs * 1.032 + 0.001).length);
      }
      expect(upTo).toBe(histogram.totalCount);
    }),
  );
});

test("Histogram reports every quantile of any values within 1.6 percent", () => {
  const magnitude = fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.array(magnitude, { minLength: 1, maxLength: 300 }), (values) => {
      const { histogram } = setUp();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      const summary = histogram.snapshot();
      expect(summary).toMatchObject({ count: values.length, min: sorted[0], max: sorted.at(-1) });
      for (const [quantile, found] of [
        [0.5, summary.p50],
        [0.9, summary.p90],
        [0.95, summary.p95],
        [0.99, summary.p99],
        [0.999, summary.p9990],
      ] as const) {
        const exact = sorted[Math.max(1, Math.ceil(quantile * sorted.length)) - 1] ?? 0;
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(exact * 0.016);
      }
    }),
  );
});

test("Histogram counts zeros kept aside like any others", () => {
  const aside = setUp();
  const recorded = setUp();
  for (const value of [0, 0, 3, 0, 70, 0]) {
    if (value === 0) aside.histogram.recordZero();
    else aside.histogram.record(value);
    recorded.histogram.record(value);
  }
  expect(aside.histogram.totalCount).toBe(6);
  expect(aside.histogram.snapshot()).toEqual(recorded.histogram.snapshot());
  for (const { env, histogram } of [aside, recorded]) {
    env.advance(WINDOW_MS);
    histogram.record(5);
  }
  expect(aside.histogram.snapshot()).toEqual(recorded.histogram.snapshot());
  expect(aside.histogram.totalCount).toBe(7);
});

test("What a distribution takes follows what its last two windows have seen", () => {
  const { buckets, env, histogram } = setUp();
  const pages = () => buckets.live / PAGE_BUCKETS;
  /** Records in a window of its own. */
  const window = (...values: readonly number[]) => {
    env.advance(WINDOW_MS);
    for (const value of values) {
      if (value === 0) histogram.recordZero();
      else histogram.record(value);
    }
    return [pages(), histogram.snapshot().count, histogram.snapshot().max];
  };
  const many = Array.from({ length: 100 }, () => 1);
  expect(window(0, 0)).toEqual([0, 2, 0]); // zeros kept aside take nothing
  expect(window(1, 1_000_000)).toEqual([1, 4, 1_000_000]); // a few values one page, wherever they are
  expect(window(...many, 1_000_000)).toEqual([3, 103, 1_000_000]); // many values a page for each region
  expect(window(...many)).toEqual([3, 201, 1_000_000]);
  expect(window(...many)).toEqual([3, 200, 1]); // the page of what was not seen again is kept for the next window of that turn
  expect(window(...many)).toEqual([3, 200, 1]);
  expect(window(...many)).toEqual([2, 200, 1]);
  expect(window(1)).toEqual([2, 101, 1]);
  expect(window(1)).toEqual([2, 2, 1]);
  expect(window(1)).toEqual([2, 2, 1]);
  env.advance(10 * WINDOW_MS);
  expect(histogram.snapshot().count).toBe(0);
  expect(pages()).toBe(0);
  expect(histogram.countsByBound().reduce((sum, count) => sum + count)).toBe(histogram.totalCount);
});

test("Values noted one by one and values counted tell the same", () => {
  const value = fc.oneof(fc.nat(200), fc.nat(2 ** 31 - 1), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 150 }), fc.nat(150), (values, turnAfter) => {
      const { env, histogram } = setUp();
      const found = new Map<number, number>();
      for (const [n, each] of values.entries()) {
        if (n === turnAfter) env.advance(WINDOW_MS);
        histogram.record(each);
        found.set(bucketOf(each), (found.get(bucketOf(each)) ?? 0) + 1);
      }
      const { complete, running } = histogram.plain();
      const told = new Map<number, number>();
      for (const { buckets } of [running, complete])
        for (let i = 0; i < buckets.length; i += 2)
          told.set(buckets[i]!, (told.get(buckets[i]!) ?? 0) + buckets[i + 1]!);
      expect([...told].sort(([a], [b]) => a - b)).toEqual([...found].sort(([a], [b]) => a - b));
    }),
  );
});

test("A distribution that is gone takes nothing any longer, whoever writes to it", () => {
  const { buckets, histogram } = setUp();
  for (let i = 0; i < 100; i++) histogram.record(i);
  histogram.retire();
  for (let i = 0; i < 100; i++) histogram.record(i);
  expect(buckets.live).toBe(0);
});
