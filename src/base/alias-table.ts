// @hot Draws an index with given weights in constant time: the alias method (Walker 1977, built as in Vose 1991).
import type { Random } from "./random.ts";

/**
 * A loaded die. Each of n equal columns holds at most two faces: its own, up to a share, and one alias above it.
 * Weights are zero or more; when all of them are zero, every index is equally likely.
 */
export class AliasTable {
  readonly #share: Float64Array;
  readonly #alias: Uint32Array;

  constructor(weights: readonly number[]) {
    this.#share = new Float64Array(weights.length).fill(1);
    this.#alias = new Uint32Array(weights.length);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total > 0) this.#build(weights.map((weight) => (weight * weights.length) / total));
  }

  /** An index, drawn with one random number. The table must not be empty. */
  pick(random: Random): number {
    const drawn = random.next() * this.#share.length;
    const column = Math.floor(drawn);
    return drawn - column < this.#share[column]! ? column : this.#alias[column]!;
  }

  /** Fills columns that are too low with what columns that are too high have left. */
  // cold: once per table
  #build(heights: number[]): void {
    const low: number[] = [];
    const high: number[] = [];
    heights.forEach((height, at) => (height < 1 ? low : high).push(at));
    while (low.length > 0 && high.length > 0) {
      const poor = low.pop()!;
      const rich = high[high.length - 1]!;
      this.#share[poor] = heights[poor]!;
      this.#alias[poor] = rich;
      heights[rich]! -= 1 - heights[poor]!;
      if (heights[rich]! < 1) low.push(high.pop()!);
    }
    // The columns left over are full up to rounding: the n heights add up to n.
  }
}
