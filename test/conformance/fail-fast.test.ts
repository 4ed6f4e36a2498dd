// client.failFast: an endpoint that cannot be connected to is left alone at once (finagle §3.3).
import { expect, test } from "vitest";
import { causes } from "../../src/core/cause.ts";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { H2Service } from "../support/h2-service.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CLIENT = "#/io.l5d.fs/web";

interface Service {
  readonly host: string;
  readonly port: number;
}

interface Fleet extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly proxy: Proxy;
  readonly client: HttpClient;
}

async function fleet(world: MemoryWorld, services: readonly Service[], client: object = {}): Promise<Fleet> {
  const disco = new Disco(world);
  disco.write("web", services);
  const proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { failFast: true, failureAccrual: { kind: "none" }, ...client },
  });
  const caller = proxy.connect();
  return {
    world,
    proxy,
    client: caller,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

const address = ({ host, port }: Service) => `${host}:${port}`;
const metric = (f: Fleet, ...name: string[]) => f.proxy.metric("client", CLIENT, ...name);

async function askTimes(f: Fleet, times: number, status = 200): Promise<void> {
  for (let i = 0; i < times; i++) expect((await f.client.ask(get())).status).toBe(status);
}

const kinds = {
  "HTTP/1.1": { start: (world: MemoryWorld) => Backend.start(world), client: {} },
  "HTTP/2": { start: (world: MemoryWorld) => H2Service.start(world, {}), client: { protocol: "h2" } },
};

test.each(Object.entries(kinds))(
  "%s: after one failed connect others serve at once, and the endpoint is back when a connect in the background succeeds",
  async (_, { client, start }) => {
    const world = memoryWorld();
    const [good, bad] = [await start(world), await start(world)];
    world.network.fail(address(bad), "EHOSTUNREACH");
    await using f = await fleet(world, [good, bad], client);
    await askTimes(f, 100);
    expect(metric(f, "failfast", "marked_dead")).toBe(1);
    expect(metric(f, "failfast", "is_marked_dead")).toBe(1);
    expect(metric(f, "loadbalancer", "busy")).toBe(1);
    expect(metric(f, "retries", "requeues")).toBe(1);
    expect(metric(f, "failures", causes.connectFailed.token)).toBe(1);
    await f.world.pass(5_000);
    expect(metric(f, "failfast", "unhealthy_num_tries")).toBeGreaterThan(0);
    expect(metric(f, "failfast", "unhealthy_for_ms")).toBeGreaterThanOrEqual(5_000);
    f.world.network.heal(address(bad));
    await f.world.pass(33_000);
    expect(metric(f, "failfast", "marked_available")).toBe(1);
    expect(metric(f, "failfast", "unhealthy_num_tries")).toBe(0);
    const connects = metric(f, "connects");
    await askTimes(f, 50);
    expect(metric(f, "connects")).toBe(connects + 1);
    expect(f.proxy.logLines.filter((line) => line.includes("out until it can be connected to"))).toHaveLength(1);
    expect(f.proxy.logLines.filter((line) => line.includes("reached endpoint"))).toHaveLength(1);
  },
);

test("a slow failure is waited for once; whoever comes later goes elsewhere without waiting", async () => {
  const world = memoryWorld();
  const [good, bad] = [await Backend.start(world), await Backend.start(world)];
  world.network.silence(bad.address);
  await using f = await fleet(world, [good, bad], { connectTimeoutMs: 1_000 });
  const first = Array.from({ length: 10 }, () => f.proxy.connect());
  for (const caller of first) caller.send(get());
  await f.world.until("discovery", () => metric(f, "loadbalancer", "size") === 2);
  f.world.settle();
  await f.world.pass(1_200);
  for (const caller of first) expect(caller.answers[0]?.status).toBe(200);
  const fromMs = f.world.env.clock.nowMs();
  await askTimes(f, 100);
  expect(f.world.env.clock.nowMs()).toBe(fromMs);
  expect(metric(f, "failfast", "marked_dead")).toBe(1);
});

test("connections that are open go on being used while new ones fail", async () => {
  const world = memoryWorld();
  const [one, other] = [await Backend.start(world), await Backend.start(world)];
  await using f = await fleet(world, [one, other]);
  await askTimes(f, 20);
  world.network.fail(one.address, "EHOSTUNREACH");
  world.network.fail(other.address, "EHOSTUNREACH");
  one.behaviour = { request: () => undefined };
  other.behaviour = { request: () => undefined };
  const held = [f.proxy.connect(), f.proxy.connect()];
  for (const caller of held) caller.send(get("/held"));
  world.settle();
  await askTimes(f, 1, 502); // both connections are busy, and no new one can be had
  expect(metric(f, "failfast", "is_marked_dead")).toBe(2);
  one.behaviour = {};
  other.behaviour = {};
  for (const backend of [one, other]) for (const connection of backend.open) connection.reply(200, "late");
  world.settle();
  for (const caller of held) expect(caller.answers[0]?.body).toBe("late");
  await askTimes(f, 20);
  expect(metric(f, "failfast", "is_marked_dead")).toBe(2);
});

test("with all endpoints marked a request fails at once, retryable, and says why", async () => {
  const world = memoryWorld();
  const [one, other] = [await Backend.start(world), await Backend.start(world)];
  for (const { address: at } of [one, other]) world.network.fail(at, "EHOSTUNREACH");
  await using f = await fleet(world, [one, other]);
  await askTimes(f, 1, 502);
  const answer = await f.client.ask(get());
  expect(answer.status).toBe(502);
  expect(causeOf(answer)).toBe(causes.failFast.token);
  expect(answer.fields).toContainEqual(["l5d-retryable", "true"]);
  expect(f.proxy.lastRecord).toMatchObject({ cause: causes.failFast.token, outcome: "failure" });
  expect(f.proxy.serverMetric("failures", causes.failFast.token)).toBe(1);
});

test("requests that wait for connections fail when no more are opened, and are sent to another endpoint", async () => {
  const world = memoryWorld();
  const [good, bad] = [await Backend.start(world), await Backend.start(world)];
  world.network.silence(bad.address);
  await using f = await fleet(world, [good, bad], { hostConnectionPool: { maxSize: 1 } });
  const callers = Array.from({ length: 20 }, () => f.proxy.connect());
  for (const caller of callers) caller.send(get());
  await f.world.until("some to wait", () => metric(f, "pool_waiters") > 3);
  await f.world.pass(1_200);
  expect(callers.map((caller) => caller.answers[0]?.status)).toEqual(callers.map(() => 200));
  expect(metric(f, "failed_connect_latency_ms")).toBe(0);
  expect(metric(f, "failfast", "marked_dead")).toBe(1);
});

test("the only endpoint is connected to whatever happened before, and without failFast every endpoint is", async () => {
  const world = memoryWorld();
  const only = await Backend.start(world);
  world.network.fail(only.address, "EHOSTUNREACH");
  await using f = await fleet(world, [only]);
  for (let i = 0; i < 3; i++) expect(causeOf(await f.client.ask(get()))).toBe(causes.connectFailed.token);
  expect(metric(f, "failfast", "marked_dead")).toBe(0);
  world.network.heal(only.address);
  await askTimes(f, 3);

  const plainWorld = memoryWorld();
  const [one, other] = [await Backend.start(plainWorld), await Backend.start(plainWorld)];
  for (const { address: at } of [one, other]) plainWorld.network.fail(at, "EHOSTUNREACH");
  await using plain = await fleet(plainWorld, [one, other], { failFast: false });
  for (let i = 0; i < 3; i++) expect(causeOf(await plain.client.ask(get()))).toBe(causes.connectFailed.token);
  expect(plain.proxy.metricNames("client", CLIENT)).not.toContain("failfast");
});

test("an endpoint that is reached again starts gently", async () => {
  const world = memoryWorld();
  const [good, bad] = [await Backend.start(world), await Backend.start(world)];
  world.network.fail(bad.address, "EHOSTUNREACH");
  await using f = await fleet(world, [good, bad], { slowStartMs: 600_000 });
  await askTimes(f, 20);
  world.network.heal(bad.address);
  await f.world.pass(33_000);
  await askTimes(f, 200);
  expect(bad.requests.length).toBeGreaterThan(0);
  expect(bad.requests.length).toBeLessThan(50);
});

test("while the others cannot be reached, one that is reached again takes everything at once", async () => {
  const world = memoryWorld();
  const [one, other] = [await Backend.start(world), await Backend.start(world)];
  for (const { address: at } of [one, other]) world.network.fail(at, "EHOSTUNREACH");
  await using f = await fleet(world, [one, other], { slowStartMs: 600_000 });
  await askTimes(f, 1, 502);
  world.network.heal(one.address);
  await f.world.pass(33_000);
  const requeues = metric(f, "retries", "requeues");
  await askTimes(f, 100);
  expect(one.requests).toHaveLength(100);
  expect(metric(f, "retries", "requeues")).toBe(requeues);
});
