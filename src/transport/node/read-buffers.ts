// The buffers that sockets of one event loop read into.
import type { StaticRead } from "./static-read.ts";

/** A body of 64 kB comes in one read together with its head (a fifth less CPU); larger first reads are copied for longer than they save. */
const SHARED_BYTES = 72 * 1024;
const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES = 256 * 1024;
/** So many connections may have a large buffer at a time; with fifty bulk transfers they would be most of the memory in use. */
const MOST_LARGE = 16;
/** So many of each size are kept for the next: as many as bulk transfers use, so that these make no garbage. */
const KEPT_EACH = MOST_LARGE;
/** So many buffers are waited for. One whose bytes were copied in the end is never reported as written. */
const MOST_DEPARTING = 32;

/** One shared buffer for small messages; private ones, lent to connections while they stream a large body. */
export class ReadBuffers {
  readonly staticRead: StaticRead | null;
  readonly shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
  readonly largeBytes: number = LARGE_BYTES;
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  #largeInUse = 0;
  /** Buffers whose reader has done with them while a writer has not, by their memory. */
  readonly #departing = new Map<ArrayBufferLike, Buffer>();

  constructor(staticRead: StaticRead | null) {
    this.staticRead = staticRead;
  }

  takeSmall(): Buffer {
    return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL_BYTES);
  }

  /** Null when enough connections have one: the small one must do. */
  takeLarge(): Buffer | null {
    if (this.#largeInUse === MOST_LARGE) return null;
    this.#largeInUse++;
    return this.#large.pop() ?? Buffer.allocUnsafeSlow(LARGE_BYTES);
  }

  /** A private buffer is not used any longer, and who may still have it is not known: the collector takes it when nobody has. */
  drop(buffer: Buffer): void {
    if (buffer.length === LARGE_BYTES) this.#largeInUse--;
  }

  /** A private buffer is not read into any longer, but a writer still has it: `written` brings it back. */
  leave(buffer: Buffer): void {
    this.drop(buffer);
    if (this.#departing.size === MOST_DEPARTING) {
      const [oldest] = this.#departing.keys();
      if (oldest !== undefined) this.#departing.delete(oldest);
    }
    this.#departing.set(buffer.buffer, buffer);
  }

  /** A writer is through with this memory. */
  written(memory: ArrayBufferLike): void {
    const buffer = this.#departing.get(memory);
    if (buffer === undefined) return;
    this.#departing.delete(memory);
    this.#keep(buffer);
  }

  /** Takes a private buffer back; a bounded number is kept. */
  give(buffer: Buffer): void {
    this.drop(buffer);
    this.#keep(buffer);
  }

  #keep(buffer: Buffer): void {
    const list = buffer.length === LARGE_BYTES ? this.#large : this.#small;
    if (list.length < KEPT_EACH) list.push(buffer);
  }
}
