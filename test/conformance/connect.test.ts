// CONNECT (RFC 9110 §9.3.6): off unless it is asked for, led by the dtab alone, and never mistaken for requests.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { everySplit } from "../support/http1-reader.ts";
import type { Peer } from "../support/peer.ts";
import type { ProxySetup } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { type TunnelScene, tunnelSceneIn } from "../support/tunnel-scene.ts";
import type { WireBehaviour } from "../support/wire-service.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CONNECTED = "HTTP/1.1 200 OK\r\nVia: 1.1 fairlead\r\n\r\n";
const echo: WireBehaviour = { heard: (chunk, { connection }) => connection.send(chunk) };

function connect(target = "db:5432", fields = ""): string {
  return `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`;
}

/** A proxy that takes CONNECT; the dtab leads `/connect/db/5432` to the service. */
function connectScene(
  behaviour: WireBehaviour = echo,
  { server, ...setup }: ProxySetup = {},
  world: MemoryWorld = memoryWorld(),
): Promise<TunnelScene<MemoryWorld>> {
  return tunnelSceneIn(world, behaviour, { ...setup, server: { connect: true, ...server } }, true);
}

async function answered(scene: TunnelScene<MemoryWorld>, text: string): Promise<Peer> {
  const peer = scene.caller();
  peer.send(text);
  await scene.world.until("an answer", () => peer.received.includes("\r\n\r\n"));
  return peer;
}

function outcomeOf({ received }: Peer): readonly [status: number, cause: string] {
  return [Number(received.slice(9, 12)), /fairlead-cause: ([^;\r]*)/.exec(received)?.[1] ?? ""];
}

// ---- Off ------------------------------------------------------------------------------------------------------------

test.each([{}, { modern: true }])(
  "CONNECT is off by default, and nothing behind it is read as a request (%o)",
  async (setup) => {
    await using scene = await memoryScene({ dtab: "/connect/web/80 => /svc/web;", ...setup });
    const client = scene.connect();
    client.send(`${connect("web:80")}${get("/smuggled")}`, "CONNECT");
    await client.answered(1);
    await client.released();
    client.peer.send(get("/more"));
    await scene.world.pass(3000);
    expect(client.answers.map((a) => a.status)).toEqual([501]);
    expect(scene.backend.connections).toEqual([]);
  },
);

// ---- On -------------------------------------------------------------------------------------------------------------

test("CONNECT leads bytes to where the dtab says, and the service hears of no request", async () => {
  await using scene = await connectScene(echo, { accessLog: true });
  const { proxy, service, world } = scene;
  const peer = await answered(
    scene,
    connect("DB:5432", "Proxy-Authorization: Basic x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"),
  );
  expect(peer.received).toBe(CONNECTED);
  world.settle();
  expect(service.first.bytes).toBe("");
  peer.take();
  peer.send("GET / HTTP/1.1\r\n\r\n");
  world.settle();
  expect(service.first.bytes).toBe("GET / HTTP/1.1\r\n\r\n");
  expect(peer.received).toBe("GET / HTTP/1.1\r\n\r\n");
  peer.end();
  world.settle();
  expect([peer.closed, service.first.connection.closed]).toEqual([true, true]);
  expect(proxy.lastLine).toMatchObject({
    method: "CONNECT",
    uri: "DB:5432",
    status: 200,
    service: "/connect/db/5432",
    endpoint: service.backend.address,
    requestBytes: 18,
    responseBytes: 18,
    cause: null,
  });
});

test("a service may speak first", async () => {
  await using scene = await connectScene({ connected: ({ connection }) => connection.send("220 hello\r\n") });
  const peer = await answered(scene, connect());
  await scene.world.until("the greeting", () => peer.received.includes("hello"));
  expect(peer.received).toBe(`${CONNECTED}220 hello\r\n`);
  peer.end();
});

test("bytes behind the head wait for the connection, wherever they are cut", async () => {
  await using scene = await connectScene(echo, { reuse: true });
  const { service, world } = scene;
  const text = `${connect()}GET /early HTTP/1.1\r\n\r\n`;
  for (const parts of everySplit(text)) {
    const peer = scene.caller();
    for (const part of parts) {
      peer.send(part);
      world.settle();
    }
    expect(peer.received).toBe(`${CONNECTED}GET /early HTTP/1.1\r\n\r\n`);
    expect(service.wires.at(-1)?.bytes).toBe("GET /early HTTP/1.1\r\n\r\n");
    peer.reset();
    world.settle();
  }
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0, accepted: 0 });
});

test("a network that delivers byte by byte changes nothing", async () => {
  await using scene = await connectScene(echo, {}, memoryWorld({ readBytes: () => 1 }));
  const peer = scene.caller();
  peer.send(`${connect()}early`);
  scene.world.settle();
  expect(peer.received).toBe(`${CONNECTED}early`);
});

// ---- Where it may lead ----------------------------------------------------------------------------------------------

test.each([
  ["which no entry names", "other:5432", ""],
  ["at a port which no entry names", "db:22", ""],
  ["which only names of requests lead to", "web:80", ""],
  ["which the caller's own dtab names", "mine:22", "l5d-dtab: /connect/mine => /svc/web\r\n"],
  ["which an address would be", "127.0.0.1:22", "l5d-dtab: /connect => /$/inet\r\n"],
  ["that looks like a utility", "$:80", ""],
])("CONNECT to a place %s leads nowhere, and its bytes too", async (_, target, fields) => {
  const behaviour: WireBehaviour = {};
  await using scene = await connectScene(behaviour, { dtab: "/svc => /$/inet;" });
  const peer = await answered(scene, `${connect(target, fields)}early`);
  expect(outcomeOf(peer)[0]).toBeGreaterThanOrEqual(400);
  await scene.world.until("the end", () => peer.ended);
  expect(scene.service.wires).toEqual([]);
});

test.each([
  "db",
  "db:",
  "db:0",
  "db:65536",
  "db:5432/",
  "http://db:5432/",
  "/",
  "*",
  "user@db:5432",
  "a b:1",
  "[db]:1",
  "db:05432",
])("a target %j is refused", async (target) => {
  await using scene = await connectScene();
  const peer = await answered(scene, `CONNECT ${target} HTTP/1.1\r\nHost: web\r\n\r\n${get("/smuggled")}`);
  expect(outcomeOf(peer)[0]).toBe(400);
  await scene.world.until("the end", () => peer.ended);
  expect(scene.service.wires).toEqual([]);
});

test.each([
  ["a length", "Content-Length: 5\r\n", 400],
  ["a length of nothing", "Content-Length: 0\r\n", 400],
  ["a coding", "Transfer-Encoding: chunked\r\n", 400],
  ["a bad Host", "", 400],
])("CONNECT with %s is refused, and nothing behind it is read", async (what, fields, status) => {
  await using scene = await connectScene();
  const head = what === "a bad Host" ? connect().replace("Host: db", "Host: d/b") : connect("db:5432", fields);
  const peer = await answered(scene, `${head}hello${get("/smuggled")}`);
  expect(outcomeOf(peer)[0]).toBe(status);
  await scene.world.until("the end", () => peer.ended);
  await scene.world.pass(3000);
  expect(peer.received.match(/HTTP\/1\.1 \d/g)?.length).toBe(1);
  expect(scene.service.wires).toEqual([]);
});

test("CONNECT of HTTP/1.0 opens a tunnel like any other: many callers ask for it that way", async () => {
  await using scene = await connectScene();
  const peer = await answered(scene, "CONNECT db:5432 HTTP/1.0\r\n\r\nhello");
  await scene.world.until("the echo", () => peer.received.endsWith("hello"));
  expect(peer.received).toBe(`${CONNECTED}hello`);
});

test("an endpoint that is spoken to in HTTP/2 takes no tunnel: 501", async () => {
  await using scene = await connectScene(echo, { client: { protocol: "h2" } });
  const peer = await answered(scene, connect());
  expect(outcomeOf(peer)).toEqual([501, "proxy.tunnel.unsupported"]);
});

// ---- Connections ----------------------------------------------------------------------------------------------------

test("a tunnel gets a connection of its own, and requests go on with theirs", async () => {
  await using scene = await memoryScene({
    dtab: "/connect/web/80 => /svc/web;",
    server: { connect: true },
  });
  const { backend, world } = scene;
  const client = scene.connect();
  await client.ask(get("/one"));
  const tunnel = scene.connect();
  tunnel.peer.send(connect("web:80"));
  await world.until("the second connection", () => backend.connections.length === 2);
  tunnel.peer.send("GET /raw HTTP/1.1\r\nHost: raw\r\n\r\n");
  world.settle();
  expect(backend.last).toMatchObject({ target: "/raw", connection: 1 });
  expect(backend.last.fields).toEqual([["host", "raw"]]);
  await client.ask(get("/two"));
  expect(backend.last).toMatchObject({ target: "/two", connection: 0 });
  tunnel.close();
  world.settle();
  await client.ask(get("/three"));
  expect(backend.connections.length).toBe(2);
});

test("an endpoint that refuses is left for another, and when none is left the answer says so", async () => {
  const world = memoryWorld();
  const gone = await Backend.start(world);
  const { name } = gone;
  await gone.unlisten();
  await using scene = await connectScene(echo, { dtab: `/connect/gone/1 => ${name};` }, world);
  const peer = await answered(scene, `${connect("gone:1")}early`);
  expect(outcomeOf(peer)).toEqual([502, "upstream.connect.refused"]);
  expect(scene.proxy.lastRecord.attempts).toBeGreaterThan(1);
  await world.until("the end", () => peer.ended);
});

test("maxSize holds for tunnels too: an idle connection makes room, and when there is none the answer is a refusal", async () => {
  await using scene = await memoryScene({
    dtab: "/connect/web/80 => /svc/web;",
    server: { connect: true },
    client: { hostConnectionPool: { maxSize: 1 } },
  });
  const { backend, world } = scene;
  await scene.connect().ask(get());
  const tunnel = scene.connect();
  tunnel.peer.send(connect("web:80"));
  await world.until("the second connection", () => backend.connections.length === 2);
  world.settle();
  expect(backend.open.length).toBe(1);
  const second = scene.connect();
  second.send(connect("web:80"));
  await second.answered(1);
  expect(second.answers[0]?.status).toBe(502);
  expect(scene.proxy.lastRecord.cause).toBe("proxy.limit.pool-waiters");
  const waiting = scene.connect();
  waiting.send(get("/waits"));
  await world.pass(100);
  expect(waiting.answers).toEqual([]);
  tunnel.close();
  await waiting.answered(1);
  expect(waiting.answers[0]?.status).toBe(200);
});

test("a caller that leaves while it is connected for, and a proxy that stops, leave nothing behind", async () => {
  await using scene = await connectScene();
  const { proxy, service, world } = scene;
  world.network.silence(service.backend.address);
  const left = scene.caller();
  left.send(`${connect()}early`);
  await world.pass(100);
  left.reset();
  world.settle();
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0, accepted: 0 });
  expect(proxy.lastRecord).toMatchObject({ status: 499, cause: "downstream.connection.gone" });
  const late = scene.caller();
  late.send(connect());
  await world.pass(100);
});

test("the connection must be there within connectTimeoutMs", async () => {
  await using scene = await connectScene(echo, {
    client: { connectTimeoutMs: 500, requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } },
    service: { totalTimeoutMs: 700 },
  });
  scene.world.network.silence(scene.service.backend.address);
  const peer = scene.caller();
  peer.send(connect());
  await scene.world.pass(1000);
  expect(outcomeOf(peer)[0]).toBeGreaterThanOrEqual(502);
});
