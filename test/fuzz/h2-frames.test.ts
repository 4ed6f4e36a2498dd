// Whatever frames a peer sends: the reader tells the same however they are cut, keeps no more than was sent, and never stalls; a whole proxy
// behind it throws nothing, forwards nothing that breaks the rules, and has everything back when the connection has ended.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FieldList } from "../../src/protocols/http2/codec/field-list.ts";
import { FieldNames } from "../../src/protocols/http2/codec/field-name.ts";
import { type FrameHandler, FrameReader } from "../../src/protocols/http2/codec/frame-reader.ts";
import { HeaderFields } from "../../src/protocols/http2/codec/header-field.ts";
import { HpackDecoder } from "../../src/protocols/http2/codec/hpack-decoder.ts";
import { anyCuts } from "../support/arbitrary-bytes.ts";
import { H2Caller } from "../support/h2-caller.ts";
import {
  CLIENT_PREFACE,
  Code,
  dataFrame,
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
import { get, type H2Scene, memoryH2Scene, request } from "../support/h2-scene.ts";
import {
  answers,
  earlyAnswer,
  echo,
  grpcAnswer,
  type H2Behaviour,
  resets,
  silent,
  trailersOnly,
} from "../support/h2-service.ts";
import { heapInUse } from "../support/heap.ts";
import { StoryEncoder } from "../support/hpack.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";
import { Peer } from "../support/peer.ts";
import type { MemoryWorld } from "../support/world.ts";

const STALL_MS = 100;
const GROWTH_BYTES = 8 * 1024 * 1024;
const WARM_UP = 200;
const MAX_FRAME = 16_384;
const MAX_BLOCK = 20_000;

/** Time that this thread has worked: that of others on a busy machine is no stall of ours. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { system, user } = process.threadCpuUsage(since);
  return (system + user) / 1000;
}

// ---- What is sent ----------------------------------------------------------------------------------------------------

const FIELDS: readonly (readonly [string, string])[] = [
  ["content-type", "application/grpc"],
  ["content-length", "5"],
  ["te", "trailers"],
  ["x-a", "b"],
  ["cookie", "c=d"],
  ["grpc-timeout", "1S"],
  ["l5d-dtab", "/svc => /x"],
  ["l5d-ctx-deadline", "1 2"],
  ["x-long", "x".repeat(300)],
  ["Host", "web"],
  ["connection", "close"],
  [":path", "/again"],
  ["x-bad", "a\r\nb: c"],
];

const anyHead = fc
  .record({
    method: fc.constantFrom("GET", "POST", "HEAD", "OPTIONS", "CONNECT", "G T"),
    path: fc.constantFrom("/", "/a?b", "*", "", "/a#b"),
    authority: fc.oneof({ weight: 6, arbitrary: fc.constant("web") }, fc.constantFrom("nobody", "", "a/b")),
    fields: fc.array(fc.constantFrom(...FIELDS), { maxLength: 3 }),
    dropped: fc.nat(30),
  })
  .map(
    ({ authority, dropped, fields, method, path }) =>
      [[":method", method], [":scheme", "http"], [":authority", authority], [":path", path], ...fields].filter(
        (_, i) => i !== dropped,
      ) as [string, string][], // pairs, all of them
  );

const anyTrailers = fc.constantFrom<[string, string][][]>(
  [["grpc-status", "0"]],
  [["x-sum", "1"]],
  [[":status", "200"]],
  [],
);

type Send =
  | { readonly what: "head"; readonly fields: [string, string][]; readonly end: boolean; readonly pieceBytes: number }
  | { readonly what: "trailers"; readonly fields: [string, string][]; readonly end: boolean }
  | { readonly what: "data"; readonly bytes: number; readonly end: boolean; readonly padding: number }
  | { readonly what: "other"; readonly of: (id: number) => Buffer };

const anyBoolean = fc.boolean();
const anyWord = fc.oneof(fc.constantFrom(0, 1, 100, 16_384, 65_535, 0x7fff_ffff), fc.nat(0xffff));
const anyOther = fc.oneof<fc.Arbitrary<(id: number) => Buffer>[]>(
  fc.constantFrom(...Object.values(Code)).map((code) => (id) => resetFrame(id, code)),
  anyWord.map((increment) => (id) => windowFrame(id, increment)),
  anyWord.map((increment) => () => windowFrame(0, increment)),
  fc
    .array(fc.tuple(fc.constantFrom(...Object.values(Setting), 77), anyWord), { maxLength: 3 })
    .map((entries) => () => settingsFrame(entries)),
  fc.constant(() => frame(Type.settings, 1, 0)),
  anyBoolean.map((ack) => () => pingFrame("12345678", ack)),
  fc.constant(() => goawayFrame(0, 0)),
  fc.tuple(fc.nat(8), fc.nat(255), fc.nat(9)).map(([length, flags, depends]) => (id) => {
    const payload = Buffer.alloc(length);
    if (length > 3) payload[3] = depends;
    return frame(Type.priority, flags, id, payload);
  }),
  fc.tuple(fc.integer({ min: 0, max: 12 }), fc.nat(255), fc.uint8Array({ maxLength: 30 })).map(
    ([type, flags, payload]) =>
      (id) =>
        frame(type, flags, id, Buffer.from(payload)),
  ),
);

const anySend: fc.Arbitrary<Send> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant("head" as const),
      fields: anyHead,
      end: anyBoolean,
      pieceBytes: fc.constantFrom(16_000, 16_000, 20, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant("trailers" as const), fields: anyTrailers, end: anyBoolean }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant("data" as const),
      bytes: fc.constantFrom(0, 1, 5, 100, 16_384),
      end: anyBoolean,
      padding: fc.constantFrom(-1, -1, 0, 7, 255),
    }),
  },
  { weight: 3, arbitrary: anyOther.map((of) => ({ what: "other" as const, of })) },
);

/** What is sent in order, each on the newest stream or on one of those before. */
const anySends = fc.array(fc.record({ send: anySend, back: fc.constantFrom(0, 0, 0, 1, 2, -1) }), {
  minLength: 1,
  maxLength: 14,
});

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

const anyEdits: fc.Arbitrary<readonly Edit[]> = fc.oneof(
  { weight: 2, arbitrary: fc.constant([]) },
  {
    weight: 3,
    arbitrary: fc.array(fc.record({ at: fc.nat(), removed: fc.nat(3), inserted: fc.uint8Array({ maxLength: 3 }) }), {
      minLength: 1,
      maxLength: 3,
    }),
  },
);

type Sends = readonly { readonly send: Send; readonly back: number }[];

const anyAnswerHead = fc
  .tuple(
    fc.constantFrom("200", "204", "304", "103", "500", "20"),
    fc.array(fc.constantFrom(...FIELDS), { maxLength: 3 }),
  )
  .map(([status, fields]) => [[":status", status], ...fields] as [string, string][]); // pairs, all of them
const anyAnswerFrame: fc.Arbitrary<(id: number) => Buffer> = fc.oneof(
  fc.tuple(anyAnswerHead, anyBoolean).map(
    ([fields, end]) =>
      (id: number) =>
        headerFrames(id, literalBlock(fields), { end }),
  ),
  fc.tuple(anyTrailers, anyBoolean).map(
    ([fields, end]) =>
      (id: number) =>
        headerFrames(id, literalBlock(fields), { end }),
  ),
  fc.tuple(fc.constantFrom(0, 5, 1000), anyBoolean, fc.constantFrom(-1, 0, 9)).map(
    ([bytes, end, padding]) =>
      (id: number) =>
        dataFrame(id, Buffer.alloc(bytes, 0x61), end, padding),
  ),
  anyOther,
);
/** What a service sends for a request, on its stream or on one that is not there. */
const anyAnswer = fc
  .tuple(
    anyAnswerHead,
    fc.array(fc.tuple(anyAnswerFrame, fc.constantFrom(0, 0, 0, 2, -2, 1)), { maxLength: 8 }),
    anyEdits,
  )
  .map(([head, rest, edits]) => (id: number) => {
    const frames = rest.map(([of, aside]) => of(Math.max(0, id + aside)));
    return damaged(Buffer.concat([headerFrames(id, literalBlock(head)), ...frames]), edits);
  });

/** The frames of a client, before they are damaged. */
function composed(sends: Sends): Buffer {
  const encoder = new StoryEncoder();
  let id = -1;
  const frames = sends.map(({ back, send }) => {
    if (send.what === "head") {
      id += 2;
      return headerFrames(id, encoder.encode(send.fields), { end: send.end, pieceBytes: send.pieceBytes });
    }
    const at = Math.max(0, id - 2 * back);
    if (send.what === "trailers") return headerFrames(at, literalBlock(send.fields), { end: send.end });
    if (send.what === "data") {
      const bytes = Math.min(send.bytes, MAX_FRAME - 256);
      return dataFrame(at, Buffer.alloc(bytes, 0x61), send.end, send.padding);
    }
    return send.of(at);
  });
  return Buffer.concat([settingsFrame([]), ...frames]);
}

function damaged(bytes: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce((whole, { at, inserted, removed }) => {
    const from = at % (whole.length + 1);
    return Buffer.concat([whole.subarray(0, from), inserted, whole.subarray(from + removed)]);
  }, bytes);
}

function parts(bytes: Buffer, fractions: readonly number[]): Buffer[] {
  const places = [...new Set(fractions.map((each) => Math.floor(each * bytes.length)))].toSorted((a, b) => a - b);
  return [...places, bytes.length].map((place, i) => bytes.subarray(places[i - 1] ?? 0, place));
}

// ---- The reader ------------------------------------------------------------------------------------------------------

const anyNoise = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));

/** Decodes what it is told, and writes it down. */
class Listener implements FrameHandler {
  readonly calls: string[] = [];
  readonly #decoder = new HpackDecoder(memory, 4096);
  readonly #list = new FieldList();
  #data = "";

  #note(...call: readonly unknown[]): number {
    this.calls.push(call.join(" "));
    return 0;
  }

  dataBegins(id: number, length: number): number {
    this.#data = "";
    return this.#note("data begins", id, length);
  }

  data(buffer: Buffer, start: number, end: number): void {
    this.#data += buffer.toString("latin1", start, end);
  }

  dataEnds(endStream: boolean, padding: number): number {
    return this.#note("data ends", this.#data, endStream, padding);
  }

  headers(id: number, endStream: boolean, selfish: boolean, block: Buffer, start: number, end: number): number {
    this.#list.clear();
    const fine = this.#decoder.decode(block, start, end, this.#list, { maxFields: 100, maxBytes: 16_384 });
    const fields = this.#list.fields.slice(0, this.#list.count).map(({ name, value }) => `${name.text}: ${value}`);
    this.#note("headers", id, endStream, selfish, fine, ...fields);
    return fine ? 0 : 9;
  }

  priority(...args: readonly unknown[]): number {
    return this.#note("priority", ...args);
  }

  reset(...args: readonly unknown[]): number {
    return this.#note("reset", ...args);
  }

  settings(buffer: Buffer, start: number, end: number): number {
    return this.#note("settings", buffer.toString("hex", start, end));
  }

  settingsAcknowledged(): number {
    return this.#note("acknowledged");
  }

  ping(ack: boolean, buffer: Buffer, start: number): number {
    return this.#note("ping", ack, buffer.toString("hex", start, start + 8));
  }

  goaway(...args: readonly unknown[]): number {
    return this.#note("goaway", ...args);
  }

  windowUpdate(...args: readonly unknown[]): number {
    return this.#note("window", ...args);
  }

  cheapFrame(): number {
    return this.#note("cheap");
  }
}

const memory = { names: new FieldNames(), fields: new HeaderFields() };

interface Heard {
  readonly calls: readonly string[];
  readonly code: number;
  readonly reader: FrameReader;
}

function hear(pieces: readonly Buffer[]): Heard {
  const listener = new Listener();
  const reader = new FrameReader(listener, MAX_FRAME, MAX_BLOCK);
  let code = 0;
  for (const piece of pieces) {
    const copy = Buffer.from(piece);
    const before = process.threadCpuUsage();
    code = reader.read(copy, 0, copy.length);
    expect(cpuMs(before)).toBeLessThan(STALL_MS);
    copy.fill(0xdb);
    if (code !== 0) break;
  }
  return { calls: listener.calls, code, reader };
}

const anyBytes = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(anySends, anyEdits).map(([sends, edits]) => damaged(composed(sends), edits)) },
  { weight: 1, arbitrary: anyNoise.map((noise) => Buffer.concat([settingsFrame([]), noise])) },
  { weight: 1, arbitrary: anyNoise },
);

/** Connections that are kept to see what they hold, and what each may hold beside eight octets for each it got. */
const KEPT = 200;
const KEPT_BYTES = 24 * 1024;

test(
  "a reader tells the same however frames are cut, and keeps little",
  () => {
    const kept: FrameReader[] = [];
    let received = 0;
    heapInUse();
    const before = process.memoryUsage();
    fc.assert(
      fc.property(anyBytes, anyCuts, (bytes, cuts) => {
        const { calls, code, reader } = hear([bytes]);
        const inPieces = hear(parts(bytes, cuts));
        expect({ calls: inPieces.calls, code: inPieces.code }).toEqual({ calls, code });
        inPieces.reader.close();
        if (kept.length === KEPT) return reader.close();
        kept.push(reader);
        received += bytes.length;
        return undefined;
      }),
      fuzzing(1500),
    );
    heapInUse();
    const after = process.memoryUsage();
    const held = after.arrayBuffers - before.arrayBuffers;
    expect(held).toBeLessThan(8 * received + KEPT * KEPT_BYTES);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(8 * received + GROWTH_BYTES);
    for (const reader of kept) reader.close();
  },
  fuzzLimitMs,
);

// ---- The proxy -------------------------------------------------------------------------------------------------------

/** What the service does, from request to request. */
const behaviours: readonly H2Behaviour[] = [
  echo(),
  echo(),
  silent(),
  resets(Code.refused),
  resets(Code.cancel),
  answers(200, "x".repeat(100_000)),
  grpcAnswer("hello", 0),
  trailersOnly(5),
  earlyAnswer(413, "too large"),
  { head: (stream) => stream.reply(200, "y".repeat(70_000), [], [["x-sum", "1"]]), request: () => undefined },
  { head: (stream) => stream.sendReset(Code.internal), request: () => undefined },
  { request: (stream) => stream.connection.goaway(stream.id) },
  { request: (stream) => stream.connection.peer.destroy() },
];
const anyBehaviour = fc.constantFrom(...behaviours);

function expectAllGivenBack(scene: H2Scene<MemoryWorld>, pieces: readonly Buffer[]): void {
  const { proxy, service: behind, world } = scene;
  const before = inUse(scene); // what a failing case has left behind, while it is made smaller
  world.thrown.length = 0;
  proxy.logLines.length = 0;
  const caller = Peer.connect(world, proxy.port());
  caller.send(CLIENT_PREFACE);
  for (const piece of pieces) {
    const sent = process.threadCpuUsage();
    caller.send(piece);
    world.settle();
    expect(cpuMs(sent)).toBeLessThan(STALL_MS * 5); // with the service and its strict reader
  }
  caller.destroy();
  world.settle();
  expect(world.thrown).toEqual([]);
  expect(proxy.logLines.filter((line) => line.includes(" ERROR "))).toEqual([]);
  expect(behind.problems).toEqual([]);
  expect(inUse(scene)).toEqual(before);
}

/** Everything that a connection has taken from pools. */
function inUse({ proxy }: H2Scene<MemoryWorld>): Record<string, number> {
  const { attempts = 0, clientStreams = 0, exchanges = 0, h2Heads = 0, serverStreams = 0 } = proxy.inUse();
  return { attempts, clientStreams, exchanges, h2Heads, serverStreams };
}

function forget({ proxy, service: behind }: H2Scene<MemoryWorld>): void {
  // Tests remember everything; here that would be the growth.
  behind.requests.length = 0;
  behind.heads.length = 0;
  proxy.records.length = 0;
  behind.connections.splice(0, behind.connections.length, ...behind.connections.filter(({ closed }) => !closed));
  for (const connection of behind.connections) {
    connection.problems.length = 0;
    connection.frames.splice(1); // the first frame is looked for
    for (const [id, stream] of connection.streams) if (stream.done) connection.streams.delete(id);
  }
}

// The frame that breaks one stream too many must end the reading: what stands behind it would open streams that nobody ends any more.
test("frames behind the one for which a connection is given up open nothing", async () => {
  await using scene = await memoryH2Scene({ server: { limits: { maxResetsPerMinute: 1 } } }, silent());
  const opened = (id: number): Buffer => headerFrames(id, literalBlock(get()), { end: true });
  const broken = (id: number): Buffer[] => [opened(id), resetFrame(id, Code.cancel)];
  expectAllGivenBack(scene, [Buffer.concat([settingsFrame([]), ...broken(1), ...broken(3), opened(5)])]);
});

async function expectAllGivenBackOfAny(poisoned: boolean, runs: number): Promise<void> {
  await using scene = await memoryH2Scene(
    {
      reuse: !poisoned,
      server: { limits: { maxResetsPerMinute: 4 }, maxConcurrentStreamsPerConnection: 5 },
      telemetry: [{ kind: "io.l5d.recentRequests", sampleRate: 1 }], // looks at whatever there is of each
    },
    echo({ refill: true }),
  );
  let cases = 0;
  let heap = 0;
  fc.assert(
    fc.property(anyBytes, anyCuts, anyBehaviour, (bytes, cuts, behaviour) => {
      scene.service.behaviour = behaviour;
      expectAllGivenBack(scene, parts(bytes, cuts));
      scene.service.behaviour = echo();
      const after = new H2Caller(scene.world, scene.proxy.port());
      const stream = after.request(get());
      scene.world.settle();
      expect([stream.status, after.problems]).toEqual([200, []]);
      after.close();
      scene.world.settle();
      forget(scene);
      if (++cases === WARM_UP) heap = heapInUse();
    }),
    fuzzing(runs),
  );
  if (!poisoned) expect(heapInUse() - heap).toBeLessThan(GROWTH_BYTES);
}

/** Requests of a caller that does everything right, to a service that does not. */
function expectAnyAnswerToEnd(scene: H2Scene<MemoryWorld>, answer: (id: number) => Buffer): void {
  const { proxy, service, world } = scene;
  const before = inUse(scene);
  world.thrown.length = 0;
  proxy.logLines.length = 0;
  const caller = new H2Caller(world, proxy.port(), { refill: true });
  service.behaviour = { request: (stream) => stream.connection.send(answer(stream.id)) };
  for (const [method, body] of [
    ["GET", undefined],
    ["POST", "hello"],
    ["HEAD", undefined],
  ] as const) {
    caller.request(request(method), body === undefined ? {} : { body });
    world.settle();
  }
  caller.close();
  world.settle();
  for (const { peer } of service.connections) if (!peer.closed) peer.destroy();
  world.settle();
  service.behaviour = echo();
  expect(caller.problems).toEqual([]);
  expect(world.thrown).toEqual([]);
  expect(proxy.logLines.filter((line) => line.includes(" ERROR "))).toEqual([]);
  expect(inUse(scene)).toEqual(before);
}

test(
  "whatever a service answers, its caller gets frames that are right, and the proxy gives everything back",
  async () => {
    await using scene = await memoryH2Scene({ client: { failureAccrual: { kind: "none" } } });
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        expectAnyAnswerToEnd(scene, answer);
        forget(scene);
      }),
      fuzzing(700),
    );
  },
  fuzzLimitMs,
);

test(
  "whatever a caller sends, the proxy gives everything back",
  () => expectAllGivenBackOfAny(false, 1000),
  fuzzLimitMs,
);

test(
  "whatever a caller sends, nothing is used after it was given back",
  () => expectAllGivenBackOfAny(true, 500),
  fuzzLimitMs,
);
