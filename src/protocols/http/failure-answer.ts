// How a failure looks to an HTTP caller (linkerd1 §2.1.7): status, `l5d-err`, `fairlead-cause`, and a body in words.
import type { Category } from "../../core/cause.ts";
import type { Failure } from "../../core/failure.ts";
import { Outcome } from "../../core/outcome.ts";
import { reasonFor } from "./reasons.ts";

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
  gone: 499, // never sent, only logged
  internal: 502,
};

const NACK_RETRYABLE = "Request was not processed by the server due to an error and is safe to retry";
const NACK_FINAL = "Request was not processed by the server and should not be retried";

/** The status a failure is answered with. */
export function failureStatus(failure: Failure): number {
  return STATUS[failure.cause.category];
}

/** What the answer depends on besides the failure. */
export interface FailureAnswerOptions {
  /** The request can be sent again as it is: no body, or one the caller has kept (`finagle-http-retryable-request`). */
  readonly replayable: boolean;
  /** Edge mode: nothing about the inside is told. */
  readonly clearContext: boolean;
  readonly toHead: boolean;
  /** Close the connection after this answer. */
  readonly close: boolean;
  readonly keepAlive10: boolean;
  /** Cap on the `l5d-err` value. */
  readonly maxErrBytes: number;
}

/** The whole answer, head and body. All characters are below 256. */
export function failureAnswer(failure: Failure, options: FailureAnswerOptions): string {
  const status = failureStatus(failure);
  const nack = failure.cause.category === "overload";
  const body = options.clearContext ? "" : nack ? nackBody(options.replayable) : `${failure.message}\n`;
  const bytes = Buffer.byteLength(body, "utf8");
  let head = `HTTP/1.1 ${status} ${reasonFor(status)}\r\n`;
  if (!options.clearContext) head += explanation(failure, nack, options);
  if (nack)
    head += options.replayable
      ? "finagle-http-nack: true\r\nRetry-After: 0\r\n"
      : "finagle-http-nonretryable-nack: true\r\n";
  if (bytes > 0) head += "Content-Type: text/plain\r\n";
  head += `Content-Length: ${bytes}\r\nVia: 1.1 fairlead\r\n`;
  if (options.close) head += "Connection: close\r\n";
  else if (options.keepAlive10) head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return options.toHead ? head : head + Buffer.from(body, "utf8").toString("latin1");
}

function explanation(failure: Failure, nack: boolean, options: FailureAnswerOptions): string {
  let lines = nack ? "" : `l5d-err: ${errValue(failure.message, options.maxErrBytes)}\r\n`;
  if (failure.retry === "safe" && failure.source !== "downstream" && !nack) lines += "l5d-retryable: true\r\n";
  return `${lines}l5d-success-class: 0.0\r\nfairlead-cause: ${failure.token()}\r\n`;
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

/** How an answer that consists of its status is sent. */
export interface CannedForm {
  readonly close: boolean;
  readonly keepAlive10: boolean;
  /** Edge mode: nothing about the inside is told. */
  readonly clearContext: boolean;
}

/** An answer that consists of its status (`/$/io.buoyant.http.status/…`). */
export function cannedAnswer(status: number, outcome: Outcome, form: CannedForm): string {
  let head = `HTTP/1.1 ${status} ${reasonFor(status)}\r\n`;
  if (status !== 204 && status !== 304) head += "Content-Length: 0\r\n";
  if (!form.clearContext) head += `l5d-success-class: ${outcome === Outcome.success ? "1.0" : "0.0"}\r\n`;
  head += "Via: 1.1 fairlead\r\n";
  if (form.close) head += "Connection: close\r\n";
  else if (form.keepAlive10) head += "Connection: keep-alive\r\n";
  return `${head}\r\n`;
}
