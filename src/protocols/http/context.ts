// Context that travels with a request in `l5d-*` headers (linkerd1 §2.6): read at the server, written by the client.
import { type Cause, causes } from "../../core/cause.ts";
import { combineDeadlines, type Deadline } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Field } from "./field-names.ts";
import type { HttpHead } from "./head.ts";
import { readTrace } from "./trace-header.ts";

/**
 * Reads the context headers of a request into the exchange. Undecodable traces and deadlines read as absent
 * (finagle §7.1.10); dtabs are only gathered here and parsed when the name is bound.
 */
export function readContext(ex: Exchange, head: HttpHead): void {
  const trace = head.find(Field.l5dCtxTrace);
  if (trace >= 0) {
    readTrace(ex.trace, head.bytes, head.base + head.valueStart(trace), head.base + head.valueEnd(trace));
  }
  const sample = head.find(Field.l5dSample);
  if (sample >= 0) readSample(ex, head.value(sample));
  if (head.find(Field.l5dCtxDtab) >= 0 || head.find(Field.l5dDtab) >= 0) ex.localDtab = localDtab(head);
  if (head.find(Field.l5dCtxDeadline) >= 0) ex.deadline = readDeadline(head);
}

function readSample(ex: Exchange, text: string): void {
  const probability = Number(text);
  if (!Number.isFinite(probability)) return;
  if (!ex.trace.known) return void (ex.trace.pendingSample = clamp(probability));
  ex.trace.decide(clamp(probability));
}

function clamp(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}

// User entries come after the accumulated ones, so that they win; several headers concatenate.
function localDtab(head: HttpHead): string {
  const parts: string[] = [];
  collect(head, Field.l5dCtxDtab, parts);
  collect(head, Field.l5dDtab, parts);
  return parts.join(";");
}

function collect(head: HttpHead, id: number, into: string[]): void {
  for (let field = head.find(id); field >= 0; field = head.findNext(id, field)) {
    const text = head.value(field).trim();
    if (text !== "") into.push(text);
  }
}

const DEADLINE = /^(\d{1,20}) (\d{1,20})$/;

// Several values combine to the latest timestamp and the earliest deadline.
function readDeadline(head: HttpHead): Deadline | null {
  let combined: Deadline | null = null;
  for (let field = head.find(Field.l5dCtxDeadline); field >= 0; field = head.findNext(Field.l5dCtxDeadline, field)) {
    const match = DEADLINE.exec(head.value(field));
    if (match === null) continue;
    combined = combineDeadlines(combined, {
      timestampNs: BigInt(match[1] as string),
      deadlineNs: BigInt(match[2] as string),
    });
  }
  return combined;
}

/** Number of proxies a request has passed: the comma-separated entries of all its Via headers. */
function callDepth(head: HttpHead): number {
  let depth = 0;
  for (let field = head.find(Field.via); field >= 0; field = head.findNext(Field.via, field)) {
    const end = head.base + head.valueEnd(field);
    depth++;
    for (let i = head.base + head.valueStart(field); i < end; i++) if (head.bytes[i] === 44) depth++;
  }
  return depth;
}

/** Refuses a request that has gone round too often. */
export function checkCallDepth(head: HttpHead, maxCallDepth: number): Cause | null {
  return head.find(Field.via) >= 0 && callDepth(head) > maxCallDepth ? causes.callDepth : null;
}
