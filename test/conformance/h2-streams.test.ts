// The life of streams: how many there are, on how many connections, and how the end of one on either side ends the other.
import { expect, test } from "vitest";
import { Code, Set } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, post, tcpH2Scene } from "../support/h2-scene.ts";
import { answers, resets, silent } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";

const CALM_LIMIT = 20;

test("a service's limit of streams is respected, and further connections are opened up to the bound", async () => {
  await using scene = await memoryH2Scene(
    { client: { maxConnectionsPerEndpoint: 3 } },
    silent({ settings: [[Set.maxStreams, 2]] }),
  );
  const caller = scene.connect();
  const streams: H2Stream[] = [];
  for (let i = 0; i < 8; i++) {
    streams.push(caller.request(get()));
    scene.world.settle();
  }
  const carried = () => scene.service.connections.map((connection) => connection.streams.size);
  expect(carried()).toEqual([2, 2, 2]);
  expect(scene.proxy.metric("client", scene.service.name.slice(1), "pool_waiters")).toBe(2);
  scene.service.requests[0]?.reply(200, "ok");
  scene.service.requests[3]?.reply(200, "ok");
  scene.world.settle();
  expect(carried()).toEqual([3, 3, 2]);
  for (const stream of scene.service.requests.filter((_, i) => i !== 0 && i !== 3)) stream.reply(200, "ok");
  await caller.finished(...streams);
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
});

test("streams that a new connection refuses because they are too many are sent again, on others", async () => {
  await using scene = await memoryH2Scene(
    { client: { failureAccrual: { kind: "none" } } },
    {
      settings: [[Set.maxStreams, 2]],
      head(stream, connection) {
        const open = [...connection.streams.values()].filter(({ resetSent }) => !resetSent);
        if (open.length > 2) stream.sendReset(Code.refused);
      },
      request: () => undefined,
    },
  );
  const caller = scene.connect();
  const streams = Array.from({ length: 6 }, () => caller.request(get()));
  scene.world.settle();
  const taken = () => scene.service.heads.filter(({ resetSent }) => !resetSent);
  expect(taken()).toHaveLength(6);
  for (const stream of taken()) stream.reply(200, "ok");
  await caller.finished(...streams);
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => 200));
});

test("a limit of streams that the service changes counts from then on", async () => {
  await using scene = await memoryH2Scene({ client: { maxConnectionsPerEndpoint: 1 } }, silent());
  const caller = scene.connect();
  caller.request(get("/first")).sendReset(Code.cancel);
  scene.world.settle();
  const { connection } = scene.service;
  connection.announce([[Set.maxStreams, 1]]);
  scene.world.settle();
  const streams = Array.from({ length: 5 }, () => caller.request(get()));
  scene.world.settle();
  expect(scene.service.requests).toHaveLength(1);
  connection.announce([[Set.maxStreams, 3]]);
  scene.world.settle();
  expect(scene.service.requests).toHaveLength(3);
  connection.announce([[Set.maxStreams, 0]]);
  scene.world.settle();
  for (const stream of [...scene.service.requests]) stream.reply(200, "ok");
  scene.world.settle();
  expect(scene.service.requests).toHaveLength(3);
  connection.announce([[Set.maxStreams, 100]]);
  await scene.service.begun(5);
  for (const stream of scene.service.requests.slice(3)) stream.reply(200, "ok");
  await caller.finished(...streams);
});

test("a service that names no limit takes every stream on one connection (RFC 9113 §6.5.2)", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  caller.request(get("/first")).sendReset(Code.cancel);
  scene.world.settle();
  const streams = Array.from({ length: 150 }, () => caller.request(get()));
  scene.world.settle();
  expect(scene.service.heads).toHaveLength(150);
  expect(scene.service.connections).toHaveLength(1);
  for (const stream of [...scene.service.requests]) stream.reply(200);
  await caller.finished(...streams);
});

test("a caller that opens more streams than it may is refused those, and no others", async () => {
  await using scene = await memoryH2Scene({ server: { maxConcurrentStreamsPerConnection: 2 } }, silent());
  const caller = scene.connect();
  const streams = [caller.request(get()), caller.request(get()), caller.request(get())];
  await caller.finished(streams[2]!);
  expect(streams.map(({ reset }) => reset)).toEqual([null, null, Code.refused]);
  for (const stream of scene.service.requests) stream.reply(200, "ok");
  await caller.finished(...streams);
  scene.service.behaviour = {};
  expect((await caller.ask(get())).status).toBe(200);
});

test("streams of many callers share one connection to the service", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const callers = Array.from({ length: 10 }, () => scene.connect());
  const asked = callers.map((caller) => ({ caller, streams: Array.from({ length: 5 }, () => caller.request(get())) }));
  await scene.service.begun(50);
  expect(scene.service.connections).toHaveLength(1);
  for (const stream of scene.service.requests.toReversed()) stream.reply(200, stream.path);
  for (const { caller, streams } of asked) await caller.finished(...streams);
});

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s a caller that cancels a stream ends the work for it, and nothing else", async (_, makeScene) => {
  await using scene = await makeScene({}, silent());
  const caller = scene.connect();
  const [cancelled, other] = [caller.request(get()), caller.request(get())];
  await scene.service.begun(2);
  cancelled.sendReset(Code.cancel);
  await scene.world.until("the reset", () => scene.service.heads[0]?.reset === Code.cancel);
  expect(scene.service.heads[1]?.reset).toBeNull();
  scene.service.heads[1]?.reply(200, "ok");
  await caller.finished(other);
  await scene.proxy.recorded(2);
  expect(scene.proxy.records[0]).toMatchObject({ cause: "downstream.h2.reset", status: 499, outcome: "ignorable" });
  expect(scene.service.connections).toHaveLength(1);
});

test("a caller that cancels in the middle of an answer, or of its request, ends both sides", async () => {
  await using scene = await memoryH2Scene(
    {},
    { head: (stream) => stream.sendHead([[":status", "200"]]), request: () => undefined },
  );
  const caller = scene.connect();
  for (const head of [get(), post()]) {
    const stream = caller.request(head, { end: head === get() });
    await scene.world.until("the head", () => stream.status === 200);
    const peer = scene.service.heads.at(-1)!;
    peer.write("x".repeat(100_000));
    scene.world.settle();
    stream.sendReset(Code.cancel);
    scene.world.settle();
    expect(peer.reset).toBe(Code.cancel);
    expect(stream.lateFrames).toBe(0);
  }
});

test("a caller that closes its connection ends all its streams at the service, whose connection stays", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const [caller, other] = [scene.connect(), scene.connect()];
  for (let i = 0; i < 5; i++) caller.request(get());
  const left = other.request(get());
  await scene.service.begun(6);
  caller.peer.reset();
  await scene.proxy.recorded(5);
  scene.world.settle();
  expect(scene.service.heads.map(({ reset }) => reset)).toEqual([8, 8, 8, 8, 8, null]);
  expect(scene.proxy.records.every(({ cause }) => cause === "downstream.connection.gone")).toBe(true);
  scene.service.heads[5]?.reply(200, "ok");
  await other.finished(left);
});

test("a caller that cancels while its request waits for a connection leaves nothing behind", async () => {
  await using scene = await memoryH2Scene();
  scene.world.network.silence(scene.service.address);
  const caller = scene.connect();
  const streams = Array.from({ length: 5 }, () => caller.request(post(), { body: "x", end: false }));
  scene.world.settle();
  for (const stream of streams) stream.sendReset(Code.cancel);
  scene.world.settle();
  expect(scene.proxy.records).toHaveLength(5);
  expect(scene.service.heads).toEqual([]);
});

test.each([
  ["INTERNAL_ERROR", Code.internal, Code.internal],
  ["CANCEL", Code.cancel, Code.cancel],
  ["ENHANCE_YOUR_CALM", Code.calm, Code.calm],
  ["REFUSED_STREAM", Code.refused, Code.internal],
  ["PROTOCOL_ERROR", Code.protocol, Code.internal],
  ["a code of its own", 0xbeef, Code.internal],
])("a service that resets an answer it has begun with %s resets the caller's stream", async (_, code, passed) => {
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream) {
        stream.sendHead([[":status", "200"]]);
        stream.write("begun");
        stream.sendReset(code);
      },
    },
  );
  const caller = scene.connect();
  const stream = await caller.ask(get());
  expect([stream.status, stream.body, stream.reset]).toEqual([200, "begun", passed]);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "upstream.h2.reset", outcome: "failure" });
});

test.each([
  [Code.none, "13"],
  [Code.internal, "13"],
  [Code.refused, "14"],
  [Code.cancel, "1"],
  [Code.calm, "8"],
])(
  "a gRPC call that its service resets with code %d has the status %s, before its answer and after it began",
  async (code, status) => {
    const noRequeues = { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 }, failureAccrual: { kind: "none" } };
    await using scene = await memoryH2Scene({ client: noRequeues }, resets(code));
    const caller = scene.connect();
    const before = await caller.ask(call());
    expect([before.status, before.reset]).toEqual([200, null]);
    expect(before.value("content-type")).toBe("application/grpc");
    expect(before.value("grpc-status")).toBe(code === Code.refused ? "14" : status);
    scene.service.behaviour = {
      request(stream) {
        stream.sendHead([
          [":status", "200"],
          ["content-type", "application/grpc"],
        ]);
        stream.sendReset(code);
      },
    };
    const after = await caller.ask(call());
    expect([after.reset, after.trailer("grpc-status"), after.cause]).toEqual([null, status, "upstream.h2.reset"]);
  },
);

/** A service that takes ten octets of a body, and answers requests for `/early` at once. */
const hasty = {
  settings: [[Set.initialWindow, 10]],
  head(stream: H2Stream) {
    if (stream.path === "/early") stream.reply(200, "early");
  },
  request(stream: H2Stream) {
    if (stream.path !== "/early") stream.reply(200, "whole");
  },
} as const;

test("trailers of a request that nobody waits for any longer are thrown away", async () => {
  await using scene = await memoryH2Scene({}, hasty);
  const caller = scene.connect();
  await caller.ask(get()); // the service's settings are known from here on
  const stream = await caller.ask(post("/early"), { body: "x".repeat(100), trailers: [["x-secret", "1"]] });
  expect(stream.body).toBe("early");
  scene.world.settle();
  expect(scene.proxy.inUse()).toMatchObject({ clientStreams: 0, h2Heads: 0 });
});

test("trailers of one request never end another", async () => {
  await using scene = await memoryH2Scene({ reuse: true }, hasty);
  const caller = scene.connect();
  await caller.ask(get());
  await caller.ask(post("/early"), { body: "x".repeat(100), trailers: [["x-secret", "1"]] });
  const next = caller.request(post("/next"), { body: "y".repeat(100) });
  scene.world.settle();
  scene.service.heads.at(-1)?.grant(100);
  await caller.finished(next);
  expect([scene.service.last.body, scene.service.last.trailers]).toEqual(["y".repeat(100), null]);
});

test("a cancelled stream is forgotten: what the service still sends on it is dropped, and its window given back", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  for (let i = 0; i < 100; i++) {
    const stream = caller.request(get());
    await scene.service.begun(i + 1);
    stream.sendReset(Code.cancel);
    const peer = scene.service.heads[i] as H2Stream;
    peer.sendHead([[":status", "200"]]);
    peer.data(Buffer.alloc(16_000));
    peer.data(Buffer.alloc(16_000), true);
    scene.world.settle();
  }
  expect(scene.service.connection.sendWindow).toBeGreaterThan(500_000);
  scene.service.behaviour = answers(200, "still here");
  expect((await caller.ask(get())).body).toBe("still here");
  expect(scene.service.connections).toHaveLength(1);
});

test("a caller that resets streams faster than it may is cut off (CVE-2023-44487), and its neighbours are not", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { maxResetsPerMinute: CALM_LIMIT } } }, silent());
  const [caller, neighbour] = [scene.connect(), scene.connect()];
  for (let i = 0; i <= CALM_LIMIT; i++) caller.request(get()).sendReset(Code.cancel);
  await caller.released();
  expect(caller.goaways.at(-1)?.code).toBe(Code.calm);
  scene.service.behaviour = {};
  expect((await neighbour.ask(get())).status).toBe(200);
});

test("frames on streams that were never opened end the caller's connection", async () => {
  await using scene = await memoryH2Scene();
  for (const broken of [
    (stream: H2Stream) => stream.data("x"),
    (stream: H2Stream) => stream.sendReset(Code.cancel),
    (stream: H2Stream) => stream.grant(1),
  ]) {
    const caller = scene.connect();
    const stream = caller.request(get());
    Object.defineProperty(stream, "id", { value: 99 });
    broken(stream);
    await caller.released();
    expect(caller.goaways.at(-1)?.code).toBe(Code.protocol);
  }
});

test("on sockets, a thousand streams of four callers, a third of them cancelled, leave nothing behind", async () => {
  await using scene = await tcpH2Scene(
    { server: { limits: { maxResetsPerMinute: 10_000 } } },
    { refill: true, request: (stream) => stream.reply(200, stream.body, [], [["grpc-status", "0"]]) },
  );
  const callers = Array.from({ length: 4 }, () => scene.connect({ refill: true }));
  for (let round = 0; round < 25; round++) {
    await Promise.all(
      callers.map(async (caller, i) => {
        const streams = Array.from({ length: 10 }, (_, n) =>
          caller.request(call(), { body: String(n).repeat(100 * (i + 1)) }),
        );
        const kept = streams.filter((_, n) => n % 3 !== 0);
        for (const stream of streams) if (!kept.includes(stream)) stream.sendReset(Code.cancel);
        await caller.finished(...kept);
        for (const stream of kept) expect([stream.status, stream.bodyBytes]).toEqual([200, 100 * (i + 1)]);
      }),
    );
  }
  await scene.proxy.recorded(1000);
  expect(scene.service.connections.length).toBeLessThanOrEqual(2);
});
