import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { LoadBand, type LoadBandLimits } from "./load-band.ts";

const limits = { smoothWindowMs: 5_000, lowLoad: 0.5, highLoad: 2, minAperture: 1 };

function setUp(given: Partial<LoadBandLimits> = {}, endpoints = 10) {
  const { root } = new MetricsRegistry(new ManualEnv());
  const counters = { widen: root.counter("widen"), narrow: root.counter("narrow") };
  const band = new LoadBand({ ...limits, ...given }, counters);
  band.resize(endpoints);
  return { band, counters };
}

test("A load band takes the load as it is at first, and then in time", () => {
  const { band } = setUp();
  band.add(1, 0);
  expect(band.offeredLoad).toBe(1);
  band.add(1, 0);
  expect(band.offeredLoad).toBe(1);
  band.add(1, 5_000);
  expect(band.offeredLoad).toBeCloseTo(3 - 2 * Math.exp(-1), 9);
  band.add(-3, 10_000);
  expect(band.offeredLoad).toBeCloseTo((3 - 2 * Math.exp(-1)) * Math.exp(-1), 9);
  expect(band.total).toBe(0);
});

test("A load band moves by one endpoint at a time, however far the load has moved", () => {
  const { band, counters } = setUp({ smoothWindowMs: 1 });
  let nowMs = 0;
  const add = (change: number) => {
    band.add(change, (nowMs += 1_000));
    return band.aperture;
  };
  expect([add(2), add(18), add(0), add(0)]).toEqual([2, 3, 4, 5]);
  expect([add(0), add(0), add(0), add(0), add(0)]).toEqual([6, 7, 8, 9, 10]);
  expect([add(0), add(0)]).toEqual([10, 10]);
  expect([add(-14), add(0), add(0)]).toEqual([10, 10, 10]);
  expect([add(-1), add(0), add(-5)]).toEqual([9, 9, 8]);
  expect([counters.widen.value, counters.narrow.value]).toEqual([9, 2]);
});

test("A load band at exactly highLoad widens, at exactly lowLoad narrows", () => {
  const { band } = setUp();
  band.add(2, 0);
  expect(band.aperture).toBe(2);
  const other = setUp({ minAperture: 4 }).band;
  other.add(8, 0);
  expect(other.aperture).toBe(5);
  const third = setUp({ smoothWindowMs: 1 }).band;
  third.resize(2);
  third.add(2, 0);
  third.add(-1, 1_000);
  expect(third.aperture).toBe(1);
});

test("A load band stays within minAperture and the number of endpoints", () => {
  const { band } = setUp({ minAperture: 4 }, 3);
  expect(band.aperture).toBe(3);
  band.resize(10);
  expect(band.aperture).toBe(4);
  for (let n = 0; n < 100; n++) band.add(0, n * 1_000);
  expect(band.aperture).toBe(4);
  band.resize(2);
  expect(band.aperture).toBe(2);
  band.resize(0);
  expect(band.aperture).toBe(1);
});
