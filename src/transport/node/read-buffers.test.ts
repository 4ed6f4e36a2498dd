import { expect, test } from "vitest";
import { ReadBuffers } from "./read-buffers.ts";

test("ReadBuffers hands out again what it got back", () => {
  const buffers = new ReadBuffers(null);
  const small = buffers.takeSmall();
  const large = buffers.takeLarge();
  buffers.give(small);
  if (large !== null) buffers.give(large);
  expect(buffers.takeSmall()).toBe(small);
  expect(buffers.takeLarge()).toBe(large);
});

test("ReadBuffers has a bounded number of large buffers in use, whichever way they leave", () => {
  const buffers = new ReadBuffers(null);
  const taken = Array.from({ length: 16 }, () => buffers.takeLarge());
  expect(taken).not.toContain(null);
  expect(buffers.takeLarge()).toBeNull();
  buffers.give(taken[0]!);
  buffers.drop(taken[1]!);
  buffers.leave(taken[2]!);
  expect([buffers.takeLarge(), buffers.takeLarge(), buffers.takeLarge()]).not.toContain(null);
  expect(buffers.takeLarge()).toBeNull();
});

test("ReadBuffers uses a buffer that a writer still has only when that is through with it", () => {
  const buffers = new ReadBuffers(null);
  const buffer = buffers.takeSmall();
  buffers.leave(buffer);
  expect(buffers.takeSmall()).not.toBe(buffer);
  buffers.written(new ArrayBuffer(8));
  buffers.written(buffer.buffer);
  buffers.written(buffer.buffer);
  expect(buffers.takeSmall()).toBe(buffer);
  expect(buffers.takeSmall()).not.toBe(buffer);
});

test("ReadBuffers waits for a bounded number of writers", () => {
  const buffers = new ReadBuffers(null);
  const left = Array.from({ length: 100 }, () => buffers.takeSmall());
  for (const buffer of left) buffers.leave(buffer);
  for (const buffer of left) buffers.written(buffer.buffer);
  const again = Array.from({ length: 100 }, () => buffers.takeSmall());
  expect(again.filter((buffer) => left.includes(buffer)).length).toBeLessThanOrEqual(16);
});
