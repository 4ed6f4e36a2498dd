import { expect, test } from "vitest";
import { type Random, seededRandom } from "../base/random.ts";
import { EndpointStatus } from "../core/picker.ts";
import { type Ramped, SlowStart } from "./slow-start.ts";

class Member {
  readonly accrual: Ramped;
  readonly #busy: boolean;

  constructor(what: "full" | "ramping" | "out" | "busy") {
    this.accrual = { out: what === "out", rampedFromMs: 0, isRamping: () => what === "ramping" };
    this.#busy = what === "busy";
  }

  settledStatus(): EndpointStatus {
    return this.#busy ? EndpointStatus.busy : EndpointStatus.open;
  }
}

function members(full: number, ramping: number, out: number): Member[] {
  return (["full", "ramping", "out"] as const).flatMap((what, at) =>
    Array.from({ length: [full, ramping, out][at]! }, () => new Member(what)),
  );
}

const since = (rampedFromMs: number): Ramped => ({ out: false, isRamping: () => true, rampedFromMs });

const draws = (int: number): Random => ({ next: () => 0, int: () => int, bits32: () => 0 });
const always = draws(1023);

const holds = (full: number, ramping: number, out: number) =>
  new SlowStart(1_000, always, () => members(full, ramping, out)).holdsBack(since(0), 100);

test("The share grows in a straight line from a tenth to the whole", () => {
  const open = (grain: number, nowMs: number) =>
    !new SlowStart(10_000, draws(grain), () => members(1, 1, 0)).holdsBack(since(5_000), nowMs);
  // The first grain of 1024 that is held back: 102.4, 333 (0.325), 564 (0.55), 1023 (0.99910).
  expect([open(102, 5_000), open(103, 5_000)]).toEqual([true, false]);
  expect([open(332, 7_500), open(333, 7_500)]).toEqual([true, false]);
  expect([open(563, 10_000), open(564, 10_000)]).toEqual([true, false]);
  expect([open(1_022, 14_985), open(1_023, 14_985)]).toEqual([true, false]);
});

test("Over many looks the share is that of the moment", () => {
  const slowStart = new SlowStart(10_000, seededRandom(5), () => members(3, 1, 0));
  const shareAt = (nowMs: number) => {
    let open = 0;
    for (let n = 0; n < 20_000; n++) if (!slowStart.holdsBack(since(0), nowMs)) open++;
    return open / 20_000;
  };
  expect(shareAt(0)).toBeCloseTo(0.1, 1);
  expect(shareAt(2_500)).toBeCloseTo(0.325, 1);
  expect(shareAt(5_000)).toBeCloseTo(0.55, 1);
  expect(shareAt(9_999)).toBeCloseTo(1, 1);
});

test("Nothing is held back when all are new, or there is only one", () => {
  expect(holds(0, 5, 0)).toBe(false);
  expect(holds(0, 1, 0)).toBe(false);
});

test("One at full strength is enough while nobody is out; of a set with dead ones it must be half", () => {
  expect(holds(1, 9, 0)).toBe(true);
  expect(holds(0, 1, 1)).toBe(false);
  expect(holds(1, 1, 1)).toBe(false);
  expect(holds(2, 1, 1)).toBe(true);
  expect(holds(4, 4, 1)).toBe(false);
});

test("The others are looked at again after a death or a return, and else every 100 ms", () => {
  let now = members(2, 1, 0);
  const slowStart = new SlowStart(10_000, always, () => now);
  expect(slowStart.holdsBack(since(0), 1_000)).toBe(true);
  now = members(0, 1, 2);
  expect(slowStart.holdsBack(since(0), 1_099)).toBe(true);
  expect(slowStart.holdsBack(since(0), 1_100)).toBe(false);
  now = members(2, 1, 0);
  slowStart.changed();
  expect(slowStart.holdsBack(since(0), 1_100)).toBe(true);
});

test("One that cannot be used is no help, whatever its health: not reached, or full", () => {
  const held = (...what: ConstructorParameters<typeof Member>) =>
    new SlowStart(1_000, always, () => [new Member("ramping"), new Member(...what)]).holdsBack(since(0), 100);
  expect([held("full"), held("busy"), held("out")]).toEqual([true, false, false]);
});
