import { expect, test } from "vitest";
import { CellStore } from "./metrics.ts";

test("Counter counts in memory that other threads can read", () => {
  const store = new CellStore();
  const counter = store.counter();
  counter.inc();
  counter.add(41);
  expect(counter.value).toBe(42);
  expect(store.chunks[0]?.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(store.chunkOf(counter.cell)[counter.cell]).toBe(42);
});

test("Gauge goes where it is set", () => {
  const gauge = new CellStore().gauge();
  gauge.set(7.5);
  gauge.add(-2);
  expect(gauge.value).toBe(5.5);
});

test("CellStore grows without moving the cells it gave out", () => {
  const store = new CellStore();
  const counters = Array.from({ length: 5_000 }, () => store.counter());
  counters.forEach((counter, n) => counter.add(n));
  expect(store.chunks.length).toBe(5);
  counters.forEach((counter, n) => expect(counter.value).toBe(n));
  expect(store.live).toBe(5_000);
});

test("CellStore hands a released cell out again, at zero, and late writers do not reach it", () => {
  const store = new CellStore();
  const old = store.counter();
  old.add(5);
  const cell = old.cell;
  store.release(old);
  store.release(old);
  expect(store.live).toBe(0);
  const next = store.counter();
  expect(next.cell).toBe(cell);
  old.inc();
  expect(next.value).toBe(0);
});
