// A traced request as one line of the log: `key=value`, in quotes where a reader could take it for something else.
import type { TracedRequest } from "../../telemetry/traced-request.ts";

/** No line can be forged: quotes, backslashes, control characters and what is not ASCII are escaped as in JSON. */
export function traceLine(request: TracedRequest): string {
  const { answeredAfterMs, decisions, durationMs, sentAfterMs } = request;
  const pairs: readonly (readonly [string, string | number | null])[] = [
    ["trace", request.traceId],
    ["span", request.serverSpan],
    ["parent", request.parentSpan],
    ["client_span", request.clientSpan],
    ["router", request.router],
    ["server", request.server],
    ["remote", request.remote],
    ["method", request.method],
    ["host", request.host],
    ["uri", request.uri],
    ["service", request.service],
    ["client", request.client],
    ["residual", request.residual],
    ["endpoint", request.endpoint],
    ["override", request.override],
    ["status", request.status === 0 ? null : request.status],
    ["grpc_status", request.callStatus < 0 ? null : request.callStatus],
    ["outcome", request.outcome],
    ["cause", request.cause],
    ["sent_after_ms", sentAfterMs === null ? null : milliseconds(sentAfterMs)],
    ["answered_after_ms", answeredAfterMs === null ? null : milliseconds(answeredAfterMs)],
    ["duration_ms", milliseconds(durationMs)],
    ["attempts", request.attempts],
    ["retries", request.retries === 0 ? null : request.retries],
    ["decisions", decisions.join("; ")],
  ];
  return pairs.flatMap(([key, value]) => (value === null || value === "" ? [] : [`${key}=${shown(value)}`])).join(" ");
}

function milliseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

const PLAIN = /^[!#-<>-[\]-~]+$/;

function shown(value: string | number): string {
  if (typeof value === "number" || PLAIN.test(value)) return String(value);
  return JSON.stringify(value).replaceAll(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
