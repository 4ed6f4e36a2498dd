// @hot Text in buffers. The request path is bytes; text is made only when somebody needs a string.

/** `buffer[start, end)` as text, one character per byte. */
export function latin1(buffer: Buffer, start: number, end: number): string {
  return buffer.toString("latin1", start, end);
}

interface Latin1Writer {
  latin1Write(this: Buffer, text: string, at: number): number;
}

// What `write` comes to for this encoding, without looking the encoding up every time. Node has it, and does not document it.
const { latin1Write = writeByName } = Buffer.prototype as unknown as Partial<Latin1Writer>;

function writeByName(this: Buffer, text: string, at: number): number {
  return this.write(text, at, "latin1");
}

/** Writes text whose characters are all below 256; returns the position after it. */
export function putLatin1(buffer: Buffer, at: number, text: string): number {
  return at + latin1Write.call(buffer, text, at);
}

/** Up to here a buffer costs less as a piece of a larger one: memory of its own comes with 300 bytes of administration. */
const PIECE_BYTES = 1024;
const SLAB_BYTES = 64 * 1024;
let slab: Buffer = Buffer.alloc(0);
let slabUsed = 0;

/**
 * A buffer that is kept for long and belongs to one of thousands. Not from Node's own pool: what is kept there keeps 64 kB, most of which was
 * somebody's for a moment.
 */
export function shortBuffer(bytes: number): Buffer {
  if (bytes > PIECE_BYTES) return Buffer.allocUnsafeSlow(bytes);
  if (slabUsed + bytes > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    slabUsed = 0;
  }
  const piece = slab.subarray(slabUsed, slabUsed + bytes);
  slabUsed += (bytes + 7) & ~7;
  return piece;
}

/** Up to here a loop is through before a native copy has begun. */
const SHORT = 48;

/** Copies `source[start, end)` to `into[at, …)`, which are different buffers; returns the position after it. Made for values of header fields. */
export function copyBytes(source: Buffer, start: number, end: number, into: Buffer, at: number): number {
  let out = at;
  if (end - start > SHORT) source.copy(into, at, start, end);
  else for (let i = start; i < end; i++) into[out++] = source[i] as number;
  return at + end - start;
}

/** Writes a whole number in lower-case hexadecimal digits, as few as it takes; returns the position after it. */
export function putHex(buffer: Buffer, at: number, value: number): number {
  if (value > 0xffff_ffff) return putLatin1(buffer, at, value.toString(16));
  let digits = 1;
  for (let rest = value >>> 4; rest !== 0; rest >>>= 4) digits++;
  for (let i = 0; i < digits; i++) {
    const digit = (value >>> (4 * (digits - 1 - i))) & 15;
    buffer[at + i] = digit < 10 ? 48 + digit : 87 + digit;
  }
  return at + digits;
}

const TEN_MILLION = 10_000_000;

/** Writes a whole number of at most 14 digits; returns the position after it. */
export function putDecimal(buffer: Buffer, at: number, value: number): number {
  if (value < TEN_MILLION) return putDigits(buffer, at, value, digitsOf(value));
  const high = Math.floor(value / TEN_MILLION);
  return putDigits(buffer, putDigits(buffer, at, high, digitsOf(high)), value - high * TEN_MILLION, 7);
}

function digitsOf(value: number): number {
  let digits = 1;
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++;
  return digits;
}

/** Writes a whole number in so many digits, with zeros before it; returns the position after it. */
export function putDigits(buffer: Buffer, at: number, value: number, digits: number): number {
  let rest = value | 0;
  for (let i = digits - 1; i >= 0; i--) {
    const tenth = (rest / 10) | 0;
    buffer[at + i] = 48 + rest - 10 * tenth;
    rest = tenth;
  }
  return at + digits;
}

/** Overwrites `buffer[0, end)` with zeros. */
export function wipe(buffer: Buffer, end: number): void {
  fill.call(buffer, 0, 0, end);
}

// What Buffer's own `fill` adds to it is for values of other types.
const { fill } = Uint8Array.prototype;

/** Does `buffer[start, end)` equal `text` (which is in lower case), whatever the case of the bytes? */
export function equalsLower(buffer: Buffer, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = buffer[start + i] as number;
    const lower = byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}
