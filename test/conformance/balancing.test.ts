// Balancing by each kind, and what it does to connections (linkerd1 §6.2, finagle §2).
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const WEB = "#/io.l5d.fs/web";

interface Fleet extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly proxy: Proxy;
  readonly disco: Disco;
  readonly backends: readonly Backend[];
}

/** Services of one name behind a proxy that balances as given. */
async function fleet(loadBalancer: object, count: number): Promise<Fleet> {
  const world = memoryWorld();
  const disco = new Disco(world);
  const backends: Backend[] = [];
  for (let i = 0; i < count; i++) backends.push(await Backend.start(world));
  disco.write("web", backends);
  const proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { loadBalancer },
  });
  return {
    world,
    proxy,
    disco,
    backends,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

const asked = ({ backends }: Fleet) => backends.map((backend) => backend.requests.length);
const connected = ({ backends }: Fleet) => backends.map((backend) => backend.open.length);
const metric = ({ proxy }: Fleet, ...name: string[]) => proxy.metric("client", WEB, "loadbalancer", ...name);

async function serve({ proxy }: Fleet, requests: number): Promise<void> {
  const client = proxy.connect();
  for (let i = 0; i < requests; i++) expect((await client.ask(get())).status).toBe(200);
}

/** So many requests at once, begun one after the other and all answered in the end. */
async function serveAtOnce(f: Fleet, requests: number): Promise<void> {
  for (const backend of f.backends) backend.behaviour = { request: () => undefined };
  const clients = Array.from({ length: requests }, () => f.proxy.connect());
  for (const client of clients) {
    client.send(get());
    await f.world.pass(20);
  }
  for (const backend of f.backends) {
    backend.behaviour = {};
    for (const connection of backend.open) connection.reply(200, "ok");
  }
  for (const client of clients) await client.answered(1);
}

test.each([
  [{ kind: "roundRobin" }, 0],
  [{ kind: "heap" }, 100],
  [{ kind: "aperture", minAperture: 4 }, 100],
  [{ kind: "fairlead.bestOf" }, 200],
  [{ kind: "aperture", peer: { id: 1, count: 3 } }, 100],
])("%j spreads equal work evenly", async (loadBalancer, tolerance) => {
  await using f = await fleet(loadBalancer, 4);
  await serve(f, 2_000);
  for (const requests of asked(f)) expect(Math.abs(requests - 500)).toBeLessThanOrEqual(tolerance);
});

test("an aperture keeps connections to few endpoints, and to as many more as requests at once ask for", async () => {
  await using f = await fleet({ kind: "aperture", smoothWindowMs: 100 }, 6);
  await serve(f, 50);
  expect(connected(f).filter((connections) => connections > 0)).toHaveLength(1);
  expect(metric(f, "logical_aperture")).toBe(1);
  await serveAtOnce(f, 40);
  expect(metric(f, "logical_aperture")).toBeGreaterThan(4);
  expect(connected(f).filter((connections) => connections > 0).length).toBeGreaterThan(4);
});

test("connections to endpoints that an aperture has not used for ten windows are closed", async () => {
  await using f = await fleet({ kind: "aperture", smoothWindowMs: 100 }, 6);
  await serve(f, 1);
  await serveAtOnce(f, 40);
  for (let i = 0; i < 20; i++) {
    await f.world.pass(50);
    await serve(f, 1);
  }
  // One request at a time is just too much for one endpoint after there were more.
  expect(metric(f, "logical_aperture")).toBeLessThanOrEqual(2);
  await f.world.pass(1_500);
  await serve(f, 1);
  await f.world.pass(10);
  expect(connected(f).filter((connections) => connections > 0).length).toBeLessThanOrEqual(2);
  expect(metric(f, "expired")).toBeGreaterThanOrEqual(3);
  await serveAtOnce(f, 40);
});

test("with probation an endpoint that discovery removed is used until it is found dead", async () => {
  await using f = await fleet({ kind: "p2c", enableProbation: true }, 2);
  const [staying, leaving] = f.backends as [Backend, Backend];
  await serve(f, 50);
  f.disco.write("web", [staying]);
  await f.world.passUntil("the update", () => metric(f, "updates") >= 2);
  leaving.requests.length = 0;
  await serve(f, 50);
  expect(leaving.requests.length).toBeGreaterThan(10);
  expect(metric(f, "size")).toBe(2);
  leaving.behaviour = { request: (_, connection) => connection.reply(503) };
  const client = f.proxy.connect();
  for (let i = 0; i < 60; i++) await client.ask(get());
  for (let i = 0; i < 50 && metric(f, "size") > 1; i++) {
    await f.world.pass(10);
    await client.ask(get()); // it leaves at a pick
  }
  expect(connected(f)).toEqual([1, 0]);
  await serve(f, 20);
});
