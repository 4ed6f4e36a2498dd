// Answers that the proxy makes itself over HTTP/2 (linkerd1 §2.1.7), and the same for gRPC: one header block with a grpc-status.
import { expect, test } from "vitest";
import { Code, type FieldPairs } from "../support/h2-frames.ts";
import { call, get, type H2Scene, memoryH2Scene, post, request } from "../support/h2-scene.ts";
import { silent } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import type { MemoryWorld } from "../support/world.ts";

const failFast = { failureAccrual: { kind: "none" } };

test("a name that leads nowhere is answered 502, with names and dtabs in l5d-err and in the body", async () => {
  await using scene = await memoryH2Scene();
  const answer = await scene.connect().ask(request("GET", "/", [["l5d-dtab", "/a => /b"]], "nobody"));
  const text = `Unable to route request! service name: /svc/nobody, dtab: /svc/web => ${scene.service.name};, override: /a=>/b`;
  expect(answer.head).toEqual([
    [":status", "502"],
    ["l5d-err", encodeURIComponent(text)],
    ["l5d-success-class", "0.0"],
    ["fairlead-cause", "proxy.bind.no-such-name;service=/svc/nobody"],
    ["content-type", "text/plain"],
    ["content-length", String(text.length + 1)],
    ["via", "h2 fairlead"],
  ]);
  expect(answer.body).toBe(`${text}\n`);
  expect(answer.reset).toBeNull();
});

test("the answer to HEAD has no body, and the same length", async () => {
  await using scene = await memoryH2Scene();
  const answer = await scene.connect().ask(request("HEAD", "/", [], "nobody"));
  expect([answer.status, answer.bodyBytes]).toEqual([502, 0]);
  expect(Number(answer.value("content-length"))).toBeGreaterThan(20);
});

test("a request whose body has not come yet is answered, and the rest of it is not wanted", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  const stream = caller.request(request("POST", "/", [], "nobody"), { body: "begun", end: false });
  await caller.finished(stream);
  scene.world.settle();
  expect([stream.status, stream.ended, stream.reset]).toEqual([502, true, 0]);
  expect((await caller.ask(get())).status).toBe(200);
});

/** A way to fail: how the scene is set up, what to ask, and what time must pass. */
interface Way {
  readonly setup?: Parameters<typeof memoryH2Scene>[0];
  readonly authority?: string;
  readonly fields?: FieldPairs;
  readonly before?: (scene: H2Scene<MemoryWorld>) => Promise<void> | void;
  readonly waitMs?: number;
}

const WAYS: readonly (readonly [name: string, status: number, grpc: number, cause: string, way: Way])[] = [
  [
    "an identifier that finds no name",
    400,
    3,
    "proxy.identify.unidentified",
    { setup: { router: { identifier: { kind: "io.l5d.header.token", header: "my-name" } } } },
  ],
  ["a malformed override", 400, 3, "downstream.context.bad-dtab", { fields: [["l5d-dtab", "nonsense"]] }],
  ["a name that leads nowhere", 502, 14, "proxy.bind.no-such-name", { authority: "nobody" }],
  ["a name that the dtab fails", 502, 14, "proxy.bind.fail", { setup: { dtab: "/svc/fail => !;" }, authority: "fail" }],
  [
    "a service that refuses connections",
    502,
    14,
    "upstream.connect.refused",
    { setup: { client: failFast }, before: (scene) => scene.service.unlisten() },
  ],
  [
    "a service that cannot be reached",
    502,
    14,
    "upstream.connect.failed",
    { setup: { client: failFast }, before: (scene) => scene.world.network.fail(scene.service.address, "EHOSTUNREACH") },
  ],
  [
    "a service that does not accept",
    502,
    14,
    "upstream.connect.timeout",
    {
      setup: { client: { ...failFast, connectTimeoutMs: 50 } },
      before: (scene) => scene.world.network.silence(scene.service.address),
      waitMs: 5000,
    },
  ],
  ["a total timeout", 503, 4, "proxy.timeout.total", { setup: { service: { totalTimeoutMs: 100 } }, waitMs: 300 }],
  [
    "an attempt's timeout",
    503,
    4,
    "proxy.timeout.attempt",
    { setup: { client: { ...failFast, requestAttemptTimeoutMs: 100 } }, waitMs: 300 },
  ],
  ["a server's timeout", 503, 4, "proxy.timeout.server", { setup: { server: { timeoutMs: 100 } }, waitMs: 300 }],
  [
    "more requests than maxConcurrentRequests",
    503,
    8,
    "proxy.limit.concurrent-requests",
    {
      setup: { server: { maxConcurrentRequests: 1 } },
      before: async (scene) => {
        scene.connect().request(get("/held"));
        await scene.service.begun(1);
      },
    },
  ],
  [
    "a head that is too large",
    431,
    3,
    "downstream.h2.head-too-large",
    { setup: { server: { maxHeaderListBytes: 1024 } }, fields: [["x-long", "x".repeat(1000)]] },
  ],
];

async function fail(way: Way, grpc: boolean): Promise<H2Stream> {
  await using scene = await memoryH2Scene(way.setup, silent());
  await way.before?.(scene);
  const caller = scene.connect();
  const fields = way.fields ?? [];
  const authority = way.authority ?? "web";
  const stream = caller.request(grpc ? call(fields, authority) : request("GET", "/", fields, authority));
  if (way.waitMs !== undefined) await scene.world.pass(way.waitMs);
  await caller.finished(stream);
  expect(scene.proxy.lastRecord).toMatchObject({ status: grpc ? 200 : stream.status, outcome: "failure" });
  expect(scene.proxy.lastRecord.token).toBe(stream.value("fairlead-cause"));
  expect((caller.goaways.length, caller.over)).toBe(false);
  return stream;
}

test.each(WAYS)("%s is answered %d", async (_, status, __, cause, way) => {
  const answer = await fail(way, false);
  expect([answer.status, answer.cause, answer.reset]).toEqual([status, cause, null]);
  expect(answer.value("l5d-success-class")).toBe("0.0");
  expect(answer.value("l5d-err") === undefined).toBe(cause === "proxy.limit.concurrent-requests");
  expect(Number(answer.value("content-length"))).toBe(answer.bodyBytes);
});

test.each(WAYS)(
  "%s is told to a gRPC caller in one header block, not with HTTP's %d but with grpc-status %d",
  async (_, __, status, cause, way) => {
    const answer = await fail(way, true);
    expect(answer.head?.slice(0, 3)).toEqual([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ["grpc-status", String(status)],
    ]);
    expect([answer.cause, answer.bodyBytes, answer.trailers, answer.ended]).toEqual([cause, 0, null, true]);
    expect(answer.value("grpc-message")).toMatch(/^[ -~]+$/);
    expect(answer.head?.filter(([name]) => name === "fairlead-cause")).toHaveLength(1);
  },
);

test("beyond the concurrency limit a request without a body gets a retryable nack, one with a body a final one", async () => {
  await using scene = await memoryH2Scene({ server: { maxConcurrentRequests: 1 } }, silent());
  const caller = scene.connect();
  caller.request(get());
  await scene.service.begun(1);
  const retryable = await caller.ask(get());
  expect([retryable.value("finagle-http-nack"), retryable.value("retry-after")]).toEqual(["true", "0"]);
  const final = await caller.ask(post(), { body: "x" });
  expect(final.value("finagle-http-nack")).toBeUndefined();
  expect(final.value("finagle-http-nonretryable-nack")).toBe("true");
  expect(scene.service.heads).toHaveLength(1);
});

test("an edge tells nothing about the inside, to a gRPC caller neither", async () => {
  await using scene = await memoryH2Scene({ server: { clearContext: true } });
  const caller = scene.connect();
  const plain = await caller.ask(request("GET", "/", [], "nobody"));
  expect(plain.head).toEqual([
    [":status", "502"],
    ["content-length", "0"],
    ["via", "h2 fairlead"],
  ]);
  const grpc = await caller.ask(call([], "nobody"));
  expect(grpc.head).toEqual([
    [":status", "200"],
    ["content-type", "application/grpc"],
    ["grpc-status", "14"],
    ["via", "h2 fairlead"],
  ]);
});

test("an answer that the dtab itself gives has its status and no body", async () => {
  await using scene = await memoryH2Scene({
    dtab: "/svc/gone => /$/io.buoyant.http.status/410; /svc/none => /$/io.buoyant.http.status/204;",
  });
  const caller = scene.connect();
  for (const [authority, status] of [
    ["gone", 410],
    ["none", 204],
  ] as const) {
    const answer = await caller.ask(request("GET", "/", [], authority));
    expect([answer.status, answer.bodyBytes, answer.ended]).toEqual([status, 0, true]);
    expect(answer.value("l5d-success-class")).toBe("1.0");
  }
});

test("a service's own l5d-err and grpc-status pass, so that the first cause in a chain of proxies is kept", async () => {
  const told: FieldPairs = [
    ["l5d-err", "inner"],
    ["fairlead-cause", "proxy.bind.fail"],
    ["grpc-status", "14"],
  ];
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(502, "", told) });
  const answer = await scene.connect().ask(get());
  for (const pair of told) expect(answer.head).toContainEqual(pair);
});

test("a failure of ours while an answer is on its way never looks like its end", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { bodyIdleTimeoutMs: 500 } } },
    {
      request(stream) {
        stream.sendHead([
          [":status", "200"],
          ["content-type", stream.value("content-type") ?? "text/plain"],
        ]);
        stream.write("half");
      },
    },
  );
  const caller = scene.connect();
  const [plain, grpc] = [caller.request(get()), caller.request(call())];
  await scene.world.pass(2000);
  await caller.finished(plain, grpc);
  expect([plain.body, plain.ended, plain.reset]).toEqual(["half", false, 2]);
  expect([grpc.body, grpc.ended, grpc.reset, grpc.trailer("grpc-status"), grpc.cause]).toEqual([
    "half",
    true,
    null,
    "14",
    "upstream.http.body-timeout",
  ]);
});

test.each([
  ["a moment before the deadline", 39, "4", "upstream.h2.gave-up"],
  ["after the deadline", 60, "4", "upstream.h2.gave-up"],
  ["long before the deadline", 10, "1", "upstream.h2.reset"],
])("a call that the service cancels %s", async (_, afterMs, status, cause) => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const stream = caller.request(call([["grpc-timeout", "40m"]]));
  await scene.service.begun(1);
  await scene.world.pass(afterMs);
  scene.service.last.sendReset(Code.cancel);
  await caller.finished(stream);
  expect([stream.value("grpc-status"), stream.cause]).toEqual([status, cause]);
});
