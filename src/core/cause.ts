// The closed catalogue of causes: every failure the proxy can report, under one stable token.
// The same token appears in the `fairlead-cause` header, the access log and the metric label; docs/causes.md is printed from here.

/** Whose fault it was: the caller, the proxy (or its configuration), or the service called. */
export type Source = "downstream" | "proxy" | "upstream";

/** May the request be sent again? `if-idempotent` when bytes may have reached the service. */
export type RetrySafety = "safe" | "if-idempotent" | "never";

/** Groups causes by how a protocol must answer them (linkerd1 §2.1.7). */
export type Category =
  | "bad-request"
  | "too-large-head"
  | "too-long-line"
  | "too-slow"
  | "unsupported"
  | "bad-version"
  | "unidentified"
  | "unroutable"
  | "connect"
  | "timeout"
  | "overload"
  | "bad-answer"
  | "leaving"
  | "gone"
  | "refused"
  | "internal";

/** One entry of the catalogue. */
export interface Cause {
  /** `source.layer.reason`, stable for ever. */
  readonly token: string;
  readonly source: Source;
  readonly category: Category;
  readonly retry: RetrySafety;
  /** What it means, one sentence. */
  readonly means: string;
  /** What to do about it, one sentence. */
  readonly remedy: string;
}

function cause(token: string, category: Category, retry: RetrySafety, means: string, remedy: string): Cause {
  return { token, source: token.slice(0, token.indexOf(".")) as Source, category, retry, means, remedy };
}

const FIX_CALLER = "Correct the program that sends the request; nothing was forwarded.";
const FIX_SERVICE = "Correct or replace the service; the connection to it was closed.";

/** Every cause, by a name for use in code. */
export const causes = {
  deadlineExpired: cause(
    "downstream.context.expired",
    "timeout",
    "never",
    "The request arrived after its deadline; no work was begun for it.",
    "Look at where the time went before; with deadlines: report such requests are served all the same.",
  ),
  superseded: cause(
    "proxy.hedge.superseded",
    "gone",
    "never",
    "Request was superseded by another in BackupRequestFilter",
    "Nothing to do: of two attempts at the request the other one was answered first.",
  ),
  deadlinePassed: cause(
    "proxy.timeout.deadline",
    "timeout",
    "never",
    "The deadline that came with the request passed before it was answered.",
    "Look at the service's latency; give the call more time if the work really takes that long.",
  ),
  nack: cause(
    "upstream.nack",
    "overload",
    "safe",
    "The service refused to work on the request (nack), and so did the others that were tried, or the budget for trying was used up.",
    "Look at the load of the service; more endpoints or fewer requests help, more retries do not.",
  ),
  nackAdmission: cause(
    "proxy.limit.nacks",
    "overload",
    "never",
    "The service refuses most of what it is sent, so a part is not sent to it.",
    "Look at the load of the service; this ends by itself when it takes more again.",
  ),
  adaptiveLimit: cause(
    "proxy.limit.concurrency",
    "overload",
    "safe",
    "As many requests were in progress as the client's concurrencyLimit found the service to serve well.",
    "Look at the load of the service, and at the client's concurrency_limit metrics.",
  ),
  // The caller's request breaks the rules of HTTP/1.1 (RFC 9112).
  requestLine: cause(
    "downstream.http.request-line",
    "bad-request",
    "never",
    "The request line is not `METHOD target HTTP/1.x`.",
    FIX_CALLER,
  ),
  requestTarget: cause(
    "downstream.http.target",
    "bad-request",
    "never",
    "The request target holds a control character, a space, `#` or `\\`, or is not a valid form for its method.",
    "Percent-encode the target; nothing was forwarded.",
  ),
  requestVersion: cause(
    "downstream.http.version",
    "bad-version",
    "never",
    "The request names a version other than HTTP/1.0 and HTTP/1.1.",
    "Speak HTTP/1.1 to this port.",
  ),
  requestLineEnd: cause(
    "downstream.http.line-end",
    "bad-request",
    "never",
    "A line of the head ends in a bare LF or holds a bare CR.",
    FIX_CALLER,
  ),
  requestFold: cause(
    "downstream.http.folded-header",
    "bad-request",
    "never",
    "A header value is folded over several lines, which RFC 9112 §5.2 forbids.",
    FIX_CALLER,
  ),
  requestHeaderName: cause(
    "downstream.http.header-name",
    "bad-request",
    "never",
    "A header name is empty, holds a character that is not a token, or is followed by a space before the colon.",
    FIX_CALLER,
  ),
  requestHeaderValue: cause(
    "downstream.http.header-value",
    "bad-request",
    "never",
    "A header value holds NUL or another control character.",
    FIX_CALLER,
  ),
  requestHost: cause(
    "downstream.http.host",
    "bad-request",
    "never",
    "An HTTP/1.1 request has no Host header, several, or one with an invalid value.",
    "Send exactly one Host header.",
  ),
  requestContentLength: cause(
    "downstream.http.content-length",
    "bad-request",
    "never",
    "Content-Length is empty, not a number, too large, or given twice with different values.",
    FIX_CALLER,
  ),
  requestTransferEncoding: cause(
    "downstream.http.transfer-encoding",
    "bad-request",
    "never",
    "Transfer-Encoding is something other than one `chunked`, or stands in an HTTP/1.0 request.",
    "Send `Transfer-Encoding: chunked` or a Content-Length.",
  ),
  requestFraming: cause(
    "downstream.http.framing",
    "bad-request",
    "never",
    "The request has both Content-Length and Transfer-Encoding, the classic shape of request smuggling.",
    FIX_CALLER,
  ),
  requestChunk: cause(
    "downstream.http.chunk",
    "bad-request",
    "never",
    "The chunked body is malformed: a bad size, a bad line end, or an extension that is too long.",
    FIX_CALLER,
  ),
  requestTrailer: cause(
    "downstream.http.trailer",
    "bad-request",
    "never",
    "The trailer section is malformed or too large.",
    FIX_CALLER,
  ),
  requestLineTooLong: cause(
    "downstream.http.line-too-long",
    "too-long-line",
    "never",
    "The request line is longer than maxInitialLineKB.",
    "Shorten the URI, or raise maxInitialLineKB on the router.",
  ),
  requestHeadTooLarge: cause(
    "downstream.http.head-too-large",
    "too-large-head",
    "never",
    "The header section is larger than maxHeadersKB or has too many fields.",
    "Send fewer or shorter headers, or raise maxHeadersKB (or the server's limits.maxHeaders).",
  ),
  requestMethodUnsupported: cause(
    "downstream.http.method-unsupported",
    "unsupported",
    "never",
    "The method needs a tunnel (CONNECT), which this server does not offer.",
    "Use plain HTTP through the proxy, connect directly, or switch CONNECT on (connect: true of the server).",
  ),
  requestHeadTimeout: cause(
    "downstream.http.head-timeout",
    "too-slow",
    "never",
    "The head did not arrive within limits.headerTimeoutMs.",
    "Send the request faster, or raise limits.headerTimeoutMs.",
  ),
  requestBodyTimeout: cause(
    "downstream.http.body-timeout",
    "too-slow",
    "never",
    "The request body made no progress for limits.bodyIdleTimeoutMs.",
    "Send the body faster, or raise limits.bodyIdleTimeoutMs.",
  ),
  badDtab: cause(
    "downstream.context.bad-dtab",
    "bad-request",
    "never",
    "The override does not parse: l5d-dtab, l5d-ctx-dtab, or fairlead-dtab in baggage.",
    "Correct the dtab; the detail points at the character.",
  ),
  callDepth: cause(
    "downstream.context.call-depth",
    "bad-request",
    "never",
    "The request has passed more proxies than maxCallDepth allows, most likely in a loop.",
    "Look for a dtab that routes back to this proxy, or raise maxCallDepth.",
  ),
  clientGone: cause(
    "downstream.connection.gone",
    "gone",
    "never",
    "The caller closed its connection before the answer was complete; the work upstream was cancelled.",
    "If unexpected, compare the caller's timeout with the service's latency.",
  ),
  connectBody: cause(
    "downstream.http.connect-body",
    "bad-request",
    "never",
    "A CONNECT request has a Content-Length or a Transfer-Encoding: what follows its head are the bytes of the tunnel, and nothing else.",
    FIX_CALLER,
  ),
  clientStalled: cause(
    "downstream.connection.write-stalled",
    "gone",
    "never",
    "The caller took no byte of its answer for limits.writeStallTimeoutMs, so the connection was closed.",
    "Read answers faster, or raise limits.writeStallTimeoutMs.",
  ),

  clientReadTimeout: cause(
    "downstream.connection.read-timeout",
    "gone",
    "never",
    "Nothing was read from the caller's connection for socketOptions.readTimeoutMs of the server, so it was closed; the work upstream was cancelled.",
    "Raise socketOptions.readTimeoutMs of the server above the longest time a caller waits for an answer, or remove it.",
  ),
  clientWriteTimeout: cause(
    "downstream.connection.write-timeout",
    "gone",
    "never",
    "A write to the caller was not taken within socketOptions.writeTimeoutMs of the server, so the connection was closed.",
    "Read answers faster, or raise socketOptions.writeTimeoutMs of the server.",
  ),

  // HTTP/2 (RFC 9113).
  h2ClientReset: cause(
    "downstream.h2.reset",
    "gone",
    "never",
    "The caller reset the stream before the answer was complete; the work upstream was cancelled.",
    "If unexpected, compare the caller's deadline with the service's latency.",
  ),
  h2ClientMalformed: cause(
    "downstream.h2.malformed",
    "gone",
    "never",
    "The caller broke the rules of HTTP/2 on this stream or its connection, which was reset; the work upstream was cancelled.",
    FIX_CALLER,
  ),
  h2HeadTooLarge: cause(
    "downstream.h2.head-too-large",
    "too-large-head",
    "never",
    "The headers are larger than maxHeaderListBytes or there are too many.",
    "Send fewer or shorter headers, or raise the server's maxHeaderListBytes (or limits.maxHeaders).",
  ),

  // Naming: the proxy or its configuration does not know where to go.
  unidentified: cause(
    "proxy.identify.unidentified",
    "unidentified",
    "never",
    "No identifier of the router could derive a name from the request.",
    "Send what the identifiers need (for instance a Host header), or configure another identifier.",
  ),
  bindNegative: cause(
    "proxy.bind.no-such-name",
    "unroutable",
    "never",
    "The dtab and the namers lead this name nowhere.",
    "Run `fairlead dtab explain` with this path; add a dtab entry or the missing service.",
  ),
  bindFail: cause(
    "proxy.bind.fail",
    "unroutable",
    "never",
    "The dtab says `!` (fail) for this name.",
    "Run `fairlead dtab explain` with this path to find the entry.",
  ),
  bindEmpty: cause(
    "proxy.bind.no-endpoints",
    "unroutable",
    "never",
    "The name exists but has no endpoints.",
    "Start an instance of the service, or check what discovery reports for it.",
  ),
  bindError: cause(
    "proxy.bind.error",
    "unroutable",
    "never",
    "Resolving the name failed and no earlier result is known.",
    "Read the detail: usually discovery is unreachable, a file is malformed, or the dtab loops.",
  ),
  bindTimeout: cause(
    "proxy.bind.timeout",
    "timeout",
    "safe",
    "The name was not resolved within bindingTimeoutMs.",
    "Check that discovery answers; raise bindingTimeoutMs if it is merely slow.",
  ),

  // Limits and timers of the proxy.
  concurrency: cause(
    "proxy.limit.concurrent-requests",
    "overload",
    "safe",
    "The server already has maxConcurrentRequests in progress.",
    "Slow the callers down, add capacity, or raise maxConcurrentRequests.",
  ),
  poolWaiters: cause(
    "proxy.limit.pool-waiters",
    "internal",
    "safe",
    "All connections to the endpoint are busy and hostConnectionPool.maxWaiters requests already wait.",
    "Raise hostConnectionPool.maxSize or maxWaiters, or add instances.",
  ),
  totalTimeout: cause(
    "proxy.timeout.total",
    "timeout",
    "never",
    "The request, with all its retries, took longer than totalTimeoutMs.",
    "Look at the service's latency; raise totalTimeoutMs if the work really takes that long.",
  ),
  attemptTimeout: cause(
    "proxy.timeout.attempt",
    "timeout",
    "if-idempotent",
    "One attempt took longer than requestAttemptTimeoutMs.",
    "Look at the service's latency; raise requestAttemptTimeoutMs if the work really takes that long.",
  ),
  tryTimeout: cause(
    "proxy.timeout.try",
    "timeout",
    "if-idempotent",
    "One try took longer than retries.perTryTimeoutMs.",
    "Look at the service's latency; raise perTryTimeoutMs if the work really takes that long.",
  ),
  serverTimeout: cause(
    "proxy.timeout.server",
    "timeout",
    "never",
    "The request took longer than the server's timeoutMs.",
    "Look at the service's latency; raise timeoutMs if the work really takes that long.",
  ),
  tunnelUnsupported: cause(
    "proxy.tunnel.unsupported",
    "unsupported",
    "never",
    "The request asks for a tunnel (Upgrade or CONNECT) to an endpoint that is spoken to in HTTP/2, which cannot carry it.",
    "Write client.protocol: http/1.1 for this service, or have it called without an upgrade.",
  ),
  tunnelIdle: cause(
    "proxy.tunnel.idle",
    "timeout",
    "never",
    "No byte passed through the tunnel, in either direction, for limits.tunnelIdleTimeoutMs.",
    "Let one of its ends send something now and then (a WebSocket ping), or raise limits.tunnelIdleTimeoutMs.",
  ),
  tunnelHalfClosed: cause(
    "proxy.tunnel.half-closed",
    "timeout",
    "never",
    "One end of the tunnel had finished, and from the other came no byte for limits.tunnelHalfClosedTimeoutMs.",
    "Let both ends finish, or raise limits.tunnelHalfClosedTimeoutMs.",
  ),
  drainLimit: cause(
    "proxy.drain.limit",
    "internal",
    "if-idempotent",
    "The proxy was shutting down and the request did not finish within shutdownGraceMs.",
    "Raise admin.shutdownGraceMs for long requests; a service may have begun the work, so send again only what does no harm twice.",
  ),
  internal: cause(
    "proxy.internal.error",
    "internal",
    "never",
    "The proxy broke one of its own promises; the log has the stack.",
    "Please report it with the log lines around it.",
  ),

  exhausted: cause(
    "proxy.limit.descriptors",
    "overload",
    "safe",
    "The proxy could not open a connection to an endpoint: the process or the machine has no file descriptors or buffers left.",
    "Raise the limit of open files (ulimit -n, LimitNOFILE), or have fewer idle connections; process/descriptors in the metrics shows how near it is.",
  ),
  pluginError: cause(
    "proxy.plugin.error",
    "internal",
    "never",
    "Code of a plug-in threw an error; the log has the stack, once in 10 s.",
    "Report it to whoever wrote the plug-in; plugin_errors counts them by kind.",
  ),
  pluginRefused: cause(
    "proxy.plugin.refused",
    "refused",
    "never",
    "A request filter of a plug-in refused the request; the detail names its kind.",
    "Look at what the filter asks of requests, and at the router's filters.",
  ),

  // The service called.
  connectRefused: cause(
    "upstream.connect.refused",
    "connect",
    "safe",
    "The endpoint refused the connection: nothing listens there.",
    "Start the service, or remove the endpoint from discovery.",
  ),
  connectTimeout: cause(
    "upstream.connect.timeout",
    "connect",
    "safe",
    "The endpoint did not accept a connection within connectTimeoutMs.",
    "Check the network path and the endpoint's accept queue.",
  ),
  connectFailed: cause(
    "upstream.connect.failed",
    "connect",
    "safe",
    "The connection could not be established (unreachable, reset).",
    "Read the detail; check address and routes.",
  ),
  failFast: cause(
    "upstream.connect.fail-fast",
    "connect",
    "safe",
    "The endpoint could not be connected to a moment ago, and with failFast nobody waits for another try.",
    "Start the service or check the network path; the proxy connects again by itself after 1 to 32 s.",
  ),
  endpointLeft: cause(
    "upstream.connect.left",
    "connect",
    "safe",
    "The endpoint left discovery while the request waited for a connection to it.",
    "Nothing to do where other endpoints are left, the request goes to one of them; otherwise look at what discovery says.",
  ),
  stale: cause(
    "upstream.connection.stale",
    "bad-answer",
    "if-idempotent",
    "A kept-alive connection was closed by the service just as the request was sent on it.",
    "Let the service keep idle connections longer than the proxy (hostConnectionPool.idleTimeMs).",
  ),
  unsent: cause(
    "upstream.connection.unsent",
    "connect",
    "safe",
    "The connection broke before any byte of the request left.",
    "Nothing to do: such requests are sent again on another connection.",
  ),
  closedEarly: cause(
    "upstream.connection.closed",
    "bad-answer",
    "if-idempotent",
    "The service closed the connection before sending an answer.",
    "Look for a crash or a timeout in the service.",
  ),
  reset: cause(
    "upstream.connection.reset",
    "bad-answer",
    "if-idempotent",
    "The connection to the service broke before the answer began.",
    "Look for a crash in the service or a middlebox that cuts connections.",
  ),
  serviceReadTimeout: cause(
    "upstream.connection.read-timeout",
    "bad-answer",
    "if-idempotent",
    "Nothing was read from the service's connection for socketOptions.readTimeoutMs of the client, so it was closed.",
    "Raise socketOptions.readTimeoutMs of the client above the service's latency, and above hostConnectionPool.idleTimeMs, or remove it.",
  ),
  serviceWriteTimeout: cause(
    "upstream.connection.write-timeout",
    "bad-answer",
    "if-idempotent",
    "A write to the service was not taken within socketOptions.writeTimeoutMs of the client, so the connection was closed.",
    "Look for a service that does not read what it is sent, or raise socketOptions.writeTimeoutMs of the client.",
  ),
  answerMalformed: cause(
    "upstream.protocol.malformed",
    "bad-answer",
    "if-idempotent",
    "The answer breaks the rules of its protocol, which is one that a plug-in brings.",
    FIX_SERVICE,
  ),
  answerLine: cause(
    "upstream.http.status-line",
    "bad-answer",
    "never",
    "The service's status line is malformed; it may not speak HTTP/1.x.",
    FIX_SERVICE,
  ),
  answerHeader: cause(
    "upstream.http.header",
    "bad-answer",
    "never",
    "The service's answer has a malformed header.",
    FIX_SERVICE,
  ),
  answerTooLarge: cause(
    "upstream.http.head-too-large",
    "bad-answer",
    "never",
    "The service's answer has a head larger than maxHeadersKB or with too many fields.",
    "Send fewer headers, or raise maxHeadersKB.",
  ),
  answerFraming: cause(
    "upstream.http.framing",
    "bad-answer",
    "never",
    "The service's answer has contradictory or invalid framing headers.",
    FIX_SERVICE,
  ),
  answerUnexpected: cause(
    "upstream.http.unexpected",
    "bad-answer",
    "never",
    "The service sent bytes nobody asked for, or an interim answer that is not allowed here.",
    FIX_SERVICE,
  ),
  upgradeUnasked: cause(
    "upstream.upgrade.unasked",
    "bad-answer",
    "never",
    "The service switched protocols (101), which the request had not offered.",
    FIX_SERVICE,
  ),
  upgradeProtocol: cause(
    "upstream.upgrade.protocol",
    "bad-answer",
    "never",
    "The service switched (101) to another protocol than was offered, or did not say to which.",
    FIX_SERVICE,
  ),
  tunnelBroken: cause(
    "upstream.tunnel.broken",
    "bad-answer",
    "never",
    "The connection to the service broke while it carried a tunnel.",
    "Look for a crash in the service or a middlebox that cuts connections.",
  ),
  tunnelStalled: cause(
    "upstream.tunnel.write-stalled",
    "bad-answer",
    "never",
    "The service took none of the bytes of a tunnel for limits.writeStallTimeoutMs, so the connection was closed.",
    "Look for a service that hangs, or raise limits.writeStallTimeoutMs.",
  ),
  answerChunk: cause(
    "upstream.http.chunk",
    "bad-answer",
    "never",
    "The chunked body of the answer is malformed.",
    FIX_SERVICE,
  ),
  answerTruncated: cause(
    "upstream.http.truncated",
    "bad-answer",
    "never",
    "The service closed the connection in the middle of its answer, head or body.",
    "Look for a crash or a timeout in the service.",
  ),
  answerHeadTimeout: cause(
    "upstream.http.head-timeout",
    "bad-answer",
    "never",
    "The head of the answer began but was not complete within limits.headerTimeoutMs.",
    FIX_SERVICE,
  ),
  h2Refused: cause(
    "upstream.h2.refused",
    "bad-answer",
    "safe",
    "The service refused the stream (REFUSED_STREAM): it has not begun to work on it.",
    "Nothing to do: such requests are sent again; when it happens often, raise the service's limit of streams.",
  ),
  h2Goaway: cause(
    "upstream.h2.goaway",
    "leaving",
    "safe",
    "The service is closing the connection (GOAWAY) and has not begun to work on the request.",
    "Nothing to do: such requests are sent again on another connection.",
  ),
  h2Reset: cause(
    "upstream.h2.reset",
    "bad-answer",
    "never",
    "The service reset the stream; the detail has the code it gave.",
    "Look at the service's log; ENHANCE_YOUR_CALM is a limit of it, INTERNAL_ERROR a fault.",
  ),
  h2GaveUp: cause(
    "upstream.h2.gave-up",
    "timeout",
    "never",
    "The service gave the call up (CANCEL) as its deadline passed.",
    "Look at the service's latency; give the call more time if the work really takes that long.",
  ),
  h2Malformed: cause(
    "upstream.h2.malformed",
    "bad-answer",
    "never",
    "The service's answer breaks the rules of HTTP/2 messages; the detail says which.",
    "Correct or replace the service; the stream was reset.",
  ),
  h2Protocol: cause(
    "upstream.h2.protocol",
    "bad-answer",
    "if-idempotent",
    "The service broke the rules of HTTP/2, or does not speak it at all; the connection was closed.",
    "Look whether the service speaks HTTP/2 without TLS (prior knowledge) on this port; if it speaks HTTP/1.1, write client.protocol: http/1.1.",
  ),
  h2Silent: cause(
    "upstream.h2.silent",
    "bad-answer",
    "if-idempotent",
    "The service did not answer a PING within pingTimeoutMs; the connection was closed.",
    "Look for a service that hangs, or a network path that swallows packets.",
  ),
  answerStalled: cause(
    "upstream.http.body-timeout",
    "bad-answer",
    "never",
    "The body of the answer made no progress for limits.bodyIdleTimeoutMs.",
    "Look at the service; raise the server's limits.bodyIdleTimeoutMs for long polls.",
  ),
} as const satisfies Record<string, Cause>;

/** All causes by token, for `fairlead explain` and the docs. */
export const causesByToken: ReadonlyMap<string, Cause> = new Map(
  Object.values(causes).map((c): [string, Cause] => [c.token, c]),
);
