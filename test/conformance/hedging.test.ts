// Second attempts beside slow first ones (finagle §4.7): when they are made, to whom, which of the two answers, and what becomes of the other.
// Long, because the properties at the end play with the same scenes as the sentences before them.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Backend, type BackendConnection, type Received } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { deadlineIn } from "../support/hops.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs } from "../support/h2-frames.ts";
import { call, get as h2get, request as h2request, startH2Proxy } from "../support/h2-scene.ts";
import { grpcMessage, H2Service } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { type Answer, causeOf, type HttpClient } from "../support/http-client.ts";
import { chunked, compose, valueOf } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, post } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CLIENT = "#/io.l5d.fs/web";
/** Percentiles are read again every three seconds. */
const REFRESH_MS = 3100;

type Keys = Readonly<Record<string, unknown>>;

/** A proxy that hedges, before a service of several instances. */
class Hedged implements AsyncDisposable {
  readonly world: MemoryWorld = memoryWorld();
  readonly backends: Backend[] = [];
  /** Requests that are not answered yet, in order of arrival, over all instances. */
  readonly held: (readonly [request: Received, connection: BackendConnection])[] = [];
  #proxy: Proxy | null = null;

  get proxy(): Proxy {
    if (this.#proxy === null) throw new Error("it is not started");
    return this.#proxy;
  }

  static async start(hedge: Keys, setup: ProxySetup = {}, instances = 2): Promise<Hedged> {
    const scene = new Hedged();
    const disco = new Disco(scene.world);
    for (let i = 0; i < instances; i++) scene.backends.push(await Backend.start(scene.world));
    disco.write("web", scene.backends);
    const client = { hedge, ...setup.client };
    const all = { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], ...setup, client };
    scene.#proxy = await Proxy.start(scene.world, all);
    return scene;
  }

  /** From now on requests wait until the test answers them. */
  hold(): void {
    this.each((request, connection) => void this.held.push([request, connection]));
  }

  each(request: (request: Received, connection: BackendConnection) => void): void {
    for (const backend of this.backends) backend.behaviour = { request };
  }

  /** Every answer takes so long. */
  delay(msOf: (request: Received) => number): void {
    const { timers } = this.world.env;
    this.each((request, connection) => {
      const reply = () => {
        if (!connection.closed) connection.reply(200, connection.backend.address);
      };
      timers.after(msOf(request), reply);
    });
  }

  /** Requests that took no time, so that the delay of second attempts is the least. */
  async warm(requests = 30): Promise<HttpClient> {
    const client = this.proxy.connect();
    for (let i = 0; i < requests; i++) await client.ask(get());
    await this.world.pass(REFRESH_MS);
    await client.ask(get());
    return client;
  }

  connection(n: number): BackendConnection {
    return (this.held[n] as (typeof this.held)[number])[1];
  }

  figure(name: string): number {
    return this.proxy.metric("client", CLIENT, "backups", name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await using _world = this.world;
    await using _proxy = this.#proxy;
  }
}

const HALF = { maxExtraLoad: 0.5 };

function step(world: MemoryWorld, ms: number): void {
  world.settle();
  for (let i = 0; i < ms; i++) {
    world.env.advance(1);
    world.settle();
  }
}

/** A request that both instances have got. */
async function askTwice(scene: Hedged, client: HttpClient, text = get()): Promise<void> {
  scene.hold();
  client.send(text);
  step(scene.world, 10);
  expect(scene.held).toHaveLength(2);
}

// ---- When ------------------------------------------------------------------------------------------------------------

test("a request slower than the percentile gets a second attempt at another endpoint, after it and not before", async () => {
  await using scene = await Hedged.start({ maxExtraLoad: 0.1 });
  const client = scene.proxy.connect();
  await client.ask(get());
  scene.delay(({ target }) => Number(target.slice(1)));
  for (let i = 1; i <= 100; i++) scene.proxy.connect().send(get(`/${i}`));
  step(scene.world, 110);
  expect(scene.figure("backups_sent")).toBe(0);
  await scene.world.pass(REFRESH_MS);
  scene.hold();
  client.send(get());
  step(scene.world, 85);
  expect(scene.held).toHaveLength(1);
  const startMs = scene.world.env.clock.nowMs();
  while (scene.held.length < 2 && scene.world.env.clock.nowMs() - startMs < 1000) step(scene.world, 1);
  const tookMs = 85 + scene.world.env.clock.nowMs() - startMs;
  expect(tookMs).toBeGreaterThanOrEqual(88);
  expect(tookMs).toBeLessThanOrEqual(96);
  expect(scene.connection(0).backend).not.toBe(scene.connection(1).backend);
  step(scene.world, 3000);
  expect(scene.held).toHaveLength(2); // and no third
  scene.connection(0).reply(200);
  await client.answered(2);
});

test("before the first percentile there is no second attempt", async () => {
  await using scene = await Hedged.start(HALF);
  const client = scene.proxy.connect();
  for (let i = 0; i < 50; i++) await client.ask(get());
  scene.hold();
  client.send(get());
  step(scene.world, 10_000);
  expect(scene.held).toHaveLength(1);
  scene.connection(0).reply(200);
  await client.answered(51);
  expect(scene.figure("backups_sent")).toBe(0);
});

test("minDelayMs is the least delay, however fast the service is", async () => {
  await using scene = await Hedged.start({ ...HALF, minDelayMs: 70 });
  const client = await scene.warm();
  scene.hold();
  client.send(get());
  step(scene.world, 69);
  expect(scene.held).toHaveLength(1);
  step(scene.world, 5);
  expect(scene.held).toHaveLength(2);
  scene.connection(0).reply(200);
  await client.answered(32);
});

test("a service whose percentile is two seconds or more is not hedged", async () => {
  await using scene = await Hedged.start(HALF);
  const client = scene.proxy.connect();
  await client.ask(get());
  scene.delay(() => 2500);
  for (let i = 0; i < 6; i++) {
    client.send(get());
    await scene.world.pass(2600);
  }
  expect(client.answers).toHaveLength(7);
  expect([scene.figure("backups_sent"), scene.backends.flatMap(({ requests }) => requests).length]).toEqual([0, 7]);
});

test("a fast answer leaves no timer", async () => {
  await using scene = await Hedged.start({ ...HALF, minDelayMs: 1500 });
  const client = await scene.warm();
  const { armed } = scene.proxy.linker.loop.wheel;
  for (let i = 0; i < 20; i++) await client.ask(get());
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, fineTimers: 0, timers: armed });
});

// ---- Who answers -----------------------------------------------------------------------------------------------------

test.each([
  ["the second", 1, 1],
  ["the first", 0, 0],
])(
  "when %s answers first, its answer is passed on, and the other's connection is closed at once",
  async (_, winner, won) => {
    await using scene = await Hedged.start(HALF, {
      client: { failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 1 } },
      accessLog: true,
    });
    const client = await scene.warm();
    await askTwice(scene, client);
    scene.connection(winner).reply(200, `from ${winner}`, { "X-From": String(winner) });
    scene.world.settle();
    const answer = client.answers.at(-1) as Answer;
    expect([answer.status, answer.body, valueOf(answer, "x-from")]).toEqual([200, `from ${winner}`, String(winner)]);
    const loser = scene.connection(1 - winner);
    expect([loser.closed, scene.connection(winner).closed]).toEqual([true, false]);
    expect([scene.figure("backups_sent"), scene.figure("backups_won")]).toEqual([1, won]);
    expect(scene.proxy.lastRecord).toMatchObject({ status: 200, outcome: "success", attempts: 2, cause: "" });
    expect(scene.proxy.lastLine).toMatchObject({ endpoint: scene.connection(winner).backend.address, attempts: 2 });
    expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
    // Neither endpoint has been judged for it: one failure would have been enough.
    expect(scene.proxy.metric("client", CLIENT, "failure_accrual", "removals")).toBe(0);
    expect(scene.proxy.metric("client", CLIENT, "failures")).toBe(0);
    expect(scene.proxy.metric("client", CLIENT, "failures", "proxy.hedge.superseded")).toBe(1);
    expect(scene.proxy.metric("client", CLIENT, "service", "svc/web", "requests")).toBe(32);
    expect(scene.proxy.serverMetric("requests")).toBe(32);
    scene.each((_request, connection) => connection.reply(200, "next"));
    for (let i = 0; i < 4; i++) expect((await client.ask(get())).body).toBe("next");
  },
);

test.each([
  ["the first fails", 0],
  ["the second fails", 1],
])("when %s, the other one is waited for", async (_, failing) => {
  for (const how of ["500", "close", "garbage"]) {
    await using scene = await Hedged.start(HALF, { accessLog: true });
    const client = await scene.warm();
    await askTwice(scene, client);
    const loser = scene.connection(failing);
    if (how === "500") loser.reply(500, "no");
    else if (how === "close") loser.peer.destroy();
    else loser.send("nonsense\r\n\r\n");
    step(scene.world, 50);
    expect(client.answers).toHaveLength(31);
    scene.connection(1 - failing).reply(200, "good");
    await client.answered(32);
    expect([client.answers[31]?.status, client.answers[31]?.body]).toEqual([200, "good"]);
    expect(scene.proxy.lastRecord).toMatchObject({ outcome: "success", cause: "", attempts: 2 });
    expect(scene.held).toHaveLength(2);
    expect(scene.proxy.metric("client", CLIENT, "service", "svc/web", "success")).toBe(32);
  }
});

test("the log names the endpoint that answered, also when the second attempt failed before", async () => {
  await using scene = await Hedged.start(HALF, { accessLog: true });
  const client = await scene.warm();
  await askTwice(scene, client);
  scene.connection(1).reply(500);
  step(scene.world, 10);
  scene.connection(0).reply(200);
  await client.answered(32);
  expect(scene.proxy.lastLine).toMatchObject({ endpoint: scene.connection(0).backend.address });
});

test("when both fail, the last failure is told", async () => {
  for (const last of [0, 1]) {
    await using scene = await Hedged.start(HALF);
    const client = await scene.warm();
    await askTwice(scene, client);
    scene.connection(1 - last).reply(500, "first to fail");
    step(scene.world, 5);
    scene.connection(last).reply(502, "last to fail");
    await client.answered(32);
    expect([client.answers[31]?.status, client.answers[31]?.body]).toEqual([502, "last to fail"]);
    expect(scene.proxy.lastRecord).toMatchObject({ outcome: "failure", attempts: 2 });
  }
});

test("when both fail retryably, the request is retried once, as one that was not hedged", async () => {
  await using scene = await Hedged.start(HALF, {
    service: { responseClassifier: { kind: "io.l5d.http.retryableRead5XX" }, retries: { maxRetries: 1 } },
  });
  const client = await scene.warm();
  await askTwice(scene, client);
  scene.connection(0).reply(500);
  step(scene.world, 1);
  scene.each((_, connection) => connection.reply(200, "again"));
  scene.connection(1).reply(500);
  await client.answered(32);
  expect(client.answers[31]?.body).toBe("again");
  expect(scene.proxy.lastRecord).toMatchObject({ outcome: "success", attempts: 3 });
});

test("when both were refused (nack), the request is sent elsewhere", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  await askTwice(scene, client);
  scene.connection(0).reply(503, "", { "finagle-http-nack": "true" });
  step(scene.world, 1);
  scene.each((_, connection) => connection.reply(200, "elsewhere"));
  scene.connection(1).reply(503, "", { "finagle-http-nack": "true" });
  await client.answered(32);
  expect(client.answers[31]?.body).toBe("elsewhere");
});

test("both answers in one turn are one answer", async () => {
  for (const winner of [0, 1]) {
    await using scene = await Hedged.start(HALF);
    const client = await scene.warm();
    await askTwice(scene, client);
    scene.connection(winner).reply(200, "one");
    scene.connection(1 - winner).reply(200, "other");
    scene.world.settle();
    expect(client.answers).toHaveLength(32);
    expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
    expect(["one", "other"]).toContain(client.answers[31]?.body);
  }
});

test("a winner whose body breaks off is told so: the other attempt is gone by then", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  await askTwice(scene, client);
  scene.connection(1).send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  scene.world.settle();
  expect(scene.connection(0).closed).toBe(true);
  scene.connection(1).peer.destroy();
  scene.world.settle();
  expect([client.over, client.partialBody]).toEqual([true, "12345"]);
  expect(scene.proxy.lastRecord).toMatchObject({ outcome: "failure" });
});

test("interim answers of either may be passed on; the final one is one", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  await askTwice(scene, client);
  scene.connection(0).send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  scene.world.settle();
  scene.connection(1).send("HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n");
  scene.world.settle();
  scene.connection(1).reply(200, "done");
  await client.answered(32);
  expect(client.answers[31]?.body).toBe("done");
});

// ---- What is not sent twice ------------------------------------------------------------------------------------------

test.each<[string, string, Keys]>([
  ["POST", post("x"), HALF],
  ["PATCH", compose("PATCH / HTTP/1.1", { Host: "web" }, "x"), HALF],
  ["PUT with methods: safe", compose("PUT / HTTP/1.1", { Host: "web" }, "x"), { ...HALF, methods: "safe" }],
  ["DELETE with methods: safe", compose("DELETE / HTTP/1.1", { Host: "web" }), { ...HALF, methods: "safe" }],
])("%s is never hedged", async (_, text, hedge) => {
  await using scene = await Hedged.start(hedge);
  const client = await scene.warm();
  scene.hold();
  client.send(text);
  step(scene.world, 2000);
  expect(scene.held).toHaveLength(1);
  scene.connection(0).reply(200);
  await client.answered(32);
  expect(scene.figure("backups_sent")).toBe(0);
});

test.each<[string, string, Keys]>([
  ["HEAD", compose("HEAD / HTTP/1.1", { Host: "web" }), HALF],
  ["PUT", compose("PUT / HTTP/1.1", { Host: "web" }, "the body"), HALF],
  ["chunked PUT", `PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("the ", "body")}`, HALF],
  ["OPTIONS with methods: safe", compose("OPTIONS / HTTP/1.1", { Host: "web" }), { ...HALF, methods: "safe" }],
  ["POST with methods: all", post("the body"), { ...HALF, methods: "all" }],
])("%s is hedged, and both instances get the same request", async (_, text, hedge) => {
  await using scene = await Hedged.start(hedge);
  const client = await scene.warm();
  await askTwice(scene, client, text);
  const [first, second] = scene.held.map(([request]) => request) as [Received, Received];
  expect([second.method, second.target, second.body]).toEqual([first.method, first.target, first.body]);
  if (text.includes("body")) expect(first.body).toBe("the body");
  if (first.method === "HEAD") scene.connection(1).send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  else scene.connection(1).reply(200, "ok");
  await client.answered(32);
});

test("a body that is still coming is not sent twice", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  scene.hold();
  const heads: string[] = [];
  for (const backend of scene.backends)
    backend.behaviour = { ...backend.behaviour, head: ({ line }) => void heads.push(line) };
  client.send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\n12345");
  step(scene.world, 2000);
  expect(heads).toHaveLength(1);
  client.peer.send("67890");
  step(scene.world, 100);
  expect(heads).toHaveLength(1);
  scene.connection(0).reply(200);
  await client.answered(32);
  expect(scene.figure("backups_sent")).toBe(0);
});

test("a body too long to be kept is not sent twice", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  scene.hold();
  client.send(compose("PUT / HTTP/1.1", { Host: "web" }, "x".repeat(200_000)));
  step(scene.world, 500);
  expect(scene.held).toHaveLength(1);
  scene.connection(0).reply(200);
  await client.answered(32);
});

test("with one endpoint there is no second attempt, and none is counted or paid for", async () => {
  await using scene = await Hedged.start(HALF, {}, 1);
  const client = await scene.warm();
  scene.hold();
  client.send(get());
  step(scene.world, 500);
  expect(scene.held).toHaveLength(1);
  const budget = scene.proxy.metric("client", CLIENT, "retries", "budget");
  scene.connection(0).reply(200);
  await client.answered(32);
  expect(scene.figure("backups_sent")).toBe(0);
  expect(scene.proxy.metric("client", CLIENT, "retries", "budget")).toBeGreaterThanOrEqual(budget);
});

// ---- Budgets ---------------------------------------------------------------------------------------------------------

test("no more than maxExtraLoad of the requests of the last ten seconds are sent twice", async () => {
  await using scene = await Hedged.start(
    { maxExtraLoad: 0.1 },
    { client: { requeueBudget: { minRetriesPerSec: 100 } } },
  );
  const client = await scene.warm(60);
  scene.hold();
  for (let i = 0; i < 40; i++) {
    const before = scene.held.length;
    client.send(get());
    step(scene.world, 20);
    scene.held[before]?.[1].reply(200);
    await client.answered(62 + i);
  }
  const sent = scene.figure("backups_sent");
  expect(sent).toBeLessThanOrEqual(10); // of a hundred
  expect(sent).toBeGreaterThanOrEqual(3);
  expect(scene.figure("budget_exhausted")).toBe(40 - sent);
  expect(scene.held).toHaveLength(40 + sent);
});

test("the client's budget for all that is sent again bounds it as well", async () => {
  await using scene = await Hedged.start(
    { maxExtraLoad: 0.9 },
    { client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } } },
  );
  const client = await scene.warm();
  scene.hold();
  client.send(get());
  step(scene.world, 500);
  expect(scene.held).toHaveLength(1);
  expect([scene.figure("backups_sent"), scene.figure("budget_exhausted")]).toEqual([0, 1]);
  scene.connection(0).reply(200);
  await client.answered(32);
});

// ---- Other endings ---------------------------------------------------------------------------------------------------

test("a caller that leaves while two attempts are in flight ends both", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  await askTwice(scene, client);
  client.close();
  scene.world.settle();
  expect(scene.held.map(([, connection]) => connection.closed)).toEqual([true, true]);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "downstream.connection.gone", outcome: "ignorable" });
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
});

const limits: readonly (readonly [string, ProxySetup, (world: MemoryWorld) => string, string])[] = [
  ["the total timeout", { service: { totalTimeoutMs: 300 } }, () => get(), "proxy.timeout.total"],
  ["the server's timeout", { server: { timeoutMs: 300 } }, () => get(), "proxy.timeout.server"],
  ["the attempt timeout, of each,", { client: { requestAttemptTimeoutMs: 300 } }, () => get(), "proxy.timeout.attempt"],
  [
    "a deadline",
    { modern: true },
    (world) => get("/", { "l5d-ctx-deadline": deadlineIn(world, 300) }),
    "proxy.timeout.deadline",
  ],
];

test.each(limits)("%s ends both attempts", async (_, setup, requestIn, cause) => {
  await using scene = await Hedged.start(HALF, setup);
  const client = await scene.warm();
  await askTwice(scene, client, requestIn(scene.world));
  step(scene.world, 450);
  expect(client.answers).toHaveLength(32);
  expect([client.answers[31]?.status, causeOf(client.answers[31] as Answer)]).toEqual([503, cause]);
  expect(scene.held.map(([, connection]) => connection.closed)).toEqual([true, true]);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
});

test("the second attempt is told by a deadline of its own how little is left", async () => {
  await using scene = await Hedged.start({ ...HALF, minDelayMs: 50 }, { modern: true });
  const client = await scene.warm();
  scene.hold();
  client.send(get("/", { "l5d-ctx-deadline": deadlineIn(scene.world, 1000) }));
  step(scene.world, 60);
  const left = scene.held.map(([request]) => {
    const [stamp, deadline] = (valueOf(request, "l5d-ctx-deadline") ?? "").split(" ");
    return Number((BigInt(deadline ?? 0) - BigInt(stamp ?? 0)) / 1_000_000n);
  });
  expect(left[0]).toBe(1000);
  expect(left[1]).toBeLessThanOrEqual(950);
  expect(left[1]).toBeGreaterThanOrEqual(945);
  scene.connection(0).reply(200);
  await client.answered(32);
});

test("stopping while two are in flight leaves nothing", async () => {
  await using scene = await Hedged.start(HALF);
  const client = await scene.warm();
  await askTwice(scene, client);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 1, attempts: 2 }); // the scene checks what is left at its end
});

// ---- HTTP/2 ----------------------------------------------------------------------------------------------------------

class HedgedH2 implements AsyncDisposable {
  readonly world: MemoryWorld = memoryWorld();
  readonly services: H2Service[] = [];
  readonly held: H2Stream[] = [];
  readonly callers: H2Caller[] = [];
  #proxy: Proxy | null = null;

  get proxy(): Proxy {
    if (this.#proxy === null) throw new Error("it is not started");
    return this.#proxy;
  }

  static async start(hedge: Keys, setup: ProxySetup = {}): Promise<HedgedH2> {
    const scene = new HedgedH2();
    const disco = new Disco(scene.world);
    for (let i = 0; i < 2; i++) scene.services.push(await H2Service.start(scene.world));
    disco.write("web", scene.services);
    const client = { hedge, ...setup.client };
    scene.#proxy = await startH2Proxy(scene.world, {
      dtab: "/svc => /#/io.l5d.fs",
      namers: [disco.namer],
      ...setup,
      client,
    });
    return scene;
  }

  hold(): void {
    for (const service of this.services) service.behaviour = { request: (stream) => void this.held.push(stream) };
  }

  async warm(fields: FieldPairs = h2get(), answer?: (stream: H2Stream) => void): Promise<H2Caller> {
    const caller = new H2Caller(this.world, this.proxy.port(), { refill: true });
    this.callers.push(caller);
    if (answer !== undefined) for (const service of this.services) service.behaviour = { request: answer };
    for (let i = 0; i < 30; i++) await caller.ask(fields);
    await this.world.pass(REFRESH_MS);
    await caller.ask(fields);
    return caller;
  }

  figure(name: string): number {
    return this.proxy.metric("client", CLIENT, "backups", name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    {
      await using _world = this.world;
      await using _proxy = this.#proxy;
    }
    expect([...this.callers, ...this.services].flatMap(({ problems }) => problems)).toEqual([]);
  }
}

const GRPC: FieldPairs = [["content-type", "application/grpc"]];
const grpcOk = (stream: H2Stream) => stream.reply(200, grpcMessage("ok"), GRPC, [["grpc-status", "0"]]);

test.each([0, 1])(
  "over HTTP/2 the loser's stream is reset with CANCEL, and its connection goes on (winner %d)",
  async (winner) => {
    await using scene = await HedgedH2.start(HALF);
    const caller = await scene.warm();
    scene.hold();
    const stream = caller.request(h2get("/x"));
    step(scene.world, 10);
    expect(scene.held).toHaveLength(2);
    scene.held[winner]?.reply(200, `from ${winner}`);
    await caller.finished(stream);
    expect([stream.status, stream.body]).toEqual([200, `from ${winner}`]);
    const loser = scene.held[1 - winner] as H2Stream;
    expect([loser.reset, loser.connection.closed]).toEqual([Code.cancel, false]);
    expect([scene.figure("backups_sent"), scene.figure("backups_won")]).toEqual([1, winner]);
    expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, fineTimers: 0 });
  },
);

test("a gRPC call is hedged with methods: all, and both instances get all of it", async () => {
  await using scene = await HedgedH2.start(
    { ...HALF, methods: "all" },
    { service: { responseClassifier: { kind: "io.l5d.h2.grpc.neverRetryable" } } },
  );
  const caller = await scene.warm(call(), grpcOk);
  scene.hold();
  const message = grpcMessage("q".repeat(5000));
  const stream = caller.request(call(), { body: message });
  step(scene.world, 10);
  expect(scene.held.map(({ body }) => body)).toEqual([message.toString("latin1"), message.toString("latin1")]);
  scene.held[0]?.reply(200, "", [...GRPC, ["grpc-status", "13"]]); // Trailers-Only: a failure known by the head
  step(scene.world, 10);
  expect(stream.done).toBe(false);
  grpcOk(scene.held[1] as H2Stream);
  await caller.finished(stream);
  expect([stream.trailer("grpc-status"), stream.body]).toEqual(["0", grpcMessage("ok").toString("latin1")]);
});

test("a gRPC call is not hedged without it, nor while its messages are still coming", async () => {
  await using idempotent = await HedgedH2.start(HALF);
  const caller = await idempotent.warm(call(), grpcOk);
  idempotent.hold();
  const unary = caller.request(call(), { body: grpcMessage("x") });
  step(idempotent.world, 500);
  expect(idempotent.held).toHaveLength(1);
  grpcOk(idempotent.held[0] as H2Stream);
  await caller.finished(unary);

  await using streaming = await HedgedH2.start({ ...HALF, methods: "all" });
  const other = await streaming.warm(call(), grpcOk);
  streaming.hold();
  const stream = other.request(call(), { body: grpcMessage("x"), end: false });
  step(streaming.world, 500);
  expect(streaming.services.flatMap(({ heads }) => heads)).toHaveLength(32);
  stream.write("", { end: true });
  step(streaming.world, 10);
  grpcOk(streaming.held[0] as H2Stream);
  await other.finished(stream);
});

test("a body that the first service does not take yet is whole at both", async () => {
  await using scene = await HedgedH2.start(HALF);
  const caller = await scene.warm();
  for (const { connections } of scene.services) for (const connection of connections) connection.announce([[4, 100]]);
  scene.world.settle();
  scene.hold();
  const body = Array.from({ length: 3000 }, (_, i) => String(i % 10)).join("");
  const stream = caller.request(h2request("PUT", "/x"), { body });
  step(scene.world, 10);
  const heads = scene.services.flatMap((service) => service.heads.slice(-1));
  expect(heads.map(({ bodyBytes }) => bodyBytes)).toEqual([100, 100]);
  for (const head of heads) head.grant(10_000);
  step(scene.world, 5);
  expect(scene.held.map((held) => held.body)).toEqual([body, body]);
  scene.held[1]?.reply(200, "second");
  await caller.finished(stream);
  expect(stream.body).toBe("second");
});

test.each(["reset by the caller", "deadline", "the caller's connection gone"])(
  "over HTTP/2, %s: both attempts are reset",
  async (how) => {
    await using scene = await HedgedH2.start({ ...HALF, methods: "all" }, { modern: true });
    const caller = await scene.warm(call(), grpcOk);
    scene.hold();
    const stream = caller.request(call(how === "deadline" ? [["grpc-timeout", "200m"]] : []), {
      body: grpcMessage("x"),
    });
    step(scene.world, 10);
    expect(scene.held).toHaveLength(2);
    if (how === "deadline") step(scene.world, 200);
    else if (how === "reset by the caller") stream.sendReset(Code.cancel);
    else caller.close();
    scene.world.settle();
    expect(scene.held.map(({ reset }) => reset)).toEqual([Code.cancel, Code.cancel]);
    if (how === "deadline") expect(stream.value("grpc-status")).toBe("4");
    expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, clientStreams: 0, fineTimers: 0 });
  },
);

// ---- Any timing ------------------------------------------------------------------------------------------------------

/** What an instance does with one attempt. */
interface Deed {
  readonly afterMs: number;
  readonly how: "answer" | "parts" | "fail" | "nack" | "break" | "garbage" | "never";
}

const deed = fc.record<Deed>({
  afterMs: fc.integer({ min: 0, max: 30 }),
  how: fc.constantFrom<Deed["how"]>("answer", "answer", "answer", "parts", "fail", "nack", "break", "garbage", "never"),
});

async function anyTiming(deeds: readonly (readonly [Deed, Deed])[], reuse: boolean): Promise<void> {
  await using scene = await Hedged.start(
    { maxExtraLoad: 0.9 },
    {
      reuse,
      client: { requeueBudget: { minRetriesPerSec: 1000 }, failureAccrual: { kind: "none" } },
      service: { totalTimeoutMs: 200 },
    },
  );
  const warm = await scene.warm();
  const turns = new Map<string, number>();
  scene.each((request, connection) => {
    const turn = turns.get(request.target) ?? 0;
    turns.set(request.target, turn + 1);
    const plan = deeds[Number(request.target.slice(1))]?.[turn % 2] as Deed;
    scene.world.env.timers.after(plan.afterMs, () => {
      if (!connection.closed) act(plan, request, connection, scene.world);
    });
  });
  const callers = [warm, ...Array.from({ length: 3 }, () => scene.proxy.connect())];
  const asked = callers.map(() => [] as number[]);
  for (let i = 0; i < deeds.length; i += callers.length) {
    for (const [n, caller] of callers.entries()) {
      if (i + n >= deeds.length || caller.over) continue;
      asked[n]?.push(i + n);
      caller.send(get(`/${i + n}`));
    }
    step(scene.world, 320);
  }
  for (const [n, caller] of callers.entries()) {
    const answers = n === 0 ? caller.answers.slice(31) : caller.answers;
    const numbers = asked[n] as number[];
    expect(caller.problem).toBeNull();
    expect(answers.length).toBeLessThanOrEqual(numbers.length);
    if (!caller.over) expect(answers).toHaveLength(numbers.length);
    for (const [at, answer] of answers.entries()) {
      if (answer.status === 200) expect(answer.body).toBe(`answer to /${numbers[at]}`);
      else expect([500, 502, 503]).toContain(answer.status);
      const plans = deeds[numbers[at] as number] as readonly [Deed, Deed];
      if (plans[0].how === "answer" && plans[1].how === "answer") expect(answer.status).toBe(200);
    }
  }
  expect(scene.figure("backups_won")).toBeLessThanOrEqual(scene.figure("backups_sent"));
  await scene.world.pass(500);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
  expect(scene.backends.flatMap(({ problems }) => problems)).toEqual([]);
}

function act({ how }: Deed, { target }: Received, connection: BackendConnection, world: MemoryWorld): void {
  const body = `answer to ${target}`;
  if (how === "answer") connection.reply(200, body);
  else if (how === "fail") connection.reply(500, "failed");
  else if (how === "nack") connection.reply(503, "", { "finagle-http-nack": "true" });
  else if (how === "break") connection.peer.destroy();
  else if (how === "garbage") connection.send("nonsense\r\n\r\n");
  else if (how === "parts") {
    connection.send(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
    world.env.timers.after(7, () => {
      if (!connection.closed) connection.send(body.slice(5));
    });
  }
}

test("whatever two instances do and when, each request has one answer, its own, and nothing is left (poisoned pools)", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(deed, deed), { minLength: 4, maxLength: 24 }), (deeds) =>
      anyTiming(deeds, false),
    ),
    { numRuns: 25 },
  );
}, 120_000);

test("the same with pools that reuse what they have", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(deed, deed), { minLength: 4, maxLength: 24 }), (deeds) =>
      anyTiming(deeds, true),
    ),
    { numRuns: 12 },
  );
}, 120_000);

// gRPC: verdicts come in trailers, answers are held back for them, tries have limits, and all of it is hedged.

interface Call {
  readonly afterMs: number;
  readonly how:
    | "ok"
    | "slow"
    | "parts"
    | "unavailable"
    | "trailersOnly"
    | "reset"
    | "refused"
    | "cancel"
    | "early"
    | "never";
}

const HEAD: FieldPairs = [[":status", "200"], ...GRPC];

function perform({ how }: Call, stream: H2Stream, world: MemoryWorld): void {
  const body = grpcMessage(`to ${stream.value("x-n")}`);
  const later = (ms: number, act: () => void) =>
    void world.env.timers.after(ms, () => {
      if (stream.reset === null && !stream.connection.closed) act();
    });
  if (how === "ok") stream.reply(200, body, GRPC, [["grpc-status", "0"]]);
  else if (how === "unavailable") stream.reply(200, body, GRPC, [["grpc-status", "14"]]);
  else if (how === "trailersOnly") stream.reply(200, "", [...GRPC, ["grpc-status", "14"]]);
  else if (how === "refused") stream.sendReset(Code.refused);
  else if (how === "reset") {
    stream.sendHead(HEAD);
    stream.write(body.subarray(0, 3));
    later(3, () => stream.sendReset(Code.internal));
  } else if (how === "cancel") stream.sendReset(Code.cancel);
  else if (how === "early" || how === "slow" || how === "parts") {
    stream.sendHead(HEAD);
    if (how === "parts") stream.write(body.subarray(0, 4));
    const rest = how === "parts" ? body.subarray(4) : body;
    later(how === "early" ? 1 : how === "slow" ? 80 : 12, () =>
      stream.write(rest, { trailers: [["grpc-status", "0"]] }),
    );
  }
}

interface Told extends Call {
  /** The caller cancels after so long. */
  readonly leavesMs: number | null;
  readonly timeout: number | null;
}

async function anyCall(plans: readonly (readonly Told[])[], reuse: boolean): Promise<void> {
  await using scene = await HedgedH2.start(
    { maxExtraLoad: 0.9, methods: "all" },
    {
      reuse,
      modern: true,
      client: { requeueBudget: { minRetriesPerSec: 1000 }, failureAccrual: { kind: "none" } },
      service: {
        responseClassifier: { kind: "io.l5d.h2.grpc.default" },
        retries: {
          maxRetries: 2,
          perTryTimeoutMs: 60,
          budget: { minRetriesPerSec: 1000 },
          backoff: { kind: "constant", ms: 5 },
        },
        totalTimeoutMs: 400,
      },
    },
  );
  const caller = await scene.warm(call(), grpcOk);
  const turns = new Map<string, number>();
  for (const service of scene.services) {
    service.behaviour = {
      request: (stream) => {
        const n = stream.value("x-n") ?? "";
        const turn = turns.get(n) ?? 0;
        turns.set(n, turn + 1);
        expect(stream.body).toBe(grpcMessage(`from ${n}`).toString("latin1"));
        const plan = plans[Number(n)] as readonly Told[];
        const told = plan[turn % plan.length] as Told;
        scene.world.env.timers.after(told.afterMs, () => {
          if (stream.reset === null && !stream.connection.closed) perform(told, stream, scene.world);
        });
      },
    };
  }
  const streams = plans.map(([first], n) => {
    const { leavesMs, timeout } = first as Told;
    const fields: FieldPairs =
      timeout === null
        ? [["x-n", String(n)]]
        : [
            ["x-n", String(n)],
            ["grpc-timeout", `${timeout}m`],
          ];
    const stream = caller.request(call(fields), { body: grpcMessage(`from ${n}`) });
    if (leavesMs !== null) {
      scene.world.env.timers.after(leavesMs, () => {
        if (!stream.done) stream.sendReset(Code.cancel);
      });
    }
    step(scene.world, n % 4);
    return stream;
  });
  step(scene.world, 700);
  for (const [n, stream] of streams.entries()) {
    if (stream.resetSent) continue;
    expect(stream.state).toSatisfy(() => stream.done);
    const status = stream.trailer("grpc-status") ?? stream.value("grpc-status");
    if (status === "0") expect(stream.body).toBe(grpcMessage(`to ${n}`).toString("latin1"));
    else expect(grpcMessage(`to ${n}`).toString("latin1").startsWith(stream.body)).toBe(true);
  }
  expect(scene.proxy.inUse()).toMatchObject({
    exchanges: 0,
    attempts: 0,
    serverStreams: 0,
    clientStreams: 0,
    fineTimers: 0,
  });
}

const told = fc.record<Told>({
  afterMs: fc.integer({ min: 0, max: 30 }),
  how: fc.constantFrom<Call["how"]>(
    "ok",
    "ok",
    "slow",
    "parts",
    "unavailable",
    "trailersOnly",
    "reset",
    "refused",
    "cancel",
    "early",
    "never",
  ),
  leavesMs: fc.option(fc.integer({ min: 0, max: 60 }), { freq: 6 }),
  timeout: fc.option(fc.integer({ min: 1, max: 120 }), { freq: 3 }),
});

test.each([false, true])(
  "gRPC calls that are hedged, held back, retried and limited at once: each has one answer, its own (pools reuse: %s)",
  async (reuse) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(told, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 20 }),
        (plans) => anyCall(plans, reuse),
      ),
      { numRuns: 20 },
    );
  },
  240_000,
);
