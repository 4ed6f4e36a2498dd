// What each server tells its handlers of a caller that has left. cases/cancel.ts holds every line to it, and docs/cancellation.md prints it.

/** When it is told, and within how many milliseconds that was on a machine that did nothing else, in steps of 50 ms. */
export const WHEN = {
  "at once": 10,
  "at the next look": 60,
  "at the second write": 110,
  "after 200 ms": 260,
} as const;

/** One way for a handler to hear of it. */
export interface Way {
  /** What the peer serves it under; `plain` is code that never looks. */
  readonly way: string;
  /** What the code does for it, in Markdown. */
  readonly by: string;
  /** Null: the work goes on to its end. */
  readonly told: keyof typeof WHEN | null;
}

/** A server for applications. */
export interface Server {
  readonly language: string;
  readonly name: string;
  readonly protocol: "HTTP/1.1" | "gRPC";
  readonly ways: readonly Way[];
}

const PLAIN: Way = { way: "plain", by: "nothing", told: null };

function server(language: string, name: string, protocol: Server["protocol"], ...ways: readonly Way[]): Server {
  return { language, name, protocol, ways };
}

function told(when: keyof typeof WHEN, way: string, by: string): Way {
  return { way, by, told: when };
}

function never(way: string, by: string): Way {
  return { way, by, told: null };
}

const HTTP1: readonly Server[] = [
  server(
    "Go",
    "net/http",
    "HTTP/1.1",
    told("at once", "read", "reads the body of the request, then waits for `r.Context().Done()`"),
    never("unread", "the same, without reading the body"),
    PLAIN,
  ),
  server(
    "Node",
    "node:http",
    "HTTP/1.1",
    told("at once", "close", '`response.on("close", …)`'),
    told("at once", "signal", "`request.signal` (Node 26)"),
    PLAIN,
  ),
  server("Java", "com.sun.net.httpserver", "HTTP/1.1", told("at the second write", "write", "writes, flushes"), PLAIN),
  server("Java", "Jetty 9", "HTTP/1.1", told("at the second write", "write", "writes, `flushBuffer()`"), PLAIN),
  server(
    "Java",
    "Netty 4.1",
    "HTTP/1.1",
    told("at the next look", "inactive", "a flag set by `channelInactive`"),
    PLAIN,
  ),
  server(
    "Python",
    "http.server",
    "HTTP/1.1",
    told("at the next look", "peek", "looks at `self.connection` with `MSG_PEEK`"),
    told("at the second write", "write", "`self.wfile.write`"),
    PLAIN,
  ),
  server(
    "Python",
    "gunicorn, sync workers",
    "HTTP/1.1",
    told("at the next look", "peek", 'looks at `environ["gunicorn.socket"]` with `MSG_PEEK`'),
    told("at the second write", "write", "the body is a generator: `GeneratorExit`"),
    PLAIN,
  ),
  server(
    "Python",
    "uvicorn",
    "HTTP/1.1",
    told("at once", "receive", "a task that awaits `http.disconnect` from `receive()`"),
    PLAIN,
  ),
  server(
    "Ruby",
    "Puma",
    "HTTP/1.1",
    told("at the next look", "peek", 'looks at `env["puma.socket"]` with `MSG_PEEK`'),
    told("after 200 ms", "write", "the body's `each` yields: it raises"),
    PLAIN,
  ),
  server(
    "Ruby",
    "WEBrick",
    "HTTP/1.1",
    told("at the second write", "write", "`response.body = proc { … }` writes: it raises"),
    PLAIN,
  ),
  server(
    "PHP",
    "php -S",
    "HTTP/1.1",
    told("at the second write", "write", "`echo`, `flush()`: the script is ended"),
    told("at the second write", "aborted", "the same, and `connection_aborted()` after `ignore_user_abort(true)`"),
    PLAIN,
  ),
  server(
    "PHP",
    "FPM behind nginx",
    "HTTP/1.1",
    told("at the second write", "write", "`echo`, `flush()`: the script is ended"),
    told("at the second write", "aborted", "the same, and `connection_aborted()` after `ignore_user_abort(true)`"),
    PLAIN,
  ),
];

const GRPC: readonly Server[] = [
  server("Go", "grpc-go", "gRPC", told("at once", "context", "waits for `ctx.Done()`"), PLAIN),
  server("Node", "grpc-js", "gRPC", told("at once", "cancelled", '`call.on("cancelled", …)`'), PLAIN),
  server(
    "Java",
    "grpc-java",
    "gRPC",
    told("at the next look", "context", "`Context.current().isCancelled()`"),
    told("at the next look", "returned", "returns, works in a thread; a flag set by `setOnCancelHandler`"),
    never("observer", "`ServerCallStreamObserver.isCancelled()`, before its method has returned"),
    PLAIN,
  ),
  server(
    "Python",
    "grpcio",
    "gRPC",
    told("at once", "callback", "`context.add_callback(…)`"),
    told("at the next look", "active", "`context.is_active()`"),
    PLAIN,
  ),
  server("Python", "grpc.aio", "gRPC", told("at once", "plain", "nothing: its next `await` raises `CancelledError`")),
  server(
    "Ruby",
    "grpc",
    "gRPC",
    told("at the next look", "write", "answers with a stream: its next message ends the `Enumerator`"),
    never("cancelled", "`call.cancelled?`"),
    PLAIN,
  ),
];

export const SERVERS: readonly Server[] = [...HTTP1, ...GRPC];
