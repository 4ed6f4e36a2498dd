// A proxy without descriptors for another connection: what was refused is told as its own fault, and no endpoint is blamed.
import { expect, test } from "vitest";
import { causes } from "../../src/core/cause.ts";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf } from "../support/http-client.ts";
import { H2Service } from "../support/h2-service.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { memoryWorld } from "../support/world.ts";

const kinds = [
  { version: "HTTP/1.1", start: Backend.start, client: {} },
  {
    version: "HTTP/2",
    start: (world: Parameters<typeof Backend.start>[0]) => H2Service.start(world, {}),
    client: { protocol: "h2" },
  },
];

test.each(kinds)(
  "$version: a connect without a descriptor is answered 503, retryable, and blames no endpoint",
  async (kind) => {
    const world = memoryWorld();
    const services = [await kind.start(world), await kind.start(world)];
    const disco = new Disco(world);
    disco.write("web", services);
    for (const { host, port } of services) world.network.fail(`${host}:${port}`, "EMFILE");
    await using _world = world;
    await using proxy = await Proxy.start(world, {
      dtab: "/svc => /#/io.l5d.fs",
      namers: [disco.namer],
      service: { responseClassifier: { kind: "io.l5d.http.retryableAll5XX" } },
      client: { ...kind.client, failFast: true, failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 1 } },
    });
    const metric = (...name: string[]) => proxy.metric("client", "#/io.l5d.fs/web", ...name);
    const client = proxy.connect();
    for (let i = 0; i < 5; i++) {
      const answer = await client.ask(get());
      expect(answer.status).toBe(503);
      expect(causeOf(answer)).toBe(causes.exhausted.token);
      expect(answer.fields).toContainEqual(["finagle-http-nack", "true"]);
    }
    expect(proxy.lastRecord).toMatchObject({ cause: causes.exhausted.token, outcome: "failure" });
    expect(proxy.serverMetric("failures", causes.exhausted.token)).toBe(5);
    expect(metric("failures", causes.exhausted.token)).toBe(5); // each was tried once
    expect(metric("failures")).toBe(0);
    expect(metric("failfast", "marked_dead")).toBe(0);
    expect(metric("failure_accrual", "removals")).toBe(0);
    for (const { host, port } of services) world.network.heal(`${host}:${port}`);
    expect((await client.ask(get())).status).toBe(200);
  },
);

test("while another connection cannot be had, requests wait for those there are", async () => {
  await using scene = await memoryScene();
  const { backend, proxy, world } = scene;
  const pool = (name: string) => proxy.metric("client", backend.name.slice(1), name);
  backend.behaviour = { request: () => undefined };
  const callers = Array.from({ length: 2 }, () => scene.connect());
  for (const caller of callers) caller.send(get());
  await backend.received(2);
  world.network.fail(backend.address, "EMFILE");
  const late = Array.from({ length: 4 }, () => scene.connect());
  for (const caller of late) caller.send(get());
  world.settle();
  expect(pool("pool_waiters")).toBe(4);
  backend.behaviour = {};
  for (const connection of backend.open) connection.reply(200);
  world.settle();
  for (const caller of [...callers, ...late]) expect(caller.answers[0]?.status).toBe(200);
  expect(backend.connections).toHaveLength(2);
});

test("requests that wait get a connection of their own as soon as there are descriptors again, though no other request comes", async () => {
  await using scene = await memoryScene();
  const { backend, world } = scene;
  backend.behaviour = { request: () => undefined };
  scene.connect().send(get());
  await backend.received(1);
  world.network.fail(backend.address, "EMFILE");
  const late = scene.connect();
  late.send(get());
  await world.pass(5_000);
  expect(late.answers).toHaveLength(0);
  world.network.heal(backend.address);
  await world.pass(1_000);
  expect(backend.requests).toHaveLength(2);
});

test("when the last connection is gone too, those that wait are told", async () => {
  await using scene = await memoryScene();
  const { backend, world } = scene;
  backend.behaviour = { request: () => undefined };
  scene.connect().send(get());
  await backend.received(1);
  world.network.fail(backend.address, "EMFILE");
  const late = Array.from({ length: 3 }, () => scene.connect());
  for (const caller of late) caller.send(get());
  world.settle();
  backend.open[0]?.peer.reset();
  world.settle();
  for (const caller of late) expect(causeOf(caller.answers[0]!)).toBe(causes.exhausted.token);
});

test("a health check that could not be made says nothing", async () => {
  const world = memoryWorld();
  await using _world = world;
  const services = [await Backend.start(world), await Backend.start(world)];
  const disco = new Disco(world);
  disco.write("web", services);
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { healthCheck: { kind: "fairlead.tcp", intervalMs: 1_000, unhealthyAfter: 1 } },
  });
  const metric = (name: string) => proxy.metric("client", "#/io.l5d.fs/web", "health_check", name);
  expect((await proxy.connect().ask(get())).status).toBe(200);
  await world.pass(3_000);
  const checks = metric("checks");
  expect(checks).toBeGreaterThan(2);
  for (const { address } of services) world.network.fail(address, "EMFILE");
  await world.pass(10_000);
  expect([metric("checks"), metric("failures"), metric("unhealthy")]).toEqual([checks, 0, 0]);
  for (const { address } of services) world.network.heal(address);
  await world.pass(3_000);
  expect(metric("checks")).toBeGreaterThan(checks);
});
