// Connections that become tunnels (RFC 9110 §7.8): who may offer one, what becomes of the bytes around the 101, and how it ends.
import { expect, test } from "vitest";
import { everySplit } from "../support/http1-reader.ts";
import { valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { OFFER, offer, tunnelScene, tunnelSceneIn, type TunnelScene } from "../support/tunnel-scene.ts";
import { SWITCH, type WireBehaviour } from "../support/wire-service.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

/** What the caller gets for the 101 of `SWITCH`. */
const SWITCHED =
  "HTTP/1.1 101 Switching Protocols\r\nl5d-success-class: 1.0\r\nVia: 1.1 fairlead\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/** Says nothing by itself. */
const silent: WireBehaviour = {};

function statusOf(peer: Peer): number {
  return Number(peer.received.slice(9, 12));
}

function causeIn(peer: Peer): string {
  return /fairlead-cause: ([^;\r]*)/.exec(peer.received)?.[1] ?? "";
}

/** A tunnel that is open. */
async function opened(scene: TunnelScene<MemoryWorld>): Promise<Peer> {
  const peer = scene.caller();
  scene.world.settle();
  peer.send(OFFER);
  await scene.world.until("101", () => peer.received.startsWith(SWITCHED));
  peer.take();
  return peer;
}

// ---- The 101 -------------------------------------------------------------------------------------------------------

test("an offer reaches the service with both of its fields, its bytes only after the 101", async () => {
  await using scene = await tunnelScene(silent);
  const { service, world } = scene;
  const peer = scene.caller();
  peer.send(offer("Connection: Upgrade, X-Hop\r\nX-Hop: 1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"), "early");
  world.settle();
  expect(service.first.head).toMatch(/^GET \/chat HTTP\/1\.1\r\nHost: web\r\nSec-WebSocket-Key: k\r\n/);
  expect(service.first.head).toContain("\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  expect(service.first.head).not.toContain("X-Hop");
  peer.send(" bytes");
  world.settle();
  expect(service.first.bytes).toBe("");
  expect(peer.received).toBe("");
  service.first.connection.send(`${SWITCH}hello`);
  world.settle();
  expect(peer.received).toBe(`${SWITCHED}hello`);
  expect(service.first.bytes).toBe("early bytes");
});

test("whatever is cut where, both ways, comes to the same", async () => {
  await using scene = await tunnelScene(silent, { reuse: true });
  const { service, world } = scene;
  const run = (asked: readonly string[], answered: readonly string[]): string => {
    const peer = scene.caller();
    for (const part of asked) {
      peer.send(part);
      world.settle();
    }
    const wire = service.wires.at(-1)!; // it has been asked
    const before = wire.bytes;
    for (const part of answered) {
      wire.connection.send(part);
      world.settle();
    }
    peer.send("late");
    world.settle();
    const came = JSON.stringify([before, peer.received, wire.bytes]);
    peer.destroy();
    world.settle();
    return came;
  };
  const asked = `${OFFER}GET /early HTTP/1.1\r\n\r\n`;
  const answered = `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${SWITCH}HTTP/1.1 200 OK\r\n\r\n`;
  const whole = run([asked], [answered]);
  expect(JSON.parse(whole)).toEqual([
    "",
    `HTTP/1.1 103 Early Hints\r\nLink: x\r\nVia: 1.1 fairlead\r\n\r\n${SWITCHED}HTTP/1.1 200 OK\r\n\r\n`,
    "GET /early HTTP/1.1\r\n\r\nlate",
  ]);
  const different: string[] = [];
  for (const parts of everySplit(asked)) if (run(parts, [answered]) !== whole) different.push(parts[0] ?? "");
  for (const parts of everySplit(answered)) if (run([asked], parts) !== whole) different.push(parts[0] ?? "");
  expect(different).toEqual([]);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0, accepted: 0 });
});

test("a network that delivers byte by byte changes nothing", async () => {
  await using scene = await tunnelSceneIn(memoryWorld({ readBytes: () => 1 }));
  const peer = scene.caller();
  peer.send(`${OFFER}one`, "two");
  scene.world.settle();
  expect(peer.received).toBe(`${SWITCHED}onetwo`);
});

test("what is sent ahead of the 101 is read up to a bound, and arrives whole", async () => {
  await using scene = await tunnelScene(silent);
  const { service, world } = scene;
  const peer = scene.caller();
  const piece = Buffer.from("0123456789abcdef".repeat(64));
  let pieces = 0;
  peer.send(OFFER);
  peer.pour(() => (pieces === 2048 ? null : (pieces++, piece)));
  world.settle();
  await world.pass(1000);
  expect(pieces * piece.length).toBeLessThan(256 * 1024);
  expect(service.first.bytes).toBe("");
  service.first.connection.send(SWITCH);
  await world.until("all of it", () => service.first.bytes.length === 2048 * piece.length);
  expect(service.first.bytes).toBe(piece.toString().repeat(2048));
});

test.each([
  ["no Upgrade", "Connection: Upgrade\r\n"],
  ["another protocol", "Connection: Upgrade\r\nUpgrade: chat\r\n"],
  ["one that was not passed on", "Connection: Upgrade\r\nUpgrade: h2c\r\n"],
  ["two protocols", "Connection: Upgrade\r\nUpgrade: websocket, chat\r\n"],
  ["two Upgrades", "Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: websocket\r\n"],
  ["no Connection", "Upgrade: websocket\r\n"],
])("a 101 with %s is answered with 502, and what followed it goes nowhere", async (_, fields) => {
  const answer = `HTTP/1.1 101 Switching Protocols\r\n${fields}\r\nsecret`;
  await using scene = await tunnelScene({ asked: ({ connection }) => connection.send(answer) });
  const peer = scene.caller();
  peer.send(offer("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"), "early");
  await scene.world.until("the answer", () => peer.received !== "");
  expect([statusOf(peer), causeIn(peer)]).toEqual([502, "upstream.upgrade.protocol"]);
  expect(peer.received).not.toContain("secret");
  expect(peer.ended).toBe(true);
  expect(scene.service.first.connection.closed).toBe(true);
  expect(scene.service.first.bytes).toBe("");
  expect(scene.proxy.lastRecord).toMatchObject({ status: 502, outcome: "failure", attempts: 1 });
});

test("a 101 that was not asked for is answered with 502", async () => {
  await using scene = await tunnelScene({ asked: ({ connection }) => connection.send(SWITCH) });
  const peer = scene.caller();
  peer.send(get());
  await scene.world.until("the answer", () => peer.received !== "");
  expect([statusOf(peer), causeIn(peer)]).toEqual([502, "upstream.upgrade.unasked"]);
  expect(scene.service.first.connection.closed).toBe(true);
});

// ---- Offers that are none -------------------------------------------------------------------------------------------

test.each([
  ["in a file of Linkerd 1.x", OFFER, { modern: false }],
  ["where it is switched off", OFFER, { server: { upgrades: [] } }],
  ["of a protocol that is not on the list", offer("Connection: Upgrade\r\nUpgrade: chat\r\n"), {}],
  ["of h2c, even where all are", offer("Connection: Upgrade\r\nUpgrade: h2c\r\n"), { server: { upgrades: ["*"] } }],
  ["that Connection does not name", offer("Upgrade: websocket\r\n"), {}],
  ["of a connection that shall be closed", offer("Connection: Upgrade, close\r\nUpgrade: websocket\r\n"), {}],
  ["of HTTP/1.0", offer(undefined, "GET / HTTP/1.0"), {}],
  ["that is empty", offer("Connection: Upgrade\r\nUpgrade: ,\r\n"), {}],
  ["with a body", `${offer("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n")}hi`, {}],
  [
    "with a chunked body",
    `${offer("Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n")}0\r\n\r\n`,
    {},
  ],
])("an offer %s is not passed on: the request is one like any other", async (_, text, setup) => {
  await using scene = await memoryScene({ modern: true, ...setup });
  const client = scene.connect();
  client.send(text);
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
  expect(valueOf(scene.backend.last, "upgrade")).toBeUndefined();
  expect(valueOf(scene.backend.last, "connection") ?? "").not.toMatch(/upgrade/i);
});

test("of several protocols those on the list are offered, with their versions", async () => {
  await using scene = await tunnelScene(silent, { server: { upgrades: ["Chat", "websocket"] } });
  const peer = scene.caller();
  peer.send(offer("Connection: upgrade\r\nUpgrade: spdy/3, CHAT/2\r\nUpgrade: WebSocket\r\n"));
  scene.world.settle();
  expect(scene.service.first.head).toContain("\r\nUpgrade: chat/2, websocket\r\n");
  scene.service.first.connection.send(SWITCH.replace("websocket", "Chat/2"));
  scene.world.settle();
  expect(peer.received).toContain("Upgrade: Chat/2\r\n");
});

// ---- Other answers --------------------------------------------------------------------------------------------------

test("any other answer is one like any other, and the connection goes on", async () => {
  await using scene = await memoryScene({ modern: true });
  const client = scene.connect();
  await client.ask(OFFER);
  await client.ask(get("/next"));
  await client.ask(OFFER);
  expect(client.answers.map((a) => a.status)).toEqual([200, 200, 200]);
  expect(scene.backend.requests.map((r) => r.target)).toEqual(["/chat", "/next", "/chat"]);
  expect(scene.backend.connections.length).toBe(1);
});

test.each([200, 426, 503])(
  "what was sent ahead of an answer %d is not read as a request: it is thrown away",
  async (status) => {
    await using scene = await memoryScene({ modern: true }, { request: (_, connection) => connection.reply(status) });
    const client = scene.connect();
    client.send(`${OFFER}${get("/smuggled")}`, "GET");
    await client.answered(1);
    await client.released();
    expect(client.answers[0]?.status).toBe(status);
    expect(client.answers[0]?.fields).toContainEqual(["connection", "close"]);
    client.peer.send(get("/more"));
    await scene.world.pass(3000);
    expect(scene.backend.requests.map((r) => r.target)).toEqual(["/chat"]);
  },
);

test("nor ahead of an answer of the proxy", async () => {
  await using scene = await memoryScene({ modern: true });
  const client = scene.connect();
  client.send(`${OFFER.replace("Host: web", "Host: nobody")}${get("/smuggled")}`, "GET");
  await client.answered(1);
  await client.released();
  expect(client.answers[0]?.status).toBe(502);
  expect(scene.backend.requests).toEqual([]);
});

test("an endpoint that is spoken to in HTTP/2 gets no offer: 501", async () => {
  await using scene = await tunnelScene(silent, { client: { protocol: "h2" } });
  const peer = scene.caller();
  peer.send(OFFER);
  await scene.world.until("the answer", () => peer.received !== "");
  expect([statusOf(peer), causeIn(peer)]).toEqual([501, "proxy.tunnel.unsupported"]);
});

test("once its head was sent, a request with an offer is sent nowhere else", async () => {
  const service = { responseClassifier: { kind: "io.l5d.http.retryableAll5XX" } };
  await using scene = await memoryScene({ modern: true, service }, { request: (_, c) => c.reply(503) });
  const client = scene.connect();
  expect((await client.ask(OFFER)).status).toBe(503);
  expect(scene.backend.requests.length).toBe(1);
  expect((await client.ask(get())).status).toBe(503);
  expect(scene.backend.requests.length).toBeGreaterThan(2); // the classifier does retry
});

test("a kept connection that breaks under it is its end, and one that cannot be opened is not", async () => {
  await using scene = await memoryScene({ modern: true });
  const client = scene.connect();
  await client.ask(get());
  scene.backend.behaviour = { request: (_, connection) => connection.peer.destroy() };
  expect((await client.ask(OFFER)).status).toBe(502);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "upstream.connection.stale", attempts: 1 });
  await scene.backend.unlisten();
  expect((await client.ask(OFFER)).status).toBe(502);
  expect(scene.proxy.lastRecord.cause).toBe("upstream.connect.refused");
  expect(scene.proxy.lastRecord.attempts).toBeGreaterThan(1);
});

// ---- The tunnel -----------------------------------------------------------------------------------------------------

test("each side may finish first, and the other goes on", async () => {
  for (const first of ["caller", "service"] as const) {
    await using scene = await tunnelScene({
      asked: ({ connection }) => connection.send(SWITCH),
      finished: () => undefined,
    });
    const { proxy, service, world } = scene;
    const peer = await opened(scene);
    const { connection } = service.first;
    if (first === "caller") peer.end();
    else connection.peer.end();
    world.settle();
    expect([service.first.ended, peer.ended]).toEqual([first === "caller", first === "service"]);
    await world.pass(30_000);
    if (first === "caller") connection.send("still here");
    else peer.send("still here");
    world.settle();
    expect(first === "caller" ? peer.received : service.first.bytes).toBe("still here");
    expect(proxy.records).toEqual([]);
    if (first === "caller") connection.peer.end();
    else peer.end();
    world.settle();
    expect([peer.closed, connection.closed, peer.errorCode, connection.peer.errorCode]).toEqual([true, true, "", ""]);
    expect(proxy.lastRecord).toMatchObject({ status: 101, cause: "", outcome: "success" });
    expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0, accepted: 0 });
  }
});

test("what is in flight when both finish at once arrives", async () => {
  await using scene = await tunnelScene({
    asked: ({ connection }) => connection.send(SWITCH),
    finished: () => undefined,
  });
  const { service, world } = scene;
  const peer = await opened(scene);
  const much = "x".repeat(300_000);
  peer.send(much);
  service.first.connection.send(much);
  peer.end();
  service.first.connection.peer.end();
  world.settle();
  expect([peer.received.length, service.first.bytes.length]).toEqual([much.length, much.length]);
  expect([peer.closed, service.first.connection.closed]).toEqual([true, true]);
});

test.each(["caller", "service"] as const)(
  "a %s that does not read stops the other, and gets everything",
  async (slow) => {
    await using scene = await tunnelScene({ asked: ({ connection }) => connection.send(SWITCH) });
    const { service, world } = scene;
    const peer = await opened(scene);
    const other = service.first.connection.peer;
    const [reader, writer] = slow === "caller" ? [peer, other] : [other, peer];
    reader.stream.pause();
    const piece = Buffer.alloc(4096);
    let pieces = 0;
    writer.pour(() => {
      if (pieces === 1024) return null;
      piece.fill(pieces % 251);
      pieces++;
      return Buffer.from(piece);
    });
    world.settle();
    await world.pass(1000);
    expect(pieces * piece.length).toBeLessThan(512 * 1024);
    reader.stream.resume();
    const received = () => (slow === "caller" ? peer.received : service.first.bytes);
    await world.until("all of it", () => received().length === 1024 * piece.length);
    for (let i = 0; i < 1024; i++) expect(received().charCodeAt(i * 4096 + 17)).toBe(i % 251);
  },
);

test.each([
  ["the caller resets", "downstream.connection.gone", (peer: Peer) => peer.reset()],
  ["the service resets", "upstream.tunnel.broken", (_: Peer, other: Peer) => other.reset()],
])("when %s, the other side is reset, and the exchange was a success with a cause", async (_, cause, act) => {
  await using scene = await tunnelScene({ asked: ({ connection }) => connection.send(SWITCH) });
  const { proxy, service, world } = scene;
  const peer = await opened(scene);
  act(peer, service.first.connection.peer);
  world.settle();
  expect([peer.closed, service.first.connection.closed]).toEqual([true, true]);
  expect(proxy.lastRecord).toMatchObject({ status: 101, cause, outcome: "success" });
  expect(proxy.serverMetric("failures", cause)).toBe(1);
  expect(proxy.serverMetric("success")).toBe(1);
});

test("hundreds of tunnels that end anyhow leave nothing behind", async () => {
  await using scene = await tunnelScene({
    asked: ({ connection }) => connection.send(SWITCH),
    finished: () => undefined,
  });
  const { proxy, service, world } = scene;
  const ends: ((peer: Peer, other: Peer) => void)[] = [
    (peer) => peer.reset(),
    (peer) => peer.destroy(),
    (_, other) => other.reset(),
    (_, other) => other.destroy(),
    (peer, other) => (peer.reset(), other.reset()),
    (peer, other) => (peer.end(), other.end()),
    (peer, other) => (peer.end(), other.reset()),
    (peer, other) => (other.end(), peer.reset()),
    (peer, other) => (peer.send("x".repeat(200_000)), other.reset()),
    (peer, other) => (other.send("x".repeat(200_000)), peer.reset()),
  ];
  (await opened(scene)).reset();
  world.settle();
  service.wires.length = 0;
  const { timers } = proxy.inUse(); // those of caches
  const callers: Peer[] = [];
  for (let i = 0; i < 300; i++) callers.push(await opened(scene));
  expect(proxy.inUse()).toMatchObject({ exchanges: 300, attempts: 300, accepted: 300 });
  expect(proxy.serverMetric("tunnels", "active")).toBe(300);
  for (const [i, peer] of callers.entries()) {
    ends[i % ends.length]!(peer, service.wires[i]!.connection.peer);
    if (i % 7 === 0) world.settle();
  }
  await world.pass(61_000); // some were left half open
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0, accepted: 0, timers });
  for (const peer of [...callers, ...service.wires.map((wire) => wire.connection.peer)]) peer.destroy(); // they were told, and stayed
  world.settle();
  expect(world.network.open).toBe(0);
  expect(proxy.serverMetric("tunnels", "active")).toBe(0);
  expect(proxy.serverMetric("tunnels", "closed")).toBe(301);
  expect(proxy.records.length).toBe(301);
  expect(new Set(proxy.records.map((r) => r.outcome))).toEqual(new Set(["success"]));
});

// ---- Figures --------------------------------------------------------------------------------------------------------

test("a tunnel counts as a request in progress at its endpoint until it ends, and its connection is never given back", async () => {
  await using scene = await tunnelScene(undefined, { accessLog: true });
  const { proxy, service, world } = scene;
  const client = ["client", `$/inet/127.0.0.1/${service.backend.port}`];
  const peer = await opened(scene);
  peer.send("12345");
  await world.pass(5000);
  expect(peer.received).toBe("12345");
  expect(proxy.metric(...client, "pending")).toBe(1);
  expect(proxy.metric(...client, "pool_size")).toBe(1);
  expect(proxy.metric(...client, "pool_cached")).toBe(0);
  expect(proxy.serverMetric("load")).toBe(1);
  const second = await opened(scene);
  expect(service.wires.length).toBe(2);
  second.end();
  peer.end();
  world.settle();
  expect(proxy.metric(...client, "pending")).toBe(0);
  expect(proxy.metric(...client, "pool_size")).toBe(0);
  expect(proxy.serverMetric("tunnels", "opened")).toBe(2);
  expect(proxy.serverMetric("tunnels", "closed")).toBe(2);
  expect(proxy.serverMetric("tunnels", "received_bytes")).toBe(5);
  expect(proxy.serverMetric("tunnels", "sent_bytes")).toBe(5);
  expect(proxy.serverMetric("status", "101")).toBe(2);
  expect(proxy.lastLine).toMatchObject({ status: 101, requestBytes: 5, responseBytes: 5, uri: "/chat", cause: null });
  expect(proxy.lastLine["durationMs"]).toBeGreaterThanOrEqual(5000);
  expect(proxy.lastLine["latencyMs"]).toBeLessThan(100);
});

// ---- Time -----------------------------------------------------------------------------------------------------------

test("a tunnel without a byte in either direction is closed after tunnelIdleTimeoutMs", async () => {
  await using scene = await tunnelScene(undefined, { server: { limits: { tunnelIdleTimeoutMs: 10_000 } } });
  const { proxy, service, world } = scene;
  const peer = await opened(scene);
  for (let i = 0; i < 3; i++) {
    await world.pass(8000);
    peer.send("ping");
  }
  await world.pass(9000);
  expect(peer.closed).toBe(false);
  await world.pass(1500);
  expect([peer.ended, service.first.ended]).toEqual([true, true]);
  expect(proxy.lastRecord).toMatchObject({ status: 101, cause: "proxy.tunnel.idle", outcome: "success" });
});

test.each(["caller", "service"] as const)(
  "a half-open tunnel, of which the %s has finished, is closed when the other is silent",
  async (first) => {
    const limits = { tunnelHalfClosedTimeoutMs: 5000 };
    await using scene = await tunnelScene(
      { asked: ({ connection }) => connection.send(SWITCH), finished: () => undefined },
      { server: { limits } },
    );
    const { proxy, service, world } = scene;
    const peer = await opened(scene);
    const other = service.first.connection.peer;
    await world.pass(60_000);
    if (first === "caller") peer.end();
    else other.end();
    await world.pass(4000);
    if (first === "caller") other.send("not yet");
    else peer.send("not yet");
    await world.pass(4000);
    expect(proxy.records).toEqual([]);
    await world.pass(1500);
    expect(proxy.lastRecord).toMatchObject({ status: 101, cause: "proxy.tunnel.half-closed" });
    expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, accepted: 0 });
  },
);

test.each([
  ["caller", "downstream.connection.write-stalled"],
  ["service", "upstream.tunnel.write-stalled"],
] as const)("a %s that takes nothing for writeStallTimeoutMs is let go", async (slow, cause) => {
  await using scene = await tunnelScene(
    { asked: ({ connection }) => connection.send(SWITCH) },
    { server: { limits: { writeStallTimeoutMs: 5000 } } },
  );
  const { proxy, service, world } = scene;
  const peer = await opened(scene);
  const other = service.first.connection.peer;
  const [reader, writer] = slow === "caller" ? [peer, other] : [other, peer];
  reader.stream.pause();
  writer.send("x".repeat(400_000));
  await world.pass(4500);
  expect(proxy.records).toEqual([]);
  await world.pass(1500);
  expect(proxy.lastRecord).toMatchObject({ status: 101, cause });
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, accepted: 0 });
});

test("limits on the time to an answer hold until the 101, and not after", async () => {
  const setup = {
    server: { timeoutMs: 2000 },
    service: { totalTimeoutMs: 3000 },
    client: { requestAttemptTimeoutMs: 1500 },
  };
  await using scene = await tunnelScene(
    { asked: ({ connection, head }) => (head.includes("/never") ? undefined : connection.send(SWITCH)) },
    setup,
  );
  const { proxy, world } = scene;
  const late = scene.caller();
  late.send(OFFER.replace("/chat", "/never"), "early");
  await world.pass(2100);
  expect(statusOf(late)).toBe(503);
  expect(late.ended).toBe(true);
  const peer = await opened(scene);
  await world.pass(10_000);
  expect(peer.closed).toBe(false);
  peer.end();
  world.settle();
  expect(proxy.lastRecord).toMatchObject({ status: 101, cause: "", outcome: "success" });
});

// ---- Leaving --------------------------------------------------------------------------------------------------------

test("a proxy that stops waits for its tunnels", async () => {
  await using scene = await tunnelScene();
  const { proxy, world } = scene;
  const peer = await opened(scene);
  const stopping = proxy.stop(10_000);
  await world.pass(8000);
  expect(stopping.done).toBe(false);
  peer.send("still works");
  world.settle();
  expect(peer.received).toBe("still works");
  peer.end();
  await world.pass(100);
  await world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(true);
});

test("and ends those that are left at its limit", async () => {
  await using scene = await tunnelScene();
  const { proxy, service, world } = scene;
  const peer = await opened(scene);
  const stopping = proxy.stop(5000);
  await world.pass(5100);
  await world.until("the stop", () => stopping.done);
  expect(stopping.clean).toBe(false);
  world.settle();
  expect([peer.ended, service.first.ended]).toEqual([true, true]);
  expect(proxy.lastRecord).toMatchObject({ status: 101, cause: "proxy.drain.limit" });
});

test("a tunnel passes through two proxies", async () => {
  await using scene = await tunnelScene();
  const { proxy, world } = scene;
  await using outer = await Proxy.start(world, { modern: true, dtab: `/svc => /$/inet/127.0.0.1/${proxy.port()};` });
  const peer = Peer.connect(world, outer.port());
  peer.send(`${OFFER}through`);
  await world.until("the echo", () => peer.received.endsWith("through"));
  expect(peer.received).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  peer.end();
  world.settle();
  expect([outer.lastRecord.status, proxy.lastRecord.status, peer.closed]).toEqual([101, 101, true]);
});
