// Which requests of HTTP/2 and calls of gRPC are sent again because of what was answered, and how answers are held back until their end tells
// (linkerd1 §2.2, §6.7; gRPC retry design A6).
import { expect, test } from "vitest";
import { Disco } from "../support/disco.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs, Set as Setting } from "../support/h2-frames.ts";
import { call, get, type H2Scene, memoryH2Scene, post, request, startH2Proxy } from "../support/h2-scene.ts";
import { grpcMessage, H2Service, type H2Behaviour } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const noAccrual = { failureAccrual: { kind: "none" } };
const GRPC: FieldPairs = [["content-type", "application/grpc"]];
const kind = (name: string, rest: object = {}) => ({ responseClassifier: { kind: `io.l5d.h2.${name}`, ...rest } });
const ANY = kind("grpc.alwaysRetryable");
const ALL = kind("retryableAll5XX");
const HI = { body: grpcMessage("hi") };

type Act = (stream: H2Stream) => void;

/** One act for each try, the last for all that follow. */
function inTurn(...acts: readonly Act[]): H2Behaviour {
  let turn = 0;
  return { request: (stream) => acts[Math.min(turn++, acts.length - 1)]?.(stream) };
}

const status = (code: number, more: FieldPairs = []): FieldPairs => [["grpc-status", String(code)], ...more];
/** A whole answer of one message. */
const tells =
  (code: number, message = "answer", more: FieldPairs = []): Act =>
  (stream) =>
    stream.reply(200, grpcMessage(message), GRPC, status(code, more));
/** An answer without messages: one block. */
const tellsAtOnce =
  (code: number, more: FieldPairs = []): Act =>
  (stream) =>
    stream.reply(200, "", [...GRPC, ...status(code, more)]);
/** An answer that has begun. */
const begins =
  (message = "begun"): Act =>
  (stream) => {
    stream.sendHead([[":status", "200"], ...GRPC]);
    stream.write(grpcMessage(message));
  };
const replies =
  (code: number, body = "", fields: FieldPairs = []): Act =>
  (stream) =>
    stream.reply(code, body, fields);
const resets =
  (code: number): Act =>
  (stream) =>
    stream.sendReset(code);
const never: Act = () => undefined;

type Keys = Readonly<Record<string, unknown>>;

const scene = (service: Keys, behaviour: H2Behaviour, client: Keys = {}): Promise<H2Scene<MemoryWorld>> =>
  memoryH2Scene({ client: { ...noAccrual, ...client }, service }, behaviour);

const retries = ({ proxy }: Pick<H2Scene, "proxy">, name: string) =>
  proxy.metric("service", "svc/web", "retries", name);
const text = (message: string) => grpcMessage(message).toString("latin1");

/** Time passes, a millisecond at a time, until `ended`; returns how much. */
function after(world: MemoryWorld, ended: () => boolean, mostMs = 5000): number {
  world.settle();
  let ms = 0;
  for (; !ended() && ms < mostMs; ms++) {
    world.env.advance(1);
    world.settle();
  }
  return ms;
}

// ---- Which ------------------------------------------------------------------------------------------------------------

test.each([
  ["nonRetryable5XX", 0],
  ["retryableRead5XX", 4],
  ["retryableIdempotent5XX", 6],
  ["retryableAll5XX", 8],
  ["allSuccessful", 0],
])("%s: a 5xx is answered by another try for the first %d of all methods", async (name, count) => {
  const methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "LOCK"];
  for (const [i, method] of methods.entries()) {
    await using s = await scene(kind(name), inTurn(replies(503, method === "HEAD" ? "" : "bad"), replies(200)));
    const body = ["PUT", "POST", "PATCH"].includes(method) ? { body: "body" } : {};
    const answer = await s.connect().ask(request(method), body);
    const again = i < count;
    expect([method, answer.status, s.service.requests.length]).toEqual([method, again ? 200 : 503, again ? 2 : 1]);
    expect(s.service.last.body).toBe(body.body ?? "");
    expect(s.proxy.lastRecord).toMatchObject({ attempts: again ? 2 : 1, retries: again ? 1 : 0 });
    expect(s.service.connections).toHaveLength(1);
  }
});

const first = (codes: readonly number[]) => Array.from({ length: 17 }, (_, code) => (codes.includes(code) ? 2 : 1));

test.each([
  ["grpc.default", {}, [14]],
  ["grpc.compliant", {}, [14]],
  ["grpc.alwaysRetryable", {}, Array.from({ length: 16 }, (_, code) => code + 1)],
  ["grpc.neverRetryable", {}, []],
  ["grpc.retryableStatusCodes", { retryableStatusCodes: [1, 8] }, [1, 8]],
  ["grpc.retryableStatusCodes", { retryableStatusCodes: [0, 8], successStatusCodes: [5] }, [0, 8]],
  ["grpc.alwaysRetryable", { successStatusCodes: [0, 5, 14] }, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16]],
] as const)("%s %j retries %j, told at once or in trailers", async (name, rest, codes) => {
  for (const how of [tells, tellsAtOnce]) {
    const tries: number[] = [];
    for (let code = 0; code <= 16; code++) {
      await using s = await scene(
        { ...kind(name, rest), retries: { maxRetries: 1 } },
        inTurn(how(code), tells(0, "last")),
      );
      const stream = await s.connect().ask(call(), HI);
      const again = s.service.requests.length === 2;
      expect(stream.trailer("grpc-status") ?? stream.value("grpc-status")).toBe(again ? "0" : String(code));
      expect(stream.body).toBe(again ? text("last") : how === tells ? text("answer") : "");
      expect(s.service.requests.every(({ body }) => body === text("hi"))).toBe(true);
      tries.push(s.service.requests.length);
    }
    expect(tries).toEqual(first(codes));
  }
});

test.each([
  ["grpc.default", []],
  ["grpc.compliant", [429, 502, 503, 504]],
  ["grpc.alwaysRetryable", [404, 429, 500, 502, 503, 504]],
] as const)(
  "%s: of answers that are not gRPC's %j are retried, and those that say they may be",
  async (name, codes) => {
    for (const code of [404, 429, 500, 502, 503, 504]) {
      await using s = await scene(kind(name), inTurn(replies(code, "no"), tells(0)));
      await s.connect().ask(call(), HI);
      expect([code, s.service.requests.length]).toEqual([code, (codes as readonly number[]).includes(code) ? 2 : 1]);
      await using t = await scene(kind(name), inTurn(replies(code, "no", [["l5d-retryable", "true"]]), tells(0)));
      await t.connect().ask(call(), HI);
      expect(t.service.requests).toHaveLength(2);
    }
  },
);

test("a stream that the service resets, or a connection that it drops, is worth another try where the method is", async () => {
  const drops: Act = (stream) => stream.connection.peer.reset();
  for (const act of [resets(Code.internal), resets(Code.cancel), drops]) {
    await using s = await scene(ALL, inTurn(act, replies(200, "ok")));
    const answer = await s.connect().ask(post(), { body: "once" });
    expect([answer.body, s.service.requests.map(({ body }) => body)]).toEqual(["ok", ["once", "once"]]);
    await using t = await scene(kind("retryableIdempotent5XX"), inTurn(act, replies(200, "ok")));
    expect((await t.connect().ask(post(), { body: "once" })).status).not.toBe(200);
    expect(t.service.requests).toHaveLength(1);
  }
});

test("an answer without a grpc-status is UNKNOWN: retried by alwaysRetryable, a failure by default", async () => {
  const untold: Act = (stream) => stream.reply(200, grpcMessage("?"), GRPC);
  await using s = await scene(ANY, inTurn(untold, tells(0)));
  expect((await s.connect().ask(call(), HI)).body).toBe(text("answer"));
  await using t = await scene(kind("grpc.default"), inTurn(untold));
  expect((await t.connect().ask(call(), HI)).body).toBe(text("?"));
  await t.proxy.recorded(1);
  expect(t.proxy.lastRecord.outcome).toBe("failure");
});

// ---- Budget and time --------------------------------------------------------------------------------------------------

test("every call earns its share of a retry, to the last digit", async () => {
  const budget = { minRetriesPerSec: 0, percentCanRetry: 0.5, ttlSecs: 60 };
  await using s = await scene({ ...ANY, retries: { budget } }, inTurn(tells(14)));
  const caller = s.connect();
  for (let sent = 1; sent <= 20; sent++) {
    await caller.ask(call(), HI);
    const retried = Math.floor(sent / 2);
    expect([s.service.requests.length, retries(s, "total")]).toEqual([sent + retried, retried]);
  }
  expect([retries(s, "budget"), retries(s, "budget_exhausted")]).toEqual([0, 20]);
});

test("backoff, maxRetries and the total timeout hold for calls, too", async () => {
  const how = { backoff: { kind: "constant", ms: 40 }, maxRetries: 3 };
  await using s = await scene({ ...ANY, retries: how }, inTurn(tells(14)));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  for (const count of [2, 3, 4]) {
    const ms = after(s.world, () => s.service.requests.length === count);
    expect(ms).toBeGreaterThanOrEqual(40);
    expect(ms).toBeLessThanOrEqual(44);
  }
  await caller.finished(stream);
  expect([stream.trailer("grpc-status"), retries(s, "max_exhausted")]).toEqual(["14", 1]);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 4, retries: 3, callStatus: 14, outcome: "failure" });
});

test("a total timeout ends a call that waits for its next try, and one whose answer is held back", async () => {
  for (const act of [tells(14, "x", [["grpc-retry-pushback-ms", "100000"]]), begins()]) {
    await using s = await scene({ ...ANY, totalTimeoutMs: 300, classificationTimeoutMs: 10_000 }, inTurn(act));
    const caller = s.connect();
    const stream = caller.request(call(), HI);
    const ms = after(s.world, () => stream.done);
    expect(ms).toBeGreaterThanOrEqual(300);
    expect(ms).toBeLessThanOrEqual(400);
    expect([stream.cause, stream.body]).toEqual(["proxy.timeout.total", ""]);
    await s.world.pass(500);
    expect(s.service.requests).toHaveLength(1);
    expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, serverStreams: 0 });
  }
});

test("perTryTimeoutMs ends a silent try, and not one whose answer is held back", async () => {
  const how = { ...kind("grpc.retryableStatusCodes", { retryableStatusCodes: [4] }), retries: { perTryTimeoutMs: 30 } };
  await using s = await scene({ ...how, classificationTimeoutMs: 200 }, inTurn(never, begins()));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  const ms = after(s.world, () => s.service.requests.length === 2);
  expect(ms).toBeGreaterThanOrEqual(30);
  expect(ms).toBeLessThanOrEqual(34);
  expect(s.service.requests[0]?.reset).toBe(Code.cancel);
  await s.world.pass(150);
  s.service.last.write(grpcMessage("end"), { trailers: status(0) });
  await caller.finished(stream);
  expect([stream.body, s.service.requests.length]).toEqual([text("begun") + text("end"), 2]);
});

// ---- Push-back --------------------------------------------------------------------------------------------------------

test.each([
  ["in trailers", tells],
  ["at once", (code: number, _: string, more: FieldPairs) => tellsAtOnce(code, more)],
] as const)("a service says %s how long to wait", async (_, how) => {
  const backoff = { kind: "constant", ms: 500 };
  for (const wait of [1, 75, 1200]) {
    const pushback: FieldPairs = [["grpc-retry-pushback-ms", String(wait)]];
    await using s = await scene({ ...ANY, retries: { backoff } }, inTurn(how(14, "x", pushback), tells(0)));
    const caller = s.connect();
    const stream = caller.request(call(), HI);
    const ms = after(s.world, () => s.service.requests.length === 2);
    expect(ms).toBeGreaterThanOrEqual(wait);
    expect(ms).toBeLessThanOrEqual(wait + 4);
    await caller.finished(stream);
    expect(stream.body).toBe(text("answer"));
  }
});

test.each(["-1", "-20", "soon", "", "1.5", "99999999999"])(
  "with a push-back of %j there is no other try",
  async (value) => {
    for (const how of [tells, (code: number, _: string, more: FieldPairs) => tellsAtOnce(code, more)]) {
      await using s = await scene(ANY, inTurn(how(14, "told", [["grpc-retry-pushback-ms", value]]), tells(0)));
      const stream = await s.connect().ask(call(), HI);
      expect(stream.trailer("grpc-status") ?? stream.value("grpc-status")).toBe("14");
      expect([s.service.requests.length, retries(s, "total")]).toEqual([1, 0]);
      expect(retries(s, "budget")).toBe(100);
    }
  },
);

test("a push-back of the last try does not hold for a later one", async () => {
  const acts = [tells(14, "x", [["grpc-retry-pushback-ms", "60"]]), resets(Code.internal), tells(0)];
  await using s = await scene(ANY, inTurn(...acts));
  const caller = s.connect();
  caller.request(call(), HI);
  const times = [2, 3].map((count) => after(s.world, () => s.service.requests.length === count));
  expect(times[0]).toBeGreaterThanOrEqual(60);
  expect(times[1]).toBe(0);
});

// ---- Answers held back ------------------------------------------------------------------------------------------------

test("an answer that is held back comes whole, with its trailers and nothing of the tries before", async () => {
  await using s = await scene(ANY, inTurn(tells(14, "one"), tells(13, "two"), tells(0, "three", [["x-sum", "3"]])));
  const caller = s.connect();
  const stream = await caller.ask(call(), HI);
  expect([stream.body, stream.trailer("x-sum"), stream.value("l5d-success-class")]).toEqual([
    text("three"),
    "3",
    "1.0",
  ]);
  expect(caller.frames.filter(({ id }) => id === stream.id).length).toBeLessThanOrEqual(4);
  expect(s.proxy.lastRecord).toMatchObject({
    attempts: 3,
    retries: 2,
    callStatus: 0,
    outcome: "success",
    responseBytes: 10,
  });
});

test("a failure that is not retried is told in the head as well: it was known then", async () => {
  await using s = await scene(kind("grpc.default"), inTurn(tells(5)));
  const stream = await s.connect().ask(call(), HI);
  expect([stream.value("l5d-success-class"), stream.trailer("l5d-success-class")]).toEqual(["0.0", undefined]);
});

test.each([
  ["grpc.neverRetryable", {}],
  ["grpc.default", { classificationTimeoutMs: 20 }],
  ["grpc.default", { retryBufferSize: { responseBytes: 3 } }],
])("where the head has gone before, the class is told in the trailers: %s %j", async (name, how) => {
  await using s = await scene({ ...kind(name), ...how }, inTurn(begins()));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  await s.world.pass(50);
  expect([stream.body, stream.value("l5d-success-class")]).toEqual([text("begun"), undefined]);
  s.service.last.write("", { trailers: status(14) });
  await caller.finished(stream);
  expect([stream.trailer("grpc-status"), stream.trailer("l5d-success-class")]).toEqual(["14", "0.0"]);
  expect([s.service.requests.length, s.proxy.metric("service", "svc/web", "failures")]).toEqual([1, 1]);
  expect([s.proxy.serverMetric("failures"), s.proxy.lastRecord.callStatus]).toEqual([1, 14]);
});

test("an answer is held back no longer than classificationTimeoutMs", async () => {
  await using s = await scene({ ...ANY, classificationTimeoutMs: 60 }, inTurn(begins()));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  const ms = after(s.world, () => stream.head !== null);
  expect(ms).toBeGreaterThanOrEqual(60);
  expect(ms).toBeLessThanOrEqual(64);
  expect([stream.body, retries(s, "classification_timeout")]).toEqual([text("begun"), 1]);
  s.service.last.write(grpcMessage("more"));
  s.world.settle();
  expect(stream.body).toBe(text("begun") + text("more"));
  s.service.last.write(grpcMessage("end"), { trailers: status(14) });
  await caller.finished(stream);
  expect([stream.body, s.service.requests.length]).toEqual([["begun", "more", "end"].map(text).join(""), 1]);
});

test.each([
  [100, 0, 2],
  [101, 1, 1],
])("of an answer of %d bytes at most 100 are held back", async (bytes, tooLong, tries) => {
  const act: Act = (stream) => stream.reply(200, "y".repeat(bytes), GRPC, status(14));
  await using s = await scene(
    { ...ANY, retryBufferSize: { responseBytes: 100 }, retries: { maxRetries: 1 } },
    inTurn(act),
  );
  const stream = await s.connect().ask(call(), HI);
  expect([stream.body, stream.trailer("grpc-status")]).toEqual(["y".repeat(bytes), "14"]);
  expect([retries(s, "response_stream_too_long"), s.service.requests.length]).toEqual([tooLong, tries]);
});

test("what was held back respects the windows of its caller", async () => {
  const body = "z".repeat(12_000);
  for (const slow of [false, true]) {
    const act: Act = (stream) => {
      stream.sendHead([[":status", "200"], ...GRPC]);
      stream.write(body, slow ? {} : { trailers: status(0) });
    };
    await using s = await scene({ ...ANY, classificationTimeoutMs: 50 }, inTurn(act));
    const caller = s.connect({ settings: [[Setting.initialWindow, 5000]] });
    const stream = caller.request(call(), HI);
    await s.world.pass(100);
    expect([stream.bodyBytes, stream.ended]).toEqual([5000, false]);
    if (slow) s.service.last.write(body, { trailers: status(0) });
    s.world.settle();
    expect(stream.bodyBytes).toBe(5000);
    stream.grant(100_000);
    await caller.finished(stream);
    expect([stream.body, stream.trailer("grpc-status")]).toEqual([slow ? body + body : body, "0"]);
  }
});

test("an answer that breaks off while it is held back is worth another try, and nobody sees it", async () => {
  await using s = await scene(ANY, inTurn(begins("lost"), begins("lost too"), tells(0)));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  s.world.settle();
  s.service.last.sendReset(Code.internal);
  s.world.settle();
  expect(s.service.requests).toHaveLength(2);
  s.service.connection.peer.reset();
  await caller.finished(stream);
  expect([stream.body, stream.trailer("grpc-status"), s.service.requests.length]).toEqual([text("answer"), "0", 3]);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 3, retries: 2, outcome: "success", cause: "" });
});

test("one that breaks off and is not retried is a failure without a body", async () => {
  await using s = await scene({ ...ANY, retries: { maxRetries: 0 } }, inTurn(begins("lost")));
  const caller = s.connect();
  const stream = caller.request(call(), HI);
  s.world.settle();
  s.service.last.sendReset(Code.internal);
  await caller.finished(stream);
  expect([stream.body, stream.cause, stream.value("grpc-status")]).toEqual(["", "upstream.h2.reset", "13"]);
  expect(s.service.requests).toHaveLength(1);
});

test("a caller that leaves while the answer is held back leaves nothing behind", async () => {
  for (const leave of [
    (stream: H2Stream) => stream.sendReset(Code.cancel),
    ({ connection }: H2Stream) => connection.peer.destroy(),
  ]) {
    await using s = await scene(ANY, inTurn(begins()));
    const stream = s.connect().request(call(), HI);
    s.world.settle();
    leave(stream);
    s.world.settle();
    expect(s.service.last.reset).toBe(Code.cancel);
    await s.world.pass(500);
    expect([stream.head, s.service.requests.length]).toEqual([null, 1]);
    expect(s.proxy.lastRecord).toMatchObject({ outcome: "ignorable", attempts: 1 });
    expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, serverStreams: 0 });
  }
});

test("a caller that leaves while its call waits for the next try leaves nothing behind", async () => {
  await using s = await scene(ANY, inTurn(tells(14, "x", [["grpc-retry-pushback-ms", "200"]])));
  const stream = s.connect().request(call(), HI);
  s.world.settle();
  stream.sendReset(Code.cancel);
  await s.world.pass(500);
  expect(s.service.requests).toHaveLength(1);
  expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, serverStreams: 0 });
});

test("a deadline that is kept ends an answer that is held back, and the wait for a try", async () => {
  for (const act of [begins(), tells(14, "x", [["grpc-retry-pushback-ms", "10000"]])]) {
    await using s = await memoryH2Scene(
      { client: noAccrual, service: { ...ANY, classificationTimeoutMs: 5000 }, router: { deadlines: "enforce" } },
      inTurn(act),
    );
    const caller = s.connect();
    const stream = caller.request(call([["grpc-timeout", "100m"]]), HI);
    const ms = after(s.world, () => stream.done);
    expect(ms).toBeGreaterThanOrEqual(99);
    expect(ms).toBeLessThanOrEqual(105);
    expect([stream.cause, stream.value("grpc-status"), stream.body]).toEqual(["proxy.timeout.deadline", "4", ""]);
    await s.world.pass(500);
    expect(s.service.requests).toHaveLength(1);
    expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, serverStreams: 0 });
  }
});

test("a proxy that stops ends what is held back", async () => {
  await using s = await scene({ ...ANY, classificationTimeoutMs: 5000 }, inTurn(begins()));
  const stream = s.connect().request(call(), HI);
  s.world.settle();
  const stop = s.proxy.stop(200);
  await s.world.pass(1000);
  expect([stop.done, stop.clean, stream.cause, stream.body]).toEqual([true, false, "proxy.drain.limit", ""]);
  expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, serverStreams: 0 });
});

test("no second attempt is made beside one whose answer is held back", async () => {
  const world = memoryWorld();
  await using _world = world;
  let slow = false;
  const behaviour: H2Behaviour = { request: (stream) => (slow ? begins() : tells(0))(stream) };
  const services = [await H2Service.start(world, behaviour), await H2Service.start(world, behaviour)];
  const disco = new Disco(world);
  disco.write("web", services);
  await using proxy = await startH2Proxy(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { ...noAccrual, hedge: { methods: "all", maxExtraLoad: 0.5, minDelayMs: 5 } },
    service: { ...ANY, classificationTimeoutMs: 400 },
  });
  const caller = new H2Caller(world, proxy.port());
  for (let i = 0; i < 200; i++) {
    await caller.ask(call(), HI);
    await world.pass(50);
  }
  slow = true;
  const stream = caller.request(call(), HI);
  await world.pass(200);
  const heads = services.reduce((sum, service) => sum + service.heads.length, 0);
  expect([heads, stream.head]).toEqual([201, null]);
  await world.pass(300);
  expect([stream.body, stream.ended]).toEqual([text("begun"), false]);
});

test("an answer is not held back when the request could not be repeated", async () => {
  const how = { ...ANY, retryBufferSize: { requestBytes: 10 }, classificationTimeoutMs: 1000 };
  await using s = await scene(how, inTurn(begins()));
  const caller = s.connect();
  const stream = caller.request(call(), { body: grpcMessage("too long") });
  s.world.settle();
  expect([stream.body, retries(s, "request_stream_too_long")]).toEqual([text("begun"), 1]);
  s.service.last.write("", { trailers: status(14) });
  await caller.finished(stream);
  expect(s.service.requests).toHaveLength(1);
});

test("a log line tells the grpc-status of the last try, and none of an earlier one", async () => {
  await using s = await scene({ ...ANY, retries: { maxRetries: 1 } }, inTurn(tells(7), resets(Code.internal)));
  const stream = await s.connect().ask(call(), HI);
  expect([stream.cause, stream.value("grpc-status")]).toEqual(["upstream.h2.reset", "13"]);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 2, callStatus: -1 });
});

// ---- Requests ---------------------------------------------------------------------------------------------------------

test.each([
  [10, 2],
  [11, 1],
])("of requestBytes: 10, a body of %d bytes is sent %d times", async (bytes, times) => {
  for (const act of [replies(503, "no"), replies(503)]) {
    await using s = await scene({ ...ALL, retryBufferSize: { requestBytes: 10 } }, inTurn(act, replies(200, "ok")));
    const answer = await s.connect().ask(post(), { body: "x".repeat(bytes) });
    expect([answer.status, s.service.requests.length]).toEqual([times === 2 ? 200 : 503, times]);
    expect(s.service.requests.every(({ bodyBytes }) => bodyBytes === bytes)).toBe(true);
    expect(retries(s, "cannot_replay")).toBe(2 - times);
  }
});

test("bodies of up to requestBytes are sent again, be they as large as that may be", async () => {
  const behaviour = { refill: true, ...inTurn(replies(503), replies(200, "ok")) };
  await using s = await scene({ ...ALL, retryBufferSize: { requestBytes: 400_000 } }, behaviour);
  const body = "0123456789".repeat(40_000);
  const answer = await s.connect().ask(post(), { body });
  expect([answer.status, s.service.requests.map((r) => r.body === body)]).toEqual([200, [true, true]]);
});

test("a body is sent again as far as it has come, and goes on with its trailers", async () => {
  let turn = 0;
  await using s = await scene(ALL, {
    head: (stream) => {
      if (turn++ < 2) stream.reply(503, turn === 1 ? "with a body" : "");
    },
    request: (stream) => stream.reply(200, stream.body, [], stream.trailers ?? []),
  });
  const caller = s.connect();
  const stream = caller.request(post(), { body: "begin-", end: false });
  s.world.settle();
  expect(s.service.heads).toHaveLength(3);
  expect(s.service.heads.slice(0, 2).map(({ reset }) => reset)).toEqual([Code.cancel, Code.cancel]);
  stream.write("end", { trailers: [["x-sum", "9"]] });
  await caller.finished(stream);
  expect([stream.status, stream.body, stream.trailer("x-sum")]).toEqual([200, "begin-end", "9"]);
  expect(caller.over).toBe(false);
});

test("a request whose trailers have gone is not sent again", async () => {
  await using s = await scene(ALL, inTurn(replies(503, "no"), replies(200)));
  const answer = await s.connect().ask(post(), { body: "b", trailers: [["x-sum", "1"]] });
  expect([answer.status, answer.body, s.service.requests.length]).toEqual([503, "no", 1]);
});

test("all tries are the same request, field by field", async () => {
  await using s = await scene(
    { ...ANY, totalTimeoutMs: 5000 },
    inTurn(tells(14), resets(Code.refused), tells(13), tells(0)),
  );
  const own: FieldPairs = [
    ["x-own", "1"],
    ["l5d-dtab", "/a=>/b"],
    ["via", "2 somebody"],
    ["cookie", "a=b"],
    ["cookie", "c=d"],
  ];
  await s.connect().ask(call(own), HI);
  expect(s.service.requests).toHaveLength(4);
  expect(new Set(s.service.requests.map(({ head }) => JSON.stringify(head))).size).toBe(1);
});

test("nothing is sent again once a byte of an answer has gone to the caller", async () => {
  await using s = await scene(
    ALL,
    inTurn((stream) => {
      stream.sendHead([[":status", "200"]]);
      stream.write("part");
    }),
  );
  const caller = s.connect();
  const stream = caller.request(get());
  s.world.settle();
  s.service.last.sendReset(Code.internal);
  await caller.finished(stream);
  expect([stream.body, stream.reset, s.service.requests.length]).toEqual(["part", Code.internal, 1]);
});

test("of an unwanted answer that is not complete the stream is reset, its connection goes on", async () => {
  const slow: Act = (stream) => {
    stream.sendHead([[":status", "503"]]);
    stream.write("the rest will never come");
  };
  await using s = await scene(ALL, inTurn(slow, replies(503), slow, replies(200, "ok")));
  const answer = await s.connect().ask(get());
  expect(answer.body).toBe("ok");
  expect(s.service.connections).toHaveLength(1);
  s.world.settle();
  expect(s.service.requests.map(({ reset }) => reset)).toEqual([Code.cancel, null, Code.cancel, null]);
  expect(s.proxy.inUse()).toMatchObject({ clientStreams: 0, attempts: 0 });
});

// ---- Requeues ---------------------------------------------------------------------------------------------------------

test("what is refused beyond the client's budget is not multiplied by retries", async () => {
  const noRequeues = { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } };
  for (const how of [ALL, ANY]) {
    await using s = await scene(how, inTurn(resets(Code.refused)), noRequeues);
    const answer = await s.connect().ask(call(), HI);
    expect(answer.cause).toBe("upstream.h2.refused");
    expect([s.service.requests.length, retries(s, "total")]).toEqual([1, 0]);
  }
});

test("requeues are no retries, and each retry has its own", async () => {
  const acts = [resets(Code.refused), tells(14), resets(Code.refused), tells(14), tells(0)];
  await using s = await scene({ ...ANY, retries: { maxRetries: 2 } }, inTurn(...acts));
  const stream = await s.connect().ask(call(), HI);
  expect(stream.trailer("grpc-status")).toBe("0");
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 5, retries: 2 });
  expect([s.proxy.metric("client", s.service.name.slice(1), "retries", "requeues"), retries(s, "total")]).toEqual([
    2, 2,
  ]);
});

test("a nack of HTTP is one here, too", async () => {
  await using s = await scene({}, inTurn(replies(503, "nack", [["finagle-http-nack", "true"]]), replies(200, "ok")));
  const answer = await s.connect().ask(post(), { body: "b" });
  expect([answer.body, s.service.requests.length, retries(s, "total")]).toEqual(["ok", 2, 0]);
});

// ---- Figures ----------------------------------------------------------------------------------------------------------

test("of a call with its retries the service counts one, the client all, the server what the caller saw", async () => {
  const acts = [tells(14), tells(0), tells(14), tells(14), tells(14), tellsAtOnce(0)];
  await using s = await scene({ ...ANY, retries: { maxRetries: 2 } }, inTurn(...acts));
  const caller = s.connect();
  for (let i = 0; i < 3; i++) await caller.ask(call(), HI);
  await s.proxy.recorded(3);
  const id = s.service.name.slice(1);
  const figures = (...place: string[]) =>
    ["requests", "success", "failures", "pending"].map((name) => s.proxy.metric(...place, name));
  expect(figures("service", "svc/web")).toEqual([3, 2, 1, 0]);
  expect(figures("client", id)).toEqual([6, 2, 4, 0]);
  expect(figures("client", id, "service", "svc/web")).toEqual([6, 2, 4, 0]);
  expect(["requests", "success", "failures"].map((name) => s.proxy.serverMetric(name))).toEqual([3, 2, 1]);
  expect(s.proxy.records.map((r) => [r.attempts, r.retries, r.callStatus, r.outcome])).toEqual([
    [2, 1, 0, "success"],
    [3, 2, 14, "failure"],
    [1, 0, 0, "success"],
  ]);
});

test.each([
  ["grpc.default", 14, 1],
  ["grpc.neverRetryable", 5, 1],
  ["grpc.neverRetryable", 0, 0],
  ["nonRetryable5XX", 14, 0],
])("failure accrual goes by what the classifier says at the end: %s of %d", async (name, code, removals) => {
  const accrual = { failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 3 } };
  for (const how of [tells, tellsAtOnce]) {
    await using s = await scene({ ...kind(name), retries: { maxRetries: 0 } }, inTurn(how(code)), accrual);
    const caller = s.connect();
    for (let i = 0; i < 3; i++) await caller.ask(call(), HI);
    await s.proxy.recorded(3);
    expect(s.proxy.metric("client", s.service.name.slice(1), "failure_accrual", "removals")).toBe(removals);
  }
});

test("a retry draws a branch of the union anew", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [bad, good] = [await H2Service.start(world, inTurn(tells(14))), await H2Service.start(world, inTurn(tells(0)))];
  const dtab = `/svc/web => 1 * ${bad.name} & 1 * ${good.name};`;
  await using proxy = await startH2Proxy(world, { dtab, client: noAccrual, service: ANY });
  const caller = new H2Caller(world, proxy.port());
  for (let i = 0; i < 60; i++) expect((await caller.ask(call(), HI)).trailer("grpc-status")).toBe("0");
  expect([good.requests.length, retries({ proxy }, "total")]).toEqual([60, bad.requests.length]);
  expect(bad.requests.length).toBeGreaterThan(20);
});
