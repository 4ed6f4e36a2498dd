// Everything that waits has a limit in time, and every limit its cause (reliability: slowloris and relatives; linkerd1 §2.1.7).
import { expect, test } from "vitest";
import { Backend, type BackendConnection } from "../support/backend.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { compose } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { Disco } from "../support/disco.ts";
import { readSlowly } from "../support/slow-reader.ts";
import { get, memoryScene, type Scene, sceneIn } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

type MemoryScene = Scene<MemoryWorld>;

/** Sends a byte every so often, until told to stop. */
async function drip(scene: MemoryScene, client: HttpClient, text: string, everyMs: number): Promise<void> {
  for (const byte of text) {
    if (client.over) return;
    client.peer.send(byte);
    await scene.world.pass(everyMs);
  }
}

const silent = { request: () => undefined };

test("a head must be complete headerTimeoutMs after its first byte, however steadily it drips (slowloris)", async () => {
  await using scene = await memoryScene({ server: { limits: { headerTimeoutMs: 1000 } } });
  const client = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  await drip(scene, client, `GET / HTTP/1.1\r\nHost: web\r\n${"X: y\r\n".repeat(100)}`, 100);
  expect(client.answers[0]?.status).toBe(408);
  expect(causeOf(client.answers[0]!)).toBe("downstream.http.head-timeout");
  expect(scene.world.env.clock.nowMs() - startMs).toBeLessThan(1300);
  expect(scene.proxy.serverMetric("failures", "downstream.http.head-timeout")).toBe(1);
  await scene.world.pass(3000);
  expect(client.peer.closed).toBe(true);
});

test("a head in two parts within the limit is in order, and a later one has its own time", async () => {
  await using scene = await memoryScene({ server: { limits: { headerTimeoutMs: 1000 } } });
  const client = scene.connect();
  for (let i = 0; i < 3; i++) {
    client.send("GET / HTTP/1.1\r\n", "GET");
    await scene.world.pass(800);
    client.peer.send("Host: web\r\n\r\n");
    await client.answered(i + 1);
    await scene.world.pass(5000);
  }
  expect(client.answers.map((a) => a.status)).toEqual([200, 200, 200]);
});

test("a request body must make progress within bodyIdleTimeoutMs, and a slow one that does is in order", async () => {
  await using scene = await memoryScene({ server: { limits: { bodyIdleTimeoutMs: 1000 } } });
  const slow = scene.connect();
  slow.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\n");
  await drip(scene, slow, "0123456789", 800);
  expect(slow.answers[0]?.status).toBe(200);

  const stuck = scene.connect();
  stuck.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhalf");
  await scene.world.pass(1200);
  expect(stuck.answers[0]?.status).toBe(408);
  expect(causeOf(stuck.answers[0]!)).toBe("downstream.http.body-timeout");
  expect(scene.backend.open.filter((c) => c.reader.midway)).toHaveLength(0);
  expect(scene.proxy.serverMetric("failures", "downstream.http.body-timeout")).toBe(1);
});

test("the time a service takes not to read a body does not count against its caller", async () => {
  await using scene = await memoryScene(
    { server: { limits: { bodyIdleTimeoutMs: 1000 } } },
    { connected: (connection) => connection.peer.stream.pause() },
  );
  const client = scene.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\n");
  client.peer.send("x".repeat(1_000_000));
  await scene.world.pass(5000);
  expect(client.over).toBe(false);
  scene.backend.connections[0]?.peer.stream.resume();
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
});

test("a caller that takes no byte of its answer for writeStallTimeoutMs is let go, and the service's connection with it", async () => {
  await using scene = await memoryScene(
    { server: { limits: { writeStallTimeoutMs: 1000 } } },
    { request: (_, connection) => connection.reply(200, "x".repeat(1_000_000)) },
  );
  const client = scene.connect();
  client.send(get());
  client.peer.stream.pause();
  await scene.world.pass(800);
  expect(scene.proxy.records).toHaveLength(0);
  await scene.world.pass(400);
  expect(scene.proxy.lastRecord).toMatchObject({ cause: "downstream.connection.write-stalled", outcome: "ignorable" });
  client.peer.stream.resume();
  await scene.world.until("the reset", () => client.peer.closed);
  expect(client.peer.errorCode).toBe("ECONNRESET");
  expect(scene.backend.open).toHaveLength(0);
});

test("a caller that takes its answer slowly, but takes it, is served to the end", async () => {
  await using scene = await memoryScene(
    { server: { limits: { writeStallTimeoutMs: 1000 } } },
    { request: (_, connection) => connection.reply(200, "x".repeat(1_000_000)) },
  );
  const client = scene.connect();
  client.send(get());
  await readSlowly(scene.world, client, 800, 40);
  expect(client.over).toBe(false);
  client.peer.stream.resume();
  await client.answered(1);
  expect(client.answers[0]?.body).toHaveLength(1_000_000);
});

test("a caller that was refused and sends on, byte by byte, is let go after a while", async () => {
  await using scene = await sceneIn(memoryWorld({ halfOpen: true }));
  const client = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  client.send("nonsense\r\n\r\n");
  await client.answered(1);
  for (let i = 0; i < 60 && !client.peer.closed; i++) {
    client.peer.send("x");
    await scene.world.pass(1000);
  }
  expect(client.answers[0]?.status).toBe(400);
  const lastedMs = scene.world.env.clock.nowMs() - startMs;
  expect(lastedMs).toBeGreaterThan(5000);
  expect(lastedMs).toBeLessThan(13_000);
});

test("the time a request waits for a connection does not count against its caller's body", async () => {
  await using scene = await memoryScene({
    server: { limits: { bodyIdleTimeoutMs: 500 } },
    client: { hostConnectionPool: { maxSize: 1 } },
  });
  const held: BackendConnection[] = [];
  scene.backend.behaviour = {
    request: ({ target }, connection) =>
      void (target === "/slow" ? held.push(connection) : connection.reply(200, "ok")),
  };
  scene.connect().send(get("/slow"));
  scene.world.settle();
  const client = scene.connect();
  client.send("PUT / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  await scene.world.pass(2000);
  held[0]?.reply(200);
  await scene.world.pass(300);
  client.peer.send("body");
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
});

test("the last answer on a connection older than lifeTimeMs says that it is the last", async () => {
  await using scene = await memoryScene({ server: { serverSession: { lifeTimeMs: 1000 } } });
  const client = scene.connect();
  expect((await client.ask(get())).fields).not.toContainEqual(["connection", "close"]);
  scene.backend.behaviour = silent;
  await scene.world.pass(900);
  client.send(get());
  await scene.world.pass(200);
  scene.backend.open[0]?.reply(200);
  await client.answered(2);
  expect(client.answers[1]?.fields).toContainEqual(["connection", "close"]);
  expect(client.over).toBe(true);
});

test("an idle connection is closed when it is older than lifeTimeMs", async () => {
  await using scene = await memoryScene({ server: { serverSession: { lifeTimeMs: 1000 } } });
  const client = scene.connect();
  await client.ask(get());
  await scene.world.pass(900);
  expect(client.over).toBe(false);
  await scene.world.pass(300);
  expect(client.over).toBe(true);
});

test("a caller that stops in its body is found out also after a service that took its time", async () => {
  await using scene = await memoryScene(
    { server: { limits: { bodyIdleTimeoutMs: 700 } } },
    { head: (_, connection) => connection.peer.stream.pause() },
  );
  const client = scene.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 1000000\r\n\r\n");
  scene.world.settle();
  client.peer.send("x".repeat(400_000));
  await scene.world.pass(2000);
  expect(client.answers).toEqual([]);
  scene.backend.open[0]?.peer.stream.resume();
  await scene.world.pass(1700);
  expect(client.answers[0]?.status).toBe(408);
});

test("accepted connections are closed after serverSession.idleTimeMs, and after lifeTimeMs once they are free", async () => {
  await using scene = await memoryScene({ server: { serverSession: { idleTimeMs: 1000, lifeTimeMs: 3000 } } });
  const idle = scene.connect();
  await idle.ask(get());
  await scene.world.pass(900);
  await idle.ask(get());
  await scene.world.pass(900);
  expect(idle.over).toBe(false);
  await scene.world.pass(300);
  expect(idle.over).toBe(true);

  const busy = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  while (!busy.over) {
    await busy.ask(get());
    await scene.world.pass(500);
  }
  expect(scene.world.env.clock.nowMs() - startMs).toBeGreaterThan(3000);
  expect(scene.world.env.clock.nowMs() - startMs).toBeLessThan(4500);
  expect(busy.answers.every((a) => a.status === 200)).toBe(true);
});

test("a connection that never says anything is closed in silence after headerTimeoutMs", async () => {
  await using scene = await memoryScene({ server: { limits: { headerTimeoutMs: 1000 } } });
  const client = scene.connect();
  await scene.world.pass(900);
  expect(client.over).toBe(false);
  await scene.world.pass(300);
  expect(client.over).toBe(true);
  expect(client.peer.receivedBytes).toBe(0);
  expect(scene.proxy.records).toHaveLength(0);
});

// Limits of the proxy on its own work.

interface Limited {
  readonly setup: ProxySetup;
  readonly cause: string;
  readonly status?: number;
}

const limits: readonly (readonly [string, Limited])[] = [
  ["totalTimeoutMs", { setup: { service: { totalTimeoutMs: 1000 } }, cause: "proxy.timeout.total" }],
  ["requestAttemptTimeoutMs", { setup: { client: { requestAttemptTimeoutMs: 1000 } }, cause: "proxy.timeout.attempt" }],
  ["the server's timeoutMs", { setup: { server: { timeoutMs: 1000 } }, cause: "proxy.timeout.server" }],
];

test.each(limits)(
  "%s is answered 503, ends the work upstream, and leaves the caller's connection",
  async (_, { setup, cause }) => {
    await using scene = await memoryScene(setup, silent);
    const client = scene.connect();
    client.send(get());
    await scene.world.pass(900);
    expect(client.answers).toHaveLength(0);
    await scene.world.pass(300);
    expect(client.answers[0]?.status).toBe(503);
    expect(causeOf(client.answers[0]!)).toBe(cause);
    expect(scene.backend.open).toHaveLength(0);
    expect(scene.proxy.lastRecord).toMatchObject({ status: 503, cause, outcome: "failure" });
    scene.backend.behaviour = {};
    expect((await client.ask(get())).status).toBe(200);
  },
);

test.each(limits)("%s does not cut an answer whose head came in time", async (_, { setup }) => {
  await using scene = await memoryScene(setup, {
    request: (_request, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12"),
  });
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(5000);
  scene.backend.connections[0]?.send("34");
  await client.answered(1);
  expect(client.answers[0]?.body).toBe("1234");
});

test("a name that is not bound within bindingTimeoutMs is answered 503, retryable", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    router: { bindingTimeoutMs: 1000 },
  });
  const client = proxy.connect();
  client.send(get());
  world.settle();
  world.env.advance(1200); // no turn of the real loop in between: the file cannot have been read
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(503);
  expect(causeOf(client.answers[0]!)).toBe("proxy.bind.timeout");
  expect(client.answers[0]?.fields).toContainEqual(["l5d-retryable", "true"]);
});

test("an endpoint that does not accept within connectTimeoutMs is answered 502 after all attempts", async () => {
  await using scene = await memoryScene({ client: { connectTimeoutMs: 200, failureAccrual: { kind: "none" } } });
  scene.world.network.silence(scene.backend.address);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(26 * 300);
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connect.timeout");
  expect(scene.world.network.open).toBe(2); // the caller's connection
});

test("a connect timeout does not outlive a total timeout", async () => {
  await using scene = await memoryScene({ client: { connectTimeoutMs: 60_000 }, service: { totalTimeoutMs: 500 } });
  scene.world.network.silence(scene.backend.address);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(700);
  expect(causeOf(client.answers[0]!)).toBe("proxy.timeout.total");
});

test("the head of an answer must be complete headerTimeoutMs after its first byte", async () => {
  await using scene = await memoryScene(
    { server: { limits: { headerTimeoutMs: 1000 } } },
    { request: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nX-") },
  );
  const client = scene.connect();
  client.send(get());
  for (let i = 0; i < 12; i++) {
    await scene.world.pass(100);
    scene.backend.open[0]?.send("a");
  }
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.http.head-timeout");
  expect(scene.backend.open).toHaveLength(0);
});

test("a service may take its time before the first byte when no timeout is set", async () => {
  await using scene = await memoryScene({}, silent);
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(600_000);
  expect(client.answers).toHaveLength(0);
  scene.backend.connections[0]?.reply(200, "late");
  await client.answered(1);
  expect(client.answers[0]?.body).toBe("late");
});

test("the body of an answer must make progress within bodyIdleTimeoutMs", async () => {
  await using scene = await memoryScene(
    { server: { limits: { bodyIdleTimeoutMs: 1000 } } },
    { request: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n") },
  );
  const client = scene.connect();
  client.send(get());
  for (const byte of "0123") {
    await scene.world.pass(800);
    scene.backend.connections[0]?.send(byte);
  }
  await scene.world.pass(900);
  expect(client.over).toBe(false);
  await scene.world.pass(300);
  expect(client.over).toBe(true);
  expect(client.partialBody).toBe("0123");
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, cause: "upstream.http.body-timeout" });
});

test("a caller that is slow to take an answer does not count against its service", async () => {
  await using scene = await memoryScene(
    { server: { limits: { bodyIdleTimeoutMs: 1000, writeStallTimeoutMs: 60_000 } } },
    { request: (_, connection) => connection.reply(200, "x".repeat(1_000_000)) },
  );
  const client = scene.connect();
  client.send(get());
  client.peer.stream.pause();
  await scene.world.pass(10_000);
  client.peer.stream.resume();
  await client.answered(1);
  expect(client.answers[0]?.body).toHaveLength(1_000_000);
});

test("limits switched off with 0 never end anything", async () => {
  const limits0 = { headerTimeoutMs: 0, bodyIdleTimeoutMs: 0, writeStallTimeoutMs: 0 };
  await using scene = await memoryScene({ server: { limits: limits0 } });
  const client = scene.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\n", "POST");
  await scene.world.pass(600_000);
  client.peer.send("Content-Length: 4\r\n\r\n12");
  await scene.world.pass(600_000);
  client.peer.send("34");
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
});

test("a thousand requests that time out leave no timer, no exchange and no connection behind", async () => {
  await using scene = await memoryScene({ client: { requestAttemptTimeoutMs: 500 } }, silent);
  const clients = Array.from({ length: 20 }, () => scene.connect());
  for (let round = 0; round < 50; round++) {
    for (const client of clients) client.send(get());
    await scene.world.pass(700);
  }
  expect(clients.every((client) => client.answers.length === 50)).toBe(true);
  expect(scene.backend.open).toHaveLength(0);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0 });
});

test("two limits at once answer once", async () => {
  await using scene = await memoryScene(
    { service: { totalTimeoutMs: 500 }, client: { requestAttemptTimeoutMs: 500 }, server: { timeoutMs: 500 } },
    silent,
  );
  const client = scene.connect();
  for (let i = 0; i < 5; i++) {
    client.send(get());
    await scene.world.pass(700);
  }
  expect(client.answers.map((a) => a.status)).toEqual([503, 503, 503, 503, 503]);
  expect(scene.proxy.records).toHaveLength(5);
});

test("an unroutable request is answered at once, not after a timeout", async () => {
  await using scene = await memoryScene();
  const answer = await scene.connect().ask(compose("GET / HTTP/1.1", { Host: "nobody" }));
  expect(answer.status).toBe(502);
  expect(scene.world.env.clock.nowMs()).toBe(0);
  const backend = await Backend.start(scene.world);
  await backend.unlisten();
});
