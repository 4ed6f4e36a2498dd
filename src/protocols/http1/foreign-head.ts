// @hot Heads of HTTP/2 as HTTP/1 sends them (RFC 9113 §8.2.3, RFC 9112): one request line, one Host, cookie crumbs joined, and exactly one way
// in which the length of the body is told. Names and values have been checked when they were read: none holds what would end a line.
import type { Scratch } from "../../base/scratch.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Outcome } from "../../core/outcome.ts";
import { Field } from "../http/field-names.ts";
import { Framing } from "../http/head.ts";
import {
  allowedInTrailers,
  DROPPED_FROM_ANSWER,
  DROPPED_FROM_REQUEST,
  DROPPED_WITH_B3,
  isMeshField,
} from "../http/hop-by-hop.ts";
import type { HttpMessage } from "../http/message.ts";
import { reasonFor } from "../http/reasons.ts";
import {
  type AnswerForm,
  FAILURE_LINES,
  isRepeatable,
  ownRequestLines,
  putBaggageLine,
  REPEATABLE_LINE,
  SUCCESS_LINES,
} from "./write-head.ts";

/** How the length of a request's body is told to the service. */
export function requestFraming(ex: Exchange, message: HttpMessage): Framing {
  if (!ex.hasBody) return Framing.none;
  return lengthOf(message) < 0 ? Framing.chunked : Framing.length;
}

/** Content-Length as a number, -1 when there is none. */
export function lengthOf(message: HttpMessage): number {
  const field = message.find(Field.contentLength);
  return field < 0 ? -1 : Number(message.value(field));
}

/** Writes the head of a request. */
export function writeForeignRequest(scratch: Scratch, ex: Exchange, message: HttpMessage, framing: Framing): void {
  scratch.appendText(message.method);
  scratch.appendText(" ");
  scratch.appendText(message.target);
  scratch.appendText(" HTTP/1.1\r\nHost: ");
  scratch.appendText(message.host);
  scratch.appendText("\r\n");
  const { count } = message;
  const dropped = ex.trace.b3 ? DROPPED_WITH_B3 : DROPPED_FROM_REQUEST;
  let cookies = "";
  for (let field = 0; field < count; field++) {
    const id = message.id(field);
    if ((dropped[id] === 1 && id !== Field.te) || id === Field.host || id === Field.contentLength) continue;
    if (message.clearContext && isMeshField(message, field)) continue;
    if (id === Field.baggage && message.otherBaggage !== null) continue; // written anew
    const name = id === Field.other ? message.name(field) : "";
    if (name === "cookie") {
      cookies += cookies === "" ? message.value(field) : `; ${message.value(field)}`;
    } else if (name !== "grpc-timeout" || !ex.deadlineKept) {
      // A deadline that is kept is told in the words of HTTP, and by then that one is out of date.
      message.putLine(scratch, field);
    }
  }
  if (cookies !== "") scratch.appendText(`Cookie: ${cookies}\r\n`);
  ownRequestLines(scratch, ex, "Via: h2 fairlead\r\n", "");
  if (message.otherBaggage !== null) putBaggageLine(scratch, ex, message);
  if (message.hasAdded) message.eachAdded((name, value) => scratch.appendText(`${name}: ${value}\r\n`)); // cold: Forwarded, timestamp
  if (framing === Framing.length && isRepeatable(ex, lengthOf(message))) scratch.appendText(REPEATABLE_LINE);
  if (framing === Framing.length) scratch.appendText(`Content-Length: ${lengthOf(message)}\r\n\r\n`);
  else if (framing === Framing.chunked) scratch.appendText("Transfer-Encoding: chunked\r\n\r\n");
  else scratch.appendText(MAY_HAVE_BODY.has(message.method) ? "Content-Length: 0\r\n\r\n" : "\r\n");
}

/** Services wait for a body of these unless they are told that there is none. */
const MAY_HAVE_BODY = new Set(["POST", "PUT", "PATCH"]);

/** How the length of an answer's body is told to a caller. */
export function answerFramingOf(message: HttpMessage, toHead: boolean, minor: number): Framing {
  const { status } = message;
  if (toHead || status === 204 || status === 304) return Framing.none;
  if (lengthOf(message) >= 0) return Framing.length;
  return minor === 1 ? Framing.chunked : Framing.untilClose;
}

/** Writes the head of an answer. */
export function writeForeignAnswer(scratch: Scratch, ex: Exchange, message: HttpMessage, form: AnswerForm): void {
  writeStatusLine(scratch, message);
  writeAnswerFields(scratch, message, form.clearContext);
  if (form.clearContext) scratch.appendText(VIA_LINE);
  else if (ex.undecided) scratch.appendText(VIA_LINE);
  else scratch.appendText((ex.verdict ?? ex.outcome) === Outcome.success ? SUCCESS_LINES : FAILURE_LINES);
  if (message.hasAdded) message.eachAdded((name, value) => scratch.appendText(`${name}: ${value}\r\n`)); // cold: fields of request filters
  if (form.chunked) scratch.appendText("Transfer-Encoding: chunked\r\n");
  if (form.close) scratch.appendText("Connection: close\r\n");
  else if (form.keepAlive10) scratch.appendText("Connection: keep-alive\r\n");
  scratch.appendText("\r\n");
}

const VIA_LINE = "Via: 1.1 fairlead\r\n";

/** Writes an interim answer (1xx), without context lines. */
export function writeForeignInterim(scratch: Scratch, message: HttpMessage): void {
  writeStatusLine(scratch, message);
  writeAnswerFields(scratch, message, true);
  scratch.appendText(`${VIA_LINE}\r\n`);
}

function writeStatusLine(scratch: Scratch, { status }: HttpMessage): void {
  scratch.appendText(`HTTP/1.1 ${status} ${reasonFor(status)}\r\n`);
}

function writeAnswerFields(scratch: Scratch, message: HttpMessage, clearContext: boolean): void {
  const { count, status } = message;
  const lengthMayStand = status !== 204 && status >= 200;
  for (let field = 0; field < count; field++) {
    const id = message.id(field);
    if (DROPPED_FROM_ANSWER[id] === 1 || (clearContext && isMeshField(message, field))) continue;
    if (id === Field.contentLength && !(lengthMayStand && message.find(Field.contentLength) === field)) continue;
    message.putLine(scratch, field);
  }
}

/** Writes the trailer fields that may travel on. */
export function writeForeignTrailers(scratch: Scratch, trailers: HttpMessage): void {
  for (let field = 0; field < trailers.count; field++) {
    if (allowedInTrailers(trailers, field)) trailers.putLine(scratch, field);
  }
}
