// R13: every class of attack on HTTP/2, with its bound. For each: what is sent, what is kept and what comes back in octets, how it ends, that
// another connection does not notice, and that nothing goes on upstream for a caller that is cut off. Long because it is one table: the
// classes are to be read side by side.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import type { H2Caller } from "../support/h2-caller.ts";
import {
  ACK,
  type BlockForm,
  CLIENT_PREFACE,
  Code,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  type FieldPairs,
  frame,
  goawayFrame,
  headerFrames,
  literalBlock,
  pingFrame,
  resetFrame,
  Set as Setting,
  settingsFrame,
  Type,
  windowFrame,
} from "../support/h2-frames.ts";
import { get, type H2Scene, memoryH2Scene, post, request, startH2Proxy } from "../support/h2-scene.ts";
import { silent } from "../support/h2-service.ts";
import { Attacker } from "../support/h2-load.ts";
import { heapInUse } from "../support/heap.ts";
import { valuesOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import type { Proxy } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

/** Octets kept, or sent back, for each octet received. */
const MOST_RATIO = 8;
/** RFC 7541 §7.1 errors. */
const COMPRESSION_ERROR = 9;
const FRAME_SIZE_ERROR = 6;
/** More than any peer may send of what costs it nothing. */
const MOST_FRAMES = 5000;
/** What a connection of ours announces of itself, and says when it goes. */
const GREETING_BYTES = 200;

function attack(scene: H2Scene<MemoryWorld>, settings: readonly (readonly [number, number])[] = []): Attacker {
  const attacker = new Attacker(scene.world, scene.proxy.port(), settings);
  scene.world.settle();
  return attacker;
}

const streamId = (i: number): number => 2 * i + 1;

function open(i: number, fields: FieldPairs = get(), form: BlockForm = { end: true }): Buffer {
  return headerFrames(streamId(i), literalBlock(fields), form);
}

/** Octets reachable after collection, buffers included. */
function kept(): number {
  return heapInUse() + process.memoryUsage().arrayBuffers;
}

/** Of those the buffers alone: what is encoded and unsent, without the heap, whose noise is half a MB. */
function keptBuffers(): number {
  heapInUse();
  return process.memoryUsage().arrayBuffers;
}

/** A neighbour asks on a connection of its own, and is served at once. */
async function expectServed(neighbour: H2Caller): Promise<void> {
  const answer = await neighbour.ask(get("/neighbour"));
  expect([answer.status, answer.body]).toEqual([200, "ok"]);
}

/** Answers the neighbour, and nobody else. */
const onlyNeighbour = {
  request(stream: { readonly path: string; reply(status: number, body: string): void }): void {
    if (stream.path === "/neighbour") stream.reply(200, "ok");
  },
};

function expectNothingInUse(proxy: Proxy): void {
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, serverStreams: 0, clientStreams: 0 });
}

/** All work for a caller that is gone has been taken back from the service. */
function expectUpstreamCancelled({ service }: H2Scene): void {
  const begun = service.heads.filter(({ path }) => path !== "/neighbour");
  expect(begun.filter(({ reset }) => reset === null)).toEqual([]);
}

// ---- Rapid reset, and "made you reset" -------------------------------------------------------------------------------

test.each([1, 100])(
  "rapid reset, %d streams in each turn: cut off after maxResetsPerMinute, and no work is left upstream (CVE-2023-44487)",
  async (together) => {
    await using scene = await memoryH2Scene({}, onlyNeighbour);
    const neighbour = scene.connect();
    await expectServed(neighbour);
    const attacker = attack(scene);
    const sent = attacker.flood(
      (i) => Buffer.concat([open(i), resetFrame(streamId(i), Code.cancel)]),
      MOST_FRAMES,
      together,
    );
    await expectServed(neighbour);
    expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
    expect(sent).toBeLessThanOrEqual(1000 + together);
    expect(attacker.receivedBytes).toBeLessThan(GREETING_BYTES);
    expectUpstreamCancelled(scene);
    expectNothingInUse(scene.proxy);
    expect(scene.proxy.serverMetric("h2", "connection_errors")).toBe(1);
  },
);

const BROKEN: Readonly<Record<string, (id: number) => Buffer>> = {
  "WINDOW_UPDATE of nothing": (id) => windowFrame(id, 0),
  "a window beyond 2^31-1": (id) => windowFrame(id, 0x7fff_ffff),
  "DATA after the end": (id) => dataFrame(id, Buffer.from("x")),
  "HEADERS after the end": (id) => headerFrames(id, literalBlock(get()), { end: true }),
  "PRIORITY on itself": (id) => frame(Type.priority, 0, id, Buffer.from([0, 0, id >> 8, id & 255, 0])),
  "PRIORITY of the wrong length": (id) => frame(Type.priority, 0, id, Buffer.alloc(4)),
};

test.each(Object.entries(BROKEN))(
  "made you reset by %s: counts as a reset of the caller's own, and the work upstream is cancelled (CVE-2025-8671)",
  async (_, breaks) => {
    await using scene = await memoryH2Scene({}, onlyNeighbour);
    const neighbour = scene.connect();
    await expectServed(neighbour);
    const attacker = attack(scene);
    const sent = attacker.flood((i) => Buffer.concat([open(i), breaks(streamId(i))]));
    await expectServed(neighbour);
    expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
    expect(sent).toBeLessThanOrEqual(1100);
    expect(attacker.receivedBytes).toBeLessThan(attacker.sentBytes);
    expectUpstreamCancelled(scene);
    expectNothingInUse(scene.proxy);
  },
);

test.each<[string, FieldPairs, Buffer | null]>([
  ["more DATA than content-length", post("/", [["content-length", "1"]]), Buffer.from("xy")],
  ["less DATA than content-length", post("/", [["content-length", "9"]]), Buffer.from("xy")],
  ["a malformed head", get("/", [["Upper", "case"]]), null],
  [
    "a head that lacks :path",
    [
      [":method", "GET"],
      [":scheme", "http"],
    ],
    null,
  ],
])("made you reset by %s: counts against the same budget", async (_, fields, body) => {
  await using scene = await memoryH2Scene({}, onlyNeighbour);
  const neighbour = scene.connect();
  const attacker = attack(scene);
  const sent = attacker.flood((i) =>
    Buffer.concat([
      open(i, fields, { end: body === null }),
      ...(body === null ? [] : [dataFrame(streamId(i), body, true)]),
    ]),
  );
  await expectServed(neighbour);
  expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
  expect(sent).toBeLessThanOrEqual(1100);
  expect(attacker.receivedBytes).toBeLessThan(attacker.sentBytes);
  expectUpstreamCancelled(scene);
  expectNothingInUse(scene.proxy);
});

test("both kinds of reset are drawn from one budget", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { maxResetsPerMinute: 100 } } }, silent());
  const attacker = attack(scene);
  const sent = attacker.flood(
    (i) => Buffer.concat([open(i), i % 2 === 0 ? resetFrame(streamId(i), Code.cancel) : windowFrame(streamId(i), 0)]),
    MOST_FRAMES,
    1,
  );
  expect([attacker.goaway, sent]).toEqual([Code.calm, 101]);
});

// ---- Floods of frames ------------------------------------------------------------------------------------------------

/** What costs its sender little. Stream 1 is open, with a body to come; 3 was reset by us, 5 is complete on both sides, 7 was reset by the caller. */
const MOST_FRAMESS: Readonly<Record<string, (i: number) => Buffer>> = {
  PING: (i) => pingFrame(String(i).padStart(8, "0")),
  SETTINGS: () => settingsFrame([]),
  "SETTINGS that change the windows": (i) => settingsFrame([[Setting.initialWindow, 60_000 + (i % 2)]]),
  "acknowledged SETTINGS": () => frame(Type.settings, ACK, 0),
  PRIORITY: () => frame(Type.priority, 0, 1, Buffer.from([0, 0, 0, 0, 15])),
  "PRIORITY on idle streams": (i) => frame(Type.priority, 0, 1001 + 2 * i, Buffer.from([0, 0, 0, 0, 15])),
  "wrong PRIORITY on idle streams": (i) => frame(Type.priority, 0, 1001 + 2 * i, Buffer.alloc(4)),
  "empty DATA": () => dataFrame(1, Buffer.alloc(0)),
  "DATA of padding": () => dataFrame(1, Buffer.alloc(0), false, 0),
  "WINDOW_UPDATE by one": () => windowFrame(1, 1),
  "WINDOW_UPDATE on a complete stream": () => windowFrame(5, 100),
  "RST_STREAM of a complete stream": () => resetFrame(5, Code.cancel),
  "RST_STREAM of a stream that it has reset": () => resetFrame(7, Code.cancel),
  "frames of an unknown type": () => frame(0xbe, 0, 0, Buffer.from("x")),
  "empty DATA on a stream that we have reset": () => dataFrame(3, Buffer.alloc(0)),
  "DATA of one octet on a stream that we have reset": () => dataFrame(3, Buffer.from("x")),
  "acknowledged PING": () => pingFrame("nonsense", true),
  GOAWAY: () => goawayFrame(0, 0),
  "WINDOW_UPDATE of the connection by one": () => windowFrame(0, 1),
};

for (const [name, make] of Object.entries(MOST_FRAMESS)) {
  test(`a flood of ${name} is cut off with ENHANCE_YOUR_CALM, and answered with no more than it cost`, async () => {
    await using scene = await memoryH2Scene({}, onlyNeighbour);
    const neighbour = scene.connect();
    const attacker = attack(scene);
    attacker.send(
      open(0, post("/1"), {}),
      open(1, post("/3"), {}),
      windowFrame(3, 0),
      open(2, get("/neighbour")),
      open(3, post("/7"), {}),
      resetFrame(7, Code.cancel),
    );
    scene.world.settle();
    const [sentBefore, receivedBefore] = [attacker.sentBytes, attacker.receivedBytes];
    const sent = attacker.flood(make);
    await expectServed(neighbour);
    const sentBytes = attacker.sentBytes - sentBefore;
    expect(attacker.receivedBytes - receivedBefore).toBeLessThanOrEqual(sentBytes + GREETING_BYTES);
    expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
    expect(sent).toBeLessThanOrEqual(1200);
    expectUpstreamCancelled(scene);
    expectNothingInUse(scene.proxy);
  });
}

test.each([0, 1, 100])(
  "a flood of CONTINUATION with %d octets each ends before the block does (CVE-2024-24549)",
  async (bytes) => {
    await using scene = await memoryH2Scene({}, onlyNeighbour);
    const neighbour = scene.connect();
    const attacker = attack(scene);
    const before = kept();
    attacker.send(frame(Type.headers, END_STREAM, 1, literalBlock(get())));
    const piece = bytes === 0 ? Buffer.alloc(0) : Buffer.alloc(bytes, 0x82); // `:method: GET` again and again
    const sent = attacker.flood(() => frame(Type.continuation, 0, 1, piece), MOST_FRAMES, 1);
    expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
    expect(sent).toBeLessThanOrEqual(65);
    expect(kept() - before).toBeLessThan(MOST_RATIO * attacker.sentBytes + 100_000);
    expect(attacker.receivedBytes).toBeLessThan(GREETING_BYTES);
    await expectServed(neighbour);
    expect(scene.service.heads).toHaveLength(1);
  },
);

test("a header block in large CONTINUATION frames is cut off at maxHeaderListBytes, before it ends", async () => {
  await using scene = await memoryH2Scene({}, onlyNeighbour);
  const attacker = attack(scene);
  attacker.send(frame(Type.headers, END_STREAM, 1, literalBlock(get())));
  attacker.flood(() => frame(Type.continuation, 0, 1, Buffer.alloc(16_384, 0x82)), MOST_FRAMES, 1);
  expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
  expect(attacker.sentBytes).toBeLessThan(65_536 + 2 * 16_384 + 1000);
  await expectServed(scene.connect());
});

// ---- Bombs -----------------------------------------------------------------------------------------------------------

/** Puts a field into the table (RFC 7541 §6.2.1), and refers to it again: one octet each. */
function bomb(name: string, valueBytes: number, references: number): { seed: Buffer; block: Buffer } {
  const seed = literalBlock([[name, "v".repeat(valueBytes)]]);
  seed[0] = 0x40;
  // GET, http and / from the static table, and :authority as a literal that refers to its name.
  const shortest = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x01, 3]), Buffer.from("web")]);
  return { seed, block: Buffer.concat([shortest, Buffer.alloc(references, 0xbe)]) };
}

test.each<[string, string, number, number]>([
  ["large", "x-large", 4000, 16_000],
  ["tiny", "x", 0, 16_000],
  ["tiny, as many as fit the size,", "x", 0, 1900],
  ["crumbs of a cookie", "cookie", 1, 1900],
])(
  "a bomb of references to %s fields is answered 431 without being unpacked",
  async (_, name, valueBytes, references) => {
    await using scene = await memoryH2Scene({}, onlyNeighbour);
    const neighbour = scene.connect();
    await expectServed(neighbour);
    const attacker = attack(scene);
    const { block, seed } = bomb(name, valueBytes, references);
    attacker.send(headerFrames(1, Buffer.concat([literalBlock(get("/neighbour")), seed]), { end: true }));
    scene.world.settle();
    const before = { kept: kept(), sent: attacker.sentBytes, received: attacker.receivedBytes };
    for (let i = 1; i <= 50; i++) attacker.send(headerFrames(streamId(i), block, { end: true }));
    scene.world.settle();
    const sent = attacker.sentBytes - before.sent;
    expect(scene.proxy.lastRecord).toMatchObject({ status: 431, cause: "downstream.h2.head-too-large" });
    expect(attacker.receivedBytes - before.received).toBeLessThan(sent);
    scene.proxy.records.length = 0;
    expect(kept() - before.kept).toBeLessThan(MOST_RATIO * sent);
    expect(scene.service.heads).toHaveLength(2);
    await expectServed(neighbour);
    expectNothingInUse(scene.proxy);
  },
);

// A stream costs something whatever it says, and maxConcurrentStreams bounds that. What its fields cost is on top.
test.each<[string, string, number, number]>([
  ["tiny fields", "x", 1, 120],
  ["crumbs of a cookie", "cookie", 1, 120],
  ["fields of 500 octets", "x-mid", 500, 120],
])(
  "heads that are open at the same time, full of references to %s, keep at most eight octets for each received",
  async (_, name, valueBytes, references) => {
    const measured: number[] = [];
    let sent = 0;
    for (const count of [0, references]) {
      await using scene = await memoryH2Scene(
        { reuse: true },
        {
          connected: (connection) => connection.announce([[Setting.maxStreams, 1000]]),
          ...onlyNeighbour,
        },
      );
      const attacker = attack(scene);
      const { block, seed } = bomb(name, valueBytes, count);
      attacker.send(headerFrames(1, Buffer.concat([literalBlock(get("/neighbour")), seed]), { end: true }));
      await scene.service.begun(1);
      // The service is deaf from here on, so that what is kept is kept by the proxy.
      for (const { peer } of scene.service.connections) peer.onChunk = () => undefined;
      const streams = 500;
      const before = { kept: kept(), sent: attacker.sentBytes };
      for (let i = 1; i <= streams; i++) {
        attacker.send(headerFrames(streamId(i), block, { end: true }));
        scene.world.settle();
      }
      measured.push(kept() - before.kept);
      sent = attacker.sentBytes - before.sent;
      // Large heads leave no room for so many streams.
      expect(scene.proxy.inUse()["serverStreams"]).toBeGreaterThan(count === 0 ? streams - 1 : 30);
      attacker.peer.destroy();
      scene.world.settle();
      scene.service.connections.length = 0;
    }
    const [plain = 0, full = 0] = measured;
    console.log(
      `500 open streams keep ${plain} octets; of ${sent} octets, with ${references} references in each, ${full}`,
    );
    expect(full - plain).toBeLessThan(MOST_RATIO * sent);
  },
);

/** The heads of open streams of one connection may count for 2 MB, and are spelled out at most once, in memory that grows by doubling. */
const HEADS_OF_A_CONNECTION = 5 * 1024 * 1024;

/** Many requests in few octets, each of which unpacks to nearly what maxHeaderListBytes allows. */
function largeHeads(attacker: Attacker, world: MemoryWorld, streams: number): number {
  const { block, seed } = bomb("x-large", 3900, 15);
  attacker.send(headerFrames(1, Buffer.concat([literalBlock(get("/neighbour")), seed]), { end: true }));
  world.settle();
  const before = attacker.sentBytes;
  for (let i = 1; i <= streams; i++) attacker.send(headerFrames(streamId(i), block, { end: true }));
  return attacker.sentBytes - before;
}

test.fails("large heads are passed to a service of HTTP/2 as small as they came", async () => {
  // Reason: fields of the proxy's own push the large one out of the service's table, so it is spelled out once for each request (128 : 1).
  await using scene = await memoryH2Scene({}, onlyNeighbour);
  const attacker = attack(scene);
  const client = ["client", scene.service.name.slice(1)];
  const sent = largeHeads(attacker, scene.world, 100);
  const before = scene.proxy.metric(...client, "sent_bytes");
  scene.world.settle();
  const passed = scene.proxy.metric(...client, "sent_bytes") - before;
  console.log(`${sent} octets of compressed heads, ${passed} octets to the service`);
  expect(scene.service.heads).toHaveLength(101);
  // What the proxy says of each request is on top.
  expect(passed).toBeLessThan(MOST_RATIO * sent + 100 * 400);
  attacker.peer.destroy();
});

test("large heads that a deaf service of HTTP/2 without a table does not take are not kept unpacked", async () => {
  await using scene = await memoryH2Scene(
    { reuse: true },
    {
      connected: (connection) =>
        connection.announce([
          [Setting.tableBytes, 0],
          [Setting.maxStreams, 1000],
        ]),
      ...onlyNeighbour,
    },
  );
  const attacker = attack(scene);
  attacker.send(open(0, get("/neighbour")));
  await scene.service.begun(1);
  scene.service.connection.peer.stream.pause();
  const attackers = attack(scene);
  const before = keptBuffers();
  const sent = largeHeads(attackers, scene.world, 400);
  scene.world.settle();
  const keptBytes = keptBuffers() - before;
  console.log(`${sent} octets of compressed heads for a deaf service, ${keptBytes} kept`);
  attacker.peer.destroy();
  attackers.peer.destroy();
  for (const { peer } of scene.service.connections) peer.destroy();
  scene.world.settle();
  expect(keptBytes).toBeLessThan(MOST_RATIO * sent + 400 * 3000);
});

test("large heads that a deaf service of HTTP/1 does not take are not kept unpacked", async () => {
  await using there = await translated();
  there.backend.behaviour = { connected: ({ peer }) => peer.stream.pause() };
  const attacker = new Attacker(there.world, there.proxy.port());
  there.world.settle();
  const before = kept();
  const sent = largeHeads(attacker, there.world, 400);
  there.world.settle();
  const keptBytes = kept() - before;
  console.log(
    `${sent} octets of compressed heads for deaf HTTP/1, ${keptBytes} kept, ${there.backend.connections.length} connections`,
  );
  attacker.peer.destroy();
  there.world.settle();
  expect(keptBytes).toBeLessThan(MOST_RATIO * sent + HEADS_OF_A_CONNECTION);
});

test("large heads of answers that a deaf caller without a table does not take are not kept unpacked", async () => {
  let packed = 0;
  await using scene = await memoryH2Scene(
    { reuse: true },
    {
      connected: (connection) => connection.announce([[Setting.maxStreams, 1000]]),
      request(stream) {
        if (stream.path === "/neighbour") return stream.reply(200, "ok");
        const { seed } = bomb("x-large", 3900, 0);
        const first = packed === 0 ? seed : Buffer.from([0xbe]);
        const block = Buffer.concat([Buffer.from([0x88]), first, Buffer.alloc(14, 0xbe)]);
        packed += block.length + 9;
        return stream.connection.send(headerFrames(stream.id, block, { end: true }));
      },
    },
  );
  const attacker = attack(scene, [[Setting.tableBytes, 0]]);
  attacker.peer.stream.pause();
  const before = kept();
  for (let i = 0; i < 400; i += 20) attacker.flood((n) => open(i + n, get("/large")), 20, 20);
  const keptBytes = kept() - before;
  console.log(`${packed} octets of compressed answers for a deaf caller, ${keptBytes} kept`);
  attacker.peer.destroy();
  scene.world.settle();
  expect(keptBytes).toBeLessThan(MOST_RATIO * (packed + attacker.sentBytes) + HEADS_OF_A_CONNECTION);
});

test("what a caller asks for and does not take is at most one window for each stream", async () => {
  const streams = 100;
  await using scene = await memoryH2Scene(
    { reuse: true, server: { limits: { writeStallTimeoutMs: 2000 } } },
    {
      request: (stream) => stream.reply(200, stream.path === "/neighbour" ? "ok" : Buffer.alloc(1_000_000)),
    },
  );
  const neighbour = scene.connect();
  await expectServed(neighbour);
  const attacker = attack(scene, [[Setting.initialWindow, 0]]);
  attacker.flood((i) => open(i, get("/large")), streams);
  const sent = scene.service.heads.filter(({ path }) => path === "/large").map((stream) => 1_000_000 - stream.waiting);
  expect(Math.max(...sent)).toBeLessThanOrEqual(65_535);
  await expectServed(neighbour);
  await scene.world.pass(4000);
  expect(attacker.came.get(Type.reset)).toBe(streams);
  expectUpstreamCancelled(scene);
  expectNothingInUse(scene.proxy);
});

test("callers who take nothing do not hold up others whose answers come over the same connection", async () => {
  // 200 windows of an answer are more than a connection to a service holds for slow callers.
  const streams = 200;
  await using scene = await memoryH2Scene(
    { reuse: true },
    {
      request: (stream) => stream.reply(200, stream.path === "/neighbour" ? "ok" : Buffer.alloc(1_000_000)),
    },
  );
  const neighbour = scene.connect();
  const attacker = attack(scene, [[Setting.initialWindow, 0]]);
  attacker.flood((i) => open(i, get("/large")), streams);
  const answer = neighbour.request(get("/neighbour"));
  await scene.world.pass(5000);
  const { done } = answer;
  attacker.peer.destroy();
  scene.world.settle();
  expect(done).toBe(true);
});

// ---- Callers who do not take, or do not say, anything ----------------------------------------------------------------

test("the timer of stalled streams also runs for a caller that opens its streams' windows and not the connection's", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { writeStallTimeoutMs: 2000 } } },
    {
      request: (stream) => stream.reply(200, stream.path === "/neighbour" ? "ok" : Buffer.alloc(1_000_000)),
    },
  );
  const neighbour = scene.connect();
  const attacker = attack(scene, [[Setting.initialWindow, 0x7fff_0000]]);
  attacker.flood((i) => open(i, get("/large")), 10);
  await scene.world.pass(5000);
  await expectServed(neighbour);
  const stalled = scene.proxy.records.filter(({ cause }) => cause === "downstream.connection.write-stalled").length;
  const inUse = scene.proxy.inUse();
  attacker.peer.destroy();
  scene.world.settle();
  expect(stalled).toBe(10);
  expect(inUse).toMatchObject({ serverStreams: 0, clientStreams: 0 });
});

/** A caller that does not read, and asks for what the proxy answers itself: that piles up here. */
function pileUp(scene: H2Scene<MemoryWorld>, make: (i: number) => Buffer): Attacker {
  const attacker = attack(scene);
  attacker.peer.stream.pause();
  for (let i = 0; i < 20_000 && !attacker.peer.stream.lent; i += 100) {
    attacker.send(...Array.from({ length: 100 }, (_, n) => make(i + n)));
    scene.world.settle();
    scene.proxy.records.length = 0;
  }
  return attacker;
}

/** A request that leads nowhere, in as few octets as possible. */
const nowhere = (i: number): Buffer =>
  headerFrames(streamId(i), Buffer.from([0x82, 0x86, 0x84, 0x01, 1, 0x78]), { end: true });

test.each<[string, (i: number) => Buffer]>([
  ["errors", nowhere],
  // A request pays for each PING, so that their number alone does not end it.
  ["answers to PING", (i) => Buffer.concat([nowhere(i), pingFrame("12345678")])],
  ["acknowledgements of SETTINGS", (i) => Buffer.concat([nowhere(i), settingsFrame([])])],
])("%s for a caller that never reads are bounded, and its connection is cut off", async (name, make) => {
  await using scene = await memoryH2Scene({ reuse: true }, onlyNeighbour);
  const neighbour = scene.connect();
  await expectServed(neighbour);
  pileUp(scene, make).peer.destroy(); // fills the pools
  scene.world.settle();
  const before = kept();
  const attacker = pileUp(scene, make);
  await expectServed(neighbour);
  const keptBytes = kept() - before;
  console.log(`a caller that never reads ${name} sent ${attacker.sentBytes} octets; ${keptBytes} are kept`);
  expect(keptBytes).toBeLessThan(MOST_RATIO * attacker.sentBytes);
  expect(keptBytes).toBeLessThan(2_000_000);
  await scene.world.pass(65_000);
  expect(scene.proxy.inUse()).toMatchObject({ accepted: 1, exchanges: 0 });
  attacker.peer.destroy();
});

test("one octet of DATA in each frame is passed on, and costs no more than it cost the caller", async () => {
  await using scene = await memoryH2Scene({}, { ...onlyNeighbour });
  const neighbour = scene.connect();
  const attacker = attack(scene);
  attacker.send(open(0, post("/drip"), {}));
  const before = { sent: attacker.sentBytes, received: attacker.receivedBytes };
  expect(attacker.flood(() => dataFrame(1, Buffer.from("x")), 20_000, 10)).toBe(20_000);
  const sent = attacker.sentBytes - before.sent;
  expect(scene.service.heads[0]?.bodyBytes).toBe(20_000);
  expect(attacker.receivedBytes - before.received).toBeLessThan(sent / 10);
  await expectServed(neighbour);
  attacker.peer.destroy();
});

test("a window that is opened octet by octet costs no more than it cost the caller", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      request: (stream) => stream.reply(200, stream.path === "/neighbour" ? "ok" : "x".repeat(50_000)),
    },
  );
  const neighbour = scene.connect();
  const attacker = attack(scene, [[Setting.initialWindow, 0]]);
  attacker.send(open(0));
  scene.world.settle();
  const before = { sent: attacker.sentBytes, received: attacker.receivedBytes };
  attacker.flood(() => windowFrame(1, 1), 5000, 1);
  expect(attacker.receivedBytes - before.received).toBeLessThanOrEqual(attacker.sentBytes - before.sent);
  await expectServed(neighbour);
  attacker.peer.destroy();
});

// ---- Slowness --------------------------------------------------------------------------------------------------------

const SLOW = { server: { limits: { headerTimeoutMs: 1000 }, serverSession: { idleTimeMs: 3000 } } };

test.each<[string, Buffer]>([
  ["a head", open(0)],
  ["a head in pieces", open(0, get("/", [["x-long", "v".repeat(200)]]), { end: true, pieceBytes: 20 })],
  ["SETTINGS", settingsFrame(Array.from({ length: 40 }, () => [Setting.push, 0] as const))],
])("%s that comes octet by octet is cut off after headerTimeoutMs", async (_, bytes) => {
  await using scene = await memoryH2Scene(SLOW, onlyNeighbour);
  const neighbour = scene.connect();
  await expectServed(neighbour);
  const attacker = attack(scene);
  attacker.send(open(1, get("/neighbour")));
  await scene.world.pass(10);
  let spentMs = 0;
  for (const byte of bytes.subarray(0, bytes.length - 1)) {
    if (attacker.over) break;
    attacker.send(Buffer.from([byte]));
    await scene.world.pass(100);
    spentMs += 100;
  }
  expect([attacker.goaway, attacker.over]).toEqual([Code.calm, true]);
  expect(spentMs).toBeLessThanOrEqual(1000 + 700);
  await expectServed(scene.connect());
  expectNothingInUse(scene.proxy);
});

test.each<[string, string]>([
  ["nothing", ""],
  ["half a preface", CLIENT_PREFACE.slice(0, 10)],
  ["a preface, and then nothing", CLIENT_PREFACE],
  ["a preface and settings, and then nothing", `${CLIENT_PREFACE}${settingsFrame([]).toString("latin1")}`],
])("a connection that says %s is closed after headerTimeoutMs", async (_, text) => {
  await using scene = await memoryH2Scene(SLOW);
  const quiet = Peer.connect(scene.world, scene.proxy.port());
  scene.world.atEnd(() => quiet.destroy());
  quiet.send(text);
  await scene.world.pass(800);
  expect(quiet.ended).toBe(false);
  await scene.world.pass(800);
  expect(quiet.ended).toBe(true);
  await expectServed(scene.connect());
});

test("PINGs do not keep an idle connection", async () => {
  await using scene = await memoryH2Scene(SLOW, onlyNeighbour);
  const attacker = attack(scene);
  attacker.send(open(0, get("/neighbour")));
  for (let i = 0; i < 40 && !attacker.over; i++) {
    attacker.send(pingFrame("12345678"));
    await scene.world.pass(100);
  }
  expect([attacker.goaway, attacker.over]).toEqual([Code.none, true]);
});

test("frames that are cut in two now and then do not put off the timers of streams that are stalled", async () => {
  await using scene = await memoryH2Scene(
    { server: { limits: { writeStallTimeoutMs: 1000 } } },
    {
      request: (stream) => stream.reply(200, stream.path === "/neighbour" ? "ok" : Buffer.alloc(100_000)),
    },
  );
  const attacker = attack(scene, [[Setting.initialWindow, 0]]);
  attacker.send(open(0, get("/large")));
  for (let i = 0; i < 20; i++) {
    const ping = pingFrame("12345678");
    attacker.send(ping.subarray(0, 5));
    await scene.world.pass(25);
    attacker.send(ping.subarray(5));
    await scene.world.pass(275);
  }
  const resets = attacker.came.get(Type.reset) ?? 0;
  attacker.peer.destroy();
  scene.world.settle();
  expect(resets).toBe(1);
});

// ---- The table of HPACK ----------------------------------------------------------------------------------------------

const TABLE: Readonly<Record<string, readonly [Buffer, number]>> = {
  "a size beyond the allowed": [Buffer.from([0x3f, 0xe2, 0x1f]), COMPRESSION_ERROR], // 4097
  "a size in the middle of a block": [Buffer.concat([literalBlock(get()), Buffer.from([0x20])]), COMPRESSION_ERROR],
  "index 0": [Buffer.from([0x80]), COMPRESSION_ERROR],
  "an index beyond the table": [Buffer.from([0xbe]), COMPRESSION_ERROR],
  "an integer without end": [Buffer.from([0xff, ...Array.from({ length: 20 }, () => 0x80)]), COMPRESSION_ERROR],
  "an integer beyond 2^31": [Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]), COMPRESSION_ERROR],
  "a string longer than its block": [Buffer.from([0x00, 0x7f, 0xff, 0x01, 0x61]), COMPRESSION_ERROR],
  "more Huffman padding than seven bits": [Buffer.from([0x00, 0x01, 0x61, 0x82, 0x1f, 0xff]), COMPRESSION_ERROR],
  "Huffman padding of zeros": [Buffer.from([0x00, 0x01, 0x61, 0x81, 0x18]), COMPRESSION_ERROR],
  "EOS in Huffman code": [Buffer.from([0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff]), COMPRESSION_ERROR],
  "a frame larger than allowed": [Buffer.alloc(16_385), FRAME_SIZE_ERROR],
};

test.each(Object.entries(TABLE))("HPACK: %s ends the connection, and no other", async (_, [block, code]) => {
  await using scene = await memoryH2Scene({}, onlyNeighbour);
  const neighbour = scene.connect();
  const attacker = attack(scene);
  attacker.send(frame(Type.headers, END_HEADERS | END_STREAM, 1, block));
  scene.world.settle();
  expect([attacker.goaway, attacker.over]).toEqual([code, true]);
  expect(attacker.receivedBytes).toBeLessThan(GREETING_BYTES);
  await expectServed(neighbour);
  expect(scene.service.heads).toHaveLength(1);
});

test("HPACK: a table that goes to 0 and back in every block, and entries that push each other out, keep no more than the table", async () => {
  await using scene = await memoryH2Scene({ reuse: true }, onlyNeighbour);
  const neighbour = scene.connect();
  await expectServed(neighbour);
  const attacker = attack(scene);
  const before = kept();
  const sent = attacker.flood((i) => {
    const value = literalBlock([["x-turn", `${i}`.padEnd(1500, "v")]]);
    value[0] = 0x40;
    // To 0, and to 4096 again (RFC 7541 §6.3): both may stand at the beginning of a block.
    return headerFrames(
      streamId(i),
      Buffer.concat([Buffer.from([0x20, 0x3f, 0xe1, 0x1f]), literalBlock(get("/neighbour")), value]),
      { end: true },
    );
  }, 2000);
  scene.proxy.records.length = 0;
  scene.service.heads.length = 0;
  scene.service.requests.length = 0;
  for (const connection of scene.service.connections) {
    connection.frames.splice(1);
    connection.streams.clear();
  }
  const keptBytes = kept() - before;
  console.log(`${attacker.sentBytes} octets of entries, ${keptBytes} kept`);
  expect(sent).toBe(2000);
  expect(keptBytes).toBeLessThan(2_000_000);
  await expectServed(neighbour);
  attacker.peer.destroy();
});

// ---- Smuggling: HTTP/2 in front of a service of HTTP/1 ---------------------------------------------------------------

interface Translated extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly backend: Backend;
  readonly proxy: Proxy;
}

async function translated(): Promise<Translated> {
  const world = memoryWorld();
  const backend = await Backend.start(world);
  const proxy = await startH2Proxy(world, { dtab: `/svc/web => ${backend.name};`, client: { protocol: "http/1.1" } });
  return {
    world,
    backend,
    proxy,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

/** What a request smuggled in would look like. */
const SECOND = "GET /admin HTTP/1.1\r\nHost: web\r\n\r\n";
const LINE = "a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

const MALFORMED: Readonly<Record<string, FieldPairs>> = {
  "transfer-encoding (H2.TE)": post("/", [["transfer-encoding", "chunked"]]),
  "transfer-encoding next to content-length": post("/", [
    ["content-length", "3"],
    ["transfer-encoding", "chunked"],
  ]),
  connection: post("/", [["connection", "content-length"]]),
  upgrade: post("/", [["upgrade", "h2c"]]),
  "te other than trailers": post("/", [["te", "chunked"]]),
  "two lengths": post("/", [
    ["content-length", "3"],
    ["content-length", "5"],
  ]),
  "a list of lengths": post("/", [["content-length", "3, 3"]]),
  "a length with a sign": post("/", [["content-length", "+3"]]),
  "a length with a space": post("/", [["content-length", " 3"]]),
  "an empty length": post("/", [["content-length", ""]]),
  "a length in hexadecimal": post("/", [["content-length", "0x3"]]),
  "a line end in a value": post("/", [["x-a", LINE]]),
  "a bare CR in a value": post("/", [["x-a", "a\rb"]]),
  "a bare LF in a value": post("/", [["x-a", "a\nb"]]),
  "NUL in a value": post("/", [["x-a", "a\0b"]]),
  "a line end in a name": post("/", [["x-a: b\r\nx-b", "c"]]),
  "a colon in a name": post("/", [["transfer-encoding: chunked\r\n:", "x"]]),
  "a colon in the middle of a name": post("/", [["x:y", "c"]]),
  "a space in a name": post("/", [["transfer-encoding ", "chunked"]]),
  "an empty name": post("/", [["", "x"]]),
  "a name in upper case": post("/", [["Transfer-Encoding", "chunked"]]),
  "a line end in :path": post("/ HTTP/1.1\r\nX-Smuggled: 1\r\nX: "),
  "a space in :path": post("/ HTTP/1.1"),
  "an empty :path": post(""),
  "a :path without a slash": post("admin"),
  "a line end in :method": request("GET / HTTP/1.1\r\nX-Smuggled: 1\r\n\r\nGET"),
  "a space in :method": request("GET /admin"),
  "an empty :method": request(""),
  "a line end in :authority": request("POST", "/", [], "web\r\nX-Smuggled: 1"),
  "a space in :authority": request("POST", "/", [], "web admin"),
  "user information in :authority": request("POST", "/", [], "admin@web"),
  "a line end in :scheme": [
    [":method", "POST"],
    [":scheme", "http\r\nX: y"],
    [":authority", "web"],
    [":path", "/"],
  ],
  ":authority twice": [...post("/").slice(0, 4), [":authority", "admin"]],
  ":path twice": [...post("/").slice(0, 4), [":path", "/admin"]],
  "a pseudo-header field after others": [...post("/", [["x-a", "b"]]), [":path", "/admin"]],
  "an unknown pseudo-header field": [
    [":method", "POST"],
    [":scheme", "http"],
    [":authority", "web"],
    [":path", "/"],
    [":smuggled", "x"],
  ],
  ":status in a request": [[":status", "200"], ...post("/")],
  "a Host other than :authority": post("/", [["host", "admin"]]),
  "Host twice": post("/", [
    ["host", "web"],
    ["host", "web"],
  ]),
};

test.each(Object.entries(MALFORMED))(
  "h2 to h1: %s is refused, and the service sees nothing of it",
  async (_, fields) => {
    await using there = await translated();
    const attacker = new Attacker(there.world, there.proxy.port());
    attacker.send(headerFrames(1, literalBlock(fields)), dataFrame(1, Buffer.from("abc"), true));
    there.world.settle();
    expect(there.backend.requests).toEqual([]);
    expect(there.backend.connections.map(({ peer }) => peer.receivedBytes)).toEqual([]);
    expect(attacker.came.get(Type.reset)).toBe(1);
    attacker.send(headerFrames(3, literalBlock(get("/next")), { end: true }));
    await there.backend.received(1);
    expect(there.backend.last.line).toBe("GET /next HTTP/1.1");
    attacker.peer.destroy();
  },
);

test.each<[string, FieldPairs, string]>([
  ["a body longer than content-length (H2.CL)", post("/", [["content-length", "3"]]), `abc${SECOND}`],
  ["content-length 0 with a body", post("/", [["content-length", "0"]]), SECOND],
  ["a body shorter than content-length", post("/", [["content-length", "300"]]), SECOND],
])("h2 to h1: %s is refused, and its connection to the service is not used again", async (_, fields, body) => {
  await using there = await translated();
  const attacker = new Attacker(there.world, there.proxy.port());
  attacker.send(headerFrames(1, literalBlock(fields)), dataFrame(1, Buffer.from(body), true));
  there.world.settle();
  expect(attacker.came.get(Type.reset)).toBe(1);
  attacker.send(headerFrames(3, literalBlock(get("/next")), { end: true }));
  await there.world.until("the next request", () => there.backend.requests.some(({ target }) => target === "/next"));
  expect(there.backend.requests.filter(({ target }) => target === "/admin")).toEqual([]);
  for (const { target, connection } of there.backend.requests) {
    if (target === "/next") expect(there.backend.connections[connection]?.requests).toBe(1);
  }
  expect(there.backend.problems).toEqual([]);
  attacker.peer.destroy();
});

/** The request as the service read it, without what the proxy says of every request. */
function seen(raw: string): string {
  return raw.replaceAll(/(?:l5d-[a-z-]+|finagle-http-retryable-request|via|x-forwarded[a-z-]*): [^\r]*\r\n/gi, "");
}

test.each<[string, FieldPairs, string | null, FieldPairs | null, string]>([
  [
    "a body that looks like a request is one body",
    post("/"),
    SECOND,
    null,
    `POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`,
  ],
  [
    "so is one after content-length",
    post("/", [["content-length", String(SECOND.length)]]),
    SECOND,
    null,
    `POST / HTTP/1.1\r\nHost: web\r\nContent-Length: ${SECOND.length}\r\n\r\n${SECOND}`,
  ],
  [
    "so is one of GET",
    get("/"),
    SECOND,
    null,
    `GET / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${SECOND.length.toString(16)}\r\n${SECOND}\r\n0\r\n\r\n`,
  ],
  [
    "a body that looks like the end of chunks is coded",
    post("/"),
    "0\r\n\r\n",
    null,
    "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n0\r\n\r\n\r\n0\r\n\r\n",
  ],
  [
    "crumbs are one cookie",
    get("/", [
      ["cookie", "a=1"],
      ["x-a", "b"],
      ["cookie", "c=2"],
    ]),
    null,
    null,
    "GET / HTTP/1.1\r\nHost: web\r\nx-a: b\r\nCookie: a=1; c=2\r\n\r\n",
  ],
  ["POST without a body says so", post("/"), null, null, "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 0\r\n\r\n"],
  [
    "trailers stay trailers, without framing, routing and context",
    post("/"),
    "abc",
    [
      ["x-checksum", "1"],
      ["content-length", "5"],
      ["host", "admin"],
      ["l5d-dtab", "/svc=>/admin"],
      ["te", "trailers"],
    ],
    "POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx-checksum: 1\r\n\r\n",
  ],
  [
    "trailers behind content-length are dropped",
    post("/", [["content-length", "3"]]),
    "abc",
    [["x-checksum", "1"]],
    "POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 3\r\n\r\nabc",
  ],
  [
    "te: trailers and trailer pass",
    get("/", [
      ["te", "trailers"],
      ["trailer", "x-checksum"],
    ]),
    null,
    null,
    "GET / HTTP/1.1\r\nHost: web\r\nte: trailers\r\ntrailer: x-checksum\r\n\r\n",
  ],
])("h2 to h1: %s", async (_, fields, body, trailers, expected) => {
  await using there = await translated();
  const attacker = new Attacker(there.world, there.proxy.port());
  const form = { end: body === null };
  attacker.send(headerFrames(1, literalBlock(fields), form));
  if (body !== null) attacker.send(dataFrame(1, Buffer.from(body), trailers === null));
  if (trailers !== null) attacker.send(headerFrames(1, literalBlock(trailers), { end: true }));
  there.world.settle();
  attacker.send(headerFrames(3, literalBlock(get("/next")), { end: true }));
  await there.backend.received(2);
  expect(seen(there.backend.requests[0]?.raw ?? "")).toBe(expected);
  expect(there.backend.requests.map(({ target }) => target)).toEqual(["/", "/next"]);
  expect(there.backend.problems).toEqual([]);
  attacker.peer.destroy();
});

test("trailers are never made headers, whatever they are called, from one HTTP/2 to another", async () => {
  await using scene = await memoryH2Scene(
    {},
    {
      request: (stream) =>
        stream.reply(
          200,
          "ok",
          [],
          [
            ["x-end", "1"],
            ["l5d-err", "told"],
          ],
        ),
    },
  );
  const caller = scene.connect();
  const stream = await caller.ask(post(), {
    body: "abc",
    trailers: [
      ["x-checksum", "1"],
      ["l5d-dtab", "/svc=>/admin"],
      ["authorization", "secret"],
    ],
  });
  expect(valuesOf({ fields: scene.service.last.head ?? [] }, "x-checksum")).toEqual([]);
  expect(scene.service.last.trailer("x-checksum")).toBe("1");
  expect(scene.service.last.trailer("l5d-dtab")).toBeUndefined();
  expect([stream.value("x-end"), stream.trailer("x-end")]).toEqual([undefined, "1"]);
});

test.each<[string, FieldPairs]>([
  ["a pseudo-header field", [[":path", "/admin"]]],
  ["a field of the connection", [["transfer-encoding", "chunked"]]],
  ["a line end", [["x-a", "b\r\nx: y"]]],
])("h2 to h1: trailers with %s are refused, and the service never sees the end of the request", async (_, trailers) => {
  await using there = await translated();
  const attacker = new Attacker(there.world, there.proxy.port());
  attacker.send(headerFrames(1, literalBlock(post())), dataFrame(1, Buffer.from("abc")));
  there.world.settle();
  expect(there.backend.open.length).toBe(1);
  attacker.send(headerFrames(1, literalBlock(trailers), { end: true }));
  there.world.settle();
  expect(attacker.came.get(Type.reset)).toBe(1);
  expect(there.backend.requests).toEqual([]);
  expect(there.backend.open.length).toBe(0);
  attacker.peer.destroy();
});
