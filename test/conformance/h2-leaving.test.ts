// GOAWAY in both directions (RFC 9113 §6.8): what the service will not work on goes elsewhere, and our own leaving takes two steps.
import { expect, test } from "vitest";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, Set } from "../support/h2-frames.ts";
import { call, get, memoryH2Scene, post, startH2Proxy, tcpH2Scene } from "../support/h2-scene.ts";
import { H2Service, silent } from "../support/h2-service.ts";
import { memoryWorld } from "../support/world.ts";

const LARGEST_ID = 0x7fff_ffff;

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])(
  "%s streams above a service's GOAWAY are sent again on another connection, once, and those below finish",
  async (_, makeScene) => {
    await using scene = await makeScene({}, silent());
    const caller = scene.connect();
    const streams = Array.from({ length: 5 }, (__, i) => caller.request(get(`/${i}`)));
    await scene.service.begun(5);
    const [first] = scene.service.connections;
    scene.service.behaviour = { request: (stream) => stream.reply(200, "elsewhere") };
    first?.goaway(3);
    await caller.finished(...streams.slice(2));
    expect(streams.slice(2).map(({ body }) => body)).toEqual(["elsewhere", "elsewhere", "elsewhere"]);
    expect(streams.slice(0, 2).map(({ done }) => done)).toEqual([false, false]);
    for (const stream of [...(first?.streams.values() ?? [])].slice(0, 2)) stream.reply(200, "here");
    await caller.finished(...streams);
    expect(streams.slice(0, 2).map(({ body }) => body)).toEqual(["here", "here"]);
    expect(scene.service.heads.map(({ path }) => path).sort()).toEqual([
      "/0",
      "/1",
      "/2",
      "/2",
      "/3",
      "/3",
      "/4",
      "/4",
    ]);
    await scene.proxy.recorded(5);
    expect(scene.proxy.records.map(({ attempts }) => attempts).sort((a, b) => a - b)).toEqual([1, 1, 2, 2, 2]);
    expect(scene.proxy.metric("client", scene.service.name.slice(1), "retries", "requeues")).toBe(3);
    expect(scene.proxy.metric("client", scene.service.name.slice(1), "h2", "goaways_received")).toBe(1);
    await scene.world.until("the old connection to close", () => first?.over === true);
  },
);

test("a service that leaves in two steps loses no stream, and gets no new one after the first step", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const held = caller.request(get("/held"));
  await scene.service.begun(1);
  const first = scene.service.connection;
  first.goaway(LARGEST_ID);
  scene.world.settle();
  const next = caller.request(get("/next"));
  await scene.service.begun(2);
  expect(scene.service.heads[1]?.connection).not.toBe(first);
  first.goaway(1);
  scene.world.settle();
  scene.service.heads[0]?.reply(200, "held");
  scene.service.heads[1]?.reply(200, "next");
  await caller.finished(held, next);
  expect([held.body, next.body]).toEqual(["held", "next"]);
  expect(scene.proxy.records.map(({ attempts }) => attempts)).toEqual([1, 1]);
});

test("a service that says GOAWAY after every request costs none of them", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      request(stream, connection) {
        stream.reply(200, "ok");
        connection.goaway(stream.id);
      },
    },
  );
  const caller = scene.connect();
  for (let round = 0; round < 30; round++) {
    const streams = [caller.request(get()), caller.request(post(), { body: "x" })];
    await caller.finished(...streams);
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
  }
});

test("POST above the last stream of a GOAWAY is sent again with its body: it was not worked on", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const stream = caller.request(post(), { body: "once and again" });
  await scene.service.begun(1);
  scene.world.settle();
  scene.service.behaviour = { request: (again) => again.reply(200, again.body) };
  scene.service.connection.goaway(0);
  await caller.finished(stream);
  expect(stream.body).toBe("once and again");
});

test("GOAWAY with an error goes on the same way, and names it when nothing else is left", async () => {
  await using scene = await memoryH2Scene(
    { client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } } },
    { head: (_, connection) => connection.goaway(0, Code.calm) },
  );
  const caller = scene.connect();
  const answer = await caller.ask(get());
  expect([answer.status, answer.cause]).toEqual([502, "upstream.h2.goaway"]);
  expect(answer.value("fairlead-cause")).toContain("ENHANCE_YOUR_CALM");
  expect(answer.value("l5d-retryable")).toBe("true");
});

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s a proxy that stops says so in two steps, and lets every stream finish", async (_, makeScene) => {
  await using scene = await makeScene({}, silent());
  const [caller, idle] = [scene.connect(), scene.connect()];
  const stream = caller.request(get());
  await scene.service.begun(1);
  const progress = scene.proxy.stop(10_000);
  await scene.world.until("both steps", () => caller.goaways.length === 2);
  expect(caller.goaways).toEqual([
    { lastId: LARGEST_ID, code: Code.none },
    { lastId: 1, code: Code.none },
  ]);
  await idle.released();
  const late = caller.request(get("/late"));
  await caller.finished(late);
  expect(late.reset).toBe(Code.refused);
  expect([caller.over, progress.done]).toEqual([false, false]);
  scene.service.last.reply(200, "to the end");
  await caller.finished(stream);
  expect(stream.body).toBe("to the end");
  await caller.released();
  await scene.world.until("the proxy to stop", () => progress.done);
  expect(progress.clean).toBe(true);
  expect(scene.proxy.serverMetric("h2", "goaways_sent")).toBe(4); // two on each connection
});

test("a stream that was under way between the two steps is served", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect({ answers: false });
  await caller.ask(get());
  scene.proxy.stop(10_000);
  await scene.world.until("the first step", () => caller.goaways.length === 1);
  expect((await caller.ask(get("/crossing"))).status).toBe(200);
  await scene.world.pass(1500); // a caller that does not answer the PING cannot hold up the second
  expect(caller.goaways.map(({ lastId }) => lastId)).toEqual([LARGEST_ID, 3]);
  await caller.released();
});

test("what does not finish in time is answered when it can be, and reset when not", async () => {
  await using scene = await memoryH2Scene(
    {},
    { request: (stream) => (stream.path === "/begun" ? stream.sendHead([[":status", "200"]]) : undefined) },
  );
  const caller = scene.connect();
  const streams = [caller.request(get("/begun")), caller.request(get("/waiting")), caller.request(call())];
  await scene.service.begun(3);
  scene.proxy.stop(1000);
  await scene.world.pass(3000);
  await caller.finished(...streams);
  const [begun, waiting, grpc] = streams;
  expect([begun?.status, begun?.reset]).toEqual([200, Code.internal]);
  expect([waiting?.status, waiting?.cause]).toEqual([502, "proxy.drain.limit"]);
  expect([grpc?.status, grpc?.value("grpc-status"), grpc?.cause]).toEqual([200, "13", "proxy.drain.limit"]);
  expect(scene.service.heads.map(({ reset }) => reset)).toEqual([Code.cancel, Code.cancel, Code.cancel]);
});

test("a gRPC answer that has begun when the time to stop is up ends in trailers", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      request: (stream) =>
        stream.sendHead([
          [":status", "200"],
          ["content-type", "application/grpc"],
        ]),
    },
  );
  const caller = scene.connect();
  const stream = caller.request(call());
  await scene.service.begun(1);
  scene.proxy.stop(1000);
  await scene.world.pass(3000);
  await caller.finished(stream);
  expect([stream.reset, stream.trailer("grpc-status"), stream.cause]).toEqual([null, "13", "proxy.drain.limit"]);
});

test("answers that wait for a window when the time to stop is up end with their connection", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  caller.request(get());
  await scene.service.begun(1);
  scene.proxy.stop(100);
  await scene.world.pass(3000);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, serverStreams: 0, h2Heads: 0 });
  expect(scene.proxy.records).toHaveLength(1);
});

test("connections older than lifeTimeMs leave, and their callers open others", async () => {
  await using scene = await memoryH2Scene({ server: { serverSession: { lifeTimeMs: 1000 } } });
  const caller = scene.connect();
  await caller.ask(get());
  await scene.world.pass(1200);
  await scene.world.until("both steps", () => caller.goaways.length === 2);
  await caller.released();
  expect((await scene.connect().ask(get())).status).toBe(200);
});

test("a caller that says GOAWAY gets the answers to what it has asked", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const stream = caller.request(get());
  await scene.service.begun(1);
  caller.goaway(0);
  scene.world.settle();
  scene.service.last.reply(200, "ok");
  await caller.finished(stream);
  expect(stream.body).toBe("ok");
});

test("of two endpoints, one that leaves hands its streams to the other", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [leaving, staying] = [await H2Service.start(world, silent()), await H2Service.start(world)];
  const { client } = { client: { requeueBudget: { minRetriesPerSec: 100, percentCanRetry: 1 } } };
  await using proxy = await startH2Proxy(world, { dtab: `/svc/web => ${leaving.name} | ${staying.name};`, client });
  const caller = new H2Caller(world, proxy.port());
  const stream = caller.request(get());
  await leaving.begun(1);
  leaving.behaviour = { request: (again) => again.reply(200, "again here") };
  leaving.connection.goaway(0);
  await caller.finished(stream);
  expect(stream.status).toBe(200);
  expect(caller.problems).toEqual([]);
});

test("on sockets, a service that answers, says GOAWAY and closes costs no request", async () => {
  await using scene = await tcpH2Scene(
    { client: { failureAccrual: { kind: "none" } } },
    {
      request(stream, connection) {
        stream.reply(200, "ok");
        connection.goaway(stream.id);
        connection.peer.end();
      },
    },
  );
  const caller = scene.connect();
  for (let i = 0; i < 100; i++) expect((await caller.ask(post(), { body: "x" })).status).toBe(200);
});
