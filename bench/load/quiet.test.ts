import { expect, test } from "vitest";
import { foreignMs } from "./quiet.ts";

const census = (
  ...lines: [pid: number, parent: number, totalMs: number][]
): Map<number, { parent: number; totalMs: number }> =>
  new Map(lines.map(([pid, parent, totalMs]) => [pid, { parent, totalMs }]));

test("foreignMs adds up what each process used between two looks, new ones from nothing", () => {
  expect(foreignMs(census([10, 1, 500]), census([10, 1, 620], [11, 10, 30]))).toBe(150);
});

test("foreignMs does not count what an ended process had used before the first look", () => {
  const before = census([10, 1, 100], [11, 10, 5000]);
  // The child used 40 ms more, ended, and all of it went to its parent.
  expect(foreignMs(before, census([10, 1, 5140]))).toBe(40);
});

test("foreignMs follows inheritance over an ended parent to the next living ancestor", () => {
  const before = census([1, 0, 0], [10, 1, 100], [11, 10, 5000]);
  expect(foreignMs(before, census([1, 0, 5160]))).toBe(60);
});

test("foreignMs lets an ended process that nobody inherited hide no other's work", () => {
  const before = census([1, 0, 0], [10, 1, 9000], [20, 1, 100]);
  expect(foreignMs(before, census([1, 0, 0], [20, 1, 400]))).toBe(300);
});
