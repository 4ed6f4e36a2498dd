// The buckets of one window of a histogram: pages, made where values fall. Latencies of one service fill one or two.
import { type BucketStore, PAGE_BITS, PAGE_BUCKETS } from "./bucket-store.ts";

interface Page {
  /** Number of the page: its first bucket divided by `PAGE_BUCKETS`. */
  readonly number: number;
  /** Where it is in the store. */
  readonly page: number;
}

export class BucketPages {
  readonly #store: BucketStore;
  // Of most windows all values fall on one page, which needs no list.
  #number = -1;
  #page = 0;
  #others: readonly Page[] | null = null;

  constructor(store: BucketStore) {
    this.#store = store;
  }

  /** The page of this number in the store, made when new. */
  open(number: number): number {
    if (number === this.#number) return this.#page;
    const others = this.#others;
    for (let i = 0; others !== null && i < others.length; i++) {
      const other = others[i]!;
      if (other.number === number) return other.page;
    }
    const page = this.#store.allocate();
    this.#keep({ number, page });
    return page;
  }

  #keep(one: Page): void {
    if (this.#number < 0) {
      this.#number = one.number;
      this.#page = one.page;
    } else {
      this.#others = this.#others === null ? [one] : this.#others.concat(one); // no longer than it needs to be
    }
  }

  *#pages(): Generator<Page, void, undefined> {
    if (this.#number < 0) return;
    yield { number: this.#number, page: this.#page };
    if (this.#others !== null) yield* this.#others;
  }

  /** Sets all buckets to zero. Pages that have counted something are kept for the next window, the others are given back. */
  clear(): void {
    const pages = [...this.#pages()];
    this.#number = -1;
    this.#others = null;
    for (const one of pages) {
      if (!this.#store.isUsed(one.page)) {
        this.#store.release(one.page);
        continue;
      }
      this.#store.clear(one.page);
      this.#keep(one);
    }
  }

  /** Gives the pages back. */
  free(): void {
    for (const { page } of this.#pages()) this.#store.release(page);
    this.#number = -1;
    this.#others = null;
  }

  /**
   * Adds up what was counted between bounds.
   * @param lastBuckets ascending; what lies up to the first of them is added to the first of `sums`, and so on.
   * @param sums one more than there are bounds: the last is for what lies beyond.
   */
  addTo(sums: number[], lastBuckets: readonly number[]): void {
    for (const { number, page } of this.#pages()) {
      const buckets = this.#store.chunkOf(page);
      const at = this.#store.indexOf(page);
      let place = 0;
      for (let i = 0; i < PAGE_BUCKETS; i++) {
        while (place < lastBuckets.length && number * PAGE_BUCKETS + i > lastBuckets[place]!) place++;
        sums[place]! += buckets[at + i]!;
      }
    }
  }

  /** A copy of all buckets up to the last page. @param zeros are in the first bucket besides. */
  read(zeros: number): Float64Array {
    let pages = zeros > 0 ? 1 : 0;
    for (const { number } of this.#pages()) pages = Math.max(pages, number + 1);
    const copy = new Float64Array(pages * PAGE_BUCKETS);
    for (const { number, page } of this.#pages()) {
      const at = this.#store.indexOf(page);
      copy.set(this.#store.chunkOf(page).subarray(at, at + PAGE_BUCKETS), number * PAGE_BUCKETS);
    }
    if (zeros > 0) copy[0]! += zeros;
    return copy;
  }
}

/** The page a bucket is on, and its place there. */
export function pageOf(bucket: number): number {
  return bucket >>> PAGE_BITS;
}

export function placeOf(bucket: number): number {
  return bucket & (PAGE_BUCKETS - 1);
}
