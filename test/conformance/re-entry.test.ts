// How many endpoints may be out at once, and how they come back: maxEjectionPercent, slowStartMs, accrual by success rate.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import type { HttpClient } from "../support/http-client.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CLIENT = "#/io.l5d.fs/web";
const DEAD_MS = 1_000;
const RAMP_MS = 10_000;
const threeFailures = {
  kind: "io.l5d.consecutiveFailures",
  failures: 3,
  backoff: { kind: "constant", ms: DEAD_MS },
};

interface Replicas extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly disco: Disco;
  readonly backends: readonly Backend[];
  /** The status each replica answers with. */
  readonly statuses: number[];
  readonly proxy: Proxy;
  readonly client: HttpClient;
}

async function replicas(count: number, client: object, setup: ProxySetup = {}): Promise<Replicas> {
  const world = memoryWorld();
  const disco = new Disco(world);
  const statuses = Array.from({ length: count }, () => 200);
  const backends = await Promise.all(
    statuses.map((_, n) => Backend.start(world, { request: (_request, connection) => connection.reply(statuses[n]!) })),
  );
  disco.write("web", backends);
  const proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { failureAccrual: threeFailures, ...client },
    ...setup,
  });
  const caller = proxy.connect();
  await caller.ask(get()); // waits for discovery
  for (const backend of backends) backend.requests.length = 0;
  return {
    world,
    disco,
    backends,
    statuses,
    proxy,
    client: caller,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

/** How many of so many requests each replica got; all of them must be answered well, unless said otherwise. */
async function shares(r: Replicas, times: number, status = 200): Promise<number[]> {
  const before = r.backends.map((backend) => backend.requests.length);
  for (let i = 0; i < times; i++) expect((await r.client.ask(get())).status).toBe(status);
  return r.backends.map((backend, n) => backend.requests.length - before[n]!);
}

async function askUntil(r: Replicas, done: () => boolean): Promise<void> {
  for (let i = 0; i < 1_000 && !done(); i++) await r.client.ask(get());
  expect(done()).toBe(true);
}

const metric = (r: Replicas, ...name: string[]) => r.proxy.metric("client", CLIENT, ...name);

test("an endpoint dies, others serve, a probe succeeds, and its share grows until it is whole; pages do not flicker", async () => {
  await using r = await replicas(2, { slowStartMs: RAMP_MS });
  r.statuses[0] = 500;
  await askUntil(r, () => metric(r, "failure_accrual", "removals") === 1);
  expect((await shares(r, 100))[0]).toBe(0);
  r.statuses[0] = 200;
  await r.world.pass(DEAD_MS);
  await askUntil(r, () => metric(r, "failure_accrual", "revivals") === 1);
  const gauges = () =>
    [
      ["endpoints", "alive"],
      ["loadbalancer", "available"],
      ["loadbalancer", "busy"],
    ].map((name) => metric(r, ...name));
  for (let look = 0; look < 50; look++) expect(gauges()).toEqual([2, 2, 0]);
  const grown = [];
  for (let step = 0; step < 4; step++) {
    grown.push((await shares(r, 400))[0]! / 400);
    await r.world.pass(RAMP_MS / 4);
  }
  // Of two endpoints without load each gets half: so half of 10 %, 32.5 %, 55 % and 77.5 %.
  for (const [step, expected] of [0.05, 0.1625, 0.275, 0.3875].entries()) {
    expect(Math.abs(grown[step]! - expected)).toBeLessThan(0.06);
  }
  expect(Math.abs((await shares(r, 400))[0]! / 400 - 0.5)).toBeLessThan(0.08);
  expect(metric(r, "loadbalancer", "max_effort_exhausted")).toBe(0);
});

test("while the others are dead, an endpoint that is back takes everything at once", async () => {
  await using r = await replicas(2, { slowStartMs: RAMP_MS });
  r.statuses[0] = 500;
  r.statuses[1] = 500;
  await askUntil(r, () => metric(r, "failure_accrual", "removals") === 2);
  r.statuses[0] = 200;
  await r.world.pass(DEAD_MS);
  await askUntil(r, () => metric(r, "failure_accrual", "revivals") === 1);
  // The other one is probed once more, and is dead for as long as this takes.
  await askUntil(r, () => metric(r, "endpoints", "dead") === 1);
  expect(await shares(r, 200)).toEqual([200, 0]);
});

test("an endpoint that discovery adds to others starts gently; the first set does not, nor does a set of nothing but new ones", async () => {
  await using r = await replicas(3, { slowStartMs: RAMP_MS });
  const [a, b, c] = r.backends as [Backend, Backend, Backend];
  const first = await shares(r, 300);
  for (const share of first) expect(Math.abs(share - 100)).toBeLessThan(35);
  const written = async (...backends: Backend[]) => {
    r.disco.write("web", backends);
    for (let i = 0; i < 20_000 && metric(r, "loadbalancer", "size") !== backends.length; i++) await r.world.pass(25);
    expect(metric(r, "loadbalancer", "size")).toBe(backends.length);
    await r.world.pass(100); // what is known of the others is that old at most
  };
  await written(a, b);
  await written(a, b, c);
  expect((await shares(r, 300))[2]).toBeLessThan(40);
  await r.world.pass(RAMP_MS);
  expect((await shares(r, 300))[2]).toBeGreaterThan(60);
  await written(a);
  await written(b, c);
  for (const share of (await shares(r, 300)).slice(1)) expect(Math.abs(share - 150)).toBeLessThan(45);
  expect(metric(r, "loadbalancer", "max_effort_exhausted")).toBe(0);
});

test("no more than maxEjectionPercent are dead: the rest stay in use although they fail, and all is well when they recover", async () => {
  await using r = await replicas(4, { maxEjectionPercent: 50 });
  r.statuses.fill(500);
  await shares(r, 200, 500);
  expect(metric(r, "endpoints", "dead")).toBe(2);
  expect(metric(r, "failure_accrual", "removals")).toBe(2);
  expect(metric(r, "failure_accrual", "ejections_capped")).toBeGreaterThan(10);
  const served = await shares(r, 200, 500);
  expect(served.filter((share) => share > 60)).toHaveLength(2);
  r.statuses.fill(200);
  await shares(r, 100);
  await r.world.pass(DEAD_MS);
  await shares(r, 200);
  expect(metric(r, "endpoints", "alive")).toBe(4);
});

test("with every endpoint bad and dead traffic flows all the same, and nothing is refused", async () => {
  await using r = await replicas(3, { maxEjectionPercent: 100, slowStartMs: RAMP_MS });
  r.statuses.fill(500);
  await shares(r, 100, 500);
  expect(metric(r, "endpoints", "dead")).toBe(3);
  const served = await shares(r, 100, 500);
  expect(served.reduce((sum, share) => sum + share, 0)).toBe(100);
});

test("by success rate an endpoint dies that fails every other request, and never five in a row", async () => {
  const policies = {
    requests: { kind: "io.l5d.successRate", successRate: 0.8, requests: 20 },
    seconds: { kind: "io.l5d.successRateWindowed", successRate: 0.8, window: 10 },
    today: undefined,
  };
  for (const [name, failureAccrual] of Object.entries(policies)) {
    const modern = failureAccrual === undefined;
    await using r = await replicas(2, modern ? { failureAccrual: undefined } : { failureAccrual }, { modern });
    let turn = 0;
    r.backends[0]!.behaviour = {
      request: (_, connection) => connection.reply(turn++ % 2 === 0 ? 500 : 200),
    };
    let asked = 0;
    for (; metric(r, "failure_accrual", "removals") === 0 && asked < 500; asked++) {
      await r.client.ask(get());
      await r.world.pass(100);
    }
    const [least = 0, most = 0] = { requests: [20, 90], seconds: [100, 110], today: [300, 310] }[name] ?? [];
    expect(asked, name).toBeGreaterThanOrEqual(least);
    expect(asked, name).toBeLessThan(most);
    expect((await shares(r, 50))[0], name).toBe(0);
  }
});
