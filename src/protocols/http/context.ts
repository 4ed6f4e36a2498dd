// Context that travels with a request in `l5d-*` headers (linkerd1 §2.6): read at the server, written by the client.
import { type Cause, causes } from "../../core/cause.ts";
import { combineDeadlines, type Deadline, parseDeadline } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { readB3 } from "./b3-headers.ts";
import { Field } from "./field-names.ts";
import { HttpHead } from "./head.ts";
import type { HttpMessage } from "./message.ts";
import { readTrace, readTraceText } from "./trace-header.ts";

/**
 * Reads the context headers of a request into the exchange. Undecodable traces and deadlines read as absent
 * (finagle §7.1.10); dtabs are only gathered here and parsed when the name is bound.
 */
export function readContext(ex: Exchange, message: HttpMessage): void {
  if (ex.trace.b3) readB3(ex.trace, message);
  else {
    const trace = message.find(Field.l5dCtxTrace);
    if (trace >= 0) readTraceField(ex, message, trace);
  }
  const sample = message.find(Field.l5dSample);
  if (sample >= 0) readSample(ex, message.value(sample));
  if (message.find(Field.l5dCtxDtab) >= 0 || message.find(Field.l5dDtab) >= 0) ex.localDtab = localDtab(message);
  if (message.find(Field.l5dCtxDeadline) >= 0) ex.deadline = readDeadline(ex, message);
}

// The fields that come with every request of a mesh are read as bytes where the message is bytes.
function readTraceField(ex: Exchange, message: HttpMessage, field: number): void {
  if (message instanceof HttpHead) {
    readTrace(
      ex.trace,
      message.bytes,
      message.base + message.valueStart(field),
      message.base + message.valueEnd(field),
    );
  } else {
    readTraceText(ex.trace, message.value(field));
  }
}

function readSample(ex: Exchange, text: string): void {
  const probability = Number(text);
  if (!Number.isFinite(probability)) {
    ex.unreadable++;
    return;
  }
  if (!ex.trace.known) return void (ex.trace.pendingSample = clamp(probability));
  ex.trace.decide(clamp(probability));
}

function clamp(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}

// User entries come after the accumulated ones, so that they win; several headers concatenate.
function localDtab(message: HttpMessage): string {
  const parts: string[] = [];
  collect(message, Field.l5dCtxDtab, parts);
  collect(message, Field.l5dDtab, parts);
  return parts.join(";");
}

function collect(message: HttpMessage, id: number, into: string[]): void {
  for (let field = message.find(id); field >= 0; field = message.findNext(id, field)) {
    const text = message.value(field).trim();
    if (text !== "") into.push(text);
  }
}

const COMMA = 44;
// Several values combine to the latest timestamp and the earliest deadline.
function readDeadline(ex: Exchange, message: HttpMessage): Deadline | null {
  let combined: Deadline | null = null;
  for (
    let field = message.find(Field.l5dCtxDeadline);
    field >= 0;
    field = message.findNext(Field.l5dCtxDeadline, field)
  ) {
    const deadline = parseDeadline(message.value(field));
    if (deadline === null) ex.unreadable++;
    else combined = combineDeadlines(combined, deadline);
  }
  return combined;
}

/** Number of proxies a request has passed: the comma-separated entries of all its Via headers. */
function callDepth(message: HttpMessage): number {
  let depth = 0;
  for (let field = message.find(Field.via); field >= 0; field = message.findNext(Field.via, field)) {
    depth += 1 + (message instanceof HttpHead ? commas(message, field) : message.value(field).split(",").length - 1);
  }
  return depth;
}

function commas(head: HttpHead, field: number): number {
  const end = head.base + head.valueEnd(field);
  let count = 0;
  for (let i = head.base + head.valueStart(field); i < end; i++) if (head.bytes[i] === COMMA) count++;
  return count;
}

/** Refuses a request that has gone round too often. */
export function checkCallDepth(message: HttpMessage, maxCallDepth: number): Cause | null {
  return message.find(Field.via) >= 0 && callDepth(message) > maxCallDepth ? causes.callDepth : null;
}
