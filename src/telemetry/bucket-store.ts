// Memory that the buckets of distributions are counted in: most of what the metrics of thousands of services need.
//
// A window of a minute holds less than 2^32 values of one kind, so a bucket is half as wide as a cell. Memory grows by whole chunks, so a page
// never moves; pages that are given back are handed out again.

export const PAGE_BITS = 6;
/** Buckets per page. */
export const PAGE_BUCKETS: number = 1 << PAGE_BITS;
const BUCKETS_PER_CHUNK = 32 * PAGE_BUCKETS;

/** Hands out pages of buckets, all zero, and takes them back. A page is known by the number of its first bucket. */
export class BucketStore {
  readonly #chunks: Uint32Array[] = [];
  readonly #free: number[] = [];
  #used = 0;
  /** Buckets in use by distributions that exist. */
  live = 0;

  /** A page that nobody else uses. */
  allocate(): number {
    this.live += PAGE_BUCKETS;
    return this.#free.pop() ?? this.#cut();
  }

  /** Takes a page back. */
  release(page: number): void {
    this.live -= PAGE_BUCKETS;
    this.clear(page);
    this.#free.push(page);
  }

  /** Sets its buckets to zero. */
  clear(page: number): void {
    const at = this.indexOf(page);
    this.chunkOf(page).fill(0, at, at + PAGE_BUCKETS);
  }

  /** Whether any of its buckets has counted something. */
  isUsed(page: number): boolean {
    const chunk = this.chunkOf(page);
    const at = this.indexOf(page);
    for (let i = at; i < at + PAGE_BUCKETS; i++) if (chunk[i] !== 0) return true;
    return false;
  }

  /** The chunk that holds a page. */
  chunkOf(page: number): Uint32Array {
    return this.#chunks[Math.floor(page / BUCKETS_PER_CHUNK)]!;
  }

  /** Where in its chunk a page begins. */
  indexOf(page: number): number {
    return page % BUCKETS_PER_CHUNK;
  }

  #cut(): number {
    if (this.#used === this.#chunks.length * BUCKETS_PER_CHUNK) this.#chunks.push(new Uint32Array(BUCKETS_PER_CHUNK));
    const page = this.#used;
    this.#used += PAGE_BUCKETS;
    return page;
  }
}
