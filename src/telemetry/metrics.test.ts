import { expect, test } from "vitest";
import { CellStore } from "./cells.ts";
import { Counter, CounterGroup, Gauge } from "./metrics.ts";

function counterIn(store: CellStore): Counter {
  return new Counter(store, store.allocate(1));
}

test("Counter counts in memory that other threads can read", () => {
  const store = new CellStore();
  const counter = counterIn(store);
  counter.inc();
  counter.add(41);
  expect(counter.value).toBe(42);
  expect(store.chunks[0]?.buffer).toBeInstanceOf(SharedArrayBuffer);
  expect(store.chunkOf(counter.cell)[store.indexOf(counter.cell)]).toBe(42);
});

test("Gauge goes where it is set", () => {
  const store = new CellStore();
  const gauge = new Gauge(store, store.allocate(1));
  gauge.set(7.5);
  gauge.add(-2);
  expect(gauge.value).toBe(5.5);
});

test("CellStore grows without moving the cells it gave out", () => {
  const store = new CellStore();
  const counters = Array.from({ length: 5_000 }, () => counterIn(store));
  counters.forEach((counter, n) => counter.add(n));
  expect(store.chunks.length).toBe(5);
  counters.forEach((counter, n) => expect(counter.value).toBe(n));
  expect(store.live).toBe(5_000);
});

test("CellStore hands a released cell out again, at zero, and late writers do not reach it", () => {
  const store = new CellStore();
  const old = counterIn(store);
  old.add(5);
  const cell = old.cell;
  old.retire();
  old.retire();
  expect(store.live).toBe(0);
  const next = counterIn(store);
  expect(next.cell).toBe(cell);
  old.inc();
  expect(next.value).toBe(0);
});

test("CounterGroup counts side by side, in one line of the processor's cache", () => {
  const store = new CellStore();
  counterIn(store);
  const group = new CounterGroup(store, 3);
  group.inc(0);
  group.inc(0);
  group.inc(2);
  expect([0, 1, 2].map((which) => group.counter(which).value)).toEqual([2, 0, 1]);
  const cells = store.chunks[0] ?? new Float64Array();
  expect(cells.indexOf(2) % 4).toBe(0);
  expect([...cells.subarray(cells.indexOf(2), cells.indexOf(2) + 4)]).toEqual([2, 0, 1, 0]);
});

test("CounterGroup gives its cells back at once, and late writers do not reach who gets them next", () => {
  const store = new CellStore();
  const old = new CounterGroup(store, 3);
  old.inc(1);
  const held = old.counter(1);
  held.retire();
  expect(held.value).toBe(1);
  old.retire();
  old.retire();
  expect(store.live).toBe(0);
  const next = new CounterGroup(store, 3);
  old.inc(1);
  next.inc(0);
  expect([0, 1, 2].map((which) => next.counter(which).value)).toEqual([1, 0, 0]);
});

test("CellStore gives out rows at multiples of their length, and what is passed over is not lost", () => {
  const store = new CellStore();
  const single = store.allocate(1);
  const row = store.allocate(8);
  expect(row % 8).toBe(0);
  expect(store.allocate(4) % 4).toBe(0);
  const between = Array.from({ length: 6 }, () => store.allocate(1));
  for (const cell of between) expect(cell > single && (cell < row || cell > row + 7)).toBe(true);
});
