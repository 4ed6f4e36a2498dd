// Credit of HTTP/2 at awkward moments (RFC 9113 §6.9): windows that are opened while others wait, room that comes back when slow callers have
// taken what was held for them, bodies that nobody may be blamed for, and what is sent for a service that wants no more of it.
import { expect, test } from "vitest";
import type { H2Caller } from "../support/h2-caller.ts";
import { Code, Set, Type } from "../support/h2-frames.ts";
import { get, type H2Scene, memoryH2Scene, post } from "../support/h2-scene.ts";
import { type H2Behaviour, silent } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import type { MemoryWorld } from "../support/world.ts";

const FIRST_WINDOW = 65_535;
const MEGABYTE = 1024 * 1024;
const FRAME_BYTES = 16_384;
/** What a connection of a caller offers at once, and what it may hold besides. */
const CALLERS_CONNECTION = 256 * 1024;
const CALLERS_ALLOWANCE = MEGABYTE;
/** The same of a connection to a service. */
const SERVICES_ALLOWANCE = 8 * MEGABYTE;

/** Begins every answer at once with so many octets, and ends it. */
const sends = (bytes: number): H2Behaviour => ({
  request: (stream) => stream.reply(200, Buffer.alloc(bytes)),
});

const received = (streams: readonly H2Stream[]): number[] => streams.map(({ bodyBytes }) => bodyBytes);

/** From here on the proxy knows the settings of its service. */
function introduce({ world }: H2Scene<MemoryWorld>, caller: H2Caller): void {
  caller.request(get()).sendReset(Code.cancel);
  world.settle();
}

// ---- Windows that are opened while streams wait ----------------------------------------------------------------------

test("streams that wait for the connection's window go on when it is opened, whichever window was opened first", async () => {
  await using scene = await memoryH2Scene({}, sends(100_000));
  const caller = scene.connect();
  const streams = Array.from({ length: 4 }, () => caller.request(get()));
  scene.world.settle();
  const sum = (): number => received(streams).reduce((all, bytes) => all + bytes);
  expect(sum()).toBe(FIRST_WINDOW);
  for (const stream of streams) stream.grant(100_000);
  scene.world.settle();
  expect(sum()).toBe(FIRST_WINDOW);
  caller.grant(100_001);
  scene.world.settle();
  expect(sum()).toBe(FIRST_WINDOW + 100_001);
  caller.grant(MEGABYTE);
  await caller.finished(...streams);
  expect(received(streams)).toEqual(streams.map(() => 100_000));
});

test("SETTINGS that open the windows of all streams let each go on by what was added, as far as the connection allows", async () => {
  await using scene = await memoryH2Scene({}, sends(50_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 100]] });
  const streams = Array.from({ length: 5 }, () => caller.request(get()));
  scene.world.settle();
  caller.announce([[Set.initialWindow, 1100]]);
  scene.world.settle();
  expect(received(streams)).toEqual(streams.map(() => 1100));
  caller.announce([[Set.initialWindow, 50_000]]);
  scene.world.settle();
  expect(received(streams).reduce((sum, bytes) => sum + bytes)).toBe(FIRST_WINDOW);
  caller.grant(MEGABYTE);
  await caller.finished(...streams);
});

test("a stream that has used up its turn of an open connection goes on by a WINDOW_UPDATE that comes in the same read as another's", async () => {
  await using scene = await memoryH2Scene({}, sends(30_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  const [one, two] = [caller.request(get()), caller.request(get())];
  scene.world.settle();
  one.grant(10);
  caller.announce([[Set.initialWindow, 5]]);
  two.grant(20);
  one.grant(1);
  scene.world.settle();
  expect(received([one, two])).toEqual([16, 25]);
});

test("windows that are opened while the caller takes nothing count when it does", async () => {
  await using scene = await memoryH2Scene({}, sends(600_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 200_000]] });
  caller.grant(2 * MEGABYTE);
  const streams = [caller.request(get()), caller.request(get()), caller.request(get())];
  caller.peer.stream.pause();
  scene.world.settle();
  caller.announce([[Set.initialWindow, 300_000]]);
  streams[0]?.grant(50_000);
  scene.world.settle();
  expect(Math.max(...received(streams))).toBeLessThan(200_000);
  caller.peer.stream.resume();
  scene.world.settle();
  expect(received(streams)).toEqual([350_000, 300_000, 300_000]);
});

/** A caller that may send no more on its connection: all of it is held for a service that does not read. */
async function full(): Promise<{ scene: H2Scene<MemoryWorld>; caller: H2Caller; streams: readonly H2Stream[] }> {
  const scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 0]] }));
  const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
  introduce(scene, caller);
  const count = Math.floor((CALLERS_CONNECTION + CALLERS_ALLOWANCE) / FIRST_WINDOW);
  const streams: H2Stream[] = [];
  for (let i = 0; i < count; i++) {
    streams.push(caller.request(post(), { body: Buffer.alloc(FIRST_WINDOW), end: false }));
    scene.world.settle();
  }
  expect(streams.map(({ waiting }) => waiting)).toEqual(streams.map(() => 0));
  expect(caller.sendWindow).toBeLessThan(FIRST_WINDOW);
  return { scene, caller, streams };
}

test("what a stream held is given back to its connection when its answer ends among those that waited", async () => {
  const { scene, caller, streams } = await full();
  await using _scene = scene;
  const left = caller.sendWindow;
  scene.service.heads.at(-1)?.reply(200, "done");
  scene.world.settle();
  expect(caller.sendWindow).toBe(left);
  streams.at(-1)?.grant(4); // the answer, which waited, ends with it
  scene.world.settle();
  expect([streams.at(-1)?.body, streams.at(-1)?.ended]).toEqual(["done", true]);
  expect(caller.sendWindow).toBe(left + FIRST_WINDOW);
});

test("what a stream held is given back to its connection when its caller resets it, and nothing else is to be said", async () => {
  const { scene, caller, streams } = await full();
  await using _scene = scene;
  const left = caller.sendWindow;
  streams[3]?.sendReset(Code.cancel);
  scene.world.settle();
  expect(caller.sendWindow).toBe(left + FIRST_WINDOW);
});

// ---- Room ------------------------------------------------------------------------------------------------------------

/** A scene in which the one connection to the service holds more for a slow caller than it may. */
async function crowded(): Promise<{ scene: H2Scene<MemoryWorld>; slow: H2Caller; streams: readonly H2Stream[] }> {
  const scene = await memoryH2Scene(
    { reuse: true, client: { maxConnectionsPerEndpoint: 1 } },
    {
      connected: (connection) => connection.announce([[Set.maxStreams, 1000]]),
      request(stream) {
        stream.sendHead([[":status", "200"]]);
        stream.write(Buffer.alloc(stream.path === "/slow" ? FIRST_WINDOW : 0), { end: stream.path !== "/slow" });
      },
    },
  );
  const slow = scene.connect({ settings: [[Set.initialWindow, 0]] });
  introduce(scene, slow);
  const count = Math.ceil(SERVICES_ALLOWANCE / FIRST_WINDOW) + 2;
  const streams = Array.from({ length: count }, () => slow.request(get("/slow")));
  scene.world.settle();
  expect(streams.every(({ status }) => status === 200)).toBe(true);
  // It is looked at with each request.
  expect((await scene.connect().ask(get("/next"))).status).toBe(200);
  return { scene, slow, streams };
}

test("a session that holds too much for slow callers takes no further stream until they have taken enough of it", async () => {
  const { scene, slow, streams } = await crowded();
  await using _scene = scene;
  const next = scene.connect().request(get("/next"));
  scene.world.settle();
  expect([next.head, scene.service.connections.length]).toEqual([null, 1]);
  slow.grant(10 * MEGABYTE);
  streams[0]?.grant(1000);
  scene.world.settle();
  expect(next.head).toBe(null); // not enough
  for (const stream of streams) stream.grant(20_000);
  scene.world.settle();
  expect([next.status, next.ended, scene.service.connections.length]).toEqual([200, true, 1]);
  expect(streams.every(({ done }) => !done)).toBe(true);
});

test("a session that holds too much has room again when slow callers reset their streams", async () => {
  const { scene, streams } = await crowded();
  await using _scene = scene;
  const next = scene.connect().request(get("/next"));
  scene.world.settle();
  expect(next.head).toBe(null);
  for (const stream of streams.slice(0, 4)) stream.sendReset(Code.cancel);
  scene.world.settle();
  expect([next.status, next.ended]).toEqual([200, true]);
});

// ---- What is taken, and what is owed ---------------------------------------------------------------------------------

test("a caller's window is opened only for what the service has taken, or is about to", async () => {
  await using scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 500]] }));
  const caller = scene.connect();
  introduce(scene, caller);
  const stream = caller.request(post(), { body: Buffer.alloc(FIRST_WINDOW), end: false });
  scene.world.settle();
  expect([stream.waiting, stream.sendWindow, caller.framesOf(Type.windowUpdate, stream.id)]).toEqual([0, 0, []]);
  const to = scene.service.heads.at(-1);
  to?.grant(30_000);
  scene.world.settle();
  expect(to?.bodyBytes).toBe(30_500);
  // The last frame of what it has begun to send counts as taken.
  expect(stream.sendWindow).toBeLessThanOrEqual(30_500 + FRAME_BYTES);
  to?.grant(FIRST_WINDOW);
  scene.world.settle();
  expect([to?.bodyBytes, stream.sendWindow]).toEqual([FIRST_WINDOW, FIRST_WINDOW]);
});

test("a service's window is opened only for what the caller has taken, or is about to", async () => {
  await using scene = await memoryH2Scene({}, sends(200_000));
  const caller = scene.connect({ settings: [[Set.initialWindow, 500]] });
  const stream = caller.request(get());
  scene.world.settle();
  const from = scene.service.last;
  expect([200_000 - from.waiting, from.sendWindow]).toEqual([FIRST_WINDOW, 0]);
  expect(scene.service.connection.framesOf(Type.windowUpdate, from.id)).toEqual([]);
  stream.grant(30_000);
  scene.world.settle();
  expect(200_000 - from.waiting).toBeLessThanOrEqual(FIRST_WINDOW + 30_500 + FRAME_BYTES);
  caller.grant(MEGABYTE);
  stream.grant(MEGABYTE);
  await caller.finished(stream);
  expect(stream.bodyBytes).toBe(200_000);
});

test("a caller is not blamed for a service that does not read, and is when it owes something again", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { bodyIdleTimeoutMs: 1000 } } },
    silent({ settings: [[Set.initialWindow, 500]] }),
  );
  const caller = scene.connect();
  introduce(scene, caller);
  // All of it has gone to the service's half of the proxy, which waits for the service.
  const stream = caller.request(post(), { body: Buffer.alloc(1000), end: false });
  await scene.world.pass(5000);
  expect([stream.head, stream.done]).toEqual([null, false]);
  scene.service.heads.at(-1)?.grant(500);
  await scene.world.pass(700);
  expect(stream.head).toBe(null); // its time begins when the service has taken what it had
  await scene.world.pass(1500);
  expect([stream.status, stream.cause]).toEqual([408, "downstream.http.body-timeout"]);
});

// ---- A caller that was stopped for a service that wants no more ------------------------------------------------------

test.each<[string, (stream: H2Stream) => void]>([
  ["resets the stream", (stream) => stream.sendReset(Code.none)],
  ["closes its connection", (stream) => stream.connection.peer.end()],
])(
  "a caller that was stopped may send the rest of its body when the service has answered and %s",
  async (_, leaves) => {
    await using scene = await memoryH2Scene({}, silent({ settings: [[Set.initialWindow, 500]] }));
    const caller = scene.connect({ settings: [[Set.initialWindow, 0]] });
    introduce(scene, caller);
    const stream = caller.request(post(), { body: Buffer.alloc(300_000), end: true });
    scene.world.settle();
    expect(300_000 - stream.waiting).toBe(FIRST_WINDOW);
    const to = scene.service.heads.at(-1) as H2Stream; // the head of the request has come
    // More than one frame waits for the caller, so that the end of the answer does as well.
    to.reply(200, Buffer.alloc(40_000));
    scene.world.settle();
    leaves(to);
    scene.world.settle();
    expect(stream.waiting).toBe(0);
    expect([stream.status, stream.bodyBytes, stream.done]).toEqual([200, 0, false]);
    stream.grant(40_000);
    scene.world.settle();
    expect([stream.bodyBytes, stream.ended, stream.reset]).toEqual([40_000, true, null]);
  },
);
