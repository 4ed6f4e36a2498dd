// @hot Heads of HTTP/1 as HTTP/2 sends them (RFC 9113 §8.2.2, §8.3): names in lower case, the request line in pseudo-header fields, nothing
// about the connection. Fields that come again are remembered like those of HTTP/2.
import type { Destination } from "../../core/destination.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Outcome } from "../../core/outcome.ts";
import { baggageToSend } from "../http/baggage.ts";
import { Field, FIELD_NAMES } from "../http/field-names.ts";
import type { HttpHead } from "../http/head.ts";
import { B3, namedByConnection } from "../http/hop-by-hop.ts";
import { type FieldName, ownName } from "./codec/field-name.ts";
import { HeaderField, Indexing, ownField, plainField } from "./codec/header-field.ts";
import type { FieldMemory } from "./codec/hpack-decoder.ts";
import type { HpackEncoder } from "./codec/hpack-encoder.ts";
import type { Outbox } from "./outbox.ts";
import { begin, destinationFields, FAILURE, OWN_BYTES, put, putOwn, putText, SUCCESS, VIA } from "./write-head.ts";

const METHOD = ownName(":method");
const PATH = ownName(":path");
const AUTHORITY = ownName(":authority");
const STATUS = ownName(":status");
const HTTP_SCHEME = ownField(":scheme", "http", Indexing.incremental);
/** Names the proxy knows, by their id. */
const KNOWN: readonly FieldName[] = FIELD_NAMES.map((name) => ownName(name)); // cold: once

const MAX_NAME_BYTES = 256;
const lowered = Buffer.alloc(MAX_NAME_BYTES);

/** Writes a request of HTTP/1; returns where its block begins. */
export function putForeignRequest(
  outbox: Outbox,
  encoder: HpackEncoder,
  ex: Exchange,
  head: HttpHead,
  memory: FieldMemory,
): number {
  const destination = ex.destination as Destination; // bound before it is dispatched
  const names = (destination.fields ??= destinationFields(destination)) as readonly HeaderField[]; // made by this protocol
  let bytes = room(head) + OWN_BYTES + ex.localDtab.length;
  for (let i = 0; i < names.length; i++) bytes += (names[i] as HeaderField).room;
  const baggage = head.otherBaggage === null ? "" : baggageToSend(ex, head);
  const at = begin(outbox, encoder, bytes + baggage.length);
  putRange(outbox, encoder, memory, METHOD, Indexing.incremental, head, 0, head.methodEnd);
  put(outbox, encoder, HTTP_SCHEME);
  putAuthority(outbox, encoder, memory, head);
  if (head.newTarget !== null) {
    put(outbox, encoder, plainField(":path", head.newTarget, Indexing.without)); // cold: absolute form, consumed paths
  } else putRange(outbox, encoder, memory, PATH, Indexing.without, head, head.targetStart, head.targetEnd);
  const { count } = head;
  for (let i = 0; i < count; i++) {
    const id = head.id(i);
    if (id === Field.host || id === Field.connection) continue;
    if (id === Field.baggage && head.otherBaggage !== null) continue; // written anew
    if (B3[id] === 1 && ex.trace.b3) continue; // as that
    putField(outbox, encoder, memory, head, i, true);
  }
  putOwn(outbox, encoder, ex, names);
  if (baggage !== "") putText(outbox, encoder, "baggage", baggage);
  if (head.extraLines !== "") head.eachAdded((name, value) => putText(outbox, encoder, name.toLowerCase(), value)); // cold: Forwarded, timestamp
  return at;
}

function putAuthority(outbox: Outbox, encoder: HpackEncoder, memory: FieldMemory, head: HttpHead): void {
  if (head.newHost !== null) {
    put(outbox, encoder, plainField(":authority", head.newHost, Indexing.without)); // cold: absolute form
    return;
  }
  const host = head.find(Field.host);
  if (host < 0 || head.valueStart(host) === head.valueEnd(host)) return;
  putRange(outbox, encoder, memory, AUTHORITY, Indexing.incremental, head, head.valueStart(host), head.valueEnd(host));
}

/**
 * Writes an answer of HTTP/1; returns where its block begins.
 * @param ex null for an interim answer, which has no context fields.
 */
export function putForeignAnswer(
  outbox: Outbox,
  encoder: HpackEncoder,
  ex: Exchange | null,
  head: HttpHead,
  memory: FieldMemory,
  clearContext: boolean,
): number {
  const at = begin(outbox, encoder, room(head) + OWN_BYTES);
  put(outbox, encoder, statusField(head.status));
  head.clearContext = clearContext || ex === null;
  const { count } = head;
  for (let i = 0; i < count; i++) putField(outbox, encoder, memory, head, i, false);
  if (ex !== null && !clearContext) {
    put(outbox, encoder, (ex.verdict ?? ex.outcome) === Outcome.success ? SUCCESS : FAILURE);
  }
  put(outbox, encoder, VIA);
  if (head.extraLines !== "") head.eachAdded((name, value) => putText(outbox, encoder, name.toLowerCase(), value)); // cold: fields of request filters
  return at;
}

const statuses = new Map<number, HeaderField>();

function statusField(status: number): HeaderField {
  let field = statuses.get(status);
  if (field === undefined) {
    field = ownField(STATUS.text, String(status), Indexing.incremental);
    statuses.set(status, field);
  }
  return field;
}

function room(head: HttpHead): number {
  // Every line has its name, its value, and at least three octets more; an own head may be longer than what was received.
  return (
    head.length +
    16 * (head.count + 4) +
    head.extraLines.length +
    (head.newTarget?.length ?? 0) +
    (head.newHost?.length ?? 0)
  );
}

function putField(
  outbox: Outbox,
  encoder: HpackEncoder,
  memory: FieldMemory,
  head: HttpHead,
  field: number,
  request: boolean,
): void {
  const name = nameOf(memory, head, field);
  if (name === null || name.malformed) return; // a name of a connection, or one that HTTP/2 does not allow
  if (request ? name.endsInRequest : name.endsInAnswer) return;
  if (head.clearContext && name.mesh) return;
  if (namedByConnection(head, field)) return;
  const start = head.valueStart(field);
  const end = head.valueEnd(field);
  if (name.id === Field.te && head.value(field).toLowerCase() !== "trailers") return;
  if (name.id === Field.contentLength && !mayTellLength(head, field, request)) return;
  const indexing = name.secret ? Indexing.never : name.changing ? Indexing.without : Indexing.incremental;
  putRange(outbox, encoder, memory, name, indexing, head, start, end);
}

// Once, and not where there is no body to speak of (RFC 9110 §8.6).
function mayTellLength(head: HttpHead, field: number, request: boolean): boolean {
  if (head.find(Field.contentLength) !== field) return false;
  return request || (head.status >= 200 && head.status !== 204);
}

function nameOf(memory: FieldMemory, head: HttpHead, field: number): FieldName | null {
  const id = head.id(field);
  if (id !== Field.other) return KNOWN[id] as FieldName;
  const start = head.base + head.nameStart(field);
  const length = head.nameEnd(field) - head.nameStart(field);
  if (length > MAX_NAME_BYTES) return ownName(head.name(field).toLowerCase());
  for (let i = 0; i < length; i++) {
    const byte = head.bytes[start + i] as number;
    lowered[i] = byte >= 65 && byte <= 90 ? byte | 0x20 : byte;
  }
  return memory.names.of(lowered, 0, length, false);
}

const borrowed = new HeaderField(METHOD);

function putRange(
  outbox: Outbox,
  encoder: HpackEncoder,
  memory: FieldMemory,
  name: FieldName,
  indexing: Indexing,
  head: HttpHead,
  start: number,
  end: number,
): void {
  const { base, bytes } = head;
  if (indexing === Indexing.never || name.unique) {
    borrowed.point(name, indexing, false, bytes, base + start, base + end);
    put(outbox, encoder, borrowed);
    borrowed.forget();
    return;
  }
  const field = memory.fields.of(name, indexing, false, bytes, base + start, base + end);
  if (field !== null) put(outbox, encoder, field);
}
