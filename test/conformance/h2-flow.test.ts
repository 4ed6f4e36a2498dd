// Flow control of HTTP/2 through the proxy (RFC 9113 §5.2, §6.9): windows are respected to the octet on both sides, what is granted to a
// sender is what its reader has taken, and no stream waits for another.
import { expect, test } from "vitest";
import { Set, Type } from "../support/h2-frames.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { get, memoryH2Scene, post, tcpH2Scene } from "../support/h2-scene.ts";
import { echo, silent } from "../support/h2-service.ts";

const FIRST_WINDOW = 65_535;
const MEGABYTE = 1024 * 1024;

/** Octets that tell where they belong. */
function pattern(bytes: number): Buffer {
  const body = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) body.writeUInt32BE(at, at);
  return body;
}

/** A service that begins every answer at once with so many octets, and ends it. */
const sends = (bytes: number) => ({
  request: (stream: H2Stream) => stream.reply(200, pattern(bytes)),
});

test("an answer stops at the octet where the caller's window ends, and goes on by what is granted", async () => {
  await using scene = await memoryH2Scene({}, sends(50_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 1000]] });
  const stream = caller.request(get());
  scene.world.settle();
  expect(stream.bodyBytes).toBe(1000);
  for (const [increment, all] of [
    [1, 1001],
    [16_385, 17_386],
    [100_000, 50_000],
  ] as const) {
    stream.grant(increment);
    scene.world.settle();
    expect(stream.bodyBytes).toBe(all);
  }
  expect(stream.ended).toBe(true);
  expect(stream.body).toBe(pattern(50_000).toString("latin1"));
});

test("a stream whose window is 0 gets its head, and its trailers when there is no body", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, "", [], [["x-sum", "1"]]) });
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = await caller.ask(get());
  expect([stream.status, stream.trailer("x-sum"), stream.bodyBytes]).toEqual([200, "1", 0]);
});

test("the connection's window is shared by its streams, and opened for all of them", async () => {
  await using scene = await memoryH2Scene({}, sends(40_000));
  const caller = scene.connect();
  const streams = [caller.request(get()), caller.request(get()), caller.request(get())];
  scene.world.settle();
  const received = () => streams.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0);
  expect(received()).toBe(FIRST_WINDOW);
  caller.grant(10);
  scene.world.settle();
  expect(received()).toBe(FIRST_WINDOW + 10);
  caller.grant(MEGABYTE);
  await caller.finished(...streams);
  expect(received()).toBe(120_000);
});

test("a service that waits for its caller's window is granted what the caller has taken, and one window more", async () => {
  await using scene = await memoryH2Scene({}, sends(500_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stream = caller.request(get());
  scene.world.settle();
  const from = scene.service.last;
  expect(500_000 - from.waiting).toBe(FIRST_WINDOW);
  stream.grant(30_000);
  scene.world.settle();
  expect(stream.bodyBytes).toBe(30_000);
  const sent = 500_000 - from.waiting;
  expect(sent).toBeLessThanOrEqual(FIRST_WINDOW + 30_000);
  expect(sent).toBeGreaterThan(FIRST_WINDOW);
  caller.grant(MEGABYTE);
  stream.grant(MEGABYTE);
  await caller.finished(stream);
  expect(stream.body).toBe(pattern(500_000).toString("latin1"));
});

test("a caller is granted what the service has taken, and one window more", async () => {
  await using scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 1000]] }));
  const caller = scene.connect();
  caller.request(get()).sendReset(8); // now the service's settings are known
  scene.world.settle();
  const stream = caller.request(post(), { body: pattern(300_000) });
  scene.world.settle();
  const sent = () => 300_000 - stream.waiting;
  const to = scene.service.heads.at(-1)!;
  expect(to.bodyBytes).toBe(1000);
  expect(sent()).toBeLessThanOrEqual(FIRST_WINDOW + 1000);
  to.grant(20_000);
  scene.world.settle();
  expect(to.bodyBytes).toBe(21_000);
  expect(sent()).toBeGreaterThan(FIRST_WINDOW);
  expect(sent()).toBeLessThanOrEqual(FIRST_WINDOW + 21_000);
  stream.sendReset(8);
  scene.world.settle();
});

test("a body for a service that is not connected yet is held within one window, and arrives whole", async () => {
  await using scene = await memoryH2Scene({}, echo());
  scene.world.network.silence(scene.service.address);
  const caller = scene.connect({ refill: true });
  const stream = caller.request(post(), { body: pattern(200_000) });
  scene.world.settle();
  expect(200_000 - stream.waiting).toBe(FIRST_WINDOW);
  scene.world.network.heal(scene.service.address);
  await scene.world.pass(1500);
  await caller.finished(stream);
  expect(stream.body).toBe(pattern(200_000).toString("latin1"));
});

test("one stream whose caller does not take its answer does not keep its neighbours waiting", async () => {
  await using scene = await memoryH2Scene({}, sends(60_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  caller.grant(10 * MEGABYTE);
  const stalled = Array.from({ length: 20 }, () => caller.request(get("/stalled")));
  scene.world.settle();
  for (let i = 0; i < 50; i++) {
    const stream = caller.request(get("/next"));
    stream.grant(60_000);
    await caller.finished(stream);
    expect(stream.bodyBytes).toBe(60_000);
  }
  expect(stalled.map(({ bodyBytes }) => bodyBytes)).toEqual(stalled.map(() => 0));
  expect(scene.service.connections).toHaveLength(1);
  for (const stream of stalled) stream.grant(60_000);
  await caller.finished(...stalled);
});

test("one stream whose service does not take its body does not keep its neighbours waiting", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      head(stream) {
        if (stream.path === "/stalled") return;
        stream.grant(100_000);
      },
      request: (stream) => stream.reply(200, String(stream.bodyBytes)),
      settings: [[Set.initialWindow, 0]],
      connected(connection) {
        connection.announce([[Set.initialWindow, 0]]);
        connection.grant(10 * MEGABYTE);
      },
    },
  );
  const caller = scene.connect();
  const stalled = Array.from({ length: 10 }, () => caller.request(post("/stalled"), { body: pattern(60_000) }));
  scene.world.settle();
  for (let i = 0; i < 20; i++) {
    const next = caller.request(post("/next"), { body: pattern(60_000) });
    scene.world.settle();
    expect(next.body).toBe("60000");
  }
  for (const stream of scene.service.heads.filter(({ path }) => path === "/stalled")) stream.grant(60_000);
  await caller.finished(...stalled);
  expect(stalled.every(({ body }) => body === "60000")).toBe(true);
});

test("callers that do not take their answers do not use up the connection of the service that all share", async () => {
  const all: H2Stream[] = [];
  await using scene = await memoryH2Scene({}, { request: (stream) => void all.push(stream) });
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const stalled = Array.from({ length: 20 }, () => caller.request(get("/stalled")));
  const next = caller.request(get("/next"));
  await scene.service.begun(21);
  next.grant(1000);
  for (const stream of all) stream.reply(200, Buffer.alloc(stream.path === "/next" ? 1000 : FIRST_WINDOW));
  scene.world.settle();
  expect(next.bodyBytes).toBe(1000);
  caller.grant(2 * MEGABYTE);
  for (const stream of stalled) stream.grant(MEGABYTE);
  await caller.finished(...stalled);
});

test("the octets of a stream that is reset are given back to the connection", async () => {
  await using scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 0]] }));
  const caller = scene.connect();
  scene.world.settle();
  for (let i = 0; i < 40; i++) {
    const stream = caller.request(post(), { body: pattern(60_000), end: false });
    scene.world.settle();
    expect(stream.waiting).toBe(0);
    stream.sendReset(8);
    scene.world.settle();
  }
});

test("padding counts for windows, and is given back although nobody takes it", async () => {
  await using scene = await memoryH2Scene({}, { request: (stream) => stream.reply(200, String(stream.bodyBytes)) });
  const caller = scene.connect();
  scene.world.settle();
  const stream = caller.request(post(), { end: false });
  for (let i = 0; i < 2000; i++) {
    stream.data("x", false, 255);
    if (i % 50 === 0) scene.world.settle();
    expect(Math.min(stream.sendWindow, caller.sendWindow)).toBeGreaterThan(0);
  }
  stream.data("", true);
  await caller.finished(stream);
  expect(stream.body).toBe("2000");
});

test.each([
  ["in memory", memoryH2Scene],
  ["on sockets", tcpH2Scene],
])("%s a megabyte both ways at once arrives as it was sent, on eight streams", async (_, makeScene) => {
  await using scene = await makeScene(
    {},
    {
      refill: true,
      head(stream) {
        stream.sendHead([[":status", "200"]]);
        stream.write(pattern(MEGABYTE));
      },
      // It ends its answer after the request, the rest of which would not be wanted otherwise.
      request: (stream) => stream.write("", { end: true }),
    },
  );
  const caller = scene.connect({ refill: true });
  const streams = Array.from({ length: 8 }, () => caller.request(post(), { end: false }));
  for (const stream of streams) stream.write(pattern(MEGABYTE), { end: true });
  await caller.finished(...streams);
  const whole = pattern(MEGABYTE).toString("latin1");
  for (const stream of streams) expect(stream.body === whole).toBe(true);
  for (const stream of scene.service.requests) expect(stream.body === whole).toBe(true);
  await scene.proxy.recorded(8);
  expect(scene.proxy.records[0]).toMatchObject({ requestBytes: MEGABYTE, responseBytes: MEGABYTE });
});

test("a caller that pauses its connection in the middle of an answer gets all of it later", async () => {
  await using scene = await memoryH2Scene({}, sends(MEGABYTE));
  const caller = scene.connect({ settings: [[Set.initialWindow, 2 * MEGABYTE]] });
  caller.grant(2 * MEGABYTE);
  const stream = caller.request(get());
  caller.peer.stream.pause();
  scene.world.settle();
  const held = MEGABYTE - scene.service.last.waiting;
  expect(held).toBeLessThan(400_000);
  caller.peer.stream.resume();
  await caller.finished(stream);
  expect(stream.body === pattern(MEGABYTE).toString("latin1")).toBe(true);
});

test("a caller that sends more than its stream's window is reset, and the connection's window is not lost", async () => {
  await using scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 0]] }));
  const caller = scene.connect();
  scene.world.settle();
  const stream = caller.request(post(), { end: false });
  for (let left = FIRST_WINDOW + 1; left > 0; left -= 16_000) stream.data(Buffer.alloc(Math.min(left, 16_000)));
  scene.world.settle();
  expect(stream.reset).toBe(3);
  expect(caller.goaways).toEqual([]);
  expect(scene.proxy.lastRecord.cause).toBe("downstream.h2.malformed");
  expect(caller.framesOf(Type.goaway, 0)).toEqual([]);
});

test("a caller that opens a window beyond 2^31-1 loses the stream, or the connection whose window it is", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  const [stream, other] = [caller.request(get()), caller.request(get())];
  await scene.service.begun(2);
  stream.grant(0x7fff_ffff);
  scene.world.settle();
  expect([stream.reset, other.reset, caller.goaways]).toEqual([3, null, []]);
  caller.grant(0x7fff_ffff);
  await caller.released();
  expect(caller.goaways.map(({ code }) => code)).toEqual([3]);
  expect(scene.service.heads.map(({ reset }) => reset)).toEqual([8, 8]);
});

test("a caller that changes its settings so that a window passes 2^31-1 loses its connection", async () => {
  await using scene = await memoryH2Scene({}, silent());
  const caller = scene.connect();
  caller.request(get()).grant(0x7fff_0000);
  await scene.service.begun(1);
  caller.announce([[Set.initialWindow, 0x7fff_ffff]]);
  await caller.released();
  expect(caller.goaways.map(({ code }) => code)).toEqual([3]);
});
