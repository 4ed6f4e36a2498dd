import fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { EventQueue, simulatedEnv } from "./event-queue.ts";

test("Events come by time, and of the same moment in the order they were scheduled, whatever way they took", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 3000 }), (wanted) => {
      const queue = new EventQueue();
      const lane = queue.lane(7, 1);
      const seen: [timeMs: number, n: number][] = [];
      const expected = wanted.map(([delayMs, byLane], n): [number, number] => {
        const handler = { on: () => void seen.push([queue.nowMs, n]) };
        if (byLane) lane.push(handler);
        else queue.after(delayMs, handler, 0);
        return [byLane ? 7 : delayMs, n];
      });
      while (queue.runNext());
      expect(seen).toEqual(expected.toSorted(([a, n], [b, m]) => a - b || n - m));
    }),
    { numRuns: 30 },
  );
});

test("A lane that grows while it is in use keeps its order", () => {
  const queue = new EventQueue();
  const lane = queue.lane(1, 0);
  const seen: number[] = [];
  let next = 0;
  const push = (): void => {
    const n = next++;
    lane.push({ on: () => void (seen.push(n) && n < 500 && [push(), push(), push()]) });
  };
  push();
  while (queue.runNext());
  expect(seen).toEqual(Array.from({ length: next }, (_, n) => n));
});

test("Timers of product code run in simulated time and can be cancelled", () => {
  const queue = new EventQueue();
  const { clock, timers } = simulatedEnv(queue, seededRandom(1));
  const seen: string[] = [];
  timers.after(30, () => seen.push(`after ${clock.nowMs()}`));
  timers.after(10, () => seen.push("never")).cancel();
  const every = timers.every(20, () => seen.push(`every ${clock.nowMs()}`));
  while (clock.nowMs() < 60) queue.runNext();
  every.cancel();
  while (queue.runNext());
  expect(seen).toEqual(["every 20", "after 30", "every 40", "every 60"]);
});
