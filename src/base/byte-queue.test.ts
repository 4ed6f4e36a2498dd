import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteQueue } from "./byte-queue.ts";

/** Memory that an empty queue may keep. */
const KEPT_BYTES = 2048;
const FIRST_BYTES = 512;

const waiting = (queue: ByteQueue): string => queue.buffer.toString("latin1", queue.start, queue.end);

function push(queue: ByteQueue, text: string): void {
  const source = Buffer.from(`<${text}>`, "latin1");
  queue.push(source, 1, source.length - 1);
  source.fill(0xdb); // whoever pushed uses its memory again
}

test("ByteQueue owns no memory before something waits in it", () => {
  expect(new ByteQueue().buffer.length).toBe(0);
});

test("ByteQueue gives back what was pushed, in order, and keeps a copy", () => {
  const queue = new ByteQueue();
  push(queue, "abc");
  push(queue, "");
  push(queue, "def");
  expect(waiting(queue)).toBe("abcdef");
  queue.take(4);
  expect(waiting(queue)).toBe("ef");
  push(queue, "g");
  expect(waiting(queue)).toBe("efg");
  queue.take(3);
  expect(queue.length).toBe(0);
});

test("ByteQueue begins at the front again when it has run empty", () => {
  const queue = new ByteQueue();
  push(queue, "abc");
  const { buffer } = queue;
  queue.take(3);
  push(queue, "d");
  expect([queue.start, queue.end, queue.buffer === buffer]).toEqual([0, 1, true]);
});

test("ByteQueue uses the room at its front before it asks for more memory", () => {
  const queue = new ByteQueue();
  push(queue, "a".repeat(FIRST_BYTES));
  const { buffer } = queue;
  queue.take(FIRST_BYTES - 10);
  push(queue, "b".repeat(100));
  expect(queue.buffer).toBe(buffer);
  expect(waiting(queue)).toBe("a".repeat(10) + "b".repeat(100));
});

test("ByteQueue lets go of much memory when it is empty, and of none that is small", () => {
  const queue = new ByteQueue();
  push(queue, "a".repeat(KEPT_BYTES + 1));
  queue.take(KEPT_BYTES);
  expect(queue.buffer.length).toBeGreaterThan(KEPT_BYTES);
  queue.take(1);
  expect(queue.buffer.length).toBe(0);
  push(queue, "a");
  queue.clear();
  expect(queue.buffer.length).toBe(FIRST_BYTES);
  expect(queue.length).toBe(0);
});

test("ByteQueue needs for many small pieces at most twice the memory of their bytes", () => {
  const queue = new ByteQueue();
  for (let n = 0; n < 10_000; n++) push(queue, "abc");
  expect(queue.length).toBe(30_000);
  expect(queue.buffer.length).toBeLessThanOrEqual(60_000);
});

test("ByteQueue behaves like a text for every mix of pushes, takes and clears", () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), bytes: fc.integer({ min: 0, max: 1500 }) }),
    fc.record({ kind: fc.constant("take" as const), bytes: fc.integer({ min: 0, max: 2000 }) }),
    fc.record({ kind: fc.constant("clear" as const), bytes: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let model = "";
      let letter = 0;
      for (const { bytes, kind } of steps) {
        if (kind === "push") {
          const text = String.fromCharCode(97 + (letter++ % 26)).repeat(bytes);
          push(queue, text);
          model += text;
        } else if (kind === "take") {
          const taken = Math.min(bytes, model.length);
          queue.take(taken);
          model = model.slice(taken);
        } else {
          queue.clear();
          model = "";
        }
        expect(queue.length).toBe(model.length);
        expect(waiting(queue)).toBe(model);
        if (model === "") expect(queue.buffer.length).toBeLessThanOrEqual(KEPT_BYTES);
      }
    }),
  );
});
