// A traced request as Zipkin tells of it: a span of our server, which is the caller's too when it told of it, and one of our client below it.
import { isIPv4, isIPv6 } from "node:net";
import { TraceFlag } from "../../core/trace-id.ts";
import type { TracedRequest } from "../../telemetry/traced-request.ts";

/** Somebody at one end of a span. */
export interface ZipkinEndpoint {
  readonly serviceName?: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

/** A span in version 2 of Zipkin's model, as its JSON has it. */
export interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind: "SERVER" | "CLIENT";
  readonly name: string;
  /** Microseconds since the Unix epoch. */
  readonly timestamp: number;
  /** Microseconds, at least one. */
  readonly duration: number;
  readonly debug?: true;
  /** The other end tells of the same span. */
  readonly shared?: true;
  readonly localEndpoint: ZipkinEndpoint;
  readonly remoteEndpoint?: ZipkinEndpoint;
  readonly tags: Readonly<Record<string, string>>;
}

/** How many spans a request has. */
export function spanCount({ clientSpan }: TracedRequest): number {
  return clientSpan === null ? 1 : 2;
}

/** The spans of a request, that of the server first. */
export function spansOf(request: TracedRequest): readonly ZipkinSpan[] {
  const client = clientSpan(request);
  return client === null ? [serverSpan(request)] : [serverSpan(request), client];
}

function serverSpan(request: TracedRequest): ZipkinSpan {
  const { durationMs, flags, parentSpan, received, remote, router, server, serverSpan, startMs, traceId } = request;
  const caller = endpointOf(remote);
  return {
    traceId,
    id: serverSpan,
    ...(parentSpan === null ? {} : { parentId: parentSpan }),
    kind: "SERVER",
    name: nameOf(request),
    ...span(startMs, durationMs),
    ...debug(flags),
    ...(received ? { shared: true as const } : {}),
    localEndpoint: { serviceName: router, ...endpointOf(server) },
    ...(caller === null ? {} : { remoteEndpoint: caller }),
    tags: tagsOf([
      ["router.label", router],
      ["http.method", request.method],
      ["http.host", request.host],
      ["http.uri", request.uri],
      ["http.req.version", request.version],
      ["service", request.service],
      ["dtab.local", request.override],
      ...outcome(request),
      ["fairlead.retries", request.retries === 0 ? "" : String(request.retries)],
    ]),
  };
}

function clientSpan(request: TracedRequest): ZipkinSpan | null {
  const { client, clientSpan: id, durationMs, endpoint, flags, router, sentAfterMs, serverSpan, service } = request;
  if (id === null || sentAfterMs === null) return null;
  return {
    traceId: request.traceId,
    id,
    parentId: serverSpan,
    kind: "CLIENT",
    name: nameOf(request),
    ...span(request.startMs + sentAfterMs, durationMs - sentAfterMs),
    ...debug(flags),
    localEndpoint: { serviceName: router },
    remoteEndpoint: { serviceName: service, ...endpointOf(endpoint) },
    tags: tagsOf([
      ["client", client],
      ["residual", request.residual],
      ["http.method", request.method],
      ...outcome(request),
      ["fairlead.attempts", String(request.attempts)],
      ["fairlead.head_after_ms", headAfter(request, sentAfterMs)],
      ["fairlead.decisions", request.decisions.join("; ")],
    ]),
  };
}

function nameOf({ method }: TracedRequest): string {
  return method === "" ? "unknown" : method.toLowerCase();
}

function span(startMs: number, durationMs: number): Pick<ZipkinSpan, "timestamp" | "duration"> {
  return { timestamp: Math.round(startMs * 1000), duration: Math.max(1, Math.round(durationMs * 1000)) };
}

function debug(flags: number): { readonly debug?: true } {
  return (flags & TraceFlag.debug) === 0 ? {} : { debug: true };
}

type Tag = readonly [key: string, value: string];

/** `error` is what Zipkin colours; the others are Linkerd's (linkerd1 §2.6.8). */
function outcome({ callStatus, cause, outcome: made, status }: TracedRequest): readonly Tag[] {
  return [
    ["http.status_code", status === 0 ? "" : String(status)],
    ["grpc.status_code", callStatus < 0 ? "" : String(callStatus)],
    [made === "success" ? "l5d.success" : "l5d.failure", made === "success" ? "1.0" : made],
    made === "failure" ? ["error", cause || String(status)] : ["fairlead.cause", cause],
  ];
}

function tagsOf(tags: readonly Tag[]): Record<string, string> {
  return Object.fromEntries(tags.filter(([, value]) => value !== ""));
}

/** How long the service took to begin its answer. */
function headAfter({ answeredAfterMs }: TracedRequest, sentAfterMs: number): string {
  return answeredAfterMs === null ? "" : String(Math.round((answeredAfterMs - sentAfterMs) * 1000) / 1000);
}

const ANY: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** `host:port`, an IPv6 host with brackets or without; null for what is no address, and no port of the network. */
function endpointOf(written: string): ZipkinEndpoint | null {
  const colon = written.lastIndexOf(":");
  const port = Number(written.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 0) return null;
  const host = written
    .slice(0, colon)
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/^::ffff:(?=\d+\.)/i, "");
  const place = port === 0 ? {} : { port };
  if (ANY.has(host)) return place;
  if (isIPv4(host)) return { ipv4: host, ...place };
  return isIPv6(host) ? { ipv6: host, ...place } : place;
}
