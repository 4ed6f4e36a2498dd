// @hot One line of a log, composed as bytes. What comes from outside is escaped, so that a line can be neither broken nor forged
// and is visible ASCII throughout; nothing is allocated for it.
import { putLatin1 } from "../base/bytes.ts";

/** How a character that may not stand as it is looks: `\x0a` in lines for people, `\u000a` inside a JSON string. */
export type Escapes = "text" | "json";

const FIRST_BYTES = 4096;
/** After a longer line the buffer is made small again. */
const KEPT_BYTES = 64 * 1024;
const LONGEST_ESCAPE = 6;
/** Up to here a loop over the characters is faster than a call into the engine. */
const SHORT_TEXT = 32;

const QUOTE = 34;
const BACKSLASH = 92;
const LOWER_U = 117;
const LOWER_X = 120;
const ZERO = 48;
const DOT = 46;
const MINUS = 45;
/** Powers of ten up to the largest whole number that doubles count exactly. */
const MAX_DIGITS = 16;
const SMALL = 0x40000000;

const HEX = new Uint8Array(16);
for (let i = 0; i < 16; i++) HEX[i] = "0123456789abcdef".charCodeAt(i);

/** 0: stands as it is; 1: needs a backslash; 2: is written in hexadecimal. */
const CLASSES = new Uint8Array(256).fill(2);
CLASSES.fill(0, 32, 127);
CLASSES[QUOTE] = 1;
CLASSES[BACKSLASH] = 1;

/** A line being composed. */
export class LineBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  length = 0;
  readonly #json: boolean;

  constructor(escapes: Escapes) {
    this.#json = escapes === "json";
  }

  /** Begins a new line. */
  clear(): void {
    this.length = 0;
    if (this.bytes.length > KEPT_BYTES) this.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Text of our own, in ASCII and not escaped. */
  plain(text: string): void {
    this.#reserve(text.length);
    if (text.length > SHORT_TEXT) {
      this.length = putLatin1(this.bytes, this.length, text);
      return;
    }
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Text from outside. */
  text(text: string): void {
    this.#reserve(text.length * LONGEST_ESCAPE);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code < 256 && CLASSES[code] === 0) {
        bytes[at++] = code;
      } else {
        this.length = at;
        this.#escape(code);
        at = this.length;
      }
    }
    this.length = at;
  }

  /** Bytes from outside, each taken as one character. */
  range(buffer: Buffer, start: number, end: number): void {
    this.#reserve((end - start) * LONGEST_ESCAPE);
    const bytes = this.bytes;
    let at = this.length;
    for (let i = start; i < end; i++) {
      const byte = buffer[i] as number;
      if (CLASSES[byte] === 0) {
        bytes[at++] = byte;
      } else {
        this.length = at;
        this.#escape(byte);
        at = this.length;
      }
    }
    this.length = at;
  }

  #escape(code: number): void {
    const bytes = this.bytes;
    let at = this.length;
    bytes[at++] = BACKSLASH;
    if (code === QUOTE || code === BACKSLASH) {
      bytes[at++] = code;
    } else {
      const wide = this.#json || code > 255;
      bytes[at++] = wide ? LOWER_U : LOWER_X;
      if (wide) {
        bytes[at++] = HEX[code >>> 12] as number;
        bytes[at++] = HEX[(code >>> 8) & 15] as number;
      }
      bytes[at++] = HEX[(code >>> 4) & 15] as number;
      bytes[at++] = HEX[code & 15] as number;
    }
    this.length = at;
  }

  /** A whole number that is not negative. */
  integer(value: number): void {
    this.#reserve(MAX_DIGITS);
    const bytes = this.bytes;
    let digits = 1;
    for (let limit = 10; value >= limit && digits < MAX_DIGITS; limit *= 10) digits++;
    const end = this.length + digits;
    let rest = value;
    for (let at = end - 1; at >= this.length; at--) {
      const next = rest < SMALL ? ((rest | 0) / 10) | 0 : Math.floor(rest / 10);
      bytes[at] = ZERO + (rest - next * 10); // in this order: near 2^53 a sum would be rounded
      rest = next;
    }
    this.length = end;
  }

  /** Milliseconds to the microsecond: `12.345`. */
  milliseconds(value: number): void {
    let microseconds = Math.round(value * 1000);
    this.#reserve(MAX_DIGITS + 2);
    if (microseconds < 0) {
      this.bytes[this.length++] = MINUS;
      microseconds = -microseconds;
    }
    const whole = Math.floor(microseconds / 1000);
    this.integer(whole);
    this.bytes[this.length++] = DOT;
    this.#threeDigits(microseconds - whole * 1000);
  }

  #threeDigits(value: number): void {
    this.bytes[this.length++] = ZERO + Math.floor(value / 100);
    this.bytes[this.length++] = ZERO + (Math.floor(value / 10) % 10);
    this.bytes[this.length++] = ZERO + (value % 10);
  }

  /** Two 32-bit halves as 16 hexadecimal digits. */
  hex64(high: number, low: number): void {
    this.#reserve(16);
    for (let shift = 28; shift >= 0; shift -= 4) this.bytes[this.length++] = HEX[(high >>> shift) & 15] as number;
    for (let shift = 28; shift >= 0; shift -= 4) this.bytes[this.length++] = HEX[(low >>> shift) & 15] as number;
  }

  #reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}
