import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Backend, type Behaviour } from "../../../test/support/backend.ts";
import { undeclaredMetrics } from "../../../test/support/undeclared-metrics.ts";
import {
  CLIENT_PREFACE,
  dataFrame,
  END_HEADERS,
  END_STREAM,
  FrameCutter,
  headerFrames,
  literalBlock,
  pingFrame,
  resetFrame,
  settingsFrame,
  Type,
} from "../../../test/support/h2-frames.ts";
import { type MemoryWorld, memoryWorld, tcpWorld } from "../../../test/support/world.ts";
import { DataLoop } from "../../core/data-loop.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { type ActiveCheck, HealthCheck, healthCounters } from "./health-check.ts";
import { grpcQuestion } from "./grpc-question.ts";
import { httpQuestion } from "./http-question.ts";
import { type Finding, Probe } from "./probe.ts";
import type { Question } from "./question.ts";

const rhythm = { intervalMs: 1_000, timeoutMs: 200, unhealthyAfter: 3, healthyAfter: 2 };
const http: ActiveCheck = { kind: "fairlead.http", path: "/health", minStatus: 200, maxStatus: 299, ...rhythm };
const question = httpQuestion("/", "h", { minStatus: 200, maxStatus: 299 });

/** What a probe says of a service; null is praise. */
async function verdictOf(
  behaviour: Behaviour,
  asked: Question | null,
  bytesPerRead = 1_000,
): Promise<Finding | undefined> {
  const world = memoryWorld({ readBytes: () => bytesPerRead });
  await using _world = world;
  const backend = await Backend.start(world, behaviour);
  const said: Finding[] = [];
  const probe = new Probe(world.transport, backend, asked, (problem) => void said.push(problem));
  await world.pass(50);
  probe.cancel();
  world.settle();
  expect(said.length).toBeLessThanOrEqual(1);
  return said[0];
}

const sends = (text: string, close = false): Behaviour => ({
  request(_, connection) {
    connection.send(text);
    if (close) connection.peer.end();
  },
});

test("A probe of TCP wants a connection and sends nothing", async () => {
  expect(await verdictOf({ bytes: () => expect.unreachable() }, null)).toBeNull();
});

test.each([1, 5, 1_000])(
  "A probe of HTTP reads the status, of an answer that comes in pieces of %i octets",
  async (bytes) => {
    const said = (text: string, close = false) => verdictOf(sends(text, close), question, bytes);
    expect(await said("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")).toBeNull();
    expect(await said("HTTP/1.0 299\r\n\r\n")).toBeNull();
    expect(await said("HTTP/1.1 300 Other\r\n\r\n")).toBe("it answers with status 300");
    expect(await said("HTTP/1.1 503 Down\r\n\r\n", true)).toBe("it answers with status 503");
    expect(await said("HTTP/1.1 2000 Odd\r\n\r\n")).toBe("it does not answer in HTTP/1.x");
    expect(await said("SSH-2.0-OpenSSH_9\r\n")).toBe("it does not answer in HTTP/1.x");
    expect(await said("HTTP/1.1", true)).toBe("it closed the connection without an answer");
    expect(await said("", true)).toBe("it closed the connection without an answer");
    expect(await said("HTTP/1.1 20")).toBeUndefined();
  },
);

test("A probe tells of a connection that breaks", async () => {
  const reset = (): Behaviour => ({ request: (_, connection) => connection.peer.reset() });
  expect(await verdictOf(reset(), question)).toMatch(/^the connection failed \(.*ECONNRESET/);
});

/** What the service of gRPC sends, and how that is judged; everything at once, or octet by octet. */
async function grpcVerdict(bytes: number, ...frames: Buffer[]): Promise<Finding | undefined> {
  const answer = Buffer.concat(frames);
  let asked = "";
  const behaviour: Behaviour = {
    bytes(chunk, connection) {
      if (asked === "") connection.send(answer);
      asked += chunk;
      return true;
    },
  };
  return verdictOf(behaviour, grpcQuestion("", "h:80", 1_000), bytes);
}

const message = (...octets: number[]) => Buffer.from([0, 0, 0, 0, octets.length, ...octets]);
const greeting = settingsFrame([]);
const answerHead = headerFrames(1, literalBlock([[":status", "200"]]));
const trailers = headerFrames(1, literalBlock([["grpc-status", "12"]]), { end: true });

test.each([1, 7, 1_000])("A probe of gRPC wants a message that says SERVING, in pieces of %i octets", async (bytes) => {
  const said = (...frames: Buffer[]) => grpcVerdict(bytes, greeting, ...frames);
  expect(
    await said(settingsFrame([[3, 100]]), pingFrame("12345678"), answerHead, dataFrame(1, message(8, 1))),
  ).toBeNull();
  expect(await said(answerHead, dataFrame(1, message(8, 1).subarray(0, 6)), dataFrame(1, Buffer.from([1])))).toBeNull();
  expect(await said(answerHead, dataFrame(1, message(8, 1), true, 9))).toBeNull();
  expect(await said(answerHead, dataFrame(1, message(8, 2)))).toBe("it says NOT_SERVING");
  expect(await said(answerHead, dataFrame(1, message()))).toBe("it says UNKNOWN");
  expect(await said(answerHead, dataFrame(1, message(8, 9)))).toBe("it says status 9");
  expect(await said(trailers)).toBe("it ended the call without an answer");
  expect(await said(answerHead, dataFrame(1, message(8, 1).subarray(0, 4), true))).toBe(
    "it ended the call without an answer",
  );
  expect(await said(resetFrame(1, 7))).toBe("it reset the call");
  expect(await said(dataFrame(3, message(8, 1)))).toBeUndefined();
  expect(await grpcVerdict(bytes, Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"))).toBe("it does not speak HTTP/2");
});

test("A probe of gRPC does not read without end", async () => {
  const endless = Array.from({ length: 10 }, () => headerFrames(3, Buffer.alloc(10_000)));
  expect(await grpcVerdict(1_000_000, greeting, ...endless)).toBe("its answer is too long");
});

test("The question of gRPC is the one of grpc.health.v1, octet for octet", () => {
  const cutter = new FrameCutter();
  const { bytes } = grpcQuestion("echo.Echo", "users", 750);
  expect(bytes.toString("latin1", 0, CLIENT_PREFACE.length)).toBe(CLIENT_PREFACE);
  const frames = cutter.push(bytes.subarray(CLIENT_PREFACE.length));
  expect(frames.map(({ flags, id, type }) => [type, flags, id])).toEqual([
    [Type.settings, 0, 0],
    [Type.headers, END_HEADERS, 1],
    [Type.data, END_STREAM, 1],
  ]);
  expect(frames[1]?.payload).toEqual(
    literalBlock([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/grpc.health.v1.Health/Check"],
      [":authority", "users"],
      ["content-type", "application/grpc"],
      ["te", "trailers"],
      ["grpc-timeout", "750m"],
      ["user-agent", "fairlead-health-check"],
    ]),
  );
  expect(frames[2]?.payload.toString("latin1")).toBe("\0\0\0\0\x0b\x0a\x09echo.Echo");
  const long = grpcQuestion("s".repeat(300), "h".repeat(300), 1).bytes.toString("latin1");
  expect(long).toContain(`\x7f\xad\x01${"h".repeat(300)}`); // 300 − 127 = 173 = 0x2d + 128
  expect(long).toContain(`\0\0\0\x01\x2f\x0a\xac\x02${"s".repeat(300)}`);
});

const CHECK = {
  path: "/grpc.health.v1.Health/Check",
  requestStream: false,
  responseStream: false,
  requestSerialize: (bytes: Buffer) => bytes,
  requestDeserialize: (bytes: Buffer) => bytes,
  responseSerialize: (bytes: Buffer) => bytes,
  responseDeserialize: (bytes: Buffer) => bytes,
} as const;

test("A server of grpc-js is asked about a service, and believed", async () => {
  await using world = tcpWorld();
  const server = new GrpcServer();
  const statuses: Readonly<Record<string, number>> = { "": 1, "\n\x02ab": 2 };
  server.addService(
    { Check: CHECK },
    {
      Check(call: { request: Buffer }, answer: (error: object | null, bytes?: Buffer) => void) {
        const status = statuses[call.request.toString("latin1")];
        if (status === undefined) answer({ code: 5, details: "no such service" });
        else answer(null, Buffer.from([8, status]));
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  world.atEnd(() => server.forceShutdown());
  const said = async (service: string) => {
    const verdicts: Finding[] = [];
    const asked = grpcQuestion(service, "h", 1_000);
    const probe = new Probe(
      world.transport,
      { host: "127.0.0.1", port },
      asked,
      (problem) => void verdicts.push(problem),
    );
    await world.until("a verdict", () => verdicts.length > 0);
    probe.cancel(); // it is over already
    return verdicts[0];
  };
  expect(await said("")).toBeNull();
  expect(await said("ab")).toBe("it says NOT_SERVING");
  expect(await said("xy")).toBe("it ended the call without an answer");
});

class Scene {
  readonly world: MemoryWorld;
  readonly backend: Backend;
  readonly registry: MetricsRegistry;
  readonly log: string[] = [];
  readonly counters: ReturnType<typeof healthCounters>;
  readonly check: HealthCheck;
  /** May the endpoint be taken out? */
  mayFail = true;

  constructor(world: MemoryWorld, backend: Backend, spec: ActiveCheck) {
    this.world = world;
    this.backend = backend;
    this.registry = new MetricsRegistry(world.env);
    this.counters = healthCounters(this.registry.root.scope("rt", "http", "client", "x", "health_check"), () => []);
    const { env, transport } = world;
    const endpoint = { host: backend.host, port: backend.port, key: backend.address };
    this.check = new HealthCheck(spec, endpoint, { env, loop: new DataLoop(env), transport }, this.counters, {
      failed: (why) => (this.log.push(this.mayFail ? why : `spared: ${why}`), this.mayFail),
      recovered: () => void this.log.push("recovered"),
    });
  }

  static async start(spec: ActiveCheck, behaviour: Behaviour = {}): Promise<Scene> {
    const world = memoryWorld();
    return new Scene(world, await Backend.start(world, behaviour), spec);
  }

  /** Lets time pass until so many checks have been made in all. */
  async checked(count: number): Promise<void> {
    for (let n = 0; this.counters.checks.value < count && n < 10_000; n++) await this.world.pass(25);
    expect(this.counters.checks.value).toBe(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.check.stop();
    await this.world[Symbol.asyncDispose]();
  }
}

test("Three failures in a row take the endpoint out, two good checks in a row bring it back", async () => {
  const verdicts = "gbbgbbb|bgb gg|gbbb|".replaceAll(/[| ]/g, "");
  await using scene = await Scene.start(http, {
    request(_, connection) {
      connection.reply(verdicts[scene.backend.requests.length - 1] === "b" ? 500 : 200);
    },
  });
  const changes = [];
  for (let n = 1; n <= verdicts.length; n++) {
    const before = scene.log.length;
    await scene.checked(n);
    if (scene.log.length > before) changes.push([n, scene.log.at(-1)]);
  }
  expect(changes).toEqual([
    [7, "it answers with status 500"],
    [12, "recovered"],
    [16, "it answers with status 500"],
  ]);
  expect(scene.counters.failures.value).toBe([...verdicts].filter((verdict) => verdict === "b").length);
  expect(scene.backend.requests[0]).toMatchObject({ method: "GET", target: "/health" });
  expect(scene.backend.problems).toEqual([]);
  expect(scene.backend.open).toHaveLength(0);
  expect(undeclaredMetrics(scene.registry.root)).toEqual([]);
});

test("An endpoint that may not be taken out is asked about again at each further failure", async () => {
  await using scene = await Scene.start(http, { request: (_, connection) => connection.reply(503) });
  scene.mayFail = false;
  await scene.checked(5);
  expect(scene.log).toHaveLength(3);
  scene.mayFail = true;
  await scene.checked(8);
  expect(scene.log.slice(3)).toEqual(["it answers with status 503"]);
});

test("A check that takes too long has failed, and its connection is dropped", async () => {
  await using scene = await Scene.start(http, { request: () => undefined });
  await scene.checked(3);
  expect(scene.log).toEqual(["no answer within 200 ms"]);
  scene.world.settle();
  expect(scene.backend.open).toHaveLength(0);
  scene.world.network.silence(scene.backend.address);
  await scene.checked(4);
  expect(scene.counters.failures.value).toBe(4);
});

test("Checks come an interval apart, give or take a tenth, the first within one", async () => {
  const times: number[] = [];
  const tcp: ActiveCheck = { kind: "fairlead.tcp", ...rhythm };
  await using scene = await Scene.start(tcp, { connected: () => void times.push(scene.world.env.clock.nowMs()) });
  for (let n = 0; n < 30_000 / 5; n++) {
    scene.world.env.advance(5);
    scene.world.settle();
  }
  expect(times[0]).toBeLessThanOrEqual(1_000);
  const gaps = times.slice(1).map((time, at) => time - times[at]!);
  expect(gaps.length).toBeGreaterThan(25);
  for (const gap of gaps) expect(Math.abs(gap - 1_000)).toBeLessThanOrEqual(110);
  expect(new Set(gaps).size).toBeGreaterThan(5);
});

test("After a stop there is no timer and no connection left, whenever it comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 3_000 }), fc.boolean(), async (ms, silent) => {
      await using scene = await Scene.start(http, silent ? { request: () => undefined } : {});
      scene.world.env.advance(ms);
      if (ms % 2 === 0) scene.world.settle();
      scene.check.stop();
      scene.world.settle();
      expect(scene.world.env.pendingTimers).toBe(0);
      expect(scene.backend.open).toHaveLength(0);
    }),
    { numRuns: 50 },
  );
});
