// Memory that metrics live in, readable by every thread.
//
// A cell is a place in a Float64Array over shared memory, written by one thread with plain `+=` (an atomic add costs ten times as
// much; a reader may lag by one event). Memory grows by whole chunks, so a cell never moves. Doubles count exactly up to 2^53.
// What is written together is allocated together: a proxy with hundreds of endpoints waits for memory more than it computes.
import { BucketStore } from "./bucket-store.ts";

const CELLS_PER_CHUNK = 1024;

/** How many cells can be had in a row. A row begins at a multiple of its length, so eight cells are one line of the processor's cache. */
export type RowLength = 1 | 4 | 8;

/** Hands out rows of cells, all zero, and takes them back. */
export class CellStore {
  /** All memory in order of allocation: what a reader in another thread needs. */
  readonly chunks: Float64Array[] = [];
  /** A row for what is written to metrics that are gone; nobody reads it. */
  readonly sink: number;
  readonly #free: Record<RowLength, number[]> = { 1: [], 4: [], 8: [] };
  #used = 0;
  /** Cells in use by metrics that exist. */
  live = 0;
  /** What distributions count in; not shared, since workers are asked for their figures. */
  readonly buckets: BucketStore = new BucketStore();

  constructor() {
    this.sink = this.allocate(8);
    this.live = 0;
  }

  /** The first cell of a row that nobody else uses. */
  allocate(length: RowLength): number {
    this.live += length;
    return this.#free[length].pop() ?? this.#cut(length);
  }

  /** Takes a row back. */
  release(first: number, length: RowLength): void {
    this.live -= length;
    const at = first % CELLS_PER_CHUNK;
    this.chunkOf(first).fill(0, at, at + length);
    this.#free[length].push(first);
  }

  /** The chunk that holds a cell. */
  chunkOf(cell: number): Float64Array {
    return this.chunks[Math.floor(cell / CELLS_PER_CHUNK)]!;
  }

  /** Where in its chunk a cell is. */
  indexOf(cell: number): number {
    return cell % CELLS_PER_CHUNK;
  }

  // Cells passed over for a row's alignment are handed out one by one.
  #cut(length: RowLength): number {
    while (this.#used % length !== 0) this.#free[1].push(this.#used++);
    if (this.#used === this.chunks.length * CELLS_PER_CHUNK) {
      this.chunks.push(new Float64Array(new SharedArrayBuffer(CELLS_PER_CHUNK * Float64Array.BYTES_PER_ELEMENT)));
    }
    const first = this.#used;
    this.#used += length;
    return first;
  }
}
