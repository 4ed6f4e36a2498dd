// R12: a service may go wrong in any way; the caller gets a documented code and reason, and nothing outlives its timer.
import { expect, test } from "vitest";
import { causesByToken } from "../../src/core/cause.ts";
import type { Behaviour } from "../support/backend.ts";
import * as faults from "../support/faults.ts";
import { causeOf } from "../support/http-client.ts";
import type { ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, post, type Scene, sceneIn } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld, tcpWorld, type World } from "../support/world.ts";

/** Every timer of the proxy, short; what is still there after `LONGEST_MS` has outlived it. */
const setup = {
  server: { limits: { headerTimeoutMs: 300, bodyIdleTimeoutMs: 300, writeStallTimeoutMs: 300 } },
  client: { connectTimeoutMs: 300, requestAttemptTimeoutMs: 600, failureAccrual: { kind: "none" } },
} satisfies ProxySetup;
const LONGEST_MS = 1000;
/** Attempts to get a connection at all: the first, and those that cost the budget nothing (linkerd1 §6.6.2). */
const ACQUISITIONS = 26;
/** The wheel's timers may be so much late. */
const WHEEL_TICK_MS = 100;

interface Fault {
  readonly name: string;
  readonly service?: (world: World) => Behaviour;
  readonly status: number;
  readonly cause: string | RegExp;
  /** The answer had begun: the caller sees it break off. */
  readonly broken?: boolean;
  readonly request?: string;
  readonly waitMs?: number;
  prepare?(scene: Scene): Promise<void> | void;
}

const table: readonly Fault[] = [
  { name: "refuses", status: 502, cause: "upstream.connect.refused", prepare: (scene) => scene.backend.unlisten() },
  { name: "swallows the request", service: faults.swallow, status: 503, cause: "proxy.timeout.attempt" },
  {
    name: "resets on connect",
    service: faults.resetOnConnect,
    status: 502,
    // Whether the proxy learns of the connection or of its reset first is up to the kernel.
    cause: /^upstream\.connect(ion\.reset|\.failed)$/,
  },
  { name: "resets on the request", service: faults.resetOnRequest, status: 502, cause: "upstream.connection.reset" },
  { name: "is half open", service: faults.halfOpen, status: 502, cause: "upstream.connection.closed" },
  { name: "sends garbage", service: faults.garbage, status: 502, cause: "upstream.http.status-line" },
  {
    name: "sends an endless header",
    service: faults.endlessHeader,
    status: 502,
    cause: "upstream.http.head-too-large",
  },
  {
    name: "drips its head",
    service: (world) => faults.drippingHead(world, 50),
    status: 502,
    cause: "upstream.http.head-timeout",
  },
  { name: "drips its body", service: (world) => faults.drippingBody(world, 100), status: 200, cause: "", waitMs: 1500 },
  {
    name: "is stuck in its body",
    service: faults.stuckBody,
    status: 200,
    cause: "upstream.http.body-timeout",
    broken: true,
  },
  {
    name: "answers early",
    service: faults.earlyAnswer,
    status: 413,
    cause: "",
    request: post("x".repeat(100_000)).slice(0, 50_000),
  },
  {
    name: "sends a storm of interim answers",
    service: faults.interimStorm,
    status: 502,
    cause: "upstream.http.unexpected",
  },
  {
    name: "closes in a chunk",
    service: faults.closesInChunk,
    status: 200,
    cause: "upstream.http.truncated",
    broken: true,
  },
  {
    name: "truncates its body",
    service: faults.truncates,
    status: 200,
    cause: "upstream.http.truncated",
    broken: true,
  },
  {
    name: "resets in its body",
    service: faults.resetsInBody,
    status: 200,
    cause: "upstream.http.truncated",
    broken: true,
  },
  {
    name: "sends a broken chunk",
    service: faults.brokenChunk,
    status: 200,
    cause: "upstream.http.chunk",
    broken: true,
  },
];

async function meets(scene: Scene, fault: Fault): Promise<void> {
  await fault.prepare?.(scene);
  const client = scene.connect();
  client.send(fault.request ?? get());
  if (scene.world.name === "memory") await scene.world.pass(fault.waitMs ?? LONGEST_MS); // sockets have time of their own
  await scene.proxy.recorded(1);
  const { cause, status } = scene.proxy.lastRecord;
  expect(status).toBe(fault.status);
  if (typeof fault.cause === "string") expect(cause).toBe(fault.cause);
  else expect(cause).toMatch(fault.cause);
  if (fault.broken === true) {
    await client.released();
    expect(client.answers).toHaveLength(0);
  } else {
    await client.answered(1);
    expect(client.answers[0]?.status).toBe(fault.status);
    expect(causeOf(client.answers[0]!)).toBe(cause);
  }
  if (cause !== "") expect(causesByToken.has(cause)).toBe(true);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0 });
}

test.each(table)("a service that $name", async (fault) => {
  await using scene = await memoryScene(setup);
  scene.backend.behaviour = fault.service?.(scene.world) ?? {};
  await meets(scene, fault);
  if (fault.cause !== "") await scene.world.until("its connection to be closed", () => scene.backend.open.length === 0);
});

test("a service that does not accept", async () => {
  await using scene: Scene<MemoryWorld> = await memoryScene(setup);
  scene.world.network.silence(scene.backend.address);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(ACQUISITIONS * (setup.client.connectTimeoutMs + WHEEL_TICK_MS));
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connect.timeout");
  expect(scene.proxy.lastRecord.attempts).toBe(ACQUISITIONS);
  expect(scene.world.network.open).toBe(2); // the caller's connection, seen from both ends
});

test.each(table)("a service on a socket that $name", async (fault) => {
  await using scene = await sceneIn(tcpWorld(), setup);
  scene.backend.behaviour = fault.service?.(scene.world) ?? {};
  await meets(scene, fault);
});

test("a thousand requests to services that go wrong in turn leave nothing behind, and the good ones are served", async () => {
  await using scene = await sceneIn(memoryWorld(), setup);
  const { backend, proxy, world } = scene;
  const kinds = table.flatMap(({ service }) => (service === undefined ? [] : [service]));
  const clients = Array.from({ length: 10 }, () => scene.connect());
  for (let i = 0; i < 100; i++) {
    const service = kinds[i % kinds.length];
    backend.behaviour = service?.(world) ?? {};
    for (const [at, client] of clients.entries()) {
      if (client.over) clients[at] = scene.connect();
      clients[at]?.send(get());
    }
    await world.pass(1500);
    expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
    backend.behaviour = {};
    expect((await scene.connect().ask(get())).status).toBe(200);
  }
  expect(proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0 });
});
