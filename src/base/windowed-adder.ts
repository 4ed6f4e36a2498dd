// @hot A sum over the last stretch of time, kept in slices that expire one by one (finagle §4.1).

/**
 * Adds whole numbers and forgets them after about a window: the current slice and `slices - 1` older ones count.
 * What is added therefore stays between `window - slice` and `window`. Time is handed in and never runs backwards;
 * an earlier reading counts as the latest seen.
 */
export class WindowedAdder {
  readonly #sliceMs: number;
  /** Whole numbers: an array of them needs less than memory of its own, and there is one for each service. */
  readonly #slices: number[];
  #current = 0;
  /** The current slice; it gets its place among the others when it is over. */
  #fresh = 0;
  #sliceStartMs: number;
  #sum = 0;

  /**
   * @param windowMs length of the window.
   * @param slices how many steps it expires in.
   * @param nowMs when the first slice begins.
   */
  constructor(windowMs: number, slices: number, nowMs: number) {
    this.#sliceMs = windowMs / slices;
    this.#slices = Array.from({ length: slices }, () => 0); // cold: once
    this.#sliceStartMs = nowMs;
  }

  add(amount: number, nowMs: number): void {
    this.#roll(nowMs);
    this.#fresh += amount;
    this.#sum += amount;
  }

  /** What was added within the window that ends now. */
  sum(nowMs: number): number {
    this.#roll(nowMs);
    return this.#sum;
  }

  /** Forgets everything; a slice begins now. */
  reset(nowMs: number): void {
    this.#slices.fill(0);
    this.#fresh = 0;
    this.#sum = 0;
    this.#sliceStartMs = nowMs;
  }

  #roll(nowMs: number): void {
    const elapsedMs = nowMs - this.#sliceStartMs;
    if (elapsedMs >= this.#sliceMs) this.#expire(Math.floor(elapsedMs / this.#sliceMs));
  }

  #expire(steps: number): void {
    this.#sliceStartMs += steps * this.#sliceMs;
    const count = this.#slices.length;
    this.#slices[this.#current] = this.#fresh;
    this.#fresh = 0;
    for (let step = Math.min(steps, count); step > 0; step--) {
      this.#current = (this.#current + 1) % count;
      this.#sum -= this.#slices[this.#current]!;
      this.#slices[this.#current] = 0;
    }
  }
}
