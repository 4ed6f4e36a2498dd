// @hot What an access log line can tell of an exchange: every field once, with its sentence. The JSON form has all of them; a
// template names them as `%{field}`.
import type { Exchange } from "../../core/exchange.ts";
import type { LineBuffer } from "../../telemetry/line-buffer.ts";
import { Field } from "./field-names.ts";
import type { HttpMessage } from "./message.ts";

/** One exchange at the moment it is logged. */
export class LogMoment {
  /** The router's label. */
  readonly router: string;
  /** Wall clock. */
  epochMs = 0;
  /** From arrival to the end. */
  durationMs = 0;
  #second = Number.NaN;
  #iso = "";
  #combined = "";

  constructor(router: string) {
    this.router = router;
  }

  /** `2026-11-23T07:20:36`. */
  get isoSecond(): string {
    this.#spell();
    return this.#iso;
  }

  /** `23/11/2026:07:20:36 UTC`, as Linkerd 1.x writes it. */
  get combinedTime(): string {
    this.#spell();
    return this.#combined;
  }

  // Spelt out once a second.
  #spell(): void {
    const second = Math.floor(this.epochMs / 1000);
    if (second === this.#second) return;
    this.#second = second;
    const iso = new Date(second * 1000).toISOString();
    this.#iso = iso.slice(0, 19);
    this.#combined = `${iso.slice(8, 10)}/${iso.slice(5, 7)}/${iso.slice(0, 4)}:${iso.slice(11, 19)} UTC`;
  }
}

/** Writes the value of a field; false when there is none, in which case nothing may have been written. */
export type PutField = (line: LineBuffer, ex: Exchange, head: HttpMessage, moment: LogMoment) => boolean;

/** One field. */
export interface LogField {
  readonly name: string;
  readonly doc: string;
  /** Is it text, so that JSON puts it in quotes? */
  readonly text: boolean;
  readonly put: PutField;
}

function textField(name: string, doc: string, put: PutField): LogField {
  return { name, doc, text: true, put };
}

function numberField(name: string, doc: string, put: PutField): LogField {
  return { name, doc, text: false, put };
}

function putText(line: LineBuffer, text: string): boolean {
  if (text === "") return false;
  line.text(text);
  return true;
}

function putHeader(line: LineBuffer, head: HttpMessage, id: number): boolean {
  const field = head.find(id);
  return field >= 0 && head.putValue(line, field);
}

function putTime(line: LineBuffer, moment: LogMoment): boolean {
  const iso = moment.isoSecond;
  const ms = moment.epochMs % 1000;
  line.plain(iso);
  line.plain(ms < 10 ? ".00" : ms < 100 ? ".0" : ".");
  line.integer(ms);
  line.plain("Z");
  return true;
}

/** The address without the port. */
export function putRemoteHost(line: LineBuffer, remote: string): boolean {
  const colon = remote.lastIndexOf(":");
  return putText(line, colon < 0 ? remote : remote.slice(0, colon));
}

export function putVersion(line: LineBuffer, head: HttpMessage): boolean {
  const version = head.version;
  if (version === "") return false;
  line.plain(version);
  return true;
}

export function putStatus(line: LineBuffer, ex: Exchange): boolean {
  if (ex.status === 0) return false;
  line.integer(ex.status);
  return true;
}

function putMilliseconds(line: LineBuffer, ms: number): boolean {
  if (Number.isNaN(ms)) return false;
  line.milliseconds(ms);
  return true;
}

function putInteger(line: LineBuffer, value: number): boolean {
  line.integer(value);
  return true;
}

function putRequestId(line: LineBuffer, ex: Exchange): boolean {
  const { trace } = ex;
  if (!trace.known) return false;
  if (trace.wide) line.hex64(trace.extraHigh, trace.extraLow);
  line.hex64(trace.traceHigh, trace.traceLow);
  return true;
}

function putCause(line: LineBuffer, ex: Exchange): boolean {
  return ex.failure !== null && putText(line, ex.failure.token());
}

export function putReferer(line: LineBuffer, head: HttpMessage): boolean {
  return putHeader(line, head, Field.referer);
}

export function putUserAgent(line: LineBuffer, head: HttpMessage): boolean {
  return putHeader(line, head, Field.userAgent);
}

/** Every field, in the order of the JSON form. */
export const LOG_FIELDS: readonly LogField[] = [
  textField("time", "When the exchange ended, UTC, to the millisecond.", (line, _ex, _head, moment) =>
    putTime(line, moment),
  ),
  textField("router", "The label of the router.", (line, _ex, _head, moment) => putText(line, moment.router)),
  textField("remote", "The caller, `host:port`; `unix:` when it came over a unix socket.", (line, ex) =>
    putText(line, ex.downstream.remote),
  ),
  textField("host", "The Host asked for.", (line, _ex, head) => head.putHost(line)),
  textField("method", "The method.", (line, _ex, head) => head.putMethod(line)),
  textField("uri", "The request target as it was received.", (line, _ex, head) => head.putTarget(line)),
  textField("version", "`HTTP/2.0`, `HTTP/1.1` or `HTTP/1.0`.", (line, _ex, head) => putVersion(line, head)),
  numberField("status", "The status answered; 499 when the caller left before.", (line, ex) => putStatus(line, ex)),
  numberField("requestBytes", "Length of the request body that was read.", (line, ex) =>
    putInteger(line, ex.requestBytes),
  ),
  numberField("responseBytes", "Length of the answer's body that was sent.", (line, ex) =>
    putInteger(line, ex.responseBytes),
  ),
  numberField("latencyMs", "From the request's head to the answer's head.", (line, ex) =>
    putMilliseconds(line, ex.latencyMs),
  ),
  numberField("durationMs", "From the request's head to the end of the answer.", (line, _ex, _head, moment) =>
    putMilliseconds(line, moment.durationMs),
  ),
  textField(
    "service",
    "The logical name, such as `/svc/users`.",
    (line, ex) => ex.path !== null && putText(line, ex.path.service),
  ),
  textField(
    "client",
    "The name it was bound to, such as `/#/io.l5d.fs/users`.",
    (line, ex) => ex.destination !== null && putText(line, ex.destination.client),
  ),
  textField("endpoint", "The endpoint of the last attempt, `host:port`.", (line, ex) => putText(line, ex.endpoint)),
  numberField("attempts", "How many attempts were made, requeues included.", (line, ex) =>
    putInteger(line, ex.attempts),
  ),
  numberField("retries", "How often the request was sent again as a whole.", (line, ex) =>
    putInteger(line, ex.retries),
  ),
  numberField("grpcStatus", "What the service made of a gRPC call.", (line, ex) => {
    if (ex.callStatus < 0) return false;
    return putInteger(line, ex.callStatus);
  }),
  numberField("budgetMs", "What the caller's deadline left when the request arrived.", (line, ex) =>
    putMilliseconds(line, ex.budgetMs),
  ),
  numberField(
    "budgetLeftMs",
    "What of that was left in the end; below zero when it was not enough.",
    (line, ex, _head, moment) => putMilliseconds(line, ex.budgetMs - moment.durationMs),
  ),
  textField("requestId", "The root id of the trace, as in `l5d-reqid`.", (line, ex) => putRequestId(line, ex)),
  textField("cause", "Why it failed, as in `fairlead-cause`.", (line, ex) => putCause(line, ex)),
  textField("referer", "The Referer header.", (line, _ex, head) => putReferer(line, head)),
  textField("userAgent", "The User-Agent header.", (line, _ex, head) => putUserAgent(line, head)),
  textField(
    "decisions",
    "Of sampled requests (`l5d-sample`, or a telemeter that traces): which endpoint each attempt went to and why, and why it was sent again.",
    (line, ex) => ex.notes !== null && putText(line, ex.notes.join("; ")),
  ),
  textField("override", "The delegation rules the request brought along.", (line, ex) => putText(line, ex.localDtab)),
];
