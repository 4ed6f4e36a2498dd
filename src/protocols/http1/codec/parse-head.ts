// @hot RFC 9112 heads, in one strict pass over the bytes.
//
// Strict because a proxy that is lenient where its backend is strict (or the reverse) can be made to see other message
// borders than the backend does. Line ends are CRLF and nothing else, there is no folding, no space before the colon, and
// every doubt about framing is a refusal. Parsing can stop after any byte: it resumes at the start of the unfinished line.
import { equalsLower } from "../../../base/bytes.ts";
import { type Cause, causes } from "../../../core/cause.ts";
import { Field, fieldId, hashStep } from "../../http/field-names.ts";
import { ConnectionFlag, Framing, type HttpHead, STRIDE } from "../../http/head.ts";
import { COLON, CR, HTAB, LF, SP, TARGET_BYTE, TOKEN_LOWER, VALUE_BYTE } from "./characters.ts";

/** What parsing came to. */
export const Parse = { done: 0, incomplete: 1, bad: 2 } as const;
export type Parse = (typeof Parse)[keyof typeof Parse];

/** Bounds of one head. */
export interface HeadLimits {
  /** Of the request or status line, without its line end. */
  readonly maxLineBytes: number;
  /** Of all header lines together. */
  readonly maxFieldsBytes: number;
  /** Number of header lines. */
  readonly maxFields: number;
}

const MAX_METHOD_BYTES = 64;
const MAX_CONTENT_LENGTH = Number.MAX_SAFE_INTEGER;
/** Digits of that. Zeros in front are digits too: a number padded beyond what others can hold would be forwarded as it is. */
const MAX_LENGTH_DIGITS = 16;

/** The causes a message of one direction is refused with. */
interface Refusals {
  readonly lineEnd: Cause;
  readonly fold: Cause;
  readonly name: Cause;
  readonly value: Cause;
  readonly contentLength: Cause;
  readonly transferEncoding: Cause;
  readonly framing: Cause;
  readonly tooLarge: Cause;
}

const REQUEST: Refusals = {
  lineEnd: causes.requestLineEnd,
  fold: causes.requestFold,
  name: causes.requestHeaderName,
  value: causes.requestHeaderValue,
  contentLength: causes.requestContentLength,
  transferEncoding: causes.requestTransferEncoding,
  framing: causes.requestFraming,
  tooLarge: causes.requestHeadTooLarge,
};

const ANSWER: Refusals = {
  lineEnd: causes.answerHeader,
  fold: causes.answerHeader,
  name: causes.answerHeader,
  value: causes.answerHeader,
  contentLength: causes.answerFraming,
  transferEncoding: causes.answerFraming,
  framing: causes.answerFraming,
  tooLarge: causes.answerTooLarge,
};

function refuse(head: HttpHead, problem: Cause): Parse {
  head.problem = problem;
  return Parse.bad;
}

/**
 * Parses a request head in `head.bytes` up to `end` (absolute), resuming where it stopped before.
 * On `done` every offset of `head` is set and the framing is decided; on `bad` `head.problem` says why.
 */
export function parseRequestHead(head: HttpHead, end: number, limits: HeadLimits): Parse {
  if (!head.started) {
    const verdict = requestLine(head, end, limits);
    if (verdict !== Parse.done) return verdict;
  }
  const verdict = fieldLines(head, end, limits, REQUEST);
  return verdict === Parse.done ? requestFraming(head) : verdict;
}

/** Parses the head of an answer; framing is decided by `answerFraming`, which must know the request's method. */
export function parseAnswerHead(head: HttpHead, end: number, limits: HeadLimits): Parse {
  if (!head.started) {
    const verdict = statusLine(head, end, limits);
    if (verdict !== Parse.done) return verdict;
  }
  return fieldLines(head, end, limits, ANSWER);
}

/** Parses a trailer section (RFC 9112 §7.1.2): field lines up to an empty line, into a head of their own. */
export function parseTrailers(head: HttpHead, end: number, limits: HeadLimits, problem: Cause): Parse {
  head.started = true;
  const verdict = fieldLines(head, end, limits, ANSWER);
  if (verdict === Parse.bad) head.problem = problem;
  return verdict;
}

function requestLine(head: HttpHead, end: number, limits: HeadLimits): Parse {
  const bytes = head.bytes;
  const base = head.base;
  const start = base + head.scan;
  const lineLimit = start + limits.maxLineBytes;
  let at = start;
  while (at < end && TOKEN_LOWER[bytes[at] as number] !== 0) at++;
  if (at - start > MAX_METHOD_BYTES) return refuse(head, causes.requestLine);
  if (at === end) return Parse.incomplete;
  if (bytes[at] !== SP || at === start) return refuse(head, lineProblem(bytes[at] as number));
  head.methodEnd = at - base;
  head.targetStart = ++at - base;
  while (at < end && TARGET_BYTE[bytes[at] as number] === 1) at++;
  if (at > lineLimit) return refuse(head, causes.requestLineTooLong);
  if (at === end) return Parse.incomplete;
  if (bytes[at] !== SP || at - base === head.targetStart) return refuse(head, targetProblem(bytes[at] as number));
  head.targetEnd = at - base;
  return requestVersion(head, at + 1, end);
}

function lineProblem(byte: number): Cause {
  return byte === LF || byte === CR ? causes.requestLineEnd : causes.requestLine;
}

function targetProblem(byte: number): Cause {
  return byte === LF || byte === CR ? causes.requestLine : causes.requestTarget;
}

// " HTTP/1.x" CRLF: ten bytes, compared as they come so that a bad version is refused before the line ends.
const HTTP_1 = [72, 84, 84, 80, 47, 49, 46];

function requestVersion(head: HttpHead, from: number, end: number): Parse {
  const bytes = head.bytes;
  for (let i = 0; i < 8; i++) {
    if (from + i >= end) return Parse.incomplete;
    const byte = bytes[from + i] as number;
    const fits = i < 7 ? byte === HTTP_1[i] : byte === 48 || byte === 49;
    if (!fits) return refuse(head, i >= 5 && byte >= 48 && byte <= 57 ? causes.requestVersion : causes.requestLine);
  }
  head.minor = (bytes[from + 7] as number) - 48;
  return lineDone(head, from + 8, end, causes.requestLineEnd);
}

function lineDone(head: HttpHead, at: number, end: number, problem: Cause): Parse {
  if (at >= end) return Parse.incomplete;
  if (head.bytes[at] !== CR) return refuse(head, problem);
  if (at + 1 >= end) return Parse.incomplete;
  if (head.bytes[at + 1] !== LF) return refuse(head, problem);
  head.started = true;
  head.scan = at + 2 - head.base;
  head.fieldsStart = head.scan;
  return Parse.done;
}

function statusLine(head: HttpHead, end: number, limits: HeadLimits): Parse {
  const bytes = head.bytes;
  const start = head.base;
  for (let i = 0; i < 12; i++) {
    if (start + i >= end) return Parse.incomplete;
    if (!statusByteFits(bytes[start + i] as number, i)) return refuse(head, causes.answerLine);
  }
  head.minor = (bytes[start + 7] as number) - 48;
  head.status =
    ((bytes[start + 9] as number) - 48) * 100 +
    ((bytes[start + 10] as number) - 48) * 10 +
    (bytes[start + 11] as number) -
    48;
  if (head.status < 100 || head.status > 599) return refuse(head, causes.answerLine);
  let at = start + 12;
  if (at < end && bytes[at] !== SP && bytes[at] !== CR) return refuse(head, causes.answerLine);
  if (at < end && bytes[at] === SP) at++; // the reason may be missing, with or without its space (seen in the wild)
  head.reasonStart = at - start;
  while (at < end && VALUE_BYTE[bytes[at] as number] === 1) at++;
  head.reasonEnd = at - start;
  if (head.reasonEnd > limits.maxLineBytes) return refuse(head, causes.answerTooLarge);
  return lineDone(head, at, end, causes.answerLine);
}

function statusByteFits(byte: number, i: number): boolean {
  if (i < 7) return byte === HTTP_1[i];
  if (i === 7) return byte === 48 || byte === 49;
  if (i === 8) return byte === SP;
  return byte >= 48 && byte <= 57;
}

function fieldLines(head: HttpHead, end: number, limits: HeadLimits, refusals: Refusals): Parse {
  const bytes = head.bytes;
  const base = head.base;
  let at = base + head.scan;
  const fieldsLimit = base + head.fieldsStart + limits.maxFieldsBytes;
  for (;;) {
    if (at >= end) break;
    let byte = bytes[at] as number;
    if (byte === CR) {
      if (at + 1 >= end) break;
      if (bytes[at + 1] !== LF) return refuse(head, refusals.lineEnd);
      head.fieldsEnd = at - base;
      head.length = at + 2 - base;
      if (at > fieldsLimit) return refuse(head, refusals.tooLarge);
      return Parse.done;
    }
    const lineStart = at;
    let hash = 0;
    let lower = TOKEN_LOWER[byte] as number;
    while (lower !== 0) {
      hash = hashStep(hash, lower);
      if (++at >= end) break;
      lower = TOKEN_LOWER[bytes[at] as number] as number;
    }
    if (at >= end) break;
    byte = bytes[at] as number;
    if (byte !== COLON || at === lineStart) return refuse(head, nameProblem(byte, at === lineStart, refusals));
    const nameEnd = at;
    at++;
    while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++;
    const valueStart = at;
    while (at < end && VALUE_BYTE[bytes[at] as number] === 1) at++;
    if (at >= end) break;
    if (bytes[at] !== CR) return refuse(head, bytes[at] === LF ? refusals.lineEnd : refusals.value);
    if (at + 1 >= end) break;
    if (bytes[at + 1] !== LF) return refuse(head, refusals.lineEnd);
    let valueEnd = at;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    at += 2;
    if (at > fieldsLimit || head.count >= limits.maxFields) return refuse(head, refusals.tooLarge);
    const id = fieldId(bytes, lineStart, nameEnd, hash);
    const problem = record(head, id, lineStart, nameEnd, valueStart, valueEnd, refusals);
    if (problem !== null) return refuse(head, problem);
    head.scan = at - base;
  }
  return end > fieldsLimit ? refuse(head, refusals.tooLarge) : Parse.incomplete;
}

function nameProblem(byte: number, empty: boolean, refusals: Refusals): Cause {
  if (empty && (byte === SP || byte === HTAB)) return refusals.fold;
  return byte === LF || byte === CR ? refusals.lineEnd : refusals.name;
}

function record(
  head: HttpHead,
  id: number,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
  refusals: Refusals,
): Cause | null {
  const base = head.base;
  const field = head.count;
  const slot = field * STRIDE;
  if (slot + STRIDE > head.table.length) head.growTable();
  const table = head.table;
  table[slot] = id;
  table[slot + 1] = nameStart - base;
  table[slot + 2] = nameEnd - base;
  table[slot + 3] = valueStart - base;
  table[slot + 4] = valueEnd - base;
  head.count = field + 1;
  if (id === Field.other) return null;
  const repeated = head.first[id] !== 0;
  if (!repeated) head.first[id] = field + 1;
  return id <= Field.upgrade ? framingField(head, id, valueStart, valueEnd, repeated, refusals) : null;
}

function framingField(
  head: HttpHead,
  id: number,
  start: number,
  end: number,
  repeated: boolean,
  refusals: Refusals,
): Cause | null {
  switch (id) {
    case Field.host:
      return repeated && refusals === REQUEST ? causes.requestHost : null;
    case Field.connection:
      readConnection(head, start, end);
      return null;
    case Field.contentLength:
      return readContentLength(head, start, end, repeated, refusals);
    case Field.transferEncoding:
      if (repeated || !equalsLower(head.bytes, start, end, "chunked")) return refusals.transferEncoding;
      head.chunked = true;
      return null;
    case Field.expect:
      head.expectContinue = equalsLower(head.bytes, start, end, "100-continue");
      return null;
    default:
      head.upgrade = true;
      return null;
  }
}

function readContentLength(
  head: HttpHead,
  start: number,
  end: number,
  repeated: boolean,
  refusals: Refusals,
): Cause | null {
  if (start === end || end - start > MAX_LENGTH_DIGITS) return refusals.contentLength;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = (head.bytes[i] as number) - 48;
    if (digit < 0 || digit > 9) return refusals.contentLength;
    value = value * 10 + digit;
    if (value > MAX_CONTENT_LENGTH) return refusals.contentLength;
  }
  if (repeated && value !== head.contentLength) return refusals.contentLength;
  head.contentLength = value;
  return null;
}

function readConnection(head: HttpHead, start: number, end: number): void {
  const bytes = head.bytes;
  let at = start;
  while (at < end) {
    let stop = at;
    while (stop < end && bytes[stop] !== 44) stop++;
    let first = at;
    let last = stop;
    while (first < last && (bytes[first] === SP || bytes[first] === HTAB)) first++;
    while (last > first && (bytes[last - 1] === SP || bytes[last - 1] === HTAB)) last--;
    if (last > first) head.connection |= connectionFlag(bytes, first, last);
    at = stop + 1;
  }
}

function connectionFlag(bytes: Buffer, start: number, end: number): number {
  if (equalsLower(bytes, start, end, "close")) return ConnectionFlag.close;
  if (equalsLower(bytes, start, end, "keep-alive")) return ConnectionFlag.keepAlive;
  if (equalsLower(bytes, start, end, "upgrade")) return ConnectionFlag.upgrade;
  return ConnectionFlag.named;
}

function requestFraming(head: HttpHead): Parse {
  if (head.chunked) {
    if (head.contentLength >= 0) return refuse(head, causes.requestFraming);
    if (head.minor === 0) return refuse(head, causes.requestTransferEncoding);
    head.framing = Framing.chunked;
  } else if (head.contentLength > 0) {
    head.framing = Framing.length;
  } else {
    head.framing = Framing.none;
  }
  return Parse.done;
}

/**
 * Decides how the body of a parsed answer is delimited (RFC 9112 §6.3).
 * @param toHead the request's method was HEAD.
 */
export function answerFraming(head: HttpHead, toHead: boolean): Parse {
  const status = head.status;
  if (head.chunked && (head.contentLength >= 0 || head.minor === 0)) return refuse(head, causes.answerFraming);
  if (status < 200 || status === 204) {
    // RFC 9110 §8.6: neither length nor coding may stand here; a peer that sends them anyway is not to be trusted.
    if (head.chunked || head.contentLength > 0) return refuse(head, causes.answerFraming);
    head.framing = Framing.none;
  } else if (toHead || status === 304) {
    head.framing = Framing.none;
  } else if (head.chunked) {
    head.framing = Framing.chunked;
  } else if (head.contentLength >= 0) {
    head.framing = head.contentLength === 0 ? Framing.none : Framing.length;
  } else {
    head.framing = Framing.untilClose;
  }
  return Parse.done;
}
