// @hot `l5d-ctx-trace`: base64 of span, parent, trace and flags, 8 bytes each, big-endian; 40 bytes when the trace id has
// 128 bits (linkerd1 §2.6.1). Read into and written from 32-bit halves without making a string.
import { putLatin1 } from "../../base/bytes.ts";
import type { TraceId } from "../../core/trace-id.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const CODES = new Uint8Array(64);
const VALUES = new Int8Array(256).fill(-1);
for (let i = 0; i < 64; i++) {
  CODES[i] = ALPHABET.charCodeAt(i);
  VALUES[ALPHABET.charCodeAt(i)] = i;
}

const SHORT_TEXT = 44;
const LONG_TEXT = 56;
const PAD = 61;
const bytes = new Uint8Array(42);

/** Reads the header value `buffer[start, end)` into `trace`; false, and `trace` untouched, when it is malformed. */
export function readTrace(trace: TraceId, buffer: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length !== SHORT_TEXT && length !== LONG_TEXT) return false;
  const pads = length === SHORT_TEXT ? 1 : 2; // 32 = 10×3+2, 40 = 13×3+1
  let at = 0;
  for (let i = 0; i < length; i += 4) {
    let group = 0;
    for (let k = 0; k < 4; k++) {
      const code = buffer[start + i + k] as number;
      const padding = i + k >= length - pads;
      const value = padding ? (code === PAD ? 0 : -1) : (VALUES[code] as number);
      if (value < 0) return false;
      group = (group << 6) | value;
    }
    bytes[at++] = group >>> 16;
    bytes[at++] = group >>> 8;
    bytes[at++] = group;
  }
  trace.spanHigh = word(0);
  trace.spanLow = word(4);
  trace.parentHigh = word(8);
  trace.parentLow = word(12);
  trace.traceHigh = word(16);
  trace.traceLow = word(20);
  trace.flagsHigh = word(24);
  trace.flagsLow = word(28);
  trace.wide = length === LONG_TEXT;
  if (trace.wide) {
    trace.extraHigh = word(32);
    trace.extraLow = word(36);
  }
  trace.known = true;
  return true;
}

const text = Buffer.alloc(LONG_TEXT);

/** Reads a header value that is text already. */
export function readTraceText(trace: TraceId, value: string): boolean {
  if (value.length > LONG_TEXT) return false;
  return readTrace(trace, text, 0, putLatin1(text, 0, value));
}

function word(at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  );
}

function putWord(at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Writes the header value at `at`; returns the position after it. */
export function writeTrace(trace: TraceId, buffer: Buffer, at: number): number {
  putWord(0, trace.spanHigh);
  putWord(4, trace.spanLow);
  putWord(8, trace.parentHigh);
  putWord(12, trace.parentLow);
  putWord(16, trace.traceHigh);
  putWord(20, trace.traceLow);
  putWord(24, trace.flagsHigh);
  putWord(28, trace.flagsLow);
  let length = 32;
  if (trace.wide) {
    putWord(32, trace.extraHigh);
    putWord(36, trace.extraLow);
    length = 40;
  }
  bytes[length] = 0;
  bytes[length + 1] = 0;
  let out = at;
  for (let i = 0; i < length; i += 3) {
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] as number) << 8) | (bytes[i + 2] as number);
    buffer[out] = CODES[group >>> 18] as number;
    buffer[out + 1] = CODES[(group >>> 12) & 63] as number;
    buffer[out + 2] = CODES[(group >>> 6) & 63] as number;
    buffer[out + 3] = CODES[group & 63] as number;
    out += 4;
  }
  const pads = trace.wide ? 2 : 1;
  for (let i = 1; i <= pads; i++) buffer[out - i] = PAD;
  return out;
}

const HEX = "0123456789abcdef";
const HEX_CODES = new Uint8Array(16);
for (let i = 0; i < 16; i++) HEX_CODES[i] = HEX.charCodeAt(i);

/** Writes 8 lower-case hexadecimal digits. */
export function writeHex32(value: number, buffer: Buffer, at: number): number {
  for (let i = 0; i < 8; i++) buffer[at + i] = HEX_CODES[(value >>> (28 - 4 * i)) & 15] as number;
  return at + 8;
}

/** Writes the root trace id in hex, as `l5d-reqid` carries it; 16 or 32 digits. */
export function writeTraceRoot(trace: TraceId, buffer: Buffer, at: number): number {
  let out = at;
  if (trace.wide) {
    out = writeHex32(trace.extraHigh, buffer, out);
    out = writeHex32(trace.extraLow, buffer, out);
  }
  out = writeHex32(trace.traceHigh, buffer, out);
  return writeHex32(trace.traceLow, buffer, out);
}
