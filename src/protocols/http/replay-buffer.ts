// @hot The beginning of a request body, kept while it is streamed on, so that a lost race for a connection can be repeated.
import { shortBuffer } from "../../base/bytes.ts";

const NONE = Buffer.alloc(0);

/** Keeps a body as long as it is short. */
export class ReplayBuffer {
  buffer: Buffer = NONE;
  length = 0;
  /** Everything passed so far is still here. */
  complete = true;
  readonly #firstBytes: number;

  /** @param firstBytes what it begins with, and keeps between bodies. */
  constructor(firstBytes: number) {
    this.#firstBytes = firstBytes;
  }

  reset(): void {
    this.length = 0;
    this.complete = true;
    if (this.buffer.length > this.#firstBytes) this.buffer = NONE;
  }

  /** Keeps a copy of a chunk, or gives up when that makes more than `mostBytes`. */
  keep(source: Buffer, start: number, end: number, mostBytes: number): void {
    if (!this.complete) return;
    const needed = this.length + end - start;
    if (needed > mostBytes) return this.give();
    if (needed > this.buffer.length) this.#grow(needed, mostBytes);
    source.copy(this.buffer, this.length, start, end);
    this.length = needed;
    return undefined;
  }

  /** Keeps no longer: the body is too long, or has trailers. */
  give(): void {
    this.complete = false;
    this.length = 0;
    this.buffer = NONE;
  }

  #grow(needed: number, mostBytes: number): void {
    const doubled = Math.max(this.#firstBytes, 2 * this.buffer.length, needed);
    const grown = shortBuffer(needed <= this.#firstBytes ? this.#firstBytes : Math.min(doubled, mostBytes));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}
