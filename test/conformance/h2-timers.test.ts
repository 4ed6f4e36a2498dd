// Limits in time of HTTP/2 connections and their streams: what is let go, after how long, and what never is.
import { expect, test } from "vitest";
import { Code, type FieldPairs, frame, literalBlock, Set, Type } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, post } from "../support/h2-scene.ts";
import { silent } from "../support/h2-service.ts";

const grpcHead: FieldPairs = [
  [":status", "200"],
  ["content-type", "application/grpc"],
];

test.each([
  ["totalTimeoutMs", { service: { totalTimeoutMs: 500 } }, "proxy.timeout.total"],
  ["requestAttemptTimeoutMs", { client: { requestAttemptTimeoutMs: 500 } }, "proxy.timeout.attempt"],
  ["timeoutMs of the server", { server: { timeoutMs: 500 } }, "proxy.timeout.server"],
])("%s ends what the service has not answered, and resets its stream", async (_, setup, cause) => {
  await using scene = await memoryH2Scene(setup, silent());
  const caller = scene.connect();
  const streams = [caller.request(get()), caller.request(post(), { body: "x", end: false }), caller.request(call())];
  await scene.service.begun(3);
  await scene.world.pass(400);
  expect(streams.some(({ done }) => done)).toBe(false);
  await scene.world.pass(300);
  await caller.finished(...streams);
  expect(streams.map(({ status }) => status)).toEqual([503, 503, 200]);
  expect(streams.map((stream) => stream.cause)).toEqual([cause, cause, cause]);
  expect(streams[2]?.value("grpc-status")).toBe("4");
  expect(scene.service.heads.map(({ reset }) => reset)).toEqual([Code.cancel, Code.cancel, Code.cancel]);
  expect(scene.service.connections).toHaveLength(1);
});

test("an answer whose head came in time is not cut by them", async () => {
  await using scene = await memoryH2Scene(
    { service: { totalTimeoutMs: 500 }, client: { requestAttemptTimeoutMs: 500 }, server: { timeoutMs: 500 } },
    { request: (stream) => stream.sendHead(grpcHead) },
  );
  const caller = scene.connect();
  const stream = caller.request(call());
  await scene.service.begun(1);
  await scene.world.pass(3000);
  scene.service.last.write("late", { trailers: [["grpc-status", "0"]] });
  await caller.finished(stream);
  expect([stream.body, stream.trailer("grpc-status")]).toEqual(["late", "0"]);
});

test("a thousand streams that time out leave nothing behind", async () => {
  await using scene = await memoryH2Scene({ service: { totalTimeoutMs: 200 } }, silent());
  const caller = scene.connect({ refill: true });
  const streams = Array.from({ length: 1000 }, () => caller.request(get()));
  await scene.world.pass(1000);
  await caller.finished(...streams);
  expect(streams.every(({ status }) => status === 503)).toBe(true);
  expect(scene.proxy.inUse()).toMatchObject({
    exchanges: 0,
    attempts: 0,
    serverStreams: 0,
    clientStreams: 0,
    h2Heads: 0,
  });
});

test("a header block must be complete headerTimeoutMs after its first octet", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { headerTimeoutMs: 500 } } });
  const caller = scene.connect();
  await caller.ask(get());
  caller.send(frame(Type.headers, 0, 3, literalBlock(get())));
  await scene.world.pass(400);
  expect(caller.over).toBe(false);
  for (let i = 0; i < 5 && !caller.over; i++) {
    caller.send(frame(Type.continuation, 0, 3, literalBlock([["x-a", "b"]])));
    await scene.world.pass(300);
  }
  await caller.released();
});

test("a connection that never says anything is closed after headerTimeoutMs, and one that did stays", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { headerTimeoutMs: 500 } } });
  const [quiet, used] = [scene.connect(), scene.connect()];
  await used.ask(get());
  await scene.world.pass(1500);
  expect([quiet.over, used.over]).toEqual([true, false]);
});

test("idle connections are closed after their idleTimeMs, on both sides, with GOAWAY", async () => {
  await using scene = await memoryH2Scene({
    server: { serverSession: { idleTimeMs: 2000 } },
    client: { clientSession: { idleTimeMs: 1000 } },
  });
  const caller = scene.connect();
  await caller.ask(get());
  await scene.world.pass(500);
  expect([caller.over, scene.service.connections[0]?.over]).toEqual([false, false]);
  await scene.world.pass(1000);
  expect([caller.over, scene.service.connections[0]?.over]).toEqual([false, true]);
  expect(scene.service.connections[0]?.goaways).toEqual([{ lastId: 0, code: Code.none }]);
  await scene.world.pass(1000);
  expect(caller.over).toBe(true);
  expect(caller.goaways.at(-1)).toEqual({ lastId: 1, code: Code.none });
  expect((await scene.connect().ask(get())).status).toBe(200);
});

test("connections to a service that are older than lifeTimeMs carry no further stream, and finish those they have", async () => {
  await using scene = await memoryH2Scene({ client: { clientSession: { lifeTimeMs: 1000 } } }, silent());
  const caller = scene.connect();
  const long = caller.request(get("/long"));
  await scene.service.begun(1);
  await scene.world.pass(1500);
  const next = caller.request(get("/next"));
  await scene.service.begun(2);
  expect(scene.service.heads[1]?.connection).not.toBe(scene.service.heads[0]?.connection);
  for (const stream of scene.service.requests) stream.reply(200, stream.path);
  await caller.finished(long, next);
  expect(long.body).toBe("/long");
});

test("a request body must make progress within bodyIdleTimeoutMs, and a slow one that does is in order", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { bodyIdleTimeoutMs: 1000 } } });
  const caller = scene.connect();
  const [slow, stuck] = [caller.request(post(), { end: false }), caller.request(post(), { end: false })];
  for (let i = 0; i < 6; i++) {
    slow.write("x");
    await scene.world.pass(500);
  }
  slow.write("", { end: true });
  await caller.finished(slow, stuck);
  expect(slow.status).toBe(200);
  expect([stuck.status, stuck.cause]).toEqual([408, "downstream.http.body-timeout"]);
});

test("streams may be silent for ever while no limit is set", async () => {
  await using scene = await memoryH2Scene(
    {},
    { head: (stream) => stream.sendHead(grpcHead), request: () => undefined },
  );
  const caller = scene.connect();
  const stream = caller.request(call(), { end: false });
  await scene.world.pass(3_600_000 / 4);
  const [peer] = scene.service.heads;
  stream.write("up", { end: true });
  peer?.write("down", { trailers: [["grpc-status", "0"]] });
  await caller.finished(stream);
  expect([peer?.body, stream.body]).toEqual(["up", "down"]);
}, 60_000);

test("a stream on which nothing moves for streamIdleTimeoutMs is ended", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { streamIdleTimeoutMs: 2000 } } }, silent());
  const caller = scene.connect();
  const stream = caller.request(get());
  await scene.world.pass(1500);
  expect(stream.done).toBe(false);
  await scene.world.pass(1500);
  await caller.finished(stream);
  expect(stream.reset).toBe(Code.cancel);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
});

test("a caller that opens no window for writeStallTimeoutMs loses that stream, and the service is told", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { writeStallTimeoutMs: 1000 } } },
    { request: (stream) => stream.reply(200, "x".repeat(stream.path === "/large" ? 200_000 : 10)) },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 1000]] });
  const stalled = caller.request(get("/large"));
  await scene.world.pass(700);
  stalled.grant(10);
  await scene.world.pass(700);
  expect(stalled.done).toBe(false);
  await scene.world.pass(1500);
  await caller.finished(stalled);
  expect([stalled.bodyBytes, stalled.reset]).toEqual([1010, Code.cancel]);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.connection.write-stalled");
  expect((await caller.ask(get("/small"))).status).toBe(200);
});

test("a caller that takes nothing at all for writeStallTimeoutMs loses its connection", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { writeStallTimeoutMs: 1000 } } },
    { request: (stream) => stream.reply(200, "x".repeat(2_000_000)) },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 10_000_000]] });
  caller.grant(10_000_000);
  const stream = caller.request(get());
  caller.peer.stream.pause();
  await scene.world.pass(3000);
  await scene.proxy.recorded(1);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.connection.write-stalled");
  expect(stream.done).toBe(false);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  caller.close();
});

test("a caller that takes its answer slowly, but takes it, does not count against its service", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { bodyIdleTimeoutMs: 500, writeStallTimeoutMs: 1000 } } },
    { request: (stream) => stream.reply(200, "x".repeat(100_000)) },
  );
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = caller.request(get());
  for (let i = 0; i < 20; i++) {
    stream.grant(5000);
    caller.grant(5000);
    await scene.world.pass(700);
  }
  await caller.finished(stream);
  expect([stream.bodyBytes, stream.ended]).toEqual([100_000, true]);
});
