import { expect, test } from "vitest";
import { CROSSED } from "./callers.ts";
import { figuresOf } from "./measure.ts";
import type { Asked } from "./offer.ts";
import { type Timeline, timelineOf } from "./plan.ts";

const TIMELINE: Timeline = timelineOf(10); // the fault lasts from 2 s to 6 s
const EVERY_MS = 10;

/** One request each 10 ms, answered in 5 ms unless told otherwise. */
function course(of: (dueMs: number, index: number) => Partial<Asked>): Asked[] {
  return Array.from({ length: TIMELINE.endMs / EVERY_MS }, (_, i) => ({
    dueMs: i * EVERY_MS,
    latencyMs: 5,
    problem: "",
    ...of(i * EVERY_MS, i),
  }));
}

const once = (asked: readonly Asked[]): number[] => asked.map(() => 1);

test("a run without failures is back and recovered at once", () => {
  const asked = course(() => ({}));
  const figures = figuresOf(asked, once(asked), TIMELINE);
  expect(figures).toMatchObject({ offered: 1000, success: { all: 1, faulty: 1 }, amplification: 1, doubledWrites: 0 });
  expect(figures).toMatchObject({ backMs: 0, recoveredMs: 0, problems: {} });
  expect(figures.course).toEqual(Array.from({ length: 20 }, () => 1));
});

test("success is back when a whole second has one failure in a hundred at most", () => {
  const asked = course((dueMs) => ({ problem: dueMs >= 2000 && dueMs < 3500 ? "502" : "" }));
  const figures = figuresOf(asked, once(asked), TIMELINE);
  expect(figures.success).toEqual({ all: 0.85, faulty: 0.625 });
  expect(figures.backMs).toBe(1500);
  expect(figures.problems).toEqual({ "502": 150 });
});

test("success that comes back only after the fault was not back", () => {
  const asked = course((dueMs) => ({ problem: dueMs >= 2000 && dueMs < 6500 ? "502" : "" }));
  const figures = figuresOf(asked, once(asked), TIMELINE);
  expect(figures.backMs).toBeNull();
  expect(figures.recoveredMs).toBe(500);
});

test("a run has recovered only when its answers are as quick as before, too", () => {
  const slow = figuresOf(
    course((dueMs) => ({ latencyMs: dueMs >= 2000 && dueMs < 7200 ? 8 : 5 })),
    [],
    TIMELINE,
  );
  expect(slow.recoveredMs).toBe(1200);
  const forGood = figuresOf(
    course((dueMs) => ({ latencyMs: dueMs >= 2000 ? 8 : 5 })),
    [],
    TIMELINE,
  );
  expect(forGood.recoveredMs).toBeNull();
});

test("amplification counts what backends saw of the requests that were due during the fault", () => {
  const asked = course(() => ({}));
  const seen = asked.map(({ dueMs }) => (dueMs >= 2000 && dueMs < 4000 ? 3 : 1));
  expect(figuresOf(asked, seen, TIMELINE).amplification).toBe(2);
});

test("every fifth request is a write, and only writes count as doubled", () => {
  const asked = course(() => ({}));
  const seen = asked.map((_, index) => (index === 3 || index === 4 || index === 9 ? 2 : 1));
  expect(figuresOf(asked, seen, TIMELINE).doubledWrites).toBe(2);
});

test("an answer with the id of another request is counted apart", () => {
  const asked = course((_, index) => (index === 7 ? { problem: CROSSED } : {}));
  expect(figuresOf(asked, once(asked), TIMELINE).crossed).toBe(1);
});
