// @hot Bytes that wait, in order. One piece of memory that grows and is let go of, so that many small pieces cost no more than their bytes. The
// pieces go from queue to queue: dropped ones would lie about until the collector sees how large they are.

const NONE = Buffer.alloc(0);
const SMALLEST_BITS = 9;
const LARGEST_BITS = 17;
/** Memory up to this size stays with its queue when that is empty. */
const KEPT_BYTES = 2048;
/** So much of each size is kept for the next. */
const KEPT_PER_SIZE = 2 * 1024 * 1024;

/** By the power of two: pieces nobody uses. */
const spares: Buffer[][] = Array.from({ length: LARGEST_BITS + 1 }, () => []); // cold: once

function bitsFor(bytes: number): number {
  return Math.max(SMALLEST_BITS, 32 - Math.clz32(bytes - 1));
}

function takePiece(bytes: number): Buffer {
  const bits = bitsFor(bytes);
  if (bits > LARGEST_BITS) return Buffer.allocUnsafeSlow(bytes);
  return (spares[bits] as Buffer[]).pop() ?? Buffer.allocUnsafeSlow(2 ** bits);
}

function givePiece(piece: Buffer): void {
  const bits = bitsFor(piece.length);
  if (piece.length === 0 || bits > LARGEST_BITS || piece.length !== 2 ** bits) return;
  const kept = spares[bits] as Buffer[];
  if (kept.length * piece.length < KEPT_PER_SIZE) kept.push(piece);
}

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
    if (this.buffer.length <= KEPT_BYTES) return;
    givePiece(this.buffer);
    this.buffer = NONE;
  }

  clear(): void {
    this.take(this.length);
  }

  #makeRoom(bytes: number): void {
    const length = this.length;
    const needed = length + bytes;
    if (needed > this.buffer.length || this.start < this.buffer.length / 2) {
      const grown = takePiece(Math.max(2 * length, needed));
      this.buffer.copy(grown, 0, this.start, this.end);
      givePiece(this.buffer);
      this.buffer = grown;
    } else {
      this.buffer.copyWithin(0, this.start, this.end);
    }
    this.start = 0;
    this.end = length;
  }
}
