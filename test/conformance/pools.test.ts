// Connections to services (linkerd1 §6.4): last in, first out; bounds; idle and life time.
import { expect, test } from "vitest";
import type { BackendConnection, Received } from "../support/backend.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import type { MemoryWorld } from "../support/world.ts";

/** Answers `/hold` when the test says so, everything else at once with the number of the connection. */
class Holding {
  readonly held: BackendConnection[] = [];

  request(request: Received, connection: BackendConnection): void {
    if (request.target === "/hold") this.held.push(connection);
    else connection.reply(200, `${connection.number}`);
  }

  release(): void {
    for (const connection of this.held.splice(0)) connection.reply(200, `${connection.number}`);
  }
}

async function holding(
  setup: Parameters<typeof memoryScene>[0] = {},
): Promise<{ scene: Scene<MemoryWorld>; service: Holding }> {
  const service = new Holding();
  return { scene: await memoryScene(setup, service), service };
}

function hold(scene: Scene<MemoryWorld>, count: number): HttpClient[] {
  return Array.from({ length: count }, () => {
    const client = scene.connect();
    client.send(get("/hold"));
    scene.world.settle();
    return client;
  });
}

function gauge(scene: Scene, name: string): number {
  return scene.proxy.metric("client", scene.backend.name.slice(1), name);
}

test("the connection used last is used first, so that the surplus ages", async () => {
  const { scene, service } = await holding();
  await using _scene = scene;
  hold(scene, 3);
  service.release();
  scene.world.settle();
  expect(gauge(scene, "pool_cached")).toBe(3);
  const client = scene.connect();
  const used = [];
  for (let i = 0; i < 4; i++) used.push((await client.ask(get())).body);
  expect(used).toEqual(["2", "2", "2", "2"]);
});

test("beyond maxSize requests wait, in order of arrival, and are served by the first free connection", async () => {
  const { scene, service } = await holding({ client: { hostConnectionPool: { maxSize: 2 } } });
  await using _scene = scene;
  const clients = hold(scene, 5);
  expect(scene.backend.connections).toHaveLength(2);
  expect(gauge(scene, "pool_waiters")).toBe(3);
  for (let i = 0; i < 3; i++) {
    service.release();
    scene.world.settle();
  }
  expect(clients.every((client) => client.answers[0]?.status === 200)).toBe(true);
  expect(scene.backend.connections).toHaveLength(2);
  expect(gauge(scene, "pool_waiters")).toBe(0);
  expect(gauge(scene, "pool_num_waited")).toBeGreaterThanOrEqual(3);
});

test("beyond maxWaiters a request fails at once, retryable", async () => {
  const { scene } = await holding({
    client: { hostConnectionPool: { maxSize: 1, maxWaiters: 1 }, failureAccrual: { kind: "none" } },
  });
  await using _scene = scene;
  const clients = hold(scene, 3);
  const [answer] = clients[2]?.answers ?? [];
  expect(answer?.status).toBe(502);
  expect(causeOf(answer!)).toBe("proxy.limit.pool-waiters");
  expect(answer?.fields).toContainEqual(["l5d-retryable", "true"]);
  expect(gauge(scene, "pool_num_too_many_waiters")).toBeGreaterThan(0);
});

test("connections above minSize are closed when idle for idleTimeMs, those up to it stay", async () => {
  const { scene, service } = await holding({ client: { hostConnectionPool: { minSize: 1, idleTimeMs: 1000 } } });
  await using _scene = scene;
  hold(scene, 3);
  service.release();
  scene.world.settle();
  await scene.world.pass(900);
  expect(scene.backend.open).toHaveLength(3);
  await scene.world.pass(300);
  expect(scene.backend.open).toHaveLength(1);
  await scene.world.pass(60_000);
  expect(scene.backend.open).toHaveLength(1);
  expect((await scene.connect().ask(get())).status).toBe(200);
});

test("clientSession.idleTimeMs closes every idle connection", async () => {
  const { scene, service } = await holding({
    client: { hostConnectionPool: { minSize: 2 }, clientSession: { idleTimeMs: 1000 } },
  });
  await using _scene = scene;
  hold(scene, 2);
  service.release();
  await scene.world.pass(1200);
  expect(scene.backend.open).toHaveLength(0);
});

test("clientSession.lifeTimeMs ends a connection after its request, however busy", async () => {
  const { scene } = await holding({ client: { clientSession: { lifeTimeMs: 1000 } } });
  await using _scene = scene;
  const client = scene.connect();
  for (let i = 0; i < 30; i++) {
    expect((await client.ask(get())).status).toBe(200);
    await scene.world.pass(100);
  }
  expect(scene.backend.connections.length).toBeGreaterThanOrEqual(3);
  expect(scene.backend.connections.length).toBeLessThanOrEqual(4);
});

test("a connection that outlives its life time while idle is not used again", async () => {
  const { scene } = await holding({ client: { clientSession: { lifeTimeMs: 1000 } } });
  await using _scene = scene;
  await scene.connect().ask(get());
  await scene.world.pass(1200);
  expect(scene.backend.open).toHaveLength(0);
  expect((await scene.connect().ask(get())).body).toBe("1");
});

test("an old connection does not outlive its life time because a younger one has been idle for longer", async () => {
  const { scene, service } = await holding({ client: { clientSession: { lifeTimeMs: 1000 } } });
  await using _scene = scene;
  hold(scene, 1);
  await scene.world.pass(900);
  await scene.connect().ask(get());
  service.release();
  scene.world.settle();
  expect(gauge(scene, "pool_cached")).toBe(2);
  await scene.world.pass(200);
  expect(scene.backend.open.map(({ number }) => number)).toEqual([1]);
});

test("an idle connection that the service closes leaves the pool at once", async () => {
  const { scene, service } = await holding();
  await using _scene = scene;
  hold(scene, 2);
  service.release();
  scene.world.settle();
  for (const connection of scene.backend.open) connection.peer.destroy();
  scene.world.settle();
  expect(gauge(scene, "pool_size")).toBe(0);
  expect((await scene.connect().ask(get())).status).toBe(200);
  expect(scene.proxy.lastRecord.attempts).toBe(1);
});

test("only what was open is counted as closed", async () => {
  const { scene } = await holding({ client: { failureAccrual: { kind: "none" } } });
  await using _scene = scene;
  expect((await scene.connect().ask(get())).status).toBe(200);
  scene.backend.connections[0]?.peer.destroy();
  await scene.backend.unlisten();
  expect(causeOf(await scene.connect().ask(get()))).toBe("upstream.connect.refused");
  expect(["connects", "closes", "pool_size"].map((name) => gauge(scene, name))).toEqual([1, 1, 0]);
});

test("bytes nobody asked for close an idle connection", async () => {
  const { scene } = await holding();
  await using _scene = scene;
  await scene.connect().ask(get());
  scene.backend.connections[0]?.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  scene.world.settle();
  expect(scene.backend.open).toHaveLength(0);
  expect(gauge(scene, "pool_size")).toBe(0);
  expect((await scene.connect().ask(get())).body).toBe("1");
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "exn", "unexpected_bytes")).toBe(1);
});

test("a burst opens no more connections than it needs, and none is left over", async () => {
  const { scene, service } = await holding();
  await using _scene = scene;
  hold(scene, 20);
  expect(scene.backend.connections).toHaveLength(20);
  service.release();
  scene.world.settle();
  hold(scene, 20);
  expect(scene.backend.connections).toHaveLength(20);
  service.release();
  scene.world.settle();
  expect(gauge(scene, "connections")).toBe(20);
});

test("a waiting request takes a connection that comes free before its own is made", async () => {
  const { scene, service } = await holding();
  await using _scene = scene;
  hold(scene, 1);
  scene.world.network.silence(scene.backend.address);
  const second = scene.connect();
  second.send(get("/x"));
  scene.world.settle();
  expect(second.answers).toHaveLength(0);
  service.release();
  scene.world.settle();
  expect(second.answers[0]?.body).toBe("0");
});
