// @hot Heads as they are forwarded: untouched ranges of the received head are copied as spans, dropped lines are skipped,
// our own lines are appended. Everything goes into the loop's scratch buffer, so head and first body bytes leave together.
import { equalsLower, putLatin1 } from "../../base/bytes.ts";
import type { Scratch } from "../../base/scratch.ts";
import type { Destination } from "../../core/destination.ts";
import { DEADLINE_BYTES, type Deadline, putDeadline } from "../../core/deadline.ts";
import type { Exchange, PathStage } from "../../core/exchange.ts";
import { Outcome } from "../../core/outcome.ts";
import { putB3Lines } from "../http/b3-headers.ts";
import { baggageToSend } from "../http/baggage.ts";
import { Field } from "../http/field-names.ts";
import { ConnectionFlag, Framing, type HttpHead } from "../http/head.ts";
import {
  allowedInTrailers,
  DROPPED_FROM_ANSWER,
  DROPPED_FROM_REQUEST,
  DROPPED_WITH_B3,
  isMeshField,
  namedByConnection,
} from "../http/hop-by-hop.ts";
import type { HttpMessage } from "../http/message.ts";
import { writeTrace, writeTraceRoot } from "../http/trace-header.ts";

const OWN_LINES_BYTES = 512; // all fixed-size lines of ours, with room to spare

/** Writes the head of a request to the service. */
export function writeRequestHead(scratch: Scratch, ex: Exchange, head: HttpHead): void {
  scratch.reserve(head.length + OWN_LINES_BYTES);
  let from = 0;
  if (head.newTarget !== null) {
    scratch.appendText(`${head.method} ${head.newTarget} HTTP/1.${head.minor}\r\n`); // cold: absolute form, consumed paths
    from = head.fieldsStart;
  }
  if (head.newHost !== null) scratch.appendText(`Host: ${head.newHost}\r\n`); // cold: absolute form
  copyFields(scratch, head, from, ex.trace.b3 ? DROPPED_WITH_B3 : DROPPED_FROM_REQUEST, true);
  ownRequestLines(scratch, ex, head.minor === 1 ? "Via: 1.1 fairlead\r\n" : "Via: 1.0 fairlead\r\n", head.extraLines);
  if (head.otherBaggage !== null) putBaggageLine(scratch, ex, head);
  if (head.framing === Framing.length && isRepeatable(ex, head.contentLength)) scratch.appendText(REPEATABLE_LINE);
  if (head.minor === 0 && (head.connection & ConnectionFlag.close) === 0) {
    scratch.appendText("Connection: keep-alive\r\n");
  }
  if (head.offer !== "") scratch.appendText(`Connection: Upgrade\r\nUpgrade: ${head.offer}\r\n`); // cold: once per tunnel
  if (head.framing === Framing.chunked) scratch.appendText("Transfer-Encoding: chunked\r\n\r\n");
  else scratch.appendText("\r\n");
}

/** Is the body kept here, so that the service may refuse the request and have it sent elsewhere? (finagle §6.4) */
export function isRepeatable(ex: Exchange, bodyBytes: number): boolean {
  return ex.hasBody && bodyBytes >= 0 && bodyBytes <= (ex.path as PathStage).replayBytes; // it is bound
}

/** Says so. */
export const REPEATABLE_LINE = "finagle-http-retryable-request: \r\n";

/** Writes what the proxy says about every request, in the names of linkerd1 §2.6.2. */
export function ownRequestLines(scratch: Scratch, ex: Exchange, via: string, extraLines: string): void {
  const destination = ex.destination as Destination; // bound before it is dispatched
  if (destination.encoded === null) destination.encoded = encodeDestination(destination);
  const encoded = destination.encoded;
  scratch.reserve(encoded.length + OWN_LINES_BYTES);
  const buffer = scratch.buffer;
  let at = scratch.length;
  at = putLatin1(buffer, at, via);
  at = putLatin1(buffer, at, encoded);
  if (ex.trace.b3) at = putB3Lines(ex.trace, buffer, at - REQUEST_ID.length);
  else {
    at = writeTraceRoot(ex.trace, buffer, at);
    at = putLatin1(buffer, at, "\r\nl5d-ctx-trace: ");
    at = writeTrace(ex.trace, buffer, at);
    at = putLatin1(buffer, at, "\r\n");
  }
  scratch.length = at;
  if (ex.localDtab !== "") scratch.appendText(`l5d-ctx-dtab: ${ex.localDtab}\r\n`); // cold: overridden requests only
  if (ex.deadline !== null) putDeadlineLine(scratch, ex.deadline);
  if (extraLines !== "") scratch.appendText(extraLines);
}

/** Writes the baggage of a request that has an override, or whose own members were taken out. */
export function putBaggageLine(scratch: Scratch, ex: Exchange, message: HttpMessage): void {
  const baggage = baggageToSend(ex, message);
  if (baggage !== "") scratch.appendText(`baggage: ${baggage}\r\n`); // cold: as above
}

function putDeadlineLine(scratch: Scratch, deadline: Deadline): void {
  scratch.appendText("l5d-ctx-deadline: ");
  scratch.reserve(DEADLINE_BYTES);
  scratch.length = putDeadline(deadline, scratch.buffer, scratch.length);
  scratch.appendText("\r\n");
}

// The names of one destination never change, so their lines are made once; they end where the request id begins.
function encodeDestination(destination: Destination): string {
  let lines = `l5d-dst-service: ${destination.service}\r\nl5d-dst-client: ${destination.client}\r\n`;
  if (destination.residual !== "") lines += `l5d-dst-residual: ${destination.residual}\r\n`;
  return lines + REQUEST_ID;
}

const REQUEST_ID = "l5d-reqid: ";

/** How an answer is sent on. */
export interface AnswerForm {
  /** The body is sent in the chunked coding. */
  chunked: boolean;
  /** The connection closes after this answer. */
  close: boolean;
  /** An HTTP/1.0 caller asked to keep the connection. */
  keepAlive10: boolean;
  clearContext: boolean;
}

/** Writes the head of an answer to the caller. */
export function writeAnswerHead(scratch: Scratch, ex: Exchange, head: HttpHead, form: AnswerForm): void {
  scratch.reserve(head.length + OWN_LINES_BYTES);
  const from = beginStatusLine(scratch, head);
  head.clearContext = form.clearContext;
  copyFields(scratch, head, from, DROPPED_FROM_ANSWER, false);
  if (form.clearContext) scratch.appendText("Via: 1.1 fairlead\r\n");
  else scratch.appendText((ex.verdict ?? ex.outcome) === Outcome.success ? SUCCESS_LINES : FAILURE_LINES);
  if (head.extraLines !== "") scratch.appendText(head.extraLines); // cold: fields of request filters
  if (form.chunked) scratch.appendText("Transfer-Encoding: chunked\r\n");
  if (form.close) scratch.appendText("Connection: close\r\n");
  else if (form.keepAlive10) scratch.appendText("Connection: keep-alive\r\n");
  scratch.appendText("\r\n");
}

/** Writes the head with which a connection is switched to another protocol (101), after which it is a tunnel. */
export function writeSwitchHead(scratch: Scratch, head: HttpHead, clearContext: boolean): void {
  head.clearContext = clearContext;
  copyFields(scratch, head, beginStatusLine(scratch, head), DROPPED_FROM_ANSWER, false);
  scratch.appendText(clearContext ? "Via: 1.1 fairlead\r\n" : SUCCESS_LINES);
  scratch.appendText(`Connection: Upgrade\r\nUpgrade: ${head.value(head.find(Field.upgrade))}\r\n\r\n`); // cold: once per tunnel
}

/** What an answer that was a success says of itself, and one that was none. */
export const SUCCESS_LINES = "l5d-success-class: 1.0\r\nVia: 1.1 fairlead\r\n";
export const FAILURE_LINES = "l5d-success-class: 0.0\r\nVia: 1.1 fairlead\r\n";

// Writes what of the status line is not copied as it is; returns where copying begins.
function beginStatusLine(scratch: Scratch, head: HttpHead): number {
  const bare = head.reasonStart === BARE_STATUS_LINE;
  if (head.minor === 1 && !bare) return 0;
  scratch.appendText("HTTP/1.1"); // a proxy answers with its own version (RFC 9110 §2.5)
  if (!bare) return 8;
  scratch.append(head.bytes, head.base + 8, head.base + BARE_STATUS_LINE);
  scratch.appendText(" "); // required even without a reason (RFC 9112 §4)
  return BARE_STATUS_LINE;
}

/** `HTTP/1.1 200`, and then the line ends. */
const BARE_STATUS_LINE = 12;

/** Writes an interim answer (1xx), without context lines. */
export function writeInterimHead(scratch: Scratch, head: HttpHead): void {
  copyFields(scratch, head, beginStatusLine(scratch, head), DROPPED_FROM_ANSWER, false);
  scratch.appendText("Via: 1.1 fairlead\r\n\r\n");
}

/** Writes the trailer fields that may travel on: none that decides framing, routing or context. */
export function writeTrailers(scratch: Scratch, trailers: HttpHead): void {
  const { bytes, base, count } = trailers;
  for (let field = 0; field < count; field++) {
    if (!allowedInTrailers(trailers, field)) continue;
    scratch.append(bytes, base + trailers.nameStart(field), base + trailers.lineEnd(field));
  }
}

// Copies everything from offset `from` to the end of the field lines, but for dropped lines.
function copyFields(scratch: Scratch, head: HttpHead, from: number, dropped: Uint8Array, request: boolean): void {
  const { bytes, base, count } = head;
  const special = (head.connection & ConnectionFlag.named) !== 0 || head.clearContext || head.otherBaggage !== null;
  let start = from;
  for (let field = 0; field < count; field++) {
    const id = head.id(field);
    const drop = dropped[id] === 1 ? !passesAnyway(head, field, id) : dropsHere(head, field, id, special, request);
    if (!drop) continue;
    const lineStart = head.nameStart(field);
    if (lineStart > start) scratch.append(bytes, base + start, base + lineStart);
    start = head.lineEnd(field);
  }
  if (head.fieldsEnd > start) scratch.append(bytes, base + start, base + head.fieldsEnd);
}

// `TE: trailers` is the one value of TE that may travel on (reliability: attack classes).
function passesAnyway(head: HttpHead, field: number, id: number): boolean {
  if (id !== Field.te) return false;
  return equalsLower(head.bytes, head.base + head.valueStart(field), head.base + head.valueEnd(field), "trailers");
}

function dropsHere(head: HttpHead, field: number, id: number, special: boolean, request: boolean): boolean {
  if (id === Field.contentLength) return dropsLength(head, field);
  if (id === Field.host) return request && head.newHost !== null;
  if (!special) return false;
  if (id === Field.baggage && head.otherBaggage !== null) return true; // written anew
  return namedByConnection(head, field) || (head.clearContext && isMeshField(head, field));
}

// One Content-Length only, and none where it may not stand.
function dropsLength(head: HttpHead, field: number): boolean {
  if (head.find(Field.contentLength) !== field) return true;
  return head.status === 204 || (head.status >= 100 && head.status < 200);
}
