// @hot Heads as they are forwarded: fields go on in the form they came in, those that stop here are left out, ours are appended. A block is
// composed in the outbox behind nine octets that its frame header will take.
import { putLatin1 } from "../../base/bytes.ts";
import { putDeadline } from "../../core/deadline.ts";
import { timeLeft } from "../grpc/deadline.ts";
import type { Destination } from "../../core/destination.ts";
import type { Exchange, PathStage } from "../../core/exchange.ts";
import { Outcome } from "../../core/outcome.ts";
import type { TraceId } from "../../core/trace-id.ts";
import { b3Word, B3Word, hasParent, putParent, putSpan } from "../http/b3-headers.ts";
import { baggageToSend } from "../http/baggage.ts";
import { Field } from "../http/field-names.ts";
import { allowedInTrailers } from "../http/hop-by-hop.ts";
import type { HttpMessage } from "../http/message.ts";
import { writeTrace, writeTraceRoot } from "../http/trace-header.ts";
import { HEADER_BYTES } from "./codec/frames.ts";
import { type HeaderField, Indexing, ownField, plainField } from "./codec/header-field.ts";
import { type FieldName, ownName } from "./codec/field-name.ts";
import { HpackEncoder } from "./codec/hpack-encoder.ts";
import { putInteger } from "./codec/integer.ts";
import { Http2Head } from "./head.ts";
import type { Outbox } from "./outbox.ts";

/** The Via entry of this proxy (linkerd1 §2.2). */
export const VIA: HeaderField = ownField("via", "h2 fairlead", Indexing.incremental);
/** The body is kept here, so that the service may refuse the request and have it sent elsewhere (finagle §6.4). */
const REPEATABLE = plainField("finagle-http-retryable-request", "", Indexing.incremental);
export const SUCCESS: HeaderField = ownField("l5d-success-class", "1.0", Indexing.incremental);
export const FAILURE: HeaderField = ownField("l5d-success-class", "0.0", Indexing.incremental);
const REQUEST_ID = ownName("l5d-reqid");
const TRACE = ownName("l5d-ctx-trace");
const B3_TRACE = ownName("x-b3-traceid");
const B3_SPAN = ownName("x-b3-spanid");
const B3_PARENT = ownName("x-b3-parentspanid");
const B3_WORDS = {
  [B3Word.debug]: ownField("x-b3-flags", "1", Indexing.incremental),
  [B3Word.sampled]: ownField("x-b3-sampled", "1", Indexing.incremental),
  [B3Word.notSampled]: ownField("x-b3-sampled", "0", Indexing.incremental),
};
const DEADLINE = ownName("l5d-ctx-deadline");
/** Fields of ours with values of fixed length, and room to spare. */
export const OWN_BYTES = 512;

/** Begins a block that needs at most `bytes`; returns where it begins. */
export function begin(outbox: Outbox, encoder: HpackEncoder, bytes: number): number {
  const buffer = outbox.reserve(HEADER_BYTES + HpackEncoder.BEGIN_BYTES + bytes);
  const at = outbox.length;
  outbox.length = encoder.begin(buffer, at + HEADER_BYTES);
  return at;
}

/** Writes a field into the block begun last. */
export function put(outbox: Outbox, encoder: HpackEncoder, field: HeaderField): void {
  outbox.length = encoder.field(outbox.buffer, outbox.length, field);
}

function room(head: Http2Head): number {
  let bytes = head.list.room;
  const { added } = head;
  if (added !== null) for (let i = 0; i < added.length; i++) bytes += roomOf(added[i] as readonly [string, string]);
  return bytes;
}

function roomOf(pair: readonly [name: string, value: string]): number {
  return pair[0].length + pair[1].length + 16;
}

// ---- Requests --------------------------------------------------------------------------------------------------------

/** Writes the head of a request to the service; returns where its block begins. */
export function putRequest(outbox: Outbox, encoder: HpackEncoder, ex: Exchange, head: Http2Head): number {
  const destination = ex.destination as Destination; // bound before it is dispatched
  const names = (destination.fields ??= destinationFields(destination)) as readonly HeaderField[]; // made here
  let bytes = room(head) + OWN_BYTES + ex.localDtab.length;
  for (let i = 0; i < names.length; i++) bytes += (names[i] as HeaderField).room;
  if (head.newTarget !== null) bytes += head.newTarget.length;
  if (head.newHost !== null) bytes += head.newHost.length;
  const { count, otherBaggage } = head;
  const baggage = otherBaggage === null ? "" : baggageToSend(ex, head);
  const at = begin(outbox, encoder, bytes + baggage.length);
  putPseudo(outbox, encoder, head);
  const { b3 } = ex.trace;
  const special = head.clearContext || otherBaggage !== null || b3;
  for (let i = 0; i < count; i++) {
    const field = head.at(i);
    if (field.name.endsInRequest || (special && endsHere(head, field.name, b3))) continue;
    if (field === head.grpcTimeout && ex.deadlineKept) putTimeLeft(outbox, encoder, ex, field);
    else put(outbox, encoder, field);
  }
  putOwn(outbox, encoder, ex, names);
  if (baggage !== "") putText(outbox, encoder, "baggage", baggage);
  if (head.contentLength > 0 && head.contentLength <= (ex.path as PathStage).replayBytes)
    put(outbox, encoder, REPEATABLE);
  if (head.added !== null) putAdded(outbox, encoder, head.added);
  return at;
}

function endsHere({ clearContext, otherBaggage }: Http2Head, name: FieldName, b3: boolean): boolean {
  if (clearContext && name.mesh) return true;
  return (b3 && name.b3) || (name.id === Field.baggage && otherBaggage !== null); // those are written anew
}

// A call that has waited here, or has less time than its caller thinks, is told what is left of it.
function putTimeLeft(outbox: Outbox, encoder: HpackEncoder, ex: Exchange, field: HeaderField): void {
  const value = timeLeft(ex, field.value);
  if (value === field.value) put(outbox, encoder, field);
  else putText(outbox, encoder, "grpc-timeout", value);
}

function putPseudo(outbox: Outbox, encoder: HpackEncoder, head: Http2Head): void {
  put(outbox, encoder, head.methodField as HeaderField); // `read` has seen that it is there
  if (head.schemeField !== null) put(outbox, encoder, head.schemeField);
  if (head.newHost !== null) {
    put(outbox, encoder, plainField(":authority", head.newHost, Indexing.without)); // cold: rewritten requests
  } else if (head.authorityField !== null) put(outbox, encoder, head.authorityField);
  if (head.newTarget !== null) {
    put(outbox, encoder, plainField(":path", head.newTarget, Indexing.without)); // cold: as above
  } else if (head.pathField !== null) put(outbox, encoder, head.pathField);
  if (head.protocolField !== null) put(outbox, encoder, head.protocolField);
}

/** What the proxy says about every request, in the names of linkerd1 §2.6.2. */
export function putOwn(outbox: Outbox, encoder: HpackEncoder, ex: Exchange, names: readonly HeaderField[]): void {
  put(outbox, encoder, VIA);
  for (let i = 0; i < names.length; i++) put(outbox, encoder, names[i] as HeaderField);
  const { buffer } = outbox;
  if (ex.trace.b3) putB3(outbox, encoder, ex.trace);
  else putTrace(outbox, encoder, ex.trace);
  if (ex.localDtab !== "") putText(outbox, encoder, "l5d-ctx-dtab", ex.localDtab);
  if (ex.deadline !== null) {
    const at = encoder.literalName(buffer, outbox.length, DEADLINE);
    outbox.length = putDeadline(ex.deadline, buffer, at + 1);
    buffer[at] = outbox.length - at - 1;
  }
}

function putTrace(outbox: Outbox, encoder: HpackEncoder, trace: TraceId): void {
  const { buffer } = outbox;
  let at = encoder.literalName(buffer, outbox.length, REQUEST_ID);
  buffer[at] = trace.wide ? 32 : 16;
  at = encoder.literalName(buffer, writeTraceRoot(trace, buffer, at + 1), TRACE);
  buffer[at] = trace.wide ? 56 : 44;
  outbox.length = writeTrace(trace, buffer, at + 1);
}

function putB3(outbox: Outbox, encoder: HpackEncoder, trace: TraceId): void {
  const { buffer } = outbox;
  let at = encoder.literalName(buffer, outbox.length, B3_TRACE);
  buffer[at] = trace.wide ? 32 : 16;
  at = encoder.literalName(buffer, writeTraceRoot(trace, buffer, at + 1), B3_SPAN);
  buffer[at] = 16;
  at = putSpan(trace, buffer, at + 1);
  if (hasParent(trace)) {
    at = encoder.literalName(buffer, at, B3_PARENT);
    buffer[at] = 16;
    at = putParent(trace, buffer, at + 1);
  }
  outbox.length = at;
  const word = b3Word(trace);
  if (word !== B3Word.none) put(outbox, encoder, B3_WORDS[word]);
}

/** The names of one destination never change, so their fields are made once. */
export function destinationFields({ service, client, residual }: Destination): HeaderField[] {
  const fields = [
    ownField("l5d-dst-service", service, Indexing.incremental),
    ownField("l5d-dst-client", client, Indexing.incremental),
  ];
  if (residual !== "") fields.push(ownField("l5d-dst-residual", residual, Indexing.incremental));
  return fields;
}

/** A value as it is, not indexed; its characters are below 256. */
export function putText(outbox: Outbox, encoder: HpackEncoder, name: string, value: string): void {
  const { buffer } = outbox;
  let at = encoder.literalName(buffer, outbox.length, ownName(name));
  at = putInteger(buffer, at, 0, 7, value.length);
  outbox.length = putLatin1(buffer, at, value);
}

// Fields with values as they are, not indexed; their characters are below 256.
function putAdded(outbox: Outbox, encoder: HpackEncoder, added: readonly (readonly [string, string])[]): void {
  for (let i = 0; i < added.length; i++) {
    const [name, value] = added[i] as readonly [string, string];
    putText(outbox, encoder, name.toLowerCase(), value);
  }
}

// ---- Answers ---------------------------------------------------------------------------------------------------------

/** Writes the head of an answer to the caller; returns where its block begins. */
export function putAnswer(
  outbox: Outbox,
  encoder: HpackEncoder,
  ex: Exchange,
  head: Http2Head,
  clearContext: boolean,
): number {
  const at = begin(outbox, encoder, room(head) + OWN_BYTES);
  put(outbox, encoder, head.statusField as HeaderField); // `read` has seen that it is there
  const { count } = head;
  for (let i = 0; i < count; i++) {
    const field = head.at(i);
    if (!field.name.endsInAnswer && !(clearContext && field.name.mesh)) put(outbox, encoder, field);
  }
  if (!clearContext && !ex.undecided)
    put(outbox, encoder, (ex.verdict ?? ex.outcome) === Outcome.success ? SUCCESS : FAILURE);
  put(outbox, encoder, VIA);
  if (head.added !== null) putAdded(outbox, encoder, head.added);
  return at;
}

/** Writes the head of an answer of ours that is sent again and again, `:status` first; returns where its block begins. */
export function putOwnAnswer(outbox: Outbox, encoder: HpackEncoder, fields: readonly HeaderField[]): number {
  let bytes = OWN_BYTES;
  for (let i = 0; i < fields.length; i++) bytes += (fields[i] as HeaderField).room;
  const at = begin(outbox, encoder, bytes);
  for (let i = 0; i < fields.length; i++) put(outbox, encoder, fields[i] as HeaderField);
  put(outbox, encoder, VIA);
  return at;
}

/** Writes an interim answer (1xx), without context fields. */
export function putInterim(outbox: Outbox, encoder: HpackEncoder, head: Http2Head): number {
  const at = begin(outbox, encoder, room(head) + OWN_BYTES);
  put(outbox, encoder, head.statusField as HeaderField); // `read` has seen that it is there
  const { count } = head;
  for (let i = 0; i < count; i++) {
    const field = head.at(i);
    if (!field.name.endsInAnswer && !field.name.mesh) put(outbox, encoder, field);
  }
  put(outbox, encoder, VIA);
  return at;
}

/** Writes a list of fields of ours, `:status` first where there is one. Values may hold only characters below 256. */
export function putFields(
  outbox: Outbox,
  encoder: HpackEncoder,
  fields: readonly (readonly [name: string, value: string])[],
): number {
  let bytes = 0;
  for (let i = 0; i < fields.length; i++) bytes += roomOf(fields[i] as readonly [string, string]);
  const at = begin(outbox, encoder, bytes);
  putAdded(outbox, encoder, fields);
  return at;
}

// ---- Trailers --------------------------------------------------------------------------------------------------------

/** Writes the trailer fields that may travel on: none that decides framing, routing or context. */
export function putTrailers(outbox: Outbox, encoder: HpackEncoder, trailers: HttpMessage): number {
  if (trailers instanceof Http2Head) {
    const at = begin(outbox, encoder, room(trailers));
    for (let i = 0; i < trailers.count; i++) {
      const field = trailers.at(i);
      if (field.name.trails) put(outbox, encoder, field);
    }
    return at;
  }
  const fields: (readonly [string, string])[] = [];
  for (let i = 0; i < trailers.count; i++) {
    if (allowedInTrailers(trailers, i)) fields.push([trailers.name(i).toLowerCase(), trailers.value(i)]);
  }
  return putFields(outbox, encoder, fields);
}
