// client.healthCheck: endpoints are asked, and avoided while they fail.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import type { HttpClient } from "../support/http-client.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CLIENT = "#/io.l5d.fs/web";
const INTERVAL_MS = 1_000;
const http = { kind: "fairlead.http", path: "/health", intervalMs: INTERVAL_MS, timeoutMs: 200 };

interface Fleet extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly disco: Disco;
  readonly backends: readonly Backend[];
  /** What each answers to checks; requests are always answered well. */
  readonly health: number[];
  readonly proxy: Proxy;
  readonly client: HttpClient;
}

async function fleet(count: number, client: Readonly<Record<string, unknown>>): Promise<Fleet> {
  const world = memoryWorld();
  const disco = new Disco(world);
  const health = Array.from({ length: count }, () => 200);
  const backends = await Promise.all(
    health.map((_, n) =>
      Backend.start(world, {
        request: ({ target }, connection) => connection.reply(target === "/health" ? health[n]! : 200),
      }),
    ),
  );
  disco.write("web", backends);
  const proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], client });
  const caller = proxy.connect();
  await caller.ask(get());
  return {
    world,
    disco,
    backends,
    health,
    proxy,
    client: caller,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

const metric = (f: Fleet, ...name: string[]) => f.proxy.metric("client", CLIENT, ...name);

/** How many of so many requests, all of them answered well, each endpoint got. */
async function shares(f: Fleet, times: number): Promise<number[]> {
  const carried = () => f.backends.map(({ requests }) => requests.filter(({ target }) => target === "/").length);
  const before = carried();
  for (let i = 0; i < times; i++) expect((await f.client.ask(get())).status).toBe(200);
  return carried().map((after, n) => after - before[n]!);
}

test("an endpoint whose checks fail is avoided although its requests succeed, and comes back gently", async () => {
  await using f = await fleet(2, { healthCheck: http, slowStartMs: 600_000 });
  expect((await shares(f, 100)).every((share) => share > 20)).toBe(true);
  f.health[0] = 503;
  await f.world.pass(5 * INTERVAL_MS);
  expect(metric(f, "health_check", "unhealthy")).toBe(1);
  expect(metric(f, "loadbalancer", "busy")).toBe(1);
  expect([metric(f, "endpoints", "alive"), metric(f, "endpoints", "dead")]).toEqual([1, 1]);
  expect(await shares(f, 50)).toEqual([0, 50]);
  f.health[0] = 200;
  await f.world.pass(3 * INTERVAL_MS);
  expect(metric(f, "health_check", "unhealthy")).toBe(0);
  const [back = 0] = await shares(f, 300);
  expect(back).toBeGreaterThan(0);
  expect(back).toBeLessThan(60);
  expect(f.proxy.logLines.filter((line) => line.includes("its health checks fail: it answers with"))).toHaveLength(1);
  expect(f.proxy.logLines.filter((line) => line.includes("its health checks succeed again"))).toHaveLength(1);
  expect(f.backends[0]!.requests.find(({ target }) => target === "/health")?.fields).toContainEqual([
    "host",
    f.backends[0]!.address,
  ]);
  expect(metric(f, "health_check", "checks")).toBeGreaterThanOrEqual(14);
});

test("a connection is all that fairlead.tcp asks for: an endpoint that takes none is avoided before a request meets it", async () => {
  await using f = await fleet(2, { healthCheck: { kind: "fairlead.tcp", intervalMs: INTERVAL_MS, timeoutMs: 200 } });
  await f.backends[0]!.stop();
  await f.world.pass(5 * INTERVAL_MS);
  expect(await shares(f, 50)).toEqual([0, 50]);
  expect(metric(f, "retries", "requeues")).toBe(0);
});

test("with all endpoints unhealthy requests are sent all the same", async () => {
  await using f = await fleet(2, { healthCheck: http });
  f.health.fill(500);
  await f.world.pass(5 * INTERVAL_MS);
  expect(metric(f, "health_check", "unhealthy")).toBe(2);
  expect((await shares(f, 60)).every((share) => share > 10)).toBe(true);
});

test("no more than maxEjectionPercent are out, whether for requests or for checks", async () => {
  await using f = await fleet(4, { healthCheck: http, maxEjectionPercent: 50 });
  f.health.fill(500);
  await f.world.pass(10 * INTERVAL_MS);
  expect(metric(f, "health_check", "unhealthy")).toBe(2);
  expect(metric(f, "failure_accrual", "ejections_capped")).toBeGreaterThan(0);
  // Neither does a third one die of its requests.
  for (const backend of f.backends) backend.behaviour = { request: (_, connection) => connection.reply(500) };
  for (let i = 0; i < 100; i++) await f.client.ask(get());
  expect(metric(f, "failure_accrual", "removals")).toBe(0);
  expect(metric(f, "endpoints", "dead")).toBe(2);
});

test("an endpoint that leaves is asked no more", async () => {
  await using f = await fleet(2, { healthCheck: http });
  f.disco.write("web", [f.backends[1]!]);
  for (let i = 0; i < 20_000 && metric(f, "loadbalancer", "size") !== 1; i++) await f.world.pass(25);
  expect(metric(f, "loadbalancer", "size")).toBe(1);
  const asked = f.backends[0]!.requests.length;
  await f.world.pass(10 * INTERVAL_MS);
  expect(f.backends[0]!.requests).toHaveLength(asked);
});

test("by default nobody is asked, and a narrower prefix can switch the checks off", async () => {
  for (const client of [
    {},
    {
      kind: "io.l5d.static",
      configs: [
        { prefix: "/", healthCheck: http },
        { prefix: "/$/inet", healthCheck: { kind: "none" } },
      ],
    },
  ]) {
    await using scene = await memoryScene({ client });
    await scene.connect().ask(get());
    await scene.world.pass(5 * INTERVAL_MS);
    expect(scene.backend.requests).toHaveLength(1);
    expect(scene.proxy.metricNames("client", scene.backend.name.slice(1))).not.toContain("health_check");
  }
});
