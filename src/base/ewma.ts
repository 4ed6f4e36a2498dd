// @hot Exponentially weighted moving average over uneven steps (Finagle's Ema, finagle §2.3 and §3.1).

/**
 * `value = x·(1 − w) + value·w` with `w = exp(−Δ/window)`: a sample's weight fades with the distance to later ones.
 * The stamp may be time or a count, in the same unit as the window.
 */
export class Ewma {
  /** The average, or 0 before the first sample. */
  value = 0;
  readonly #window: number;
  #stamp = 0;
  #empty = true;

  /** @param window distance after which a sample's weight has fallen to 1/e; 0 keeps only the last sample. */
  constructor(window: number) {
    this.#window = window;
  }

  /** Takes a sample and returns the average. A stamp that runs backwards counts as no distance. */
  update(stamp: number, x: number): number {
    if (this.#empty) {
      this.#empty = false;
      this.#stamp = stamp;
      return (this.value = x);
    }
    const distance = stamp - this.#stamp;
    if (distance > 0) this.#stamp = stamp;
    const weight = this.#weight(distance);
    return (this.value = x * (1 - weight) + this.value * weight);
  }

  /** Forgets everything: the next sample becomes the average. */
  reset(): void {
    this.#empty = true;
    this.value = 0;
  }

  #weight(distance: number): number {
    if (this.#window === 0) return 0;
    return distance > 0 ? Math.exp(-distance / this.#window) : 1;
  }
}
