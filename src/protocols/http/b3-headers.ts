// @hot The headers of the trace propagator `io.l5d.zipkin` (linkerd1 §2.6.4): `x-b3-traceid`, `-spanid`, `-parentspanid`, `-sampled` and
// `-flags`, read and written; and `b3`, all of it in one, which is read and goes on as the others. Ids are numbers in hexadecimal.
import { equalsLower, putLatin1 } from "../../base/bytes.ts";
import { TraceFlag, type TraceId } from "../../core/trace-id.ts";
import { Field } from "./field-names.ts";
import { HttpHead } from "./head.ts";
import type { HttpMessage } from "./message.ts";
import { writeHex32, writeTraceRoot } from "./trace-header.ts";

/** A value longer than this is none of ours: two ids, a parent and a letter. */
const LONGEST = 32 + 16 + 16 + 4;
const text = Buffer.alloc(LONGEST);

// The value looked at, as bytes, and the last id that was read.
let bytes: Buffer = text;
let from = 0;
let to = 0;
const id = { extraHigh: 0, extraLow: 0, high: 0, low: 0, wide: false };

/** Reads what a request says of its trace. An id that is malformed reads as none, and so do both where the other one is missing. */
export function readB3(trace: TraceId, message: HttpMessage): void {
  if (pointTo(message, message.find(Field.b3))) return readSingle(trace);
  if (pointTo(message, message.find(Field.b3TraceId)) && readTraceId(trace, from, to)) {
    adopt(trace, pointTo(message, message.find(Field.b3SpanId)) && readSpan(trace, from, to));
    if (pointTo(message, message.find(Field.b3ParentSpanId))) readParent(trace, from, to);
  }
  // The words come last: they hold also for a trace that begins here.
  if (pointTo(message, message.find(Field.b3Flags)) && isDebug()) trace.flagsLow |= TraceFlag.debug;
  else if (pointTo(message, message.find(Field.b3Sampled))) decide(trace, verdictAt(from, to));
  return undefined;
}

// `{trace}-{span}[-{sampled}[-{parent}]]`, or `{sampled}` alone.
function readSingle(trace: TraceId): void {
  const first = nextDash(from);
  if (first === to) return decide(trace, verdictAt(from, to));
  const second = nextDash(first + 1);
  const third = second < to ? nextDash(second + 1) : to;
  if (third < to && nextDash(third + 1) < to) return undefined; // there are no five
  adopt(trace, readTraceId(trace, from, first) && readSpan(trace, first + 1, second));
  if (!trace.known) return undefined;
  if (second < to) decide(trace, verdictAt(second + 1, third));
  if (third < to) readParent(trace, third + 1, to);
  return undefined;
}

// Half a trace is none.
function adopt(trace: TraceId, whole: boolean): void {
  trace.known = whole;
  if (!whole) trace.wide = false;
}

function nextDash(start: number): number {
  let at = start;
  while (at < to && bytes[at] !== DASH) at++;
  return at;
}

const DASH = 45;

// Makes a field the value looked at; false when there is none, or it is too long to be one.
function pointTo(message: HttpMessage, field: number): boolean {
  if (field < 0) return false;
  if (message instanceof HttpHead) {
    bytes = message.bytes;
    from = message.base + message.valueStart(field);
    to = message.base + message.valueEnd(field);
    return to - from <= LONGEST;
  }
  const value = message.value(field);
  if (value.length > LONGEST) return false;
  bytes = text;
  from = 0;
  to = putLatin1(text, 0, value);
  return true;
}

function readTraceId(trace: TraceId, start: number, end: number): boolean {
  if (!readId(start, end, 32)) return false;
  trace.traceHigh = id.high;
  trace.traceLow = id.low;
  trace.extraHigh = id.extraHigh;
  trace.extraLow = id.extraLow;
  trace.wide = id.wide;
  return true;
}

// A span is its own parent where none is told.
function readSpan(trace: TraceId, start: number, end: number): boolean {
  if (!readId(start, end, 16)) return false;
  trace.spanHigh = id.high;
  trace.spanLow = id.low;
  trace.parentHigh = id.high;
  trace.parentLow = id.low;
  return true;
}

// The next span is a child of the caller's; whose child that is, only those ask who report both (docs/tracing.md).
function readParent(trace: TraceId, start: number, end: number): void {
  if (!readId(start, end, 16)) return;
  trace.parentHigh = id.high;
  trace.parentLow = id.low;
}

// Some leave zeros out at the beginning. An id of zeros alone means that there is none.
function readId(start: number, end: number, most: number): boolean {
  const digits = end - start;
  if (digits < 1 || digits > most) return false;
  id.wide = digits > 16;
  id.extraHigh = 0;
  id.extraLow = 0;
  id.high = 0;
  id.low = 0;
  for (let at = start; at < end; at++) {
    const digit = hexDigit(bytes[at] as number);
    if (digit < 0) return false;
    id.extraHigh = ((id.extraHigh << 4) | (id.extraLow >>> 28)) >>> 0;
    id.extraLow = ((id.extraLow << 4) | (id.high >>> 28)) >>> 0;
    id.high = ((id.high << 4) | (id.low >>> 28)) >>> 0;
    id.low = ((id.low << 4) | digit) >>> 0;
  }
  return (id.extraHigh | id.extraLow | id.high | id.low) !== 0;
}

function hexDigit(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 0x20;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

// `1` is debug; of a sum of Finagle's flags, the lowest bit.
function isDebug(): boolean {
  if (to === from) return false;
  for (let at = from; at < to; at++) if (((bytes[at] as number) - 48) >>> 0 > 9) return false;
  return ((bytes[to - 1] as number) & 1) === 1;
}

const Said = { nothing: 0, no: 1, yes: 2, debug: 3 } as const;
type Said = (typeof Said)[keyof typeof Said];

function verdictAt(start: number, end: number): Said {
  if (end - start === 1) {
    const code = bytes[start];
    return code === 49 ? Said.yes : code === 48 ? Said.no : code === 100 ? Said.debug : Said.nothing;
  }
  if (equalsLower(bytes, start, end, "true")) return Said.yes;
  return equalsLower(bytes, start, end, "false") ? Said.no : Said.nothing;
}

function decide(trace: TraceId, said: Said): void {
  if (said === Said.debug) trace.flagsLow |= TraceFlag.debug;
  else if (said !== Said.nothing) {
    trace.flagsLow |= said === Said.yes ? TraceFlag.samplingKnown | TraceFlag.sampled : TraceFlag.samplingKnown;
  }
}

// ---- Writing -------------------------------------------------------------------------------------------------------

/** What is said of sampling: whoever says debug need not say that it is sampled. */
export const B3Word = { none: 0, debug: 1, sampled: 2, notSampled: 3 } as const;
export type B3Word = (typeof B3Word)[keyof typeof B3Word];

export function b3Word({ flagsLow }: TraceId): B3Word {
  if ((flagsLow & TraceFlag.debug) !== 0) return B3Word.debug;
  if ((flagsLow & TraceFlag.samplingKnown) === 0) return B3Word.none;
  return (flagsLow & TraceFlag.sampled) === 0 ? B3Word.notSampled : B3Word.sampled;
}

/** A root has no parent; the original names the root itself, which some tracers take for a loop. */
export function hasParent({ parentHigh, parentLow, spanHigh, spanLow }: TraceId): boolean {
  return parentHigh !== spanHigh || parentLow !== spanLow;
}

export function putSpan({ spanHigh, spanLow }: TraceId, buffer: Buffer, at: number): number {
  return writeHex32(spanLow, buffer, writeHex32(spanHigh, buffer, at));
}

export function putParent({ parentHigh, parentLow }: TraceId, buffer: Buffer, at: number): number {
  return writeHex32(parentLow, buffer, writeHex32(parentHigh, buffer, at));
}

const WORD_LINES: Readonly<Record<B3Word, string>> = {
  [B3Word.none]: "",
  [B3Word.debug]: "x-b3-flags: 1\r\n",
  [B3Word.sampled]: "x-b3-sampled: 1\r\n",
  [B3Word.notSampled]: "x-b3-sampled: 0\r\n",
};

/** Writes lines of HTTP/1; returns the position after them. */
export function putB3Lines(trace: TraceId, buffer: Buffer, start: number): number {
  let at = putLatin1(buffer, start, "x-b3-traceid: ");
  at = writeTraceRoot(trace, buffer, at);
  at = putLatin1(buffer, at, "\r\nx-b3-spanid: ");
  at = putSpan(trace, buffer, at);
  if (hasParent(trace)) {
    at = putLatin1(buffer, at, "\r\nx-b3-parentspanid: ");
    at = putParent(trace, buffer, at);
  }
  at = putLatin1(buffer, at, "\r\n");
  const word = WORD_LINES[b3Word(trace)];
  return word === "" ? at : putLatin1(buffer, at, word);
}
