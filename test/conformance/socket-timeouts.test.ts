// `socketOptions.readTimeoutMs` and `writeTimeoutMs` (linkerd1 §1.5): connections that close by a time of their own, whatever they carry.
import { expect, test } from "vitest";
import { Backend, type Received, type BackendConnection } from "../support/backend.ts";
import { causeOf, HttpClient } from "../support/http-client.ts";
import { call, get as h2Get, memoryH2Scene } from "../support/h2-scene.ts";
import { Peer } from "../support/peer.ts";
import { Proxy } from "../support/proxy.ts";
import { readSlowly } from "../support/slow-reader.ts";
import { get, memoryScene, post, sceneIn } from "../support/scene.ts";
import { OFFER, tunnelScene } from "../support/tunnel-scene.ts";
import { memoryWorld, tcpWorld } from "../support/world.ts";

const silent = { request: () => undefined };
const readTimeout = { socketOptions: { readTimeoutMs: 1000 } };
const writeTimeout = { socketOptions: { writeTimeoutMs: 1000 } };
const LARGE = "x".repeat(1_000_000);

test("a caller from whom nothing is read for readTimeoutMs is let go between requests, and one that asks in time stays", async () => {
  await using scene = await memoryScene({ server: readTimeout });
  const [mute, quiet, busy] = [scene.connect(), scene.connect(), scene.connect()];
  await quiet.ask(get());
  for (let i = 0; i < 4; i++) {
    expect((await busy.ask(get())).status).toBe(200);
    await scene.world.pass(700);
  }
  expect([mute.over, quiet.over, busy.over]).toEqual([true, true, false]);
  expect(scene.proxy.records.filter(({ cause }) => cause !== "")).toEqual([]);
});

test("it is never early, and at most two ticks of the wheel late", async () => {
  await using scene = await memoryScene({ server: readTimeout });
  const client = scene.connect();
  await client.ask(get());
  await scene.world.pass(975);
  expect(client.over).toBe(false);
  await scene.world.pass(150);
  expect(client.over).toBe(true);
});

test("a caller who waits longer than that for an answer is let go too, and the work upstream is cancelled", async () => {
  await using scene = await memoryScene({ server: readTimeout }, silent);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(1200);
  expect(client.over).toBe(true);
  expect(scene.proxy.lastRecord).toMatchObject({
    cause: "downstream.connection.read-timeout",
    status: 499,
    outcome: "ignorable",
  });
  expect(scene.backend.open).toHaveLength(0);
});

test("a body that drips in keeps its connection", async () => {
  await using scene = await memoryScene({ server: readTimeout });
  const client = scene.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 6\r\n\r\n");
  for (const byte of "slowly") {
    await scene.world.pass(800);
    client.peer.send(byte);
  }
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
});

test("a service that says nothing for readTimeoutMs fails what waits for it: 502, and its cause", async () => {
  await using scene = await memoryScene({ client: readTimeout }, silent);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(1200);
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connection.read-timeout");
  expect(scene.proxy.lastRecord).toMatchObject({ attempts: 1, outcome: "failure" });
  expect(scene.backend.open).toHaveLength(0);
  expect(client.over).toBe(false);
});

test("in the middle of an answer it cuts the answer off, under the same cause", async () => {
  await using scene = await memoryScene(
    { client: readTimeout },
    { request: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12") },
  );
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(1200);
  expect(client.over).toBe(true);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, cause: "upstream.connection.read-timeout" });
});

test("kept connections to a service end after readTimeoutMs, and nobody notices", async () => {
  await using scene = await memoryScene({ client: readTimeout });
  const client = scene.connect();
  await client.ask(get());
  await scene.world.pass(700);
  await client.ask(get());
  expect(scene.backend.connections).toHaveLength(1);
  await scene.world.pass(1200);
  expect(scene.backend.open).toHaveLength(0);
  expect((await client.ask(get())).status).toBe(200);
  expect(scene.backend.connections).toHaveLength(2);
});

test("what it ended is sent again as what a broken connection ended: a GET where its class says so, a POST never", async () => {
  const first = (request: Received, connection: BackendConnection) =>
    connection.number === 0 || request.method === "POST" ? undefined : connection.reply(200, "again");
  await using scene = await memoryScene(
    { client: readTimeout, service: { responseClassifier: { kind: "io.l5d.http.retryableRead5XX" } } },
    { request: first },
  );
  const reading = scene.connect();
  reading.send(get());
  await scene.world.pass(1300);
  await reading.answered(1);
  expect(reading.answers[0]).toMatchObject({ status: 200, body: "again" });
  const writing = scene.connect();
  writing.send(post("once"));
  await scene.world.pass(1300);
  expect(writing.answers[0]?.status).toBe(502);
  expect(scene.backend.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
});

test("a caller that does not take what it was sent within writeTimeoutMs is let go", async () => {
  await using scene = await memoryScene(
    { server: writeTimeout },
    { request: (_, connection) => connection.reply(200, LARGE) },
  );
  const [stuck, fine] = [scene.connect(), scene.connect()];
  stuck.send(get());
  stuck.peer.stream.pause();
  await scene.world.pass(800);
  expect(scene.proxy.records).toHaveLength(0);
  await scene.world.pass(400);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.connection.write-timeout");
  stuck.peer.stream.resume();
  await scene.world.until("the reset", () => stuck.peer.closed);
  expect(stuck.peer.errorCode).toBe("ECONNRESET");
  expect(scene.backend.open).toHaveLength(0);
  expect((await fine.ask(get())).body).toHaveLength(LARGE.length);
  await scene.world.pass(3000);
  expect(fine.over).toBe(false);
});

test("a caller that takes each write in time is served to the end, however long the whole takes", async () => {
  await using scene = await memoryScene(
    { server: writeTimeout },
    { request: (_, connection) => connection.reply(200, LARGE) },
  );
  const client = scene.connect();
  client.send(get());
  await readSlowly(scene.world, client, 400, 60);
  expect(client.over).toBe(false);
  client.peer.stream.resume();
  await client.answered(1);
  expect(client.answers[0]?.body).toHaveLength(LARGE.length);
});

test("a service that does not read its request within writeTimeoutMs fails it: 502, and its cause", async () => {
  await using scene = await memoryScene(
    { client: writeTimeout },
    { connected: (connection) => connection.peer.stream.pause() },
  );
  const client = scene.connect();
  client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${LARGE.length}\r\n\r\n`);
  client.peer.send(LARGE);
  await scene.world.pass(1300);
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connection.write-timeout");
  scene.backend.connections[0]?.peer.stream.resume();
});

test("a service that is not read because its caller is slow counts as silent, as in the original", async () => {
  await using scene = await memoryScene(
    { client: readTimeout },
    { request: (_, connection) => connection.reply(200, LARGE) },
  );
  const client = scene.connect();
  client.send(get());
  client.peer.stream.pause();
  await scene.world.pass(1200);
  expect(scene.proxy.lastRecord.cause).toBe("upstream.connection.read-timeout");
  client.peer.stream.resume();
});

test("both times hold side by side", async () => {
  const socketOptions = { readTimeoutMs: 3000, writeTimeoutMs: 500 };
  await using scene = await memoryScene(
    { server: { socketOptions } },
    { request: ({ target }, connection) => target === "/large" && connection.reply(200, LARGE) },
  );
  const [waiting, stuck] = [scene.connect(), scene.connect()];
  waiting.send(get("/never"));
  stuck.send(get("/large"));
  stuck.peer.stream.pause();
  await scene.world.pass(800);
  expect(scene.proxy.records.map(({ cause }) => cause)).toEqual(["downstream.connection.write-timeout"]);
  stuck.peer.stream.resume();
  await scene.world.pass(2500);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.connection.read-timeout");
});

test("a tunnel with a silent end is broken off, under the cause of that end", async () => {
  for (const [side, cause] of [
    ["server", "downstream.connection.read-timeout"],
    ["client", "upstream.connection.read-timeout"],
  ] as const) {
    await using scene = await tunnelScene(undefined, { [side]: readTimeout });
    const caller = scene.caller();
    caller.send(OFFER);
    await scene.world.until("the tunnel", () => caller.received.includes("101"));
    for (let i = 0; i < 3; i++) {
      await scene.world.pass(700);
      caller.send("ping"); // which comes back
    }
    expect(caller.closed).toBe(false);
    await scene.world.pass(1200);
    expect(scene.proxy.lastRecord.cause).toBe(cause);
    expect(caller.ended || caller.closed).toBe(true);
  }
});

test("a reload brings them, changes them and takes them away", async () => {
  await using scene = await memoryScene();
  const setup = (server: Record<string, unknown>) => ({ server, dtab: `/svc/web => ${scene.backend.name};` });
  const old = scene.connect();
  await old.ask(get());
  await scene.proxy.reload(setup(readTimeout));
  const timed = scene.connect();
  await timed.ask(get());
  await scene.world.pass(1200);
  expect([old.over, timed.over]).toEqual([false, true]);
  await scene.proxy.reload(setup({}));
  const free = scene.connect();
  await free.ask(get());
  await scene.world.pass(3000);
  expect(free.over).toBe(false);
});

test("the admin server has them too", async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, { admin: { port: 0, ...readTimeout } });
  const { port } = proxy.linker.admin!.listener;
  const client = new HttpClient(world, port);
  const ping = "GET /admin/ping HTTP/1.1\r\nHost: localhost\r\n\r\n";
  expect((await client.ask(ping)).body).toBe("pong");
  await world.pass(700);
  expect((await client.ask(ping)).body).toBe("pong");
  await world.pass(1200);
  expect(client.over).toBe(true);
});

// ---- HTTP/2 --------------------------------------------------------------------------------------------------------

test("h2: all streams of a caller's silent connection end with its cause", async () => {
  await using scene = await memoryH2Scene({ server: readTimeout }, silent);
  const caller = scene.connect();
  const streams = [caller.request(h2Get()), caller.request(call())];
  await scene.service.begun(2);
  await scene.world.pass(1300);
  expect(caller.over).toBe(true);
  expect(streams.some(({ done }) => done)).toBe(false);
  expect(scene.proxy.records.map(({ cause }) => cause)).toEqual(
    Array.from({ length: 2 }, () => "downstream.connection.read-timeout"),
  );
  expect(scene.service.heads.every(({ reset }) => reset !== null)).toBe(true);
});

test("h2: all streams on a service's silent connection end with its cause, answered or not, and the next has a new connection", async () => {
  await using scene = await memoryH2Scene(
    { client: readTimeout },
    {
      request(stream) {
        if (stream.path === "/begun") stream.sendHead([[":status", "200"]]);
        else if (stream.path === "/next") stream.reply(200, "next");
      },
    },
  );
  const caller = scene.connect();
  const streams = [caller.request(h2Get("/silent")), caller.request(call()), caller.request(h2Get("/begun"))];
  await scene.service.begun(3);
  await scene.world.pass(1300);
  await caller.finished(...streams);
  expect(streams.slice(0, 2).map(({ cause }) => cause)).toEqual(
    Array.from({ length: 2 }, () => "upstream.connection.read-timeout"),
  );
  expect(streams.map(({ status }) => status)).toEqual([502, 200, 200]);
  expect(streams[1]?.value("grpc-status")).toBe("14");
  expect(streams[2]?.reset).not.toBe(null);
  expect(scene.proxy.records.map(({ cause }) => cause)).toEqual(
    Array.from({ length: 3 }, () => "upstream.connection.read-timeout"),
  );
  expect((await caller.ask(h2Get("/next"))).body).toBe("next");
  expect(scene.service.connections).toHaveLength(2);
});

test("h2: a caller that does not take its answers within writeTimeoutMs is let go", async () => {
  await using scene = await memoryH2Scene(
    { server: writeTimeout },
    { request: (stream) => stream.reply(200, "x".repeat(300_000)) },
  );
  const caller = scene.connect({ refill: true, settings: [[4, 1_000_000]] });
  caller.grant(1_000_000);
  await scene.world.until("settings", () => caller.settings.size > 0);
  caller.request(h2Get());
  caller.peer.stream.pause();
  await scene.world.pass(1300);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.connection.write-timeout");
  caller.peer.stream.resume();
  await caller.released();
});

test("h2: keep-alive PINGs and their answers are read, so they keep a connection", async () => {
  await using scene = await memoryH2Scene({
    modern: true,
    client: { ...readTimeout, pingIntervalMs: 400 },
    server: { limits: { streamIdleTimeoutMs: 0 } },
  });
  const caller = scene.connect();
  await caller.ask(h2Get());
  await scene.world.pass(5000);
  expect((await caller.ask(h2Get())).status).toBe(200);
  expect(scene.service.connections).toHaveLength(1);
});

// ---- Real sockets --------------------------------------------------------------------------------------------------

test("on sockets: both times, in both directions", async () => {
  const world = tcpWorld();
  await using scene = await sceneIn(
    world,
    {
      server: { socketOptions: { readTimeoutMs: 2000, writeTimeoutMs: 300 } },
      client: { socketOptions: { readTimeoutMs: 1000 } },
    },
    {
      request({ target }, connection) {
        if (target === "/large") connection.reply(200, "x".repeat(20_000_000));
        else if (target === "/") connection.reply(200, "ok");
      },
    },
  );
  const stuck = new Peer((peer) => world.transport.connect({ host: "127.0.0.1", port: scene.proxy.port() }, peer));
  await world.until("the connection", () => stuck.connected);
  stuck.send(get("/large"));
  stuck.stream.pause();
  const waiting = scene.connect();
  waiting.send(get("/never"));
  await waiting.answered(1);
  expect(causeOf(waiting.answers[0]!)).toBe("upstream.connection.read-timeout");
  const isStuck = ({ cause }: { cause: string }) => cause === "downstream.connection.write-timeout";
  await world.until("the write timeout", () => scene.proxy.records.some(isStuck));
  stuck.stream.resume();
  await world.until("the end of the connection", () => stuck.closed);
  const quiet = scene.connect();
  expect((await quiet.ask(get())).status).toBe(200);
  await world.until("the read timeout", () => quiet.over);
});

test("without them a connection is not touched: nothing stands between it and its reader, and no timer is armed for it", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  const dtab = `/svc/web => ${backend.name};`;
  await using plain = await Proxy.start(world, { dtab });
  const armedBy = async (proxy: Proxy): Promise<number> => {
    const before = proxy.linker.loop.wheel.armed;
    await proxy.connect().ask(get());
    return proxy.linker.loop.wheel.armed - before;
  };
  const usual = await armedBy(plain);
  await using timed = await Proxy.start(world, { dtab, server: readTimeout, client: readTimeout });
  expect((await armedBy(timed)) - usual).toBe(2);
});
