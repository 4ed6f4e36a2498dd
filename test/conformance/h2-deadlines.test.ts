// Deadlines over HTTP/2 and of gRPC calls: `l5d-ctx-deadline`, `grpc-timeout`, and both (finagle §5; gRPC over HTTP/2: Requests). What is common
// to both versions of HTTP is in deadlines.test.ts.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { budgetOf, deadlineIn, withClockAhead } from "../support/hops.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs } from "../support/h2-frames.ts";
import { call, get, type H2Scene, memoryH2Scene, post, startH2Proxy } from "../support/h2-scene.ts";
import { grpcMessage, H2Service, silent, trailersOnly } from "../support/h2-service.ts";
import { H2Stream } from "../support/h2-stream.ts";
import { compose, valueOf, valuesOf } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

type MemoryH2Scene = H2Scene<MemoryWorld>;

const enforced: ProxySetup = { modern: true };
const LATE_MS = 4;
const HOUR_MS = 3_600_000;
const DEADLINE_EXCEEDED = "4";
const GRPC: FieldPairs = [["content-type", "application/grpc"]];
const EXPIRED: FieldPairs = [["l5d-ctx-deadline", "1 2"]];

const all = (stream: H2Stream | undefined, name: string) => valuesOf({ fields: stream?.head ?? [] }, name);
const budgetAt = (stream: H2Stream | undefined) => budgetOf(stream?.value("l5d-ctx-deadline"));
const within = (world: MemoryWorld, leftMs: number, aheadMs = 0): FieldPairs => [
  ["l5d-ctx-deadline", deadlineIn(world, leftMs, aheadMs)],
];

function step(world: MemoryWorld, ms: number): void {
  world.settle();
  for (let i = 0; i < ms; i++) {
    world.env.advance(1);
    world.settle();
  }
}

/** How long it takes, in steps of a millisecond, until the stream is over. */
function msUntilEnd(world: MemoryWorld, stream: H2Stream, atMostMs: number, skipMs = 0): number {
  world.settle();
  const startMs = world.env.clock.nowMs();
  world.env.advance(skipMs);
  world.settle();
  while (!stream.done && world.env.clock.nowMs() - startMs < atMostMs) step(world, 1);
  return stream.done ? world.env.clock.nowMs() - startMs : Number.NaN;
}

function expectInTime(tookMs: number, budgetMs: number): void {
  expect(tookMs).toBeGreaterThanOrEqual(budgetMs);
  expect(tookMs).toBeLessThanOrEqual(budgetMs + LATE_MS);
}

async function earn(scene: MemoryH2Scene, requests: number): Promise<H2Caller> {
  const caller = scene.connect();
  for (let i = 0; i < requests; i++) await caller.ask(get());
  return caller;
}

// ---- Late arrivals ---------------------------------------------------------------------------------------------------

test("a late request is refused before anything is done for it: 503, or DEADLINE_EXCEEDED for gRPC", async () => {
  await using scene = await memoryH2Scene(enforced);
  const caller = await earn(scene, 10);
  const plain = await caller.ask(get("/", EXPIRED));
  expect([plain.status, plain.cause]).toEqual([503, "downstream.context.expired"]);
  const grpc = await caller.ask(call(EXPIRED), { body: grpcMessage("x") });
  expect([grpc.status, grpc.value("grpc-status"), grpc.cause]).toEqual([
    200,
    DEADLINE_EXCEEDED,
    "downstream.context.expired",
  ]);
  expect(scene.service.heads).toHaveLength(10);
  expect(scene.proxy.serverMetric("admission_control", "deadline", "rejected")).toBe(2);
  expect((await caller.ask(get())).status).toBe(200);
});

test.each(["0n", "0m", "0S", "0H"])("a call that was given no time (%s) is late when it comes", async (timeout) => {
  await using scene = await memoryH2Scene(enforced);
  const caller = await earn(scene, 10);
  const answer = await caller.ask(call([["grpc-timeout", timeout]]));
  expect([answer.value("grpc-status"), answer.cause]).toEqual([DEADLINE_EXCEEDED, "downstream.context.expired"]);
  expect(scene.service.heads).toHaveLength(10);
});

test.each([
  ["report", { router: { deadlines: "report" } }],
  ["off", { modern: true, router: { deadlines: "off" } }],
])("%s serves late calls and ends none", async (mode, setup) => {
  await using scene = await memoryH2Scene(setup, trailersOnly(0));
  const caller = await earn(scene, 10);
  for (let i = 0; i < 3; i++) expect((await caller.ask(call(EXPIRED))).value("grpc-status")).toBe("0");
  expect(all(scene.service.last, "l5d-ctx-deadline")).toEqual(["1 2"]);
  const place = ["admission_control", "darkmode_deadline", "exceeded"];
  expect(scene.proxy.serverMetric(...place)).toBe(mode === "report" ? 3 : 0);
  scene.service.behaviour = silent();
  const stream = caller.request(call([["grpc-timeout", "50m"]]));
  await scene.world.pass(2000);
  expect(stream.done).toBe(false);
  expect(scene.service.heads.at(-1)?.value("grpc-timeout")).toBe("50m");
  scene.service.heads.at(-1)?.reply(200, "", [...GRPC, ["grpc-status", "0"]]);
  await caller.finished(stream);
});

test("of calls that are all late every sixth is refused, whichever header says so", async () => {
  await using scene = await memoryH2Scene(enforced, trailersOnly(0));
  const caller = scene.connect();
  const statuses: (string | undefined)[] = [];
  for (let i = 0; i < 36; i++) {
    const fields: FieldPairs = i % 2 === 0 ? EXPIRED : [["grpc-timeout", "0n"]];
    statuses.push((await caller.ask(call(fields))).value("grpc-status"));
  }
  expect(statuses).toEqual(statuses.map((_, i) => (i % 6 === 5 ? DEADLINE_EXCEEDED : "0")));
});

// ---- What is left ----------------------------------------------------------------------------------------------------

const carriers: readonly (readonly [string, (world: MemoryWorld, ms: number) => FieldPairs])[] = [
  ["l5d-ctx-deadline", (world, ms) => get("/", within(world, ms))],
  ["grpc-timeout", (_, ms) => call([["grpc-timeout", `${ms}m`]])],
  [
    "grpc-timeout and a later l5d-ctx-deadline",
    (world, ms) => call([["grpc-timeout", `${ms}m`], ...within(world, ms + 5000)]),
  ],
  [
    "l5d-ctx-deadline and a later grpc-timeout",
    (world, ms) => call([["grpc-timeout", `${ms + 5000}m`], ...within(world, ms)]),
  ],
];

test.each(carriers)(
  "%s: ended not early and at most 4 ms late, and the service's stream is reset at once",
  async (_, fieldsOf) => {
    await using scene = await memoryH2Scene(enforced, silent());
    const caller = scene.connect();
    for (const budgetMs of [5, 20, 199, 201, 1000, 60_000]) {
      scene.world.env.advance(13);
      const stream = caller.request(fieldsOf(scene.world, budgetMs));
      expectInTime(msUntilEnd(scene.world, stream, budgetMs + 500, Math.max(0, budgetMs - 210)), budgetMs);
      expect(stream.cause).toBe("proxy.timeout.deadline");
      expect(stream.value("grpc-status") ?? stream.status).toBe(
        stream.value("content-type") === "application/grpc" ? DEADLINE_EXCEEDED : 503,
      );
      expect(scene.service.heads.at(-1)?.reset).toBe(Code.cancel);
      expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, fineTimers: 0 });
    }
    expect(scene.service.connections).toHaveLength(1);
  },
);

test.each([
  ["microseconds", "2500u", 3],
  ["nanoseconds", "99999999n", 100],
  ["seconds", "2S", 2000],
  ["minutes", "1M", 60_000],
])("grpc-timeout in %s", async (_, timeout, budgetMs) => {
  await using scene = await memoryH2Scene(enforced, silent());
  const stream = scene.connect().request(call([["grpc-timeout", timeout]]));
  expectInTime(msUntilEnd(scene.world, stream, budgetMs + 500, Math.max(0, budgetMs - 210)), budgetMs);
});

test("a streaming call ends at its deadline with DEADLINE_EXCEEDED in the trailers, however well it flows, and its upstream stream is reset", async () => {
  await using scene = await memoryH2Scene(
    { ...enforced, accessLog: true },
    { head: (stream) => stream.sendHead([[":status", "200"], ...GRPC]), request: () => undefined },
  );
  const caller = scene.connect({ refill: true });
  const stream = caller.request(call([["grpc-timeout", "300m"]]), { end: false });
  for (let i = 0; i < 29; i++) {
    step(scene.world, 10);
    stream.write(grpcMessage("up"));
    scene.service.heads[0]?.write(grpcMessage("down"));
  }
  expect(stream.done).toBe(false);
  expectInTime(290 + msUntilEnd(scene.world, stream, 100), 300);
  expect([stream.status, stream.trailer("grpc-status"), stream.trailer("fairlead-cause")?.split(";")[0]]).toEqual([
    200,
    DEADLINE_EXCEEDED,
    "proxy.timeout.deadline",
  ]);
  expect(stream.body).toBe(grpcMessage("down").toString("latin1").repeat(29));
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "proxy.timeout.deadline", outcome: "failure", status: 200 });
  const line = scene.proxy.lastLine as { budgetMs: number; budgetLeftMs: number };
  expect(line.budgetMs).toBe(300);
  expect(line.budgetLeftMs).toBeLessThanOrEqual(0);
  expect(scene.proxy.inUse()).toMatchObject({
    exchanges: 0,
    attempts: 0,
    serverStreams: 0,
    clientStreams: 0,
    fineTimers: 0,
  });
});

test("a streaming call whose caller does not read ends upstream at its deadline, and is told when there is room", async () => {
  await using scene = await memoryH2Scene(enforced, {
    refill: true,
    request: (stream) => {
      stream.sendHead([[":status", "200"], ...GRPC]);
      stream.write("x".repeat(200_000), { trailers: [["grpc-status", "0"]] });
    },
  });
  const caller = scene.connect();
  const stream = caller.request(call([["grpc-timeout", "300m"]]));
  step(scene.world, 310);
  expect(stream.done).toBe(false);
  expect(stream.bodyBytes).toBe(65_535);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  expect(scene.proxy.inUse()).toMatchObject({ attempts: 0, clientStreams: 0 });
  caller.grant(500_000);
  stream.grant(500_000);
  await caller.finished(stream);
  expect(stream.trailer("grpc-status")).toBe(DEADLINE_EXCEEDED);
});

test("an answer that is no gRPC's and began in time is not cut", async () => {
  await using scene = await memoryH2Scene(enforced, { request: (stream) => stream.sendHead([[":status", "200"]]) });
  const caller = scene.connect();
  const stream = caller.request(get("/", within(scene.world, 100)));
  await scene.world.pass(2000);
  expect(stream.done).toBe(false);
  scene.service.heads[0]?.write("late", { end: true });
  await caller.finished(stream);
  expect(stream.body).toBe("late");
});

test("an answer that is held back for its verdict is ended at the deadline, and nothing of it is passed on", async () => {
  await using scene = await memoryH2Scene(
    {
      ...enforced,
      service: {
        responseClassifier: { kind: "io.l5d.h2.grpc.default" },
        retries: { backoff: { kind: "constant", ms: 20 } },
      },
    },
    {
      request: (stream) => {
        stream.sendHead([[":status", "200"], ...GRPC]);
        stream.write(grpcMessage("begun"));
      },
    },
  );
  const caller = scene.connect();
  const stream = caller.request(call([["grpc-timeout", "60m"]]));
  expectInTime(msUntilEnd(scene.world, stream, 1000), 60);
  expect(stream.trailer("grpc-status") ?? stream.value("grpc-status")).toBe(DEADLINE_EXCEEDED);
  expect(scene.service.heads[0]?.reset).toBe(Code.cancel);
  await scene.world.pass(1000);
  expect(scene.service.heads).toHaveLength(1);
});

test("a service that gives a call up at its deadline, a hair before us, has timed it out", async () => {
  await using scene = await memoryH2Scene(enforced, silent());
  const caller = scene.connect();
  const stream = caller.request(call([["grpc-timeout", "100m"]]));
  step(scene.world, 99);
  scene.service.heads[0]?.sendReset(Code.cancel);
  await caller.finished(stream);
  expect(stream.value("grpc-status")).toBe(DEADLINE_EXCEEDED);
});

test("a caller that cancels takes the deadline with it", async () => {
  await using scene = await memoryH2Scene(enforced, silent());
  const caller = scene.connect();
  const streams = Array.from({ length: 10 }, () => caller.request(call([["grpc-timeout", "100m"]])));
  await scene.service.begun(10);
  expect(scene.proxy.linker.loop.fine.armed).toBe(10);
  for (const stream of streams) stream.sendReset(Code.cancel);
  scene.world.settle();
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
  expect(scene.service.heads.every(({ reset }) => reset === Code.cancel)).toBe(true);
});

test("a thousand calls that end at their deadlines leave nothing behind", async () => {
  await using scene = await memoryH2Scene(enforced, silent());
  const caller = scene.connect();
  const streams = Array.from({ length: 1000 }, (_, i) =>
    caller.request(call([["grpc-timeout", `${20 + (i % 300)}m`]])),
  );
  await scene.world.pass(1000);
  await caller.finished(...streams);
  expect(streams.every((stream) => stream.value("grpc-status") === DEADLINE_EXCEEDED)).toBe(true);
  expect(scene.proxy.inUse()).toMatchObject({
    exchanges: 0,
    attempts: 0,
    serverStreams: 0,
    clientStreams: 0,
    h2Heads: 0,
    fineTimers: 0,
  });
});

// ---- What is passed on -----------------------------------------------------------------------------------------------

test("grpc-timeout goes on as it is while nothing is lost of it, and as what is left otherwise", async () => {
  await using scene = await memoryH2Scene(enforced, trailersOnly(0));
  const caller = scene.connect();
  const passed = async (fields: FieldPairs) => {
    await caller.ask(call(fields));
    expect(all(scene.service.last, "grpc-timeout").length).toBeLessThanOrEqual(1);
    return [scene.service.last.value("grpc-timeout"), budgetAt(scene.service.last)];
  };
  expect(await passed([["grpc-timeout", "250m"]])).toEqual(["250m", 250]);
  expect(await passed([["grpc-timeout", "1H"]])).toEqual(["1H", HOUR_MS]);
  expect(await passed([["grpc-timeout", "00000250m"]])).toEqual(["00000250m".slice(0, 9), 250]);
  expect(await passed([["grpc-timeout", "1H"], ...within(scene.world, 1500)])).toEqual(["1500m", 1500]);
  expect(await passed([["grpc-timeout", "200m"], ...within(scene.world, 1500)])).toEqual(["200m", 200]);
  expect(await passed(within(scene.world, 1500))).toEqual([undefined, 1500]);
});

test("a timeout of ours shortens grpc-timeout too", async () => {
  await using scene = await memoryH2Scene({ ...enforced, service: { totalTimeoutMs: 500 } }, trailersOnly(0));
  const caller = scene.connect();
  await caller.ask(call([["grpc-timeout", "2S"]]));
  expect([scene.service.last.value("grpc-timeout"), budgetAt(scene.service.last)]).toEqual(["500m", 500]);
});

test("retries and the waits between them shorten both", async () => {
  await using scene = await memoryH2Scene(
    {
      ...enforced,
      service: {
        responseClassifier: { kind: "io.l5d.h2.grpc.default" },
        retries: { backoff: { kind: "constant", ms: 100 } },
      },
    },
    {
      request: (stream) => {
        arrivals.push(scene.world.env.clock.nowMs());
        stream.reply(200, "", [...GRPC, ["grpc-status", arrivals.length < 4 ? "14" : "0"]]);
      },
    },
  );
  const arrivals: number[] = [];
  const caller = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  const stream = caller.request(call([["grpc-timeout", "2S"]]));
  step(scene.world, 500);
  expect(stream.value("grpc-status")).toBe("0");
  const left = arrivals.map((atMs) => 2000 - (atMs - startMs));
  expect(left[3]).toBeLessThanOrEqual(1700);
  expect(scene.service.requests.map(budgetAt)).toEqual(left);
  expect(scene.service.requests.map((request) => request.value("grpc-timeout"))).toEqual(
    left.map((ms) => (ms === 2000 ? "2S" : `${ms}m`)),
  );
});

test("waiting for a connection shortens both", async () => {
  await using scene = await memoryH2Scene(
    { ...enforced, client: { connectTimeoutMs: 200, failureAccrual: { kind: "none" } } },
    trailersOnly(0),
  );
  scene.world.network.silence(scene.service.address);
  const caller = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  const stream = caller.request(call([["grpc-timeout", "5S"]]));
  step(scene.world, 100);
  scene.world.network.heal(scene.service.address);
  while (scene.service.heads.length === 0) step(scene.world, 1);
  const leftMs = 5000 - (scene.world.env.clock.nowMs() - startMs);
  expect(leftMs).toBeLessThanOrEqual(4800);
  expect([scene.service.heads[0]?.value("grpc-timeout"), budgetAt(scene.service.heads[0])]).toEqual([
    `${leftMs}m`,
    leftMs,
  ]);
  await caller.finished(stream);
});

test.each(["http/1.1 to h2", "h2 to http/1.1"])(
  "from %s the next hop is told what is left, in its own version",
  async (way) => {
    const world = memoryWorld();
    await using _world = world;
    const toH2 = way.endsWith("h2");
    const service = toH2 ? await H2Service.start(world) : await Backend.start(world);
    const start = toH2 ? Proxy.start(world, setupOf("h2")) : startH2Proxy(world, setupOf("http/1.1"));
    function setupOf(protocol: string): ProxySetup {
      const client = { protocol, connectTimeoutMs: 200, failureAccrual: { kind: "none" } };
      return { ...enforced, dtab: `/svc/web => ${service.name};`, client };
    }
    await using proxy = await start;
    world.network.silence(service.address);
    const value = deadlineIn(world, 5000, 2 * HOUR_MS);
    const startMs = world.env.clock.nowMs();
    if (toH2) proxy.connect().send(compose("GET / HTTP/1.1", { Host: "web", "l5d-ctx-deadline": value }));
    else new H2Caller(world, proxy.port()).request(get("/", [["l5d-ctx-deadline", value]]));
    step(world, 100);
    world.network.heal(service.address);
    while (service.requests.length === 0 && world.env.clock.nowMs() - startMs < 3000) step(world, 1);
    const { last } = service;
    const passed = last instanceof H2Stream ? last.value("l5d-ctx-deadline") : valueOf(last, "l5d-ctx-deadline");
    expect(budgetOf(passed)).toBe(5000 - (world.env.clock.nowMs() - startMs));
    await proxy.recorded(1);
  },
);

test("report changes neither header", async () => {
  await using scene = await memoryH2Scene(
    {
      service: {
        responseClassifier: { kind: "io.l5d.h2.grpc.default" },
        retries: { backoff: { kind: "constant", ms: 100 } },
      },
    },
    {
      request: (stream) =>
        stream.reply(200, "", [...GRPC, ["grpc-status", scene.service.requests.length < 3 ? "14" : "0"]]),
    },
  );
  const caller = scene.connect();
  const value = deadlineIn(scene.world, 5000);
  const stream = caller.request(
    call([
      ["grpc-timeout", "9S"],
      ["l5d-ctx-deadline", value],
    ]),
  );
  await scene.world.pass(500);
  await caller.finished(stream);
  expect(scene.service.requests.map((request) => request.value("grpc-timeout"))).toEqual(["9S", "9S", "9S"]);
  expect(scene.service.requests.map((request) => request.value("l5d-ctx-deadline"))).toEqual([value, value, value]);
});

test.each(["2562047H", "99999999H", "99999999M", "99999999S", "99999999m", "27778H"])(
  "%s, however little has passed, stays a well-formed grpc-timeout",
  async (timeout) => {
    await using scene = await memoryH2Scene(
      {
        ...enforced,
        service: {
          responseClassifier: { kind: "io.l5d.h2.grpc.default" },
          retries: { backoff: { kind: "constant", ms: 50 } },
        },
      },
      {
        request: (stream) =>
          stream.reply(200, "", [...GRPC, ["grpc-status", scene.service.requests.length < 2 ? "14" : "0"]]),
      },
    );
    const caller = scene.connect();
    const stream = caller.request(call([["grpc-timeout", timeout]]));
    await scene.world.pass(200);
    await caller.finished(stream);
    const passed = scene.service.requests.map((request) => request.value("grpc-timeout") ?? "");
    expect(passed).toHaveLength(2);
    for (const text of passed) expect(text).toMatch(/^[0-9]{1,8}[HMSmun]$/);
  },
);

test.each([
  "",
  "soon",
  "1",
  "m",
  "-1m",
  "+1m",
  "1.5S",
  "1 S",
  "1s",
  "1h",
  "123456789m",
  "999999999999999999999S",
  "0x1S",
  "1e3m",
])("grpc-timeout %j is none: the call has no deadline, and the text goes on as it came", async (timeout) => {
  await using scene = await memoryH2Scene(enforced, trailersOnly(0));
  const answer = await scene.connect().ask(call([["grpc-timeout", timeout]]));
  expect(answer.value("grpc-status")).toBe("0");
  expect(all(scene.service.last, "grpc-timeout")).toEqual([timeout]);
  expect(scene.service.last.value("l5d-ctx-deadline")).toBeUndefined();
});

// ---- Clocks ----------------------------------------------------------------------------------------------------------

const SKEWS_MS = [0, 900, -900, 5000, -5000, HOUR_MS, -HOUR_MS];

test.each(SKEWS_MS)(
  "a caller whose clock is %d ms ahead has the time it gave, whichever header says how much",
  async (aheadMs) => {
    await using scene = await memoryH2Scene(enforced, silent());
    const caller = scene.connect();
    const heads = [
      get("/", within(scene.world, 300, aheadMs)),
      call(within(scene.world, 300, aheadMs)),
      call([["grpc-timeout", "300m"], ...within(scene.world, 300, aheadMs)]),
      call([["grpc-timeout", "300m"], ...within(scene.world, 4000, aheadMs)]),
    ];
    const streams = heads.map((fields) => caller.request(fields));
    const late = caller.request(call([["grpc-timeout", "4S"], ...within(scene.world, 300, aheadMs)]));
    await scene.service.begun(5);
    expect(scene.service.heads.map(budgetAt)).toEqual([300, 300, 300, 300, 300]);
    expectInTime(msUntilEnd(scene.world, late, 1000), 300);
    await caller.finished(...streams);
    expect(streams.map((stream) => stream.cause)).toEqual(streams.map(() => "proxy.timeout.deadline"));
  },
);

interface Chain {
  readonly world: MemoryWorld;
  readonly proxies: readonly Proxy[];
  readonly service: H2Service;
  readonly caller: H2Caller;
}

async function chainOf(world: MemoryWorld, aheadMs: readonly number[], setup: ProxySetup): Promise<Chain> {
  const service = await H2Service.start(world, silent());
  const proxies: Proxy[] = [];
  let next: string = service.name;
  for (const ahead of aheadMs.toReversed()) {
    const proxy = await startH2Proxy(withClockAhead(world, ahead), { ...setup, dtab: `/svc/web => ${next};` });
    proxies.unshift(proxy);
    next = `/$/inet/127.0.0.1/${proxy.port()}`;
  }
  return { world, proxies, service, caller: new H2Caller(world, (proxies[0] as Proxy).port()) };
}

const clocks: readonly (readonly [string, readonly number[]])[] = [
  ["agree", [0, 0, 0]],
  ["differ by five seconds", [5000, -5000, 0]],
  ["differ by an hour", [HOUR_MS, -HOUR_MS, 0]],
  ["differ the other way", [-HOUR_MS, HOUR_MS, -5000]],
];

test.each(clocks)(
  "a gRPC call through three hops whose clocks %s: both headers shrink alike, and all ends in time",
  async (_, aheadMs) => {
    const world = memoryWorld();
    await using _world = world;
    const client = { connectTimeoutMs: 100, failureAccrual: { kind: "none" } };
    const { caller, proxies, service } = await chainOf(world, aheadMs, { ...enforced, client });
    const slow = [...proxies.slice(1).map((proxy) => `127.0.0.1:${proxy.port()}`), service.address];
    for (const address of slow) world.network.silence(address);
    const startMs = world.env.clock.nowMs();
    const stream = caller.request(call([["grpc-timeout", "2S"]]));
    for (const address of slow) {
      step(world, 50);
      world.network.heal(address);
      step(world, 200);
    }
    await service.begun(1);
    const [head] = service.heads;
    const leftMs = budgetAt(head);
    expect(leftMs).toBeLessThanOrEqual(1700);
    expect(leftMs).toBeGreaterThanOrEqual(1250);
    expect(head?.value("grpc-timeout")).toBe(`${leftMs}m`);
    msUntilEnd(world, stream, 3000);
    expectInTime(world.env.clock.nowMs() - startMs, 2000);
    expect(stream.value("grpc-status") ?? stream.trailer("grpc-status")).toBe(DEADLINE_EXCEEDED);
    expect(head?.reset).toBe(Code.cancel);
    for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
    expect([...caller.problems, ...service.problems]).toEqual([]);
  },
);

test("many gRPC calls through hops whose clocks are hours apart: at most a fifth is refused, the others keep their time", async () => {
  const world = memoryWorld();
  await using _world = world;
  const { caller, proxies, service } = await chainOf(world, [0, HOUR_MS, -HOUR_MS], enforced);
  service.behaviour = trailersOnly(0);
  const statuses: (string | undefined)[] = [];
  for (let i = 0; i < 60; i++) {
    statuses.push((await caller.ask(call([["grpc-timeout", "1S"]]))).value("grpc-status"));
    await world.pass(20);
  }
  expect(statuses.filter((status) => status !== "0").length).toBeLessThanOrEqual(12);
  for (const head of service.heads) expect(budgetAt(head)).toBe(1000);
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
});

test("a body that is still coming is ended at the deadline, too", async () => {
  await using scene = await memoryH2Scene(enforced, silent());
  const caller = scene.connect();
  const [plain, grpc] = [
    caller.request(post("/", within(scene.world, 200)), { body: "x", end: false }),
    caller.request(call([["grpc-timeout", "200m"]]), { body: grpcMessage("x"), end: false }),
  ];
  expectInTime(msUntilEnd(scene.world, grpc, 1000), 200);
  expectInTime(200 + msUntilEnd(scene.world, plain, 1000), 200);
  expect([plain.status, grpc.value("grpc-status")]).toEqual([503, DEADLINE_EXCEEDED]);
  expect(scene.service.heads.map(({ reset }) => reset)).toEqual([Code.cancel, Code.cancel]);
});
