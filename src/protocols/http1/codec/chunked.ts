// @hot The chunked transfer coding (RFC 9112 §7.1), decoded incrementally.
//
// Only sizes and borders are read here; the data is handed on as ranges of the read buffer. Extensions are skipped and not
// forwarded. Line ends are CRLF only: a lone LF after a chunk size is how one request is smuggled inside another.
import { CR, LF } from "./characters.ts";

/** Where the decoder stands. */
const At = { size: 0, extension: 1, sizeLf: 2, data: 3, dataCr: 4, dataLf: 5, trailers: 6 } as const;

/** What `next` found. */
export const Chunk = { needMore: 0, data: 1, trailers: 2, bad: 3 } as const;
export type Chunk = (typeof Chunk)[keyof typeof Chunk];

const MAX_SIZE_DIGITS = 13; // 2^52, within safe integers
const MAX_EXTENSION_BYTES = 1024; // per body, so that extensions cannot be a stream of their own

/** Decoder of one chunked body; reused from body to body. */
export class ChunkedDecoder {
  /** After `data`: the range of body bytes. */
  start = 0;
  end = 0;
  /** Where to go on. */
  position = 0;
  #at: number = At.size;
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;

  reset(): void {
    this.#at = At.size;
    this.#size = 0;
    this.#digits = 0;
    this.#extensionBytes = 0;
  }

  /** Bytes of the current chunk still to come. */
  get remaining(): number {
    return this.#at === At.data ? this.#size : 0;
  }

  /**
   * Reads on in `buffer[at, end)`. `data`: body bytes at `[start, end)`; call again from `position`. `trailers`: the last
   * chunk is over, the trailer section begins at `position`. `needMore`: everything was consumed.
   */
  next(buffer: Buffer, at: number, limit: number): Chunk {
    while (at < limit) {
      if (this.#at === At.data) {
        const take = Math.min(this.#size, limit - at);
        this.start = at;
        this.end = at + take;
        this.position = at + take;
        this.#size -= take;
        if (this.#size === 0) this.#at = At.dataCr;
        return Chunk.data;
      }
      const byte = buffer[at++] as number;
      if (!this.#step(byte)) return Chunk.bad;
      if (this.#at === At.trailers) {
        this.position = at;
        return Chunk.trailers;
      }
    }
    this.position = limit;
    return Chunk.needMore;
  }

  #step(byte: number): boolean {
    switch (this.#at) {
      case At.size:
        return this.#sizeByte(byte);
      case At.extension:
        if (byte === CR) this.#at = At.sizeLf;
        else if (++this.#extensionBytes > MAX_EXTENSION_BYTES || byte === LF || byte === 0) return false;
        return true;
      case At.sizeLf:
        if (byte !== LF) return false;
        this.#at = this.#size === 0 ? At.trailers : At.data;
        this.#digits = 0;
        return true;
      case At.dataCr:
        this.#at = At.dataLf;
        return byte === CR;
      case At.dataLf:
        this.#at = At.size;
        return byte === LF;
      default:
        return false;
    }
  }

  #sizeByte(byte: number): boolean {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      if (++this.#digits > MAX_SIZE_DIGITS) return false;
      this.#size = this.#digits === 1 ? digit : this.#size * 16 + digit;
      return true;
    }
    if (this.#digits === 0) return false;
    if (byte === CR) this.#at = At.sizeLf;
    else if (byte === 59) this.#at = At.extension;
    else return false;
    return true;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const lower = byte | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
