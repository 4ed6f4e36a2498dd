// Which requests of HTTP/2 are sent a second time, and which never (linkerd1 §6.6.2, RFC 9113 §8.7).
import { expect, test } from "vitest";
import {
  Code,
  END_HEADERS,
  type FieldPairs,
  frame,
  headerFrames,
  literalBlock,
  Set,
  settingsFrame,
  Type,
  windowFrame,
} from "../support/h2-frames.ts";
import { call, get, type H2Scene, memoryH2Scene, post, request, tcpH2Scene } from "../support/h2-scene.ts";
import {
  grpcMessage,
  type H2ServiceConnection,
  notHttp2,
  refusesFirst,
  resets,
  silent,
} from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import type { MemoryWorld } from "../support/world.ts";

const big = (bytes: number) => "x".repeat(bytes);
const noAccrual = { failureAccrual: { kind: "none" } };
const noBudget = { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } };

const retries = (scene: H2Scene, name: string) =>
  scene.proxy.metric("client", scene.service.name.slice(1), "retries", name);

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])(
  "%s a stream that the service refused is sent again, with its body, on the same connection",
  async (_, makeScene) => {
    await using scene = await makeScene({ client: noAccrual }, { ...refusesFirst(2) });
    const caller = scene.connect();
    const answer = await caller.ask(post(), { body: "small" });
    expect([answer.status, answer.body]).toEqual([200, "ok"]);
    expect(scene.service.last.body).toBe("small");
    expect(scene.service.heads).toHaveLength(3);
    expect(scene.service.connections).toHaveLength(1);
    await scene.proxy.recorded(1);
    expect(scene.proxy.lastRecord).toMatchObject({ status: 200, attempts: 3, cause: "" });
    expect(retries(scene, "requeues")).toBe(2);
  },
);

test("a gRPC call that was refused is sent again too", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual }, refusesFirst(1));
  const answer = await scene.connect().ask(call(), { body: grpcMessage("hi") });
  expect(answer.status).toBe(200);
  expect(scene.service.last.body).toBe(grpcMessage("hi").toString("latin1"));
});

test("what the service refuses beyond the budget is answered 502, and is not to be tried by whoever asked either", async () => {
  await using scene = await memoryH2Scene({ client: { ...noAccrual, ...noBudget } }, refusesFirst(1));
  const answer = await scene.connect().ask(get());
  expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.refused"]);
  expect(answer.value("l5d-retryable")).toBeUndefined();
  expect(scene.service.heads).toHaveLength(1);
});

test("a service that refuses everything is asked no more often than the budget of one request allows", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual }, refusesFirst(1_000_000));
  const caller = scene.connect();
  for (let i = 0; i < 20; i++) expect((await caller.ask(get())).status).toBe(502);
  expect(scene.service.heads.length).toBeLessThan(200);
  expect(retries(scene, "requeues")).toBe(scene.service.heads.length - 20);
});

test.each<[string, FieldPairs, string, FieldPairs | undefined]>([
  ["that is too long to be kept", [], big(20_000), undefined],
  ["that has trailers", [], "short", [["x-sum", "1"]]],
])("a body %s is not sent again", async (_, fields, body, trailers) => {
  await using scene = await memoryH2Scene(
    { client: noAccrual },
    { request: (stream) => stream.sendReset(Code.refused) },
  );
  const caller = scene.connect();
  const answer = await caller.ask(post("/", fields), { body, ...(trailers === undefined ? {} : { trailers }) });
  expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.refused"]);
  expect(scene.service.heads).toHaveLength(1);
});

test("a body is sent again as far as it has come, and then goes on", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual }, refusesFirst(0));
  const caller = scene.connect();
  const stream = caller.request(post(), { body: "begin-", end: false });
  await scene.service.begun(1);
  scene.world.settle();
  expect(scene.service.heads[0]?.body).toBe("begin-");
  scene.service.heads[0]?.sendReset(Code.refused);
  await scene.service.begun(2);
  stream.write("end", { end: true });
  await caller.finished(stream);
  expect([stream.status, scene.service.last.body]).toEqual([200, "begin-end"]);
});

test("what comes of a body between two attempts is not lost", async () => {
  await using scene = await memoryH2Scene(
    { client: noAccrual },
    { request: (stream) => stream.reply(200, stream.body) },
  );
  const caller = scene.connect();
  const stream = caller.request(post(), { body: "one-", end: false });
  await scene.service.begun(1);
  scene.world.settle();
  scene.world.network.silence(scene.service.address);
  scene.service.connection.goaway(0);
  scene.world.settle();
  stream.write("two-");
  scene.world.settle();
  scene.world.network.heal(scene.service.address);
  await scene.world.pass(1500);
  stream.write("three", { end: true });
  await caller.finished(stream);
  expect(stream.body).toBe("one-two-three");
});

test("a stream is not sent again once its answer has begun", async () => {
  await using scene = await memoryH2Scene(
    { client: noAccrual },
    {
      request(stream) {
        stream.sendHead([[":status", "200"]]);
        stream.sendReset(Code.refused);
      },
    },
  );
  const answer = await scene.connect().ask(get());
  expect([answer.status, answer.reset]).toEqual([200, Code.internal]);
  expect(scene.service.heads).toHaveLength(1);
});

test.each([Code.internal, Code.cancel, Code.calm, Code.none])(
  "a stream that is reset with code %d is not sent again: it may have been worked on",
  async (code) => {
    await using scene = await memoryH2Scene({ client: noAccrual }, resets(code));
    const answer = await scene.connect().ask(get());
    expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.reset"]);
    expect(answer.value("l5d-retryable")).toBeUndefined();
    expect(scene.service.heads).toHaveLength(1);
  },
);

/** The service's connection is lost under a request, on a connection that was used before or on a fresh one. */
async function lost(
  scene: H2Scene<MemoryWorld>,
  head: FieldPairs,
  { reused, way }: { reused: boolean; way: "destroy" | "reset" | "end" },
): Promise<H2Stream> {
  const caller = scene.connect();
  if (reused) await caller.ask(get("/warm"));
  const before = scene.service.heads.length;
  const behaviour = scene.service.behaviour;
  scene.service.behaviour = {
    ...behaviour,
    head(_stream: H2Stream, connection: H2ServiceConnection) {
      scene.service.behaviour = behaviour;
      connection.peer[way]();
    },
  };
  const stream = caller.request(head, head[0]?.[1] === "POST" ? { body: "once" } : {});
  await scene.service.begun(before + 1);
  await caller.finished(stream);
  return stream;
}

test.each(["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])(
  "%s is sent again when a used connection is closed under it",
  async (method) => {
    await using scene = await memoryH2Scene({ client: noAccrual });
    const stream = await lost(scene, request(method), { reused: true, way: "destroy" });
    expect(stream.status).toBe(200);
    expect(scene.proxy.lastRecord).toMatchObject({ attempts: 2, cause: "" });
    expect(scene.service.connections).toHaveLength(2);
  },
);

test("POST is not sent again then: the service may have seen it", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual });
  const stream = await lost(scene, post(), { reused: true, way: "destroy" });
  expect([stream.status, stream.cause]).toEqual([502, "upstream.connection.stale"]);
  expect(stream.value("fairlead-cause")).toContain("reused=true");
  expect(scene.service.heads).toHaveLength(2);
});

test.each([
  ["destroy", "upstream.connection.closed"],
  ["reset", "upstream.connection.reset"],
] as const)("a fresh connection that goes (%s) without a word takes its request with it", async (way, cause) => {
  await using scene = await memoryH2Scene({ client: noAccrual }, { connected: () => undefined, answers: false });
  const stream = await lost(scene, get(), { reused: false, way });
  expect([stream.status, stream.cause]).toEqual([502, cause]);
  expect(scene.service.heads).toHaveLength(1);
});

test("a request of which no octet left is sent again whatever its method", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual });
  const caller = scene.connect();
  await caller.ask(get("/warm"));
  const stream = caller.request(post(), { body: "once" });
  scene.service.connection.peer.reset();
  await caller.finished(stream);
  expect(stream.status).toBe(200);
  expect(scene.service.requests.map(({ body }) => body)).toEqual(["", "once"]);
});

test("of many streams on a connection that is lost, those that may be are sent again, each once", async () => {
  await using scene = await memoryH2Scene({ client: { ...noAccrual, requeueBudget: { minRetriesPerSec: 100 } } });
  const caller = scene.connect();
  await caller.ask(get("/warm"));
  scene.service.behaviour = silent();
  const gets = Array.from({ length: 10 }, (_, i) => caller.request(get(`/${i}`)));
  const posts = Array.from({ length: 10 }, () => caller.request(post(), { body: "x" }));
  await scene.service.begun(21);
  scene.world.settle();
  scene.service.behaviour = {};
  scene.service.connection.peer.reset();
  await caller.finished(...gets, ...posts);
  expect(gets.map(({ status }) => status)).toEqual(gets.map(() => 200));
  expect(posts.map(({ cause }) => cause)).toEqual(posts.map(() => "upstream.connection.stale"));
  expect(scene.service.heads).toHaveLength(31);
});

// Over HTTP/1 it is not; here the caller may even get the interim answers of two attempts.
test("an interim answer proves that the service has the request: it is not sent again", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual });
  const caller = scene.connect();
  await caller.ask(get("/warm"));
  scene.service.behaviour = { request: (stream) => stream.sendHead([[":status", "103"]]) };
  const stream = caller.request(get());
  scene.world.settle();
  scene.service.behaviour = {};
  scene.service.connection.peer.destroy();
  await caller.finished(stream);
  expect([stream.status, stream.interim.length]).toEqual([502, 1]);
  expect(scene.service.heads).toHaveLength(2);
});

test("a service that speaks another language is found out, and named", async () => {
  await using scene = await memoryH2Scene({ client: noAccrual }, notHttp2());
  const answer = await scene.connect().ask(get());
  expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.protocol"]);
  expect(answer.body).toMatch(/HTTP\/2/);
});

const broken: readonly (readonly [name: string, bytes: Buffer, code: number])[] = [
  ["WINDOW_UPDATE without an increment", frame(Type.windowUpdate, 0, 0), 6],
  ["WINDOW_UPDATE of 0", windowFrame(0, 0), 1],
  ["a window beyond 2^31-1", windowFrame(0, 0x7fff_ffff), 3],
  ["HEADERS on a stream that nobody opened", headerFrames(99, literalBlock([[":status", "200"]])), 1],
  ["a stream of its own", headerFrames(2, literalBlock([[":status", "200"]])), 1],
  ["PUSH_PROMISE", frame(5, END_HEADERS, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), literalBlock(get())])), 1],
  ["DATA on stream 0", frame(Type.data, 0, 0, Buffer.from("x")), 1],
  ["a frame that is too large", frame(Type.ping, 0, 0, Buffer.alloc(16_385)), 6],
  ["SETTINGS that allow pushing", settingsFrame([[Set.push, 1]]), 1],
  ["a header block that cannot be decoded", headerFrames(1, Buffer.from([0xff, 0xff, 0xff])), 9],
  ["CONTINUATION of nothing", frame(Type.continuation, END_HEADERS, 1, literalBlock([["x-a", "b"]])), 1],
];

test.each(broken)(
  "a service that sends %s loses its connection, and everybody on it is told",
  async (_, bytes, code) => {
    await using scene = await memoryH2Scene({ client: noAccrual }, silent());
    const caller = scene.connect();
    const streams = [caller.request(post(), { body: "x" }), caller.request(post(), { body: "x" })];
    await scene.service.begun(2);
    scene.world.settle();
    const { connection } = scene.service;
    connection.send(bytes);
    await caller.finished(...streams);
    expect(streams.map(({ cause }) => cause)).toEqual(["upstream.h2.protocol", "upstream.h2.protocol"]);
    expect(connection.goaways.map((goaway) => goaway.code)).toEqual([code]);
    expect(scene.proxy.metric("client", scene.service.name.slice(1), "h2", "connection_errors")).toBe(1);
  },
);

test("a service that sends more than a stream's window loses that stream, and no other", async () => {
  await using scene = await memoryH2Scene({ client: { ...noAccrual, initialStreamWindowBytes: 1000 } }, silent());
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const streams = [caller.request(get()), caller.request(get())];
  await scene.service.begun(2);
  scene.world.settle();
  const [first, second] = scene.service.requests;
  first?.sendHead([[":status", "200"]]);
  first?.data(Buffer.alloc(1000));
  first?.data(Buffer.alloc(1));
  second?.reply(200, "", [["x-a", "b"]]);
  await caller.finished(...streams);
  expect([streams[0]?.reset, streams[1]?.status]).toEqual([Code.internal, 200]);
  expect(first?.reset).toBe(Code.flowControl);
  expect(scene.proxy.records.map(({ cause }) => cause).sort()).toEqual(["", "upstream.h2.malformed"]);
});

test("an answer that the loss of its connection cuts is reset, and a gRPC call is told in trailers", async () => {
  await using scene = await memoryH2Scene(
    { client: noAccrual },
    {
      head: (stream) =>
        stream.sendHead([
          [":status", "200"],
          ["content-type", "application/grpc"],
        ]),
    },
  );
  const caller = scene.connect();
  const [plain, grpc] = [caller.request(get(), { end: false }), caller.request(call(), { end: false })];
  await scene.world.until("both heads", () => plain.status + grpc.status === 400);
  scene.service.connection.peer.destroy();
  await caller.finished(plain, grpc);
  expect(plain.reset).toBe(Code.internal);
  expect([grpc.reset, grpc.trailer("grpc-status"), grpc.cause]).toEqual([Code.none, "14", "upstream.http.truncated"]);
});

test("on sockets, a POST on a connection that was just reset is sent again: no octet of it could leave", async () => {
  await using scene = await tcpH2Scene({ client: noAccrual });
  const caller = scene.connect();
  for (let i = 0; i < 30; i++) {
    await caller.ask(get("/warm"));
    scene.service.connection.peer.reset();
    expect((await caller.ask(post(), { body: `once ${i}` })).status).toBe(200);
  }
  const posts = scene.service.requests.filter((stream) => stream.value(":method") === "POST").map(({ body }) => body);
  expect(posts).toEqual(Array.from({ length: 30 }, (_, i) => `once ${i}`));
});
