// @hot Bytes that wait, in order. One piece of memory that grows and is let go of, so that many small pieces cost no more than their bytes.

const NONE = Buffer.alloc(0);
const FIRST_BYTES = 512;
/** Memory up to this size is kept when the queue is empty. */
const KEPT_BYTES = 2048;

/** A queue of bytes. */
export class ByteQueue {
  /** What waits is `buffer[start, end)`. */
  buffer: Buffer = NONE;
  start = 0;
  end = 0;

  get length(): number {
    return this.end - this.start;
  }

  /** Appends a copy of `source[from, to)`. */
  push(source: Buffer, from: number, to: number): void {
    const bytes = to - from;
    if (this.end + bytes > this.buffer.length) this.#makeRoom(bytes);
    source.copy(this.buffer, this.end, from, to);
    this.end += bytes;
  }

  /** The first `bytes` have been taken. */
  take(bytes: number): void {
    this.start += bytes;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.buffer.length > KEPT_BYTES) this.buffer = NONE;
  }

  clear(): void {
    this.take(this.length);
  }

  #makeRoom(bytes: number): void {
    const length = this.length;
    const needed = length + bytes;
    if (needed > this.buffer.length || this.start < this.buffer.length / 2) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, 2 * length, needed));
      this.buffer.copy(grown, 0, this.start, this.end);
      this.buffer = grown;
    } else {
      this.buffer.copyWithin(0, this.start, this.end);
    }
    this.start = 0;
    this.end = length;
  }
}
