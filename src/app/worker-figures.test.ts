import fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzing } from "../../test/support/long.ts";
import { type Snapshot } from "../telemetry/snapshot.ts";
import { readingAt } from "../telemetry/tree.ts";
import { WorkerFigures } from "./worker-figures.ts";

const OWN: Snapshot = { segment: "", below: [{ segment: "own", counter: 7 }] };

function told(requests: number, pending = 0): Snapshot {
  return {
    segment: "",
    below: [
      { segment: "requests", counter: requests },
      { segment: "pending", gauge: pending },
    ],
  };
}

function total(figures: WorkerFigures, name: string): number {
  const reading = readingAt(figures.total(OWN), name);
  return reading === null || reading.kind === "stat" ? 0 : reading.value;
}

test("Whatever workers tell and whenever they die: what all have counted is the sum, and never falls", () => {
  const step = fc.record({
    worker: fc.integer({ min: 0, max: 2 }),
    what: fc.constantFrom("count", "count", "tell", "tell", "die"),
    by: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const figures = new WorkerFigures();
      const counted = [0, 0, 0];
      const known = [0, 0, 0];
      let departed = 0;
      let last = 0;
      for (const { by, what, worker } of steps) {
        if (what === "count") counted[worker]! += by;
        else if (what === "tell") figures.take(worker, told((known[worker] = counted[worker]!)));
        else {
          figures.leave(worker);
          departed += known[worker]!;
          counted[worker] = known[worker] = 0;
        }
        const now = total(figures, "requests");
        expect(now).toBe(departed + known.reduce((sum, each) => sum + each, 0));
        expect(now).toBeGreaterThanOrEqual(last);
        last = now;
      }
    }),
    fuzzing(100),
  );
});

test("A reading that was begun before a worker died counts it once", () => {
  const figures = new WorkerFigures();
  figures.take(0, told(5, 1));
  figures.take(1, told(6, 2));
  const before = figures.total(OWN);
  figures.leave(0);
  expect(readingAt(before, "requests")).toMatchObject({ value: 11 });
  expect(total(figures, "requests")).toBe(11);
  expect(total(figures, "pending")).toBe(2);
  expect(total(figures, "own")).toBe(7);
  expect(readingAt(figures.of(0), "requests")).toBe(null);
  expect(readingAt(figures.of(1), "requests")).toMatchObject({ value: 6 });
});
