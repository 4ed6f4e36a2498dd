// What has become of one request, as telemeters that trace tell of it. Plain values: it crosses from thread to thread.
import type { Exchange } from "../core/exchange.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Outcome } from "../core/outcome.ts";

/** What was asked for, in the words of the protocol. Texts are as they were sent, one character for each byte; `""` where there is none. */
export interface RequestWords {
  readonly method: string;
  /** The target without its query, which may hold secrets. */
  readonly uri: string;
  readonly host: string;
  /** `HTTP/1.1`. */
  readonly version: string;
}

/** The server that took the request in. */
export interface TracedServer {
  /** The label of its router. */
  readonly router: string;
  /** Where it listens. */
  readonly address: string;
  readonly words: (head: MessageHead) => RequestWords;
}

/** One request with its two spans: that of our server, and that of our client towards the service. */
export interface TracedRequest extends RequestWords {
  /** 16 or 32 hexadecimal digits, as all ids. */
  readonly traceId: string;
  readonly serverSpan: string;
  /** Of the server's span; null of a root. */
  readonly parentSpan: string | null;
  /** Null when it was sent to nobody. */
  readonly clientSpan: string | null;
  /** The caller has told of it: the server's span is the one it calls its client's. */
  readonly received: boolean;
  /** The lower half of the flags, and what sampling looks at besides. */
  readonly flags: number;
  readonly draw: number;
  /** When it arrived: milliseconds since the Unix epoch, with a fraction. */
  readonly startMs: number;
  readonly durationMs: number;
  /** From its arrival until it was sent, the last time it was sent as a whole, and until the answer's head; null when that never was. */
  readonly sentAfterMs: number | null;
  readonly answeredAfterMs: number | null;
  readonly router: string;
  readonly server: string;
  /** The caller, `host:port`; `""` when it is not known. */
  readonly remote: string;
  /** Names; `""` when it came to none. */
  readonly service: string;
  readonly client: string;
  readonly residual: string;
  readonly endpoint: string;
  readonly override: string;
  /** As the caller saw it; 0 when it saw none. */
  readonly status: number;
  readonly outcome: "success" | "failure" | "ignorable";
  /** Why it failed; `""` when it did not. */
  readonly cause: string;
  /** gRPC's; -1 when it was not told. */
  readonly callStatus: number;
  readonly attempts: number;
  readonly retries: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Which endpoint each attempt went to and why, and why it was sent again. */
  readonly decisions: readonly string[];
}

/** Longer texts are cut: what a caller sends must not fill the memory of many requests that are kept. */
const MAX_LENGTH = 1000;

/**
 * A text, or what stands before `end`, as it may be kept.
 * It is a copy: V8 keeps all of a text, the secrets in its query among them, for as long as a piece of it is there.
 */
export function shortened(text: string, end: number = text.length): string {
  const length = Math.min(end, MAX_LENGTH);
  if (length === text.length) return text;
  const piece = Buffer.from(text.slice(0, length), "utf8").toString("utf8");
  return end > MAX_LENGTH ? `${piece}...` : piece;
}

const OUTCOMES = {
  [Outcome.success]: "success",
  [Outcome.failure]: "failure",
  [Outcome.ignorable]: "ignorable",
} as const;

/** Of an exchange that is over. @param epochMs now, as `nowMs` is. */
export function tracedRequest(ex: Exchange, server: TracedServer, epochMs: number, nowMs: number): TracedRequest {
  const { destination, trace } = ex;
  const durationMs = nowMs - ex.startMs;
  const isRoot = trace.aboveHigh === trace.parentHigh && trace.aboveLow === trace.parentLow;
  const sent = ex.attempts > 0;
  return {
    ...server.words(ex.request),
    traceId: `${trace.wide ? hex64(trace.extraHigh, trace.extraLow) : ""}${hex64(trace.traceHigh, trace.traceLow)}`,
    serverSpan: hex64(trace.parentHigh, trace.parentLow),
    parentSpan: isRoot ? null : hex64(trace.aboveHigh, trace.aboveLow),
    clientSpan: sent ? hex64(trace.spanHigh, trace.spanLow) : null,
    received: trace.received,
    flags: trace.flagsLow,
    draw: trace.draw,
    startMs: epochMs - durationMs,
    durationMs,
    sentAfterMs: sent ? ex.sentMs - ex.startMs : null,
    answeredAfterMs: sent && !Number.isNaN(ex.latencyMs) ? ex.latencyMs : null,
    router: server.router,
    server: server.address,
    remote: ex.downstream.remote,
    service: shortened(ex.path?.service ?? ""),
    client: shortened(destination?.client ?? ""),
    residual: shortened(destination?.residual ?? ""),
    endpoint: ex.endpoint,
    override: shortened(ex.localDtab),
    status: ex.status,
    outcome: OUTCOMES[ex.outcome],
    cause: ex.failure?.token() ?? "",
    callStatus: ex.callStatus,
    attempts: ex.attempts,
    retries: ex.retries,
    requestBytes: ex.requestBytes,
    responseBytes: ex.responseBytes,
    decisions: ex.notes ?? [],
  };
}

function hex64(high: number, low: number): string {
  return hex32(high) + hex32(low);
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
