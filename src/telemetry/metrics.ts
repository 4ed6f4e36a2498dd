// @hot Counters and gauges: numbers in cells of shared memory.
import type { CellStore } from "./cells.ts";

/** A cell with a number in it. */
abstract class Cell {
  protected readonly store: CellStore;
  /** Number of the cell over all chunks. */
  cell: number;
  protected cells: Float64Array;
  protected index: number;

  constructor(store: CellStore, cell: number) {
    this.store = store;
    this.cell = cell;
    this.cells = store.chunkOf(cell);
    this.index = store.indexOf(cell);
  }

  get value(): number {
    return this.cells[this.index]!;
  }

  add(amount: number): void {
    this.cells[this.index]! += amount;
  }

  /** Gives the cell back. Whoever still holds the metric writes into the void from now on. */
  retire(): void {
    if (this.cell === this.store.sink) return;
    this.store.release(this.cell, 1);
    this.moveTo(this.store.sink);
  }

  protected moveTo(cell: number): void {
    this.cell = cell;
    this.cells = this.store.chunkOf(cell);
    this.index = this.store.indexOf(cell);
  }
}

/** A number that only grows while it exists. */
export class Counter extends Cell {
  get kind(): "counter" {
    return "counter";
  }

  inc(): void {
    this.cells[this.index]! += 1;
  }
}

/** One counter of a group, for readers. */
export class GroupedCounter {
  readonly #group: CounterGroup;
  readonly #which: number;

  constructor(group: CounterGroup, which: number) {
    this.#group = group;
    this.#which = which;
  }

  get kind(): "counter" {
    return "counter";
  }

  get value(): number {
    return this.#group.valueOf(this.#which);
  }

  retire(): void {
    // The group gives all cells back at once.
  }
}

/** Up to four counters side by side: counted together, they cost one access to memory. */
export class CounterGroup {
  /** How many there are. */
  readonly count: number;
  readonly #store: CellStore;
  #first: number;
  #cells: Float64Array;
  #index: number;

  constructor(store: CellStore, count: number) {
    this.#store = store;
    this.count = count;
    this.#first = store.allocate(4);
    this.#cells = store.chunkOf(this.#first);
    this.#index = store.indexOf(this.#first);
  }

  /** Counts one for the counter at this place in the group. */
  inc(which: number): void {
    this.#cells[this.#index + which]! += 1;
  }

  valueOf(which: number): number {
    return this.#cells[this.#index + which]!;
  }

  /** The counter at this place by itself. */
  counter(which: number): GroupedCounter {
    return new GroupedCounter(this, which); // cold: for readers
  }

  /** As for a single counter. */
  retire(): void {
    const { sink } = this.#store;
    if (this.#first === sink) return;
    this.#store.release(this.#first, 4);
    this.#first = sink;
    this.#cells = this.#store.chunkOf(sink);
    this.#index = this.#store.indexOf(sink);
  }
}

/** A number that goes up and down, set by its owner. */
export class Gauge extends Cell {
  get kind(): "gauge" {
    return "gauge";
  }

  set(value: number): void {
    this.cells[this.index] = value;
  }
}
