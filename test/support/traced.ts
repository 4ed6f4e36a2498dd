// A traced request, for tests of whoever tells of it.
import type { TracedRequest } from "../../src/telemetry/traced-request.ts";

/** One that went well; what a test cares for it says. */
export function traced(more: Partial<TracedRequest> = {}): TracedRequest {
  return {
    traceId: "00000000000000aa",
    serverSpan: "00000000000000bb",
    parentSpan: "00000000000000aa",
    clientSpan: "00000000000000cc",
    received: true,
    flags: 6,
    draw: 0,
    startMs: 1_790_000_000_000.25,
    durationMs: 12.5,
    sentAfterMs: 0.5,
    answeredAfterMs: 11.75,
    router: "http",
    server: "127.0.0.1:4140",
    remote: "10.0.0.1:50000",
    method: "GET",
    uri: "/users/7",
    host: "users",
    version: "HTTP/1.1",
    service: "/svc/users",
    client: "/#/io.l5d.fs/users",
    residual: "",
    endpoint: "10.0.0.2:8080",
    override: "",
    status: 200,
    outcome: "success",
    cause: "",
    callStatus: -1,
    attempts: 1,
    retries: 0,
    requestBytes: 0,
    responseBytes: 42,
    decisions: ["0.5 ms: attempt 1 to 10.0.0.2:8080 (alive, load 0, 0 pending, of 3)"],
    ...more,
  };
}
