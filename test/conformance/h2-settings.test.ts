// SETTINGS and PING (RFC 9113 §6.5, §6.7), from both sides, at the beginning and in mid-flight.
import { expect, test } from "vitest";
import { ACK, Code, frame, Set, settingsFrame, Type } from "../support/h2-frames.ts";
import { get, memoryH2Scene, post } from "../support/h2-scene.ts";
import { echo, silent } from "../support/h2-service.ts";
import { StoryEncoder } from "../support/hpack.ts";

const big = (bytes: number) => "x".repeat(bytes);

test("callers and services are told the settings of the configuration, in the first frame", async () => {
  const ours = { headerTableBytes: 1024, initialStreamWindowBytes: 100_000, maxFrameBytes: 20_000 };
  await using scene = await memoryH2Scene({
    server: { ...ours, maxHeaderListBytes: 5000, maxConcurrentStreamsPerConnection: 7 },
    client: { ...ours, maxHeaderListBytes: 6000 },
  });
  const caller = scene.connect();
  await caller.ask(get());
  expect(Object.fromEntries(caller.settings)).toMatchObject({ 1: 1024, 3: 7, 4: 100_000, 5: 20_000, 6: 5000 });
  const { settings } = scene.service.connections[0]!;
  expect(Object.fromEntries(settings)).toMatchObject({ 1: 1024, 2: 0, 4: 100_000, 5: 20_000, 6: 6000 });
});

test("every SETTINGS is acknowledged once, on both sides", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  for (let i = 0; i < 5; i++) caller.announce([[Set.initialWindow, 1000 * i]]);
  scene.world.settle();
  expect(caller.settingsAcknowledged).toBe(6);
  await caller.ask(get());
  scene.service.connection.announce([[Set.maxStreams, 3]]);
  scene.world.settle();
  expect(scene.service.connection.settingsAcknowledged).toBe(2);
});

test("a caller that makes its windows larger in mid-flight gets so much more on every stream", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, big(5000)) });
  const caller = scene.connect({ settings: [[Set.initialWindow, 100]] });
  const streams = [caller.request(get()), caller.request(get())];
  scene.world.settle();
  expect(streams.map(({ bodyBytes }) => bodyBytes)).toEqual([100, 100]);
  caller.announce([[Set.initialWindow, 1100]]);
  scene.world.settle();
  expect(streams.map(({ bodyBytes }) => bodyBytes)).toEqual([1100, 1100]);
  caller.announce([[Set.initialWindow, 5000]]);
  await caller.finished(...streams);
});

test("a window that a smaller setting makes negative must be opened above 0 again before anything is sent", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, big(5000)) });
  const caller = scene.connect({ settings: [[Set.initialWindow, 1000]] });
  const stream = caller.request(get());
  scene.world.settle();
  caller.announce([[Set.initialWindow, 200]]);
  scene.world.settle();
  expect(stream.receiveWindow).toBe(-800);
  stream.grant(800);
  scene.world.settle();
  expect(stream.bodyBytes).toBe(1000);
  stream.grant(1);
  scene.world.settle();
  expect(stream.bodyBytes).toBe(1001);
  caller.announce([[Set.initialWindow, 1_000_000]]);
  await caller.finished(stream);
});

test("a service that changes its windows in mid-flight is respected, down and up", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  caller.request(get()).sendReset(Code.cancel);
  scene.world.settle();
  const { connection } = scene.service;
  connection.announce([[Set.initialWindow, 500]]);
  scene.world.settle();
  const stream = caller.request(post(), { body: big(3000) });
  scene.world.settle();
  const peer = scene.service.heads.at(-1)!;
  expect(peer.bodyBytes).toBe(500);
  connection.announce([[Set.initialWindow, 100]]);
  scene.world.settle();
  peer.grant(401);
  scene.world.settle();
  expect(peer.bodyBytes).toBe(501);
  connection.announce([[Set.initialWindow, 10_000]]);
  scene.world.settle();
  expect([peer.bodyBytes, peer.ended]).toEqual([3000, true]);
  peer.reply(200, "ok");
  await caller.finished(stream);
});

test("a caller's table of 0, and back, changes how its answers are compressed, and nothing else", async () => {
  await using scene = await memoryH2Scene(
    {},
    { encoder: new StoryEncoder(), request: (stream) => stream.reply(200, "ok", [["x-kept", big(60)]]) },
  );
  const caller = scene.connect();
  const sizeOf = async () => {
    const stream = await caller.ask(get());
    expect(stream.value("x-kept")).toBe(big(60));
    return caller.framesOf(Type.headers, stream.id)[0]?.payload.length ?? 0;
  };
  await sizeOf();
  const indexed = await sizeOf();
  caller.announce([[Set.tableBytes, 0]]);
  const literal = await sizeOf();
  expect(literal).toBeGreaterThan(indexed + 30);
  expect(await sizeOf()).toBeGreaterThan(indexed + 30);
  caller.announce([[Set.tableBytes, 100]]);
  caller.announce([[Set.tableBytes, 4096]]);
  await sizeOf();
  expect(await sizeOf()).toBe(indexed);
});

test("a service's table of 0, and back, changes nothing that it is told", async () => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect({ encoder: new StoryEncoder() });
  for (const bytes of [4096, 0, 4096, 64, 200, 65_536]) {
    await caller.ask(get("/before", [["x-kept", big(50)]]));
    scene.service.connection.announce([[Set.tableBytes, bytes]]);
    for (let i = 0; i < 3; i++) await caller.ask(get("/after", [["x-kept", big(50)]]));
    expect(scene.service.last.value("x-kept")).toBe(big(50));
    expect(scene.service.last.path).toBe("/after");
  }
});

test("a larger frame that the peer allows is not needed, and a block is cut by what it allows", async () => {
  const bounds = { maxHeaderListBytes: 200_000 };
  await using scene = await memoryH2Scene(
    { server: bounds, client: bounds },
    {
      request: (stream) => stream.reply(200, big(60_000), [["x-long", big(40_000)]]),
      settings: [[Set.maxFrame, 100_000]],
    },
  );
  const caller = scene.connect({ settings: [[Set.maxFrame, 30_000]], refill: true });
  const stream = await caller.ask(get("/", [["x-long", big(50_000)]]));
  await caller.ask(get("/", [["x-long", big(50_000)]]));
  expect([stream.value("x-long")?.length, stream.bodyBytes]).toEqual([40_000, 60_000]);
  expect(caller.framesOf(Type.headers, 1)[0]?.payload.length).toBeGreaterThan(16_384);
  expect(scene.service.connection.framesOf(Type.headers, 3)[0]?.payload.length).toBeGreaterThan(16_384);
});

test.each([
  ["a window beyond 2^31-1", [[Set.initialWindow, 0x8000_0000]], Code.flowControl],
  ["a frame size below 16384", [[Set.maxFrame, 16_383]], Code.protocol],
  ["a frame size beyond 2^24-1", [[Set.maxFrame, 16_777_216]], Code.protocol],
  ["a push setting of 2", [[Set.push, 2]], Code.protocol],
] as const)("%s in a caller's SETTINGS ends its connection", async (_, settings, code) => {
  await using scene = await memoryH2Scene();
  const caller = scene.connect();
  caller.send(settingsFrame(settings));
  await caller.released();
  expect(caller.goaways.at(-1)?.code).toBe(code);
});

test("unknown settings and frames of unknown types are ignored on both sides", async () => {
  await using scene = await memoryH2Scene({}, { settings: [[0x4d4d, 7]] });
  const caller = scene.connect({ settings: [[0x4d4d, 7]] });
  caller.send(frame(0x42, 0xff, 0, Buffer.from("whatever")));
  await caller.ask(get());
  scene.service.connection.send(frame(0x42, 0xff, 1, Buffer.from("whatever")));
  expect((await caller.ask(get())).status).toBe(200);
  expect(scene.service.connections).toHaveLength(1);
});

test("PING is answered with what it holds, on both sides and ahead of what waits", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, big(50_000)) });
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = caller.request(get());
  scene.world.settle();
  caller.ping("from you");
  scene.service.connection.ping("and you!");
  scene.world.settle();
  expect(caller.pongs).toEqual(["from you"]);
  expect(scene.service.connection.pongs).toEqual(["and you!"]);
  caller.send(frame(Type.ping, ACK, 0, Buffer.alloc(8)));
  stream.grant(50_000);
  await caller.finished(stream);
});

test("a flood of PING or SETTINGS ends the connection with ENHANCE_YOUR_CALM, and its neighbours go on", async () => {
  for (const flood of [frame(Type.ping, 0, 0, Buffer.alloc(8)), settingsFrame([])]) {
    await using scene = await memoryH2Scene();
    const [caller, neighbour] = [scene.connect({ answers: false }), scene.connect()];
    for (let i = 0; i < 3000; i++) caller.send(flood);
    await caller.released();
    expect(caller.goaways.at(-1)?.code).toBe(Code.calm);
    expect((await neighbour.ask(get())).status).toBe(200);
  }
});

test("a service that is silent too long is sent a PING, and dropped when it does not answer it", async () => {
  await using scene = await memoryH2Scene({ client: { pingIntervalMs: 1000, pingTimeoutMs: 500 } }, echo());
  const caller = scene.connect();
  await caller.ask(get());
  await scene.world.pass(5000);
  expect(scene.service.connection.framesOf(Type.ping, 0).length).toBeGreaterThan(2);
  expect((await caller.ask(get())).status).toBe(200);
  expect(scene.service.connections).toHaveLength(1);
});

test("a caller that is silent too long is sent a PING, and dropped when it does not answer it", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { keepAlivePingMs: 1000, keepAliveTimeoutMs: 500 } } },
    silent(),
  );
  const [alive, gone] = [scene.connect(), scene.connect({ answers: false })];
  const stream = alive.request(get());
  gone.request(get());
  await scene.world.pass(5000);
  expect([alive.over, gone.over]).toEqual([false, true]);
  expect(scene.proxy.records.map(({ cause }) => cause)).toEqual(["downstream.connection.write-stalled"]);
  stream.sendReset(Code.cancel);
  scene.world.settle();
});
