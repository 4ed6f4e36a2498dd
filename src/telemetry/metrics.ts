// @hot Counters and gauges: numbers in memory that every thread can read.
//
// A cell is a place in a Float64Array over shared memory, written by one thread with plain `+=` (an atomic add costs ten times as
// much; a reader may lag by one event). Memory grows by whole chunks, so a cell never moves. Doubles count exactly up to 2^53.

const CELLS_PER_CHUNK = 1024;

/** Shared memory that metric cells live in, and the list of free ones. */
export class CellStore {
  /** All memory in order of allocation: what a reader in another thread needs. */
  readonly chunks: Float64Array[] = [];
  readonly #free: number[] = [];
  #used = 0;
  /** Cell 0 takes what is written to metrics that are gone; nobody reads it. */
  readonly #sink: number;

  constructor() {
    this.#sink = this.#allocate();
  }

  /** Cells in use by metrics that still exist. */
  get live(): number {
    return this.#used - this.#free.length - 1;
  }

  counter(): Counter {
    return new Counter(this, this.#allocate());
  }

  gauge(): Gauge {
    return new Gauge(this, this.#allocate());
  }

  /** Takes a metric's cell back. Whoever still holds the metric writes into the void from now on. */
  release(metric: Counter | Gauge): void {
    if (metric.cell === this.#sink) return;
    this.chunkOf(metric.cell)[metric.cell % CELLS_PER_CHUNK] = 0;
    this.#free.push(metric.cell);
    metric.moveTo(this, this.#sink);
  }

  /** The chunk that holds a cell. */
  chunkOf(cell: number): Float64Array {
    return this.chunks[Math.floor(cell / CELLS_PER_CHUNK)]!;
  }

  #allocate(): number {
    const freed = this.#free.pop();
    if (freed !== undefined) return freed;
    if (this.#used === this.chunks.length * CELLS_PER_CHUNK) {
      this.chunks.push(new Float64Array(new SharedArrayBuffer(CELLS_PER_CHUNK * Float64Array.BYTES_PER_ELEMENT)));
    }
    return this.#used++;
  }
}

/** A place in shared memory with a number in it. */
abstract class Cell {
  /** Number of the cell over all chunks. */
  cell: number;
  protected cells: Float64Array;
  protected index: number;

  constructor(store: CellStore, cell: number) {
    this.cell = cell;
    this.cells = store.chunkOf(cell);
    this.index = cell % CELLS_PER_CHUNK;
  }

  get value(): number {
    return this.cells[this.index]!;
  }

  add(amount: number): void {
    this.cells[this.index]! += amount;
  }

  /** For the store only. */
  moveTo(store: CellStore, cell: number): void {
    this.cell = cell;
    this.cells = store.chunkOf(cell);
    this.index = cell % CELLS_PER_CHUNK;
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

/** A number that goes up and down, set by its owner. */
export class Gauge extends Cell {
  get kind(): "gauge" {
    return "gauge";
  }

  set(value: number): void {
    this.cells[this.index] = value;
  }
}
