// The buffers that sockets of one event loop read into.
import type { StaticRead } from "./static-read.ts";

const SHARED_BYTES = 64 * 1024;
const SMALL_BYTES = 64 * 1024;
const LARGE_BYTES = 256 * 1024;
const KEPT_EACH = 8;
/** So many connections may have a large buffer at a time; with fifty bulk transfers they would be most of the memory in use. */
const MOST_LARGE = 16;

/** One shared buffer for small messages; private ones, lent to connections while they stream a large body. */
export class ReadBuffers {
  readonly staticRead: StaticRead | null;
  readonly shared: Buffer = Buffer.allocUnsafeSlow(SHARED_BYTES);
  readonly largeBytes: number = LARGE_BYTES;
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  #largeInUse = 0;

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

  /** A private buffer is not used any longer, but a writer may still have it: the collector takes it when nobody has. */
  leave(buffer: Buffer): void {
    if (buffer.length === LARGE_BYTES) this.#largeInUse--;
  }

  /** Takes a private buffer back; a bounded number is kept. */
  give(buffer: Buffer): void {
    this.leave(buffer);
    const list = buffer.length === LARGE_BYTES ? this.#large : this.#small;
    if (list.length < KEPT_EACH) list.push(buffer);
  }

  /** Lets go of the kept buffers, when the process is idle. */
  trim(): void {
    this.#small.length = 0;
    this.#large.length = 0;
  }
}
