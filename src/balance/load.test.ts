import fc from "fast-check";
import { expect, test } from "vitest";
import { LeastLoaded, PeakEwma } from "./load.ts";

const loadAt = (cell: PeakEwma, nowMs: number) => {
  cell.weigh(nowMs);
  return cell.load;
};
const closeTo = (found: number, expected: number) =>
  expect(Math.abs(found - expected)).toBeLessThanOrEqual(Math.abs(expected) * 1e-9);

test("LeastLoaded counts what has started and not ended", () => {
  const load = new LeastLoaded();
  load.start();
  load.start();
  load.end();
  expect(load.load).toBe(1);
});

test("PeakEwma gives the numbers that Finagle's own code gave", () => {
  const peak = new PeakEwma(10_000);
  expect(loadAt(peak, 0)).toBe(0);
  peak.start();
  expect(loadAt(peak, 0)).toBe(140_737_488_355_328);
  peak.end(100, 0);
  closeTo(loadAt(peak, 100), 1e8);
  closeTo(loadAt(peak, 1_100), 90_483_741.80359595);
  peak.start();
  closeTo(loadAt(peak, 1_100), 180_967_483.6071919);
  peak.end(1_150, 1_100);
  closeTo(loadAt(peak, 1_150), 90_281_828.29899244);
  peak.start();
  peak.end(2_000, 1_700);
  closeTo(loadAt(peak, 2_000), 3e8);
  closeTo(loadAt(peak, 12_000), 110_363_832.3514327);
  closeTo(loadAt(peak, 72_000), 273_564.5896663549);
});

test("a tunnel is in progress until it ends, and its latency is that of its answer", () => {
  const [tunnels, plain] = [new PeakEwma(10_000), new PeakEwma(10_000)];
  for (const cell of [tunnels, plain]) cell.start();
  tunnels.answered(10, 0);
  plain.end(10, 0);
  expect(tunnels.pending).toBe(1);
  expect(loadAt(tunnels, 20)).toBe(2 * loadAt(plain, 20));
  tunnels.left();
  expect(tunnels.pending).toBe(0);
  expect(loadAt(tunnels, 3_600_000)).toBe(loadAt(plain, 3_600_000));
  const counted = new LeastLoaded();
  counted.start();
  counted.answered();
  expect(counted.load).toBe(1);
  counted.left();
  expect(counted.load).toBe(0);
});

test("PeakEwma of an endpoint without history is free while idle and nearly infinite while busy", () => {
  const peak = new PeakEwma(10_000);
  expect(loadAt(peak, 1_000)).toBe(0);
  peak.start();
  peak.start();
  expect(loadAt(peak, 1_001)).toBe(2 ** 47 - 1 + 2);
});

test("PeakEwma does not care about clock readings out of order", () => {
  const peak = new PeakEwma(10_000);
  peak.start();
  peak.end(90, 100);
  expect(peak.pending).toBe(0);
  peak.start();
  peak.end(300, 100);
  closeTo(loadAt(peak, 200), 2e8);
});

test("PeakEwma reads the same however often it is read in between", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.001, max: 1e5, noNaN: true }),
      fc.array(fc.nat(5_000), { maxLength: 20 }),
      (rttMs, steps) => {
        const read = new PeakEwma(10_000);
        const unread = new PeakEwma(10_000);
        for (const peak of [read, unread]) {
          peak.start();
          peak.end(rttMs, 0);
        }
        let nowMs = rttMs;
        for (const step of steps) loadAt(read, (nowMs += step));
        expect(Math.abs(loadAt(read, nowMs) - loadAt(unread, nowMs))).toBeLessThanOrEqual(loadAt(unread, nowMs) * 1e-9);
      },
    ),
  );
});
