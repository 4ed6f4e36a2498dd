import fc from "fast-check";
import { expect, test } from "vitest";
import { Ring } from "./ring.ts";

test("Ring returns what came first, first", () => {
  const ring = new Ring<number>();
  for (let n = 0; n < 100; n++) ring.push(n);
  expect(ring.peek()).toBe(0);
  expect(Array.from({ length: 100 }, () => ring.shift())).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(ring.shift()).toBeUndefined();
  expect(ring.peek()).toBeUndefined();
});

test("Ring can be used again after a burst made it large and it ran empty", () => {
  const ring = new Ring<number>();
  for (let n = 0; n < 5_000; n++) ring.push(n);
  while (ring.length > 0) ring.shift();
  ring.push(1);
  expect(ring.shift()).toBe(1);
});

test("Ring behaves like an array for every mix of push, shift, peek and remove", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), value: fc.integer({ min: 0, max: 20 }) }),
    fc.record({ kind: fc.constant("shift" as const), value: fc.constant(0) }),
    fc.record({ kind: fc.constant("remove" as const), value: fc.integer({ min: 0, max: 20 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = new Ring<number>();
      const model: number[] = [];
      for (const { kind, value } of steps) {
        if (kind === "push") {
          ring.push(value);
          model.push(value);
        } else if (kind === "shift") {
          expect(ring.shift()).toBe(model.shift());
        } else {
          const at = model.indexOf(value);
          expect(ring.remove(value)).toBe(at >= 0);
          if (at >= 0) model.splice(at, 1);
        }
        expect(ring.length).toBe(model.length);
        expect(ring.peek()).toBe(model[0]);
      }
    }),
  );
});
