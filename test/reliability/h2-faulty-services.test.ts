// R12 for HTTP/2: a service may go wrong in any way; the caller gets a documented code and reason, a gRPC caller a status, and nothing
// outlives its timer.
import { expect, test } from "vitest";
import { causesByToken } from "../../src/core/cause.ts";
import {
  Code,
  dataFrame,
  END_HEADERS,
  type FieldPairs,
  frame,
  headerFrames,
  literalBlock,
  resetFrame,
  Set as Setting,
  settingsFrame,
  Type,
} from "../support/h2-frames.ts";
import { call, get, type H2Scene, h2SceneIn, memoryH2Scene, post } from "../support/h2-scene.ts";
import { answers, type H2Behaviour, notHttp2, resets, silent } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import type { ProxySetup } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld, tcpWorld, type World } from "../support/world.ts";

/** Every timer of the proxy, short; what is still there after `LONGEST_MS` has outlived it. */
const setup = {
  server: { limits: { headerTimeoutMs: 300, bodyIdleTimeoutMs: 300, writeStallTimeoutMs: 300 } },
  client: {
    connectTimeoutMs: 300,
    requestAttemptTimeoutMs: 600,
    failureAccrual: { kind: "none" },
    requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 },
  },
} satisfies ProxySetup;
const LONGEST_MS = 2000;
/** Attempts to get a connection at all: the first, and those that cost the budget nothing (linkerd1 §6.6.2). */
const ACQUISITIONS = 26;
/** The wheel's timers may be so much late. */
const WHEEL_TICK_MS = 100;

interface Fault {
  readonly name: string;
  service?(world: World): H2Behaviour;
  /** What is read of it as HTTP, and as gRPC. */
  readonly status: number;
  readonly grpc: number;
  readonly cause: string | RegExp;
  /** The answer had begun: the caller sees a reset, a gRPC caller a status in the trailers. */
  readonly broken?: boolean;
  /** The request has a body that does not end. */
  readonly open?: boolean;
  prepare?(scene: H2Scene): Promise<void> | void;
}

const OK: FieldPairs = [[":status", "200"]];
const head = (stream: H2Stream): void =>
  stream.sendHead([...OK, ["content-type", stream.value("content-type") ?? "text/plain"]]);
const begun = { status: 200, grpc: 14, broken: true };
const reset = { status: 502, grpc: 13, cause: "upstream.h2.reset" };
const malformed = { status: 502, grpc: 13, cause: "upstream.h2.malformed" };
const protocol = { status: 502, grpc: 14, cause: "upstream.h2.protocol" };
const timeout = { status: 503, grpc: 4, cause: "proxy.timeout.attempt" };

/** Sends these bytes in place of an answer. */
const says =
  (make: (id: number) => Buffer): (() => H2Behaviour) =>
  () => ({
    request: (stream) => stream.connection.send(make(stream.id)),
  });

/** Announces this first, and then takes requests and never answers. */
const announces =
  (...settings: readonly (readonly [number, number])[]) =>
  (): H2Behaviour =>
    silent({ settings });

/** Repeats something every so often, until the connection is gone. */
function beat(world: World, everyMs: number, stream: H2Stream, act: () => boolean): void {
  const timer = world.env.timers.every(everyMs, () => {
    if (stream.connection.closed || stream.reset !== null || !act()) timer.cancel();
  });
}

const table: readonly Fault[] = [
  {
    name: "refuses connections",
    status: 502,
    grpc: 14,
    cause: "upstream.connect.refused",
    prepare: (scene) => scene.service.unlisten(),
  },
  { name: "swallows the request", service: () => silent(), ...timeout },
  {
    name: "resets on connect",
    service: () => ({ connected: (connection) => connection.peer.reset() }),
    status: 502,
    grpc: 14,
    // Whether the proxy learns of the connection or of its reset first is up to the kernel.
    cause: /^upstream\.connect(ion\.(reset|unsent)|\.failed)$/,
  },
  {
    name: "resets the connection on the request",
    service: () => ({ request: (stream) => stream.connection.peer.reset() }),
    status: 502,
    grpc: 14,
    cause: /^upstream\.connection\.(reset|closed)$/,
  },
  {
    name: "is half open",
    service: () => ({ connected: (connection) => connection.peer.end(), request: () => undefined }),
    status: 502,
    grpc: 14,
    cause: /^upstream\.connection\.(closed|unsent)$/,
  },
  {
    name: "refuses the stream",
    service: () => resets(Code.refused),
    status: 502,
    grpc: 14,
    cause: "upstream.h2.refused",
  },
  {
    name: "refuses every stream with GOAWAY",
    service: () => ({ head: (_, connection) => connection.goaway(0) }),
    status: 502,
    grpc: 14,
    cause: "upstream.h2.goaway",
  },
  {
    name: "says GOAWAY, and why",
    service: () => ({ head: (_, connection) => connection.goaway(0, Code.calm) }),
    status: 502,
    grpc: 14,
    cause: "upstream.h2.goaway",
  },
  {
    name: "says GOAWAY before anything",
    service: () => ({ connected: (connection) => (connection.announce([]), connection.goaway(0)) }),
    status: 502,
    grpc: 14,
    cause: "upstream.h2.goaway",
  },
  { name: "resets the stream before its answer", service: () => resets(Code.internal), ...reset },
  { name: "cancels the stream before its answer", service: () => resets(Code.cancel), ...reset, grpc: 1 },
  { name: "asks for calm", service: () => resets(Code.calm), ...reset, grpc: 8 },
  { name: "resets without an error before its answer", service: () => resets(Code.none), ...reset },
  {
    name: "resets while the request comes",
    service: () => ({ head: (stream) => stream.sendReset(Code.internal) }),
    ...reset,
    open: true,
  },
  {
    name: "resets in its answer",
    service: () => ({
      request(stream) {
        head(stream);
        stream.write("half");
        stream.sendReset(Code.internal);
      },
    }),
    ...begun,
    grpc: 13,
    cause: "upstream.h2.reset",
  },
  { name: "sends garbage", service: says(() => Buffer.from("\x00\x01\x02 this is no HTTP \xff\r\n\r\n")), ...protocol },
  { name: "speaks HTTP/1", service: () => notHttp2(), ...protocol },
  {
    name: "begins with something else than SETTINGS",
    service: () => ({ connected: (connection) => connection.ping("12345678") }),
    ...protocol,
  },
  {
    name: "sends an endless head",
    service: says((id) =>
      Buffer.concat([
        frame(Type.headers, 0, id, literalBlock(OK)),
        ...Array.from({ length: 100 }, () =>
          frame(Type.continuation, 0, id, literalBlock([["x-more", "x".repeat(80)]])),
        ),
      ]),
    ),
    ...protocol,
  },
  {
    name: "sends a head that is too large",
    service: () => answers(200, "", [["x-large", "x".repeat(66_000)]]),
    ...malformed,
  },
  {
    name: "sends a head that is too large to be read",
    service: () => answers(200, "", [["x-large", "x".repeat(75_000)]]),
    ...protocol,
  },
  {
    name: "sends too many fields",
    service: () =>
      answers(
        200,
        "",
        Array.from({ length: 200 }, (_, i) => [`x-${i}`, "y"] as const),
      ),
    ...malformed,
  },
  {
    name: "sends a head without :status",
    service: () => ({ request: (stream) => stream.sendHead([["x-a", "b"]], { end: true }) }),
    ...malformed,
  },
  { name: "sends a field in upper case", service: () => answers(200, "", [["Upper", "case"]]), ...malformed },
  {
    name: "switches protocols",
    service: () => ({ request: (stream) => stream.sendHead([[":status", "101"]]) }),
    ...malformed,
  },
  { name: "sends a body before its head", service: says((id) => dataFrame(id, Buffer.from("x"))), ...malformed },
  { name: "sends HEADERS on a stream of its own", service: says(() => headerFrames(2, literalBlock(OK))), ...protocol },
  {
    name: "pushes",
    service: says((id) => frame(5, END_HEADERS, id, Buffer.concat([Buffer.from([0, 0, 0, 2]), literalBlock(get())]))),
    ...protocol,
  },
  { name: "breaks the table of HPACK", service: says((id) => headerFrames(id, Buffer.from([0xbe]))), ...protocol },
  {
    name: "sends a frame that is too large",
    service: says((id) => frame(Type.data, 0, id, Buffer.alloc(20_000))),
    ...protocol,
  },
  {
    name: "sends SETTINGS that are wrong",
    service: says(() => settingsFrame([[Setting.initialWindow, 2 ** 31]])),
    ...protocol,
  },
  { name: "resets a stream that is idle", service: says(() => resetFrame(99, 0)), ...protocol },
  {
    name: "sends more than the window allows",
    service: says((id) =>
      Buffer.concat([
        headerFrames(id, literalBlock(OK)),
        ...Array.from({ length: 5 }, () => dataFrame(id, Buffer.alloc(16_384))),
      ]),
    ),
    ...begun,
    grpc: 13,
    cause: "upstream.h2.malformed",
  },
  {
    name: "drips its head",
    service: (world) => ({
      request(stream) {
        const bytes = headerFrames(stream.id, literalBlock([...OK, ["x-long", "x".repeat(500)]]));
        let at = 0;
        beat(world, 50, stream, () => {
          stream.connection.send(bytes.subarray(at, ++at));
          return at < bytes.length;
        });
      },
    }),
    status: 502,
    grpc: 14,
    cause: /^(upstream\.h2\.protocol|upstream\.http\.head-timeout)$/,
  },
  {
    name: "is stuck in its body",
    service: () => ({
      request(stream) {
        head(stream);
        stream.write("half");
      },
    }),
    ...begun,
    cause: "upstream.http.body-timeout",
  },
  {
    name: "waits for a window that is open",
    service: () => ({ settings: [[Setting.initialWindow, 1_000_000]], request: () => undefined }),
    ...timeout,
    open: true,
  },
  {
    name: "drips its body, and ends it",
    service: (world) => ({
      request(stream) {
        head(stream);
        let sent = 0;
        beat(world, 100, stream, () => {
          stream.write("x", ++sent < 10 ? {} : { trailers: [["grpc-status", "0"]] });
          return sent < 10;
        });
      },
    }),
    status: 200,
    grpc: 0,
    cause: "",
  },
  {
    name: "answers early",
    service: () => ({
      head: (stream) => stream.reply(413, "", [["content-type", "text/plain"]], [["grpc-status", "11"]]),
      request: () => undefined,
    }),
    status: 413,
    grpc: 11,
    cause: "",
    open: true,
  },
  {
    name: "answers early, and asks for no more",
    service: () => ({
      head(stream) {
        stream.reply(413, "", [["content-type", "text/plain"]], [["grpc-status", "11"]]);
        stream.sendReset(Code.none);
      },
      request: () => undefined,
    }),
    status: 413,
    grpc: 11,
    cause: "",
    open: true,
  },
  {
    name: "sends a storm of interim answers",
    service: () => ({
      request(stream) {
        for (let i = 0; i < 100; i++)
          stream.sendHead([
            [":status", "103"],
            ["link", "</a>"],
          ]);
      },
    }),
    ...malformed,
  },
  {
    name: "ends its answer with an interim one",
    service: () => ({ request: (stream) => stream.sendHead([[":status", "103"]], { end: true }) }),
    ...malformed,
  },
  {
    name: "closes in the middle of DATA",
    service: () => ({
      request(stream) {
        head(stream);
        stream.connection.send(dataFrame(stream.id, Buffer.from("0123456789")).subarray(0, 14));
        stream.connection.peer.end();
      },
    }),
    ...begun,
    cause: "upstream.http.truncated",
  },
  {
    name: "resets the connection in its answer",
    service: () => ({
      request(stream) {
        head(stream);
        stream.write("half");
        stream.connection.peer.reset();
      },
    }),
    // The reset may overtake the head in the kernel.
    ...begun,
    cause: /^upstream\.(http\.truncated|connection\.reset)$/,
  },
  {
    name: "sends less than it told",
    service: () => ({
      request(stream) {
        stream.sendHead([
          ...OK,
          ["content-type", stream.value("content-type") ?? "text/plain"],
          ["content-length", "10"],
        ]);
        stream.write("half", { end: true });
      },
    }),
    ...begun,
    grpc: 13,
    cause: "upstream.h2.malformed",
  },
  {
    name: "sends more than it told",
    service: () => ({
      request(stream) {
        stream.sendHead([
          ...OK,
          ["content-type", stream.value("content-type") ?? "text/plain"],
          ["content-length", "2"],
        ]);
        stream.write("half", { end: true });
      },
    }),
    ...begun,
    grpc: 13,
    cause: "upstream.h2.malformed",
  },
  {
    name: "sends trailers that do not end the stream",
    service: () => ({
      request(stream) {
        head(stream);
        stream.sendHead([["grpc-status", "0"]]);
      },
    }),
    ...begun,
    grpc: 13,
    cause: "upstream.h2.malformed",
  },
  {
    name: "dies of a broken connection in its answer",
    service: () => ({
      request(stream) {
        head(stream);
        stream.write("half");
        stream.connection.send(frame(Type.ping, 0, 0, Buffer.alloc(7)));
      },
    }),
    ...begun,
    cause: "upstream.h2.protocol",
  },
  { name: "opens no window", service: announces([Setting.initialWindow, 0]), ...timeout, open: true },
  { name: "takes no stream", service: announces([Setting.maxStreams, 0]), ...timeout },
  {
    name: "forbids everything",
    service: announces([Setting.initialWindow, 0], [Setting.maxStreams, 0], [Setting.tableBytes, 0]),
    ...timeout,
  },
  { name: "never says its SETTINGS", service: () => silent({ answers: false }), ...timeout },
];

async function meets(scene: H2Scene, fault: Fault, grpc: boolean): Promise<void> {
  await fault.prepare?.(scene);
  const caller = scene.connect({ refill: true });
  const fields = grpc ? call() : fault.open === true ? post() : get();
  const stream = caller.request(fields, fault.open === true ? { body: "x".repeat(100_000), end: false } : {});
  if (scene.world.name === "memory") await scene.world.pass(LONGEST_MS); // sockets have time of their own
  await scene.proxy.recorded(1);
  await caller.finished(stream);
  const { cause } = scene.proxy.lastRecord;
  if (typeof fault.cause === "string") expect(cause).toBe(fault.cause);
  else expect(cause).toMatch(fault.cause);
  if (cause !== "") expect(causesByToken.has(cause)).toBe(true);
  const early = fault.broken === true && cause === "upstream.connection.reset";
  if (grpc) {
    expect(stream.ended).toBe(true);
    expect(Number(stream.trailer("grpc-status") ?? stream.value("grpc-status"))).toBe(fault.grpc);
  } else if (fault.broken === true && !early) {
    expect([stream.status, stream.ended, stream.reset !== null]).toEqual([200, false, true]);
  } else {
    expect([stream.status, stream.ended]).toEqual([early ? 502 : fault.status, true]);
  }
  if (cause !== "" && (grpc || fault.broken !== true)) expect(stream.cause).toBe(cause);
  expect(scene.proxy.inUse()).toMatchObject({
    exchanges: 0,
    attempts: 0,
    h2Heads: 0,
    serverStreams: 0,
    clientStreams: 0,
  });
}

for (const fault of table) {
  for (const grpc of [false, true]) {
    const asked = grpc ? ", asked by gRPC" : "";
    test(`a service that ${fault.name}${asked}`, async () => {
      await using scene = await memoryH2Scene(setup);
      scene.service.behaviour = fault.service?.(scene.world) ?? {};
      await meets(scene, fault, grpc);
    });
    test(`a service on a socket that ${fault.name}${asked}`, async () => {
      await using scene = await h2SceneIn(tcpWorld(), setup, {});
      scene.service.behaviour = fault.service?.(scene.world) ?? {};
      await meets(scene, fault, grpc);
    });
  }
}

test("a service that does not accept", async () => {
  await using scene: H2Scene<MemoryWorld> = await memoryH2Scene(setup);
  scene.world.network.silence(scene.service.address);
  const caller = scene.connect();
  const [plain, grpc] = [caller.request(get()), caller.request(call())];
  await scene.world.pass(ACQUISITIONS * (setup.client.connectTimeoutMs + WHEEL_TICK_MS));
  await caller.finished(plain, grpc);
  expect([plain.status, plain.cause]).toEqual([502, "upstream.connect.timeout"]);
  expect([grpc.value("grpc-status"), grpc.cause]).toEqual(["14", "upstream.connect.timeout"]);
  expect(scene.world.network.open).toBe(2); // the caller's connection, seen from both ends
});

test("a service that is stuck in its body does not put off its timer by PINGs that are cut in two", async () => {
  await using scene = await memoryH2Scene(setup, { request: head });
  const caller = scene.connect();
  caller.request(get());
  await scene.service.begun(1);
  const ping = frame(Type.ping, 0, 0, Buffer.alloc(8));
  for (let i = 0; i < 10; i++) {
    scene.service.connection.send(ping.subarray(0, 12));
    await scene.world.pass(50);
    scene.service.connection.send(ping.subarray(12));
    await scene.world.pass(150);
  }
  const ended = scene.proxy.records.map(({ cause }) => cause);
  caller.close();
  scene.world.settle();
  expect(ended).toEqual(["upstream.http.body-timeout"]);
});

test("streams in every state end when their service resets the connection, each once and with its cause", async () => {
  await using scene = await memoryH2Scene(setup, {
    head: (stream) => {
      if (stream.path.endsWith("answered")) head(stream);
    },
    request: () => undefined,
  });
  const caller = scene.connect();
  const streams = [
    caller.request(get("/whole")),
    caller.request(get("/whole-answered")),
    caller.request(post("/half"), { body: "x", end: false }),
    caller.request(post("/half-answered"), { body: "x", end: false }),
    caller.request(post("/blocked"), { body: "x".repeat(60_000), end: false }),
  ];
  await scene.service.begun(streams.length);
  scene.service.connection.peer.reset();
  await caller.finished(...streams);
  expect(streams.map(({ status }) => status)).toEqual([502, 200, 502, 200, 502]);
  // Whoever still had a body to send is told that it is not wanted; a reset is all that an answer which has begun can end with.
  expect(streams.map(({ reset: code }) => code !== null)).toEqual([false, true, true, true, true]);
  expect(scene.proxy.records).toHaveLength(streams.length);
});

test("hundreds of requests to services that go wrong in turn leave nothing behind, and the good ones are served", async () => {
  await using scene = await h2SceneIn(memoryWorld(), setup, {});
  const { proxy, service, world } = scene;
  const kinds = table.flatMap((fault) => (fault.service === undefined ? [] : [fault.service]));
  let callers = Array.from({ length: 4 }, () => scene.connect({ refill: true }));
  for (const kind of kinds) {
    service.behaviour = kind(world);
    for (const { peer } of service.connections) if (!peer.closed) peer.destroy();
    callers = callers.map((caller) => (caller.over ? scene.connect({ refill: true }) : caller));
    for (const caller of callers) {
      caller.request(get());
      caller.request(call(), { body: "x", end: false });
    }
    await world.pass(LONGEST_MS);
    for (const caller of callers)
      for (const stream of caller.streams.values()) if (!stream.done) stream.sendReset(Code.cancel);
    world.settle();
    expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
    service.behaviour = {};
    for (const { peer } of service.connections) if (!peer.closed) peer.destroy();
    world.settle();
    expect((await scene.connect().ask(get())).status).toBe(200);
  }
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, h2Heads: 0, serverStreams: 0, clientStreams: 0 });
});
