// Failure accrual in simulated time: alive, dead, probing, alive again (linkerd1 §6.3).
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import type { HttpClient } from "../support/http-client.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const CLIENT = "#/io.l5d.fs/web";

interface Replicas extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly good: Backend;
  readonly bad: Backend;
  readonly proxy: Proxy;
  readonly client: HttpClient;
}

/** One service with two replicas, of which one fails with 500 while told to. */
async function replicas(failing: { status: number }, setup: ProxySetup = {}): Promise<Replicas> {
  const world = memoryWorld();
  const disco = new Disco(world);
  const good = await Backend.start(world);
  const bad = await Backend.start(world, { request: (_, connection) => connection.reply(failing.status) });
  disco.write("web", [good, bad]);
  const proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], ...setup });
  const client = proxy.connect();
  const { status } = failing;
  failing.status = 200; // the first request waits for discovery; it shall say nothing else
  await client.ask(get());
  failing.status = status;
  bad.requests.length = 0;
  return {
    world,
    good,
    bad,
    proxy,
    client,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

/** Sends requests until the failing replica has been tried so often in all. */
async function untilTried(r: Replicas, times: number): Promise<void> {
  for (let i = 0; r.bad.requests.length < times && i < 1000; i++) await r.client.ask(get());
  expect(r.bad.requests).toHaveLength(times);
}

async function askTimes(client: HttpClient, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await client.ask(get());
}

function accrual(r: Replicas, name: string): number {
  return r.proxy.metric("client", CLIENT, "failure_accrual", name);
}

test("an endpoint is dead after five failures in a row; it is probed once, and alive again after a success", async () => {
  const failing = { status: 500 };
  await using r = await replicas(failing);
  await untilTried(r, 5);
  expect(accrual(r, "removals")).toBe(1);
  await askTimes(r.client, 200);
  expect(r.bad.requests).toHaveLength(5);
  failing.status = 200;
  await r.world.pass(5_000); // the first wait lies between 2.5 and 5 s: equal jitter
  await askTimes(r.client, 200);
  expect(r.bad.requests.length).toBeGreaterThan(50);
  expect(accrual(r, "probes")).toBe(1);
  expect(accrual(r, "revivals")).toBe(1);
  expect(r.proxy.logLines.filter((line) => line.includes("dead for"))).toHaveLength(1);
  expect(r.proxy.logLines.filter((line) => line.includes("alive again"))).toHaveLength(1);
});

test("a probe that fails sends the endpoint back, for longer", async () => {
  await using r = await replicas({ status: 500 });
  await untilTried(r, 5);
  let silentMs = 0;
  const silences = [];
  for (let i = 0; i < 60 && silences.length < 3; i++) {
    const before = r.bad.requests.length;
    await askTimes(r.client, 20);
    if (r.bad.requests.length > before) {
      expect(r.bad.requests.length).toBe(before + 1);
      silences.push(silentMs);
      silentMs = 0;
    }
    await r.world.pass(500);
    silentMs += 500;
  }
  expect(silences).toHaveLength(3);
  const [first = 0, second = 0, third = 0] = silences;
  expect(first).toBeLessThanOrEqual(5_500);
  expect(second).toBeGreaterThan(first);
  expect(third).toBeGreaterThan(second);
});

test("while a probe is out the others avoid the endpoint", async () => {
  const failing = { status: 500 };
  await using r = await replicas(failing);
  await untilTried(r, 5);
  await r.world.pass(5_000);
  r.bad.behaviour = { request: () => undefined };
  const others = Array.from({ length: 30 }, () => r.proxy.connect());
  for (const other of others) other.send(get());
  r.world.settle();
  expect(r.bad.requests).toHaveLength(6);
  expect(others.filter((other) => other.answers.length === 1)).toHaveLength(29);
  r.bad.open.at(-1)?.reply(200);
  r.world.settle();
  expect(accrual(r, "revivals")).toBe(1);
});

test("a probe whose caller leaves proves nothing: the next request probes again", async () => {
  await using r = await replicas({ status: 500 });
  await untilTried(r, 5);
  await r.world.pass(5_000);
  r.bad.behaviour = { request: () => undefined };
  const others = Array.from({ length: 20 }, () => r.proxy.connect());
  for (const other of others) other.send(get());
  r.world.settle();
  const waiting = others.find((other) => other.answers.length === 0);
  waiting?.peer.reset();
  r.world.settle();
  r.bad.behaviour = {};
  await askTimes(r.client, 50);
  expect(accrual(r, "revivals")).toBe(1);
});

test("a success in between starts the count again", async () => {
  const failing = { status: 500 };
  await using r = await replicas(failing);
  for (let round = 0; round < 5; round++) {
    failing.status = 500;
    const from = r.bad.requests.length;
    await untilTried(r, from + 4);
    failing.status = 200;
    await untilTried(r, from + 5);
  }
  expect(accrual(r, "removals")).toBe(0);
});

test("with every endpoint dead traffic flows all the same", async () => {
  await using scene: Scene = await memoryScene({}, { request: (_, connection) => connection.reply(500) });
  const client = scene.connect();
  for (let i = 0; i < 50; i++) expect((await client.ask(get())).status).toBe(500);
  expect(scene.backend.requests).toHaveLength(50);
  expect(
    scene.proxy.metric("client", scene.backend.name.slice(1), "loadbalancer", "max_effort_exhausted"),
  ).toBeGreaterThan(0);
});

test("failures that accrue: refused connections, resets, malformed answers and timeouts, but not callers who leave", async () => {
  const kinds: Record<string, (r: Replicas) => Promise<void> | void> = {
    reset: (r) => void (r.bad.behaviour = { request: (_, connection) => connection.peer.reset() }),
    nonsense: (r) => void (r.bad.behaviour = { request: (_, connection) => connection.send("nonsense\r\n\r\n") }),
    refused: (r) => r.bad.unlisten(),
  };
  for (const [name, spoil] of Object.entries(kinds)) {
    await using r = await replicas({ status: 200 });
    await spoil(r);
    for (let i = 0; i < 100; i++) await r.client.ask(get());
    expect(accrual(r, "removals"), name).toBe(1);
  }
  await using slow = await replicas({ status: 200 }, { client: { requestAttemptTimeoutMs: 100 } });
  slow.bad.behaviour = { request: () => undefined };
  for (let i = 0; i < 30; i++) {
    slow.client.send(get());
    await slow.world.pass(200);
  }
  expect(accrual(slow, "removals")).toBe(1);
  expect(slow.bad.requests).toHaveLength(5);

  await using left = await replicas({ status: 200 });
  left.bad.behaviour = { request: () => undefined };
  left.good.behaviour = { request: () => undefined };
  for (let i = 0; i < 40; i++) {
    const client = left.proxy.connect();
    client.send(get());
    left.world.settle();
    client.peer.reset();
    left.world.settle();
  }
  expect(accrual(left, "removals")).toBe(0);
});

test("an answer that breaks off is a failure in the figures although its head was good", async () => {
  await using r = await replicas({ status: 200 });
  for (const backend of [r.bad, r.good]) {
    backend.behaviour = {
      request(_, connection) {
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
        connection.peer.reset();
      },
    };
  }
  const client = r.proxy.connect();
  client.send(get());
  await client.released();
  expect(r.proxy.lastRecord).toMatchObject({ status: 200, outcome: "failure", cause: "upstream.http.truncated" });
  expect(r.proxy.metric("client", CLIENT, "failures", "upstream.http.truncated")).toBe(1);
  expect(r.proxy.metric("service", "svc/web", "failures", "upstream.http.truncated")).toBe(1);
  expect(r.proxy.serverMetric("failures", "upstream.http.truncated")).toBe(1);
});

test("a classifier that calls every answer a success keeps an endpoint alive through 500s", async () => {
  await using r = await replicas(
    { status: 500 },
    { service: { responseClassifier: { kind: "io.l5d.http.allSuccessful" } } },
  );
  await askTimes(r.client, 100);
  expect(accrual(r, "removals")).toBe(0);
  expect(r.proxy.records.every((record) => record.outcome === "success")).toBe(true);
});
