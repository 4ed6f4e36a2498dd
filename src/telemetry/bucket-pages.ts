// What one window of a histogram has counted, by buckets.
//
// The first values are noted one by one, on a page of the store: that is all that most services ask for in a minute. When there are more, they are
// counted on pages made where values fall, as many as their spread needs; latencies of one service fill two to ten.
import { type BucketStore, PAGE_BITS, PAGE_BUCKETS } from "./bucket-store.ts";

interface Page {
  /** Number of the page: its first bucket divided by `PAGE_BUCKETS`. */
  readonly number: number;
  /** Where it is in the store. */
  readonly page: number;
}

/** So many are noted one by one. */
const MOST_NOTED = PAGE_BUCKETS;
const NO_PAGES: readonly Page[] = [];
const NONE = -1;

export class BucketPages {
  readonly #store: BucketStore;
  /** The page with the buckets of values one by one, and how many there are; no page while values are counted. */
  #notes = NONE;
  #noted = 0;
  #counting = false;
  #pages: readonly Page[] = NO_PAGES;

  constructor(store: BucketStore) {
    this.#store = store;
  }

  /** Notes a value, if there are few. False: it is to be counted on the page that `open` gives. */
  note(bucket: number): boolean {
    if (this.#counting) return false;
    if (this.#noted === MOST_NOTED) {
      this.#countNoted();
      return false;
    }
    if (this.#notes === NONE) this.#notes = this.#store.allocate();
    this.#store.chunkOf(this.#notes)[this.#store.indexOf(this.#notes) + this.#noted++] = bucket;
    return true;
  }

  #countNoted(): void {
    const noted = [...this.#notedBuckets()];
    this.#forgetNotes();
    this.#counting = true;
    for (const bucket of noted) {
      const page = this.open(pageOf(bucket));
      this.#store.chunkOf(page)[this.#store.indexOf(page) + placeOf(bucket)]! += 1;
    }
  }

  #notedBuckets(): Uint32Array {
    if (this.#notes === NONE) return new Uint32Array();
    const at = this.#store.indexOf(this.#notes);
    return this.#store.chunkOf(this.#notes).subarray(at, at + this.#noted);
  }

  #forgetNotes(): void {
    if (this.#notes !== NONE) this.#store.release(this.#notes);
    this.#notes = NONE;
    this.#noted = 0;
  }

  /** The page of this number in the store, made when new. */
  open(number: number): number {
    const pages = this.#pages;
    for (let i = 0; i < pages.length; i++) if (pages[i]!.number === number) return pages[i]!.page;
    const page = this.#store.allocate();
    this.#pages = pages.concat({ number, page }); // no longer than it needs to be
    return page;
  }

  /** Begins again at zero. Where there were many values, the pages that they were counted on are kept for the next. @param count how many there were */
  clear(count: number): void {
    if (!this.#counting || count <= MOST_NOTED) return this.free();
    const store = this.#store;
    this.#pages = this.#pages.filter(({ page }) => {
      const used = store.isUsed(page);
      if (used) store.clear(page);
      else store.release(page);
      return used;
    });
    return undefined;
  }

  /** Gives the pages back. */
  free(): void {
    for (const { page } of this.#pages) this.#store.release(page);
    this.#pages = NO_PAGES;
    this.#forgetNotes();
    this.#counting = false;
  }

  /**
   * Adds up what was counted between bounds.
   * @param lastBuckets ascending; what lies up to the first of them is added to the first of `sums`, and so on.
   * @param sums one more than there are bounds: the last is for what lies beyond.
   */
  addTo(sums: number[], lastBuckets: readonly number[]): void {
    for (const bucket of this.#notedBuckets()) sums[placeAmong(lastBuckets, bucket, 0)]! += 1;
    for (const { number, page } of this.#pages) {
      const buckets = this.#store.chunkOf(page);
      const at = this.#store.indexOf(page);
      let place = 0;
      for (let i = 0; i < PAGE_BUCKETS; i++) {
        place = placeAmong(lastBuckets, number * PAGE_BUCKETS + i, place);
        sums[place]! += buckets[at + i]!;
      }
    }
  }

  /** A copy of all buckets up to the last page. @param zeros are in the first bucket besides. */
  read(zeros: number): Float64Array {
    const noted = this.#notedBuckets();
    let pages = zeros > 0 ? 1 : 0;
    for (const bucket of noted) pages = Math.max(pages, pageOf(bucket) + 1);
    for (const { number } of this.#pages) pages = Math.max(pages, number + 1);
    const copy = new Float64Array(pages * PAGE_BUCKETS);
    for (const bucket of noted) copy[bucket]! += 1;
    for (const { number, page } of this.#pages) {
      const at = this.#store.indexOf(page);
      copy.set(this.#store.chunkOf(page).subarray(at, at + PAGE_BUCKETS), number * PAGE_BUCKETS);
    }
    if (zeros > 0) copy[0]! += zeros;
    return copy;
  }
}

/** Of ascending last buckets the first that a bucket does not exceed, from a place on. */
function placeAmong(lastBuckets: readonly number[], bucket: number, from: number): number {
  let place = from;
  while (place < lastBuckets.length && bucket > lastBuckets[place]!) place++;
  return place;
}

/** The page a bucket is on, and its place there. */
export function pageOf(bucket: number): number {
  return bucket >>> PAGE_BITS;
}

export function placeOf(bucket: number): number {
  return bucket & (PAGE_BUCKETS - 1);
}
