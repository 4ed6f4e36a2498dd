// How a failure looks to an HTTP caller (linkerd1 §2.1.7): status, `l5d-err`, `fairlead-cause`, and a body in words.
import type { Category } from "../../core/cause.ts";
import type { Failure } from "../../core/failure.ts";
import { Outcome } from "../../core/outcome.ts";

const STATUS: Readonly<Record<Category, number>> = {
  "bad-request": 400,
  "too-large-head": 431,
  "too-long-line": 414,
  "too-slow": 408,
  unsupported: 501,
  "bad-version": 505,
  unidentified: 400,
  unroutable: 502,
  connect: 502,
  timeout: 503, // not 504: linkerd1 §13.1
  overload: 503,
  "bad-answer": 502,
  leaving: 502,
  gone: 499, // never sent, only logged
  refused: 403, // unless whoever refused it says otherwise
  internal: 502,
};

const NACK_RETRYABLE = "Request was not processed by the server due to an error and is safe to retry";
const NACK_FINAL = "Request was not processed by the server and should not be retried";

/** The status a failure is answered with. */
export function failureStatus(failure: Failure): number {
  const { category } = failure.cause;
  if (category !== "refused") return STATUS[category];
  const told = failure.detail["status"];
  return typeof told === "number" ? told : STATUS.refused;
}

/** What the answer depends on besides the failure. */
export interface FailureOptions {
  /** The request can be sent again as it is: no body, or one the caller has kept (`finagle-http-retryable-request`). */
  readonly replayable: boolean;
  /** Edge mode: nothing about the inside is told. */
  readonly clearContext: boolean;
  /** Cap on the `l5d-err` value. */
  readonly maxErrBytes: number;
}

/** Answers to failures that come again, by the failure and the form of the answer. */
export type Remembered<T> = WeakMap<Failure, T[]>;

/** Refusing must be the cheapest thing we do: a refusal is one object for all that are refused, and its answer is composed once per form. */
export function remembered<T>(failure: Failure, flags: number, known: Remembered<T>, compose: () => T): T {
  if (failure.cause.category !== "overload") return compose();
  let forms = known.get(failure);
  if (forms === undefined) known.set(failure, (forms = []));
  return (forms[flags] ??= compose());
}

/** What refusals depend on, as bits. */
export function formFlags({ clearContext, replayable }: FailureOptions): number {
  return (replayable ? 1 : 0) | (clearContext ? 2 : 0);
}

/** An answer of the proxy's own, before a version of HTTP gives it its form. */
export interface OwnAnswer {
  readonly status: number;
  /** In order; names as HTTP/1 writes them. `Via` and what concerns the connection are the version's. */
  readonly fields: readonly OwnField[];
  readonly body: string;
}

/** Name and value; all characters are below 256. */
export type OwnField = readonly [name: string, value: string];

/** The answer to a failure. */
export function failureFields(failure: Failure, options: FailureOptions): OwnAnswer {
  const nack = failure.cause.category === "overload";
  // What was tried elsewhere in vain is not to be multiplied by whoever called us (finagle §4.2).
  const again = options.replayable && failure.source === "proxy" && failure.retry === "safe";
  const body = options.clearContext ? "" : nack ? nackBody(again) : `${failure.message}\n`;
  const bytes = Buffer.byteLength(body, "utf8");
  const fields: OwnField[] = options.clearContext ? [] : explanation(failure, nack, options);
  if (nack) fields.push(...(again ? RETRYABLE_NACK : FINAL_NACK));
  if (bytes > 0) fields.push(["Content-Type", "text/plain"]);
  fields.push(["Content-Length", String(bytes)]);
  return { status: failureStatus(failure), fields, body };
}

const RETRYABLE_NACK: readonly OwnField[] = [
  ["finagle-http-nack", "true"],
  ["Retry-After", "0"],
];
const FINAL_NACK: readonly OwnField[] = [["finagle-http-nonretryable-nack", "true"]];

function explanation(failure: Failure, nack: boolean, options: FailureOptions): OwnField[] {
  const fields: OwnField[] = [];
  if (!nack) fields.push(["l5d-err", errValue(failure.message, options.maxErrBytes)]);
  if (failure.retry === "safe" && failure.source !== "downstream" && !nack) fields.push(["l5d-retryable", "true"]);
  fields.push(["l5d-success-class", "0.0"], ["fairlead-cause", failure.token()]);
  return fields;
}

function nackBody(replayable: boolean): string {
  return replayable ? NACK_RETRYABLE : NACK_FINAL;
}

// URL-encoded, cut at a whole escape.
function errValue(message: string, maxBytes: number): string {
  const encoded = encodeURIComponent(message);
  if (encoded.length <= maxBytes) return encoded;
  return encoded.slice(0, maxBytes).replace(/%[0-9A-F]?$/, "");
}

/**
 * An answer that consists of its status (`/$/io.buoyant.http.status/…`).
 * @param clearContext edge mode: nothing about the inside is told.
 */
export function cannedFields(status: number, outcome: Outcome, clearContext: boolean): OwnAnswer {
  const fields: OwnField[] = [];
  if (status !== 204 && status !== 304) fields.push(["Content-Length", "0"]);
  if (!clearContext) fields.push(["l5d-success-class", outcome === Outcome.success ? "1.0" : "0.0"]);
  return { status, fields, body: "" };
}
