// The buckets of one window of a histogram: pages of cells, made where values fall. Latencies of one service fill one or two pages.
import type { CellStore } from "./cells.ts";

/** Buckets per page. */
const PAGE = 64;
const PAGE_BITS = 6;

interface Page {
  /** Number of the page: its first bucket divided by `PAGE`. */
  readonly number: number;
  /** Its first cell. */
  readonly cell: number;
}

export class BucketPages {
  readonly #store: CellStore;
  // Of most windows all values fall on one page, which needs no list.
  #number = -1;
  #cell = 0;
  #others: Page[] | null = null;

  constructor(store: CellStore) {
    this.#store = store;
  }

  /** First cell of the page of this number, made when new. */
  open(number: number): number {
    if (number === this.#number) return this.#cell;
    const others = this.#others;
    for (let i = 0; others !== null && i < others.length; i++) {
      const page = others[i]!;
      if (page.number === number) return page.cell;
    }
    const cell = this.#store.allocate(PAGE);
    if (this.#number < 0) {
      this.#number = number;
      this.#cell = cell;
    } else {
      const page = [{ number, cell }];
      this.#others = others === null ? page : others.concat(page); // no longer than it needs to be
    }
    return cell;
  }

  *#pages(): Generator<Page, void, undefined> {
    if (this.#number < 0) return;
    yield { number: this.#number, cell: this.#cell };
    if (this.#others !== null) yield* this.#others;
  }

  /** Sets all buckets to zero and keeps the pages. */
  clear(): void {
    for (const { cell } of this.#pages()) {
      const at = this.#store.indexOf(cell);
      this.#store.chunkOf(cell).fill(0, at, at + PAGE);
    }
  }

  /** Gives the pages back. */
  free(): void {
    for (const { cell } of this.#pages()) this.#store.release(cell, PAGE);
    this.#number = -1;
    this.#others = null;
  }

  /**
   * Adds up what was counted between bounds.
   * @param lastBuckets ascending; what lies up to the first of them is added to the first of `sums`, and so on.
   * @param sums one more than there are bounds: the last is for what lies beyond.
   */
  addTo(sums: number[], lastBuckets: readonly number[]): void {
    for (const { cell, number } of this.#pages()) {
      const cells = this.#store.chunkOf(cell);
      const at = this.#store.indexOf(cell);
      let place = 0;
      for (let i = 0; i < PAGE; i++) {
        while (place < lastBuckets.length && number * PAGE + i > lastBuckets[place]!) place++;
        sums[place]! += cells[at + i]!;
      }
    }
  }

  /** A copy of all buckets up to the last page. */
  read(): Float64Array {
    let pages = 0;
    for (const { number } of this.#pages()) pages = Math.max(pages, number + 1);
    const buckets = new Float64Array(pages * PAGE);
    for (const { cell, number } of this.#pages()) {
      const at = this.#store.indexOf(cell);
      buckets.set(this.#store.chunkOf(cell).subarray(at, at + PAGE), number * PAGE);
    }
    return buckets;
  }
}

/** The page a bucket is on, and its place there. */
export function pageOf(bucket: number): number {
  return bucket >>> PAGE_BITS;
}

export function placeOf(bucket: number): number {
  return bucket & (PAGE - 1);
}
