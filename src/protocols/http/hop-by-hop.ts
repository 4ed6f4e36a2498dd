// @hot Which header lines stop at a proxy (RFC 9110 §7.6.1, linkerd1 §2.1.5).
import { equalsLower } from "../../base/bytes.ts";
import { Field, FIELD_COUNT, FIELD_NAMES } from "./field-names.ts";
import { ConnectionFlag, HttpHead } from "./head.ts";
import type { HttpMessage } from "./message.ts";

// cold: once
function table(...ids: number[]): Uint8Array {
  const dropped = new Uint8Array(FIELD_COUNT);
  for (const id of ids) dropped[id] = 1;
  return dropped;
}

const HOP_BY_HOP = [
  Field.connection,
  Field.keepAlive,
  Field.proxyConnection,
  Field.proxyAuthenticate,
  Field.proxyAuthorization,
  Field.transferEncoding,
  Field.upgrade,
  Field.te,
];

/** Lines of a request that are dropped or written anew: 1 by field id. */
export const DROPPED_FROM_REQUEST = table(
  ...HOP_BY_HOP, // cold: once
  Field.l5dDtab,
  Field.l5dSample,
  Field.l5dCtxDtab,
  Field.l5dCtxTrace,
  Field.l5dCtxDeadline,
  Field.l5dReqid,
  Field.l5dDstService,
  Field.l5dDstClient,
  Field.l5dDstResidual,
  Field.xForwardedClientCert,
  Field.retryableRequest,
);

/** The headers of the trace propagator `io.l5d.zipkin`, which are written anew where it is used, and pass where it is not. */
export const B3 = table(
  Field.b3,
  Field.b3TraceId,
  Field.b3SpanId,
  Field.b3ParentSpanId,
  Field.b3Sampled,
  Field.b3Flags,
);

/** As `DROPPED_FROM_REQUEST`, where that is used. */
export const DROPPED_WITH_B3 = DROPPED_FROM_REQUEST.map((dropped, id) => dropped | (B3[id] as number)); // cold: once

/** Lines of an answer that are dropped or written anew. */
export const DROPPED_FROM_ANSWER = table(...HOP_BY_HOP, Field.l5dSuccessClass); // cold: once

/** Header lines that `Connection` cannot remove: framing, routing and context would otherwise be in the caller's hand. */
export const PROTECTED = table(
  Field.host,
  Field.via,
  Field.contentLength,
  Field.transferEncoding,
  Field.te,
  Field.trailer,
  Field.forwarded,
  Field.expect,
);

/** Does the head's Connection header name this (unprotected) field? */
export function namedByConnection(head: HttpHead, field: number): boolean {
  if ((head.connection & ConnectionFlag.named) === 0) return false;
  const id = head.id(field);
  if (PROTECTED[id] === 1 || isMeshField(head, field)) return false;
  const name = head.name(field).toLowerCase(); // cold: only for heads whose Connection names other fields
  if (name.startsWith("x-forwarded-")) return false;
  let line = head.find(Field.connection);
  while (line >= 0) {
    if (listNames(head, line, name)) return true;
    line = head.findNext(Field.connection, line);
  }
  return false;
}

function listNames(head: HttpHead, line: number, name: string): boolean {
  const items = head.value(line).toLowerCase().split(",");
  for (let i = 0; i < items.length; i++) if ((items[i] as string).trim() === name) return true;
  return false;
}

/** Is it an `l5d-` or `fairlead-` header, known to us or not? */
export function isMeshField(message: HttpMessage, field: number): boolean {
  const id = message.id(field);
  if (id !== Field.other) return (FIELD_NAMES[id] as string).startsWith("l5d-") || id === Field.fairleadCause;
  if (message instanceof HttpHead) return isMeshName(message, field);
  const name = message.name(field); // in lower case, as everywhere but in HTTP/1
  return (name.length > 4 && name.startsWith("l5d-")) || (name.length > 9 && name.startsWith("fairlead-"));
}

function isMeshName(head: HttpHead, field: number): boolean {
  const start = head.base + head.nameStart(field);
  const length = head.nameEnd(field) - head.nameStart(field);
  return (
    (length > 4 && equalsLower(head.bytes, start, start + 4, "l5d-")) ||
    (length > 9 && equalsLower(head.bytes, start, start + 9, "fairlead-"))
  );
}

/** May this field stand in a trailer section? Framing, routing and context may not (RFC 9110 §6.5.1). */
export function allowedInTrailers(message: HttpMessage, field: number): boolean {
  const id = message.id(field);
  return DROPPED_FROM_REQUEST[id] !== 1 && PROTECTED[id] !== 1 && !isMeshField(message, field);
}
