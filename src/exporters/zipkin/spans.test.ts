import { expect, test } from "vitest";
import { traced } from "../../../test/support/traced.ts";
import { spanCount, spansOf } from "./spans.ts";

test("A request has the span it shares with its caller, and one towards the service below it", () => {
  expect(spansOf(traced())).toEqual([
    {
      traceId: "00000000000000aa",
      id: "00000000000000bb",
      parentId: "00000000000000aa",
      kind: "SERVER",
      name: "get",
      timestamp: 1_790_000_000_000_250,
      duration: 12_500,
      shared: true,
      localEndpoint: { serviceName: "http", ipv4: "127.0.0.1", port: 4140 },
      remoteEndpoint: { ipv4: "10.0.0.1", port: 50_000 },
      tags: {
        "router.label": "http",
        "http.method": "GET",
        "http.host": "users",
        "http.uri": "/users/7",
        "http.req.version": "HTTP/1.1",
        service: "/svc/users",
        "http.status_code": "200",
        "l5d.success": "1.0",
      },
    },
    {
      traceId: "00000000000000aa",
      id: "00000000000000cc",
      parentId: "00000000000000bb",
      kind: "CLIENT",
      name: "get",
      timestamp: 1_790_000_000_000_750,
      duration: 12_000,
      localEndpoint: { serviceName: "http" },
      remoteEndpoint: { serviceName: "/svc/users", ipv4: "10.0.0.2", port: 8080 },
      tags: {
        client: "/#/io.l5d.fs/users",
        "http.method": "GET",
        "http.status_code": "200",
        "l5d.success": "1.0",
        "fairlead.attempts": "1",
        "fairlead.head_after_ms": "11.25",
        "fairlead.decisions": "0.5 ms: attempt 1 to 10.0.0.2:8080 (alive, load 0, 0 pending, of 3)",
      },
    },
  ]);
});

test("A root that was sent to nobody is one span, without a parent, that says why", () => {
  const refused = traced({
    received: false,
    parentSpan: null,
    clientSpan: null,
    sentAfterMs: null,
    answeredAfterMs: null,
    remote: "",
    method: "",
    status: 400,
    outcome: "failure",
    cause: "downstream.http.malformed",
    durationMs: 0,
  });
  const [span, ...rest] = spansOf(refused);
  expect([rest, spanCount(refused), spanCount(traced())]).toEqual([[], 1, 2]);
  expect(span).toMatchObject({ name: "unknown", duration: 1, tags: { error: "downstream.http.malformed" } });
  for (const key of ["parentId", "shared", "remoteEndpoint", "debug"]) expect(span).not.toHaveProperty(key);
});

test("A failure without a cause is an error by its status; a caller who left is none", () => {
  expect(spansOf(traced({ outcome: "failure", status: 503 }))[0]?.tags).toMatchObject({
    error: "503",
    "l5d.failure": "failure",
  });
  const left = spansOf(traced({ outcome: "ignorable", status: 499, cause: "downstream.gone" }))[0]?.tags;
  expect(left).toMatchObject({ "l5d.failure": "ignorable", "fairlead.cause": "downstream.gone" });
  expect(left).not.toHaveProperty("error");
});

test("Debug, gRPC's status, retries and overrides are told", () => {
  const [server, client] = spansOf(
    traced({ flags: 1, callStatus: 14, retries: 2, override: "/svc/a=>/svc/b", residual: "/x" }),
  );
  expect(server).toMatchObject({
    debug: true,
    tags: { "grpc.status_code": "14", "fairlead.retries": "2", "dtab.local": "/svc/a=>/svc/b" },
  });
  expect(client).toMatchObject({ debug: true, tags: { residual: "/x" } });
});

test.each([
  ["[::1]:8080", { ipv6: "::1", port: 8080 }],
  ["::1:8080", { ipv6: "::1", port: 8080 }],
  ["::ffff:10.0.0.1:80", { ipv4: "10.0.0.1", port: 80 }],
  ["0.0.0.0:4140", { port: 4140 }],
  ["127.0.0.1:0", { ipv4: "127.0.0.1" }],
  ["users.internal:80", { port: 80 }],
  ["unix:/run/users.sock", {}],
  ["", {}],
])("The other end %j is told as far as it is an address", (endpoint, place) => {
  expect(spansOf(traced({ endpoint }))[1]?.remoteEndpoint).toEqual({ serviceName: "/svc/users", ...place });
});
