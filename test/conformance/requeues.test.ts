// Which requests are sent a second time, and which never (linkerd1 §6.6.2; the stale-reuse race).
import { expect, test } from "vitest";
import { Backend, type BackendConnection } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { chunked, compose } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene, type Scene, tcpScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const noAccrual = { failureAccrual: { kind: "none" } };

function request(method: string, body = ""): string {
  return compose(`${method} / HTTP/1.1`, { Host: "web" }, body);
}

/** A connection of the service lies idle in the proxy's pool; returns it. */
async function idleConnection(scene: Scene): Promise<BackendConnection> {
  await scene.connect().ask(get("/warm"));
  const connection = scene.backend.open.at(-1);
  if (connection === undefined) throw new Error("the pool keeps no connection");
  return connection;
}

/** The request is on its way when the service closes: the proxy has written it before it hears of that. */
function race(scene: Scene<MemoryWorld>, text: string, close: () => void): HttpClient {
  const client = scene.connect();
  scene.world.settle();
  client.send(text);
  close();
  scene.world.settle();
  return client;
}

test.each([
  ["GET", ""],
  ["HEAD", ""],
  ["OPTIONS", ""],
  ["DELETE", ""],
  ["PUT", "a body that is replayed"],
])("%s is repeated when the service closed the reused connection just then", async (method, body) => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, request(method, body), () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(200);
  expect(scene.backend.last).toMatchObject({ method, body, connection: 1 });
  expect(scene.backend.requests).toHaveLength(2);
  expect(scene.proxy.lastRecord).toMatchObject({ status: 200, attempts: 2, cause: "", outcome: "success" });
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "retries", "requeues")).toBe(1);
});

test.each(["POST", "PATCH", "LOCK"])("%s is not repeated then: the service may have seen it", async (method) => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, request(method, "once"), () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(502);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connection.stale");
  expect(client.answers[0]?.fields).not.toContainEqual(["l5d-retryable", "true"]);
  expect(scene.backend.requests).toHaveLength(1);
  expect(scene.proxy.lastRecord).toMatchObject({ attempts: 1 });
});

test("a request of which the kernel took no byte is repeated whatever its method", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, request("POST", "once"), () => connection.peer.reset());
  expect(client.answers[0]?.status).toBe(200);
  expect(scene.backend.requests.map((r) => r.body)).toEqual(["", "once"]);
});

test("what a service said on its own before it went is not the answer to a request that never left", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, request("POST", "once"), () => {
    connection.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 5\r\n\r\nstray");
    connection.peer.reset();
  });
  expect(client.answers.map(({ status }) => status)).toEqual([200]);
  expect(scene.backend.requests.map((r) => r.body)).toEqual(["", "once"]);
});

test("a chunked body is replayed too, and forwarded as one", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const text = `PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("one", "two")}`;
  const client = race(scene, text, () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(200);
  expect(scene.backend.last.body).toBe("onetwo");
});

test("a body is replayed as far as it has come, and then goes on", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, "PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhello", () =>
    connection.peer.destroy(),
  );
  expect(client.answers).toHaveLength(0);
  client.peer.send("world");
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
  expect(scene.backend.last.body).toBe("helloworld");
  expect(client.over).toBe(false);
});

test("a body that is too long to be kept is not repeated", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const client = race(scene, request("PUT", "x".repeat(40_000)), () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(502);
  expect(scene.backend.requests).toHaveLength(1);
});

test("a body with trailers is not repeated", async () => {
  await using scene = await memoryScene();
  const connection = await idleConnection(scene);
  const text = "PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n";
  const client = race(scene, text, () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(502);
  expect(scene.backend.requests).toHaveLength(1);
});

test.each(["GET", "POST"])("%s is not repeated when a fresh connection is closed without an answer", async (method) => {
  await using scene = await memoryScene({}, { request: (_, connection) => connection.peer.destroy() });
  const answer = await scene.connect().ask(request(method, method === "POST" ? "x" : ""));
  expect(causeOf(answer)).toBe("upstream.connection.closed");
  expect(scene.backend.requests).toHaveLength(1);
});

test("a request is not repeated once its answer has begun", async () => {
  await using scene = await memoryScene();
  await idleConnection(scene);
  scene.backend.behaviour = {
    request(_, connection) {
      connection.send("HTTP/1.1 200 OK\r\nContent-Le");
      connection.peer.end();
    },
  };
  const answer = await scene.connect().ask(get());
  expect(causeOf(answer)).toBe("upstream.http.truncated");
  expect(scene.backend.requests).toHaveLength(2);
});

test("an interim answer proves that the service has the request: it is not repeated", async () => {
  await using scene = await memoryScene();
  await idleConnection(scene);
  scene.backend.behaviour = {
    request(_, connection) {
      connection.send("HTTP/1.1 103 Early Hints\r\n\r\n");
      connection.peer.end();
    },
  };
  const client = scene.connect();
  const answer = await client.ask(get());
  expect(answer.status).toBe(502);
  expect(answer.interim).toEqual([103]);
  expect(scene.backend.requests).toHaveLength(2);
});

test("an empty budget repeats nothing that may have left", async () => {
  await using scene = await memoryScene({ client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } } });
  const connection = await idleConnection(scene);
  const client = race(scene, get(), () => connection.peer.destroy());
  expect(client.answers[0]?.status).toBe(502);
  const retries = ["client", scene.backend.name.slice(1), "retries"];
  expect(scene.proxy.metric(...retries, "requeues")).toBe(0);
  expect(scene.proxy.metric(...retries, "request_limit") + scene.proxy.metric(...retries, "budget_exhausted")).toBe(1);
});

test("a budget is spent by repeats and earned by successes", async () => {
  await using scene = await memoryScene({
    client: { ...noAccrual, requeueBudget: { minRetriesPerSec: 1, percentCanRetry: 0, ttlSecs: 10 } },
  });
  let repeated = 0;
  for (let i = 0; i < 30; i++) {
    const connection = await idleConnection(scene);
    const client = race(scene, get("/raced"), () => connection.peer.destroy());
    if (client.answers[0]?.status === 200) repeated++;
  }
  expect(repeated).toBe(10);
  await scene.world.pass(10_000);
  const connection = await idleConnection(scene);
  expect(race(scene, get(), () => connection.peer.destroy()).answers[0]?.status).toBe(200);
});

// Endpoints that cannot be reached.

test("a refused connection moves the request to another endpoint, whatever its method", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backend = await Backend.start(world);
  disco.write("web", [backend, { host: "127.0.0.1", port: 9 }, { host: "127.0.0.1", port: 10 }]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  for (let i = 0; i < 40; i++) {
    expect((await client.ask(request("POST", `${i}`))).status).toBe(200);
  }
  expect(backend.requests.map((r) => r.body)).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`));
  expect(proxy.metric("client", "#/io.l5d.fs/web", "retries", "requeues")).toBeGreaterThan(0);
  expect(proxy.records.every((r) => r.status === 200)).toBe(true);
});

test("with no endpoint left open the last refusal is answered at once", async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, { dtab: "/svc/web => /$/inet/127.0.0.1/9" });
  const client = proxy.connect();
  const answers = [await client.ask(get()), await client.ask(get())];
  expect(answers.map(causeOf)).toEqual(["upstream.connect.refused", "upstream.connect.refused"]);
  expect(proxy.records.map((r) => r.attempts)).toEqual([5, 1]);
  expect(proxy.metric("client", "$/inet/127.0.0.1/9", "retries", "not_open")).toBe(2);
});

test("an unreachable endpoint is told apart from one that refuses", async () => {
  await using scene = await memoryScene({ client: noAccrual });
  scene.world.network.fail(scene.backend.address, "EHOSTUNREACH");
  const answer = await scene.connect().ask(get());
  expect(causeOf(answer)).toBe("upstream.connect.failed");
  expect(answer.body).toContain("EHOSTUNREACH");
  scene.world.network.heal(scene.backend.address);
  expect((await scene.connect().ask(get())).status).toBe(200);
});

test("a body that is still coming is not lost while the connection is being made, or moves elsewhere", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backend = await Backend.start(world);
  disco.write("web", [backend, { host: "127.0.0.1", port: 9 }]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  for (let i = 0; i < 20; i++) {
    const client = proxy.connect();
    client.send(`POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 30000\r\n\r\n${"a".repeat(10_000)}`);
    client.peer.send("b".repeat(20_000));
    await client.answered(1);
    expect(client.answers[0]?.status).toBe(200);
    expect(backend.last.body).toBe("a".repeat(10_000) + "b".repeat(20_000));
    backend.open.at(-1)?.peer.destroy();
  }
});

// With one connection a request that is sent again waits behind another; meanwhile its caller goes on sending.
test.each([
  ["a chunked body that grows too long to be kept", "Transfer-Encoding: chunked", chunked("begin"), 30_000],
  ["a chunked body that ends with trailers", "Transfer-Encoding: chunked", "5\r\nbegin\r\n", 0],
  ["a body with a length", "Content-Length: 30005", "begin", 30_000],
])("what a caller sends between a lost attempt and the next is not lost: %s", async (_, framing, begin, restBytes) => {
  await using scene = await memoryScene({ client: { hostConnectionPool: { maxSize: 1 } } });
  const first = await idleConnection(scene);
  const held: BackendConnection[] = [];
  scene.backend.behaviour = {
    request: ({ target }, connection) =>
      void (target === "/slow" ? held.push(connection) : connection.reply(200, "ok")),
  };
  const isChunked = framing.startsWith("Transfer");
  const rest = "y".repeat(restBytes);
  const chunks = rest === "" ? "5\r\n-rest\r\n0\r\nX-Sum: 1\r\n\r\n" : chunked(rest);
  const caller = scene.connect();
  const [head] = begin.split("0\r\n\r\n") as [string];
  caller.send(`PUT /a HTTP/1.1\r\nHost: web\r\n${framing}\r\n\r\n${head}`);
  scene.world.settle();
  const slow = scene.connect();
  slow.send(get("/slow"));
  scene.world.settle();
  first.peer.destroy();
  scene.world.settle();
  caller.peer.send(isChunked ? chunks : rest);
  scene.world.settle();
  expect(caller.answers).toEqual([]);
  held[0]?.reply(200, "slow");
  await caller.answered(1);
  expect(caller.answers[0]?.status).toBe(200);
  expect(scene.backend.last).toMatchObject({ method: "PUT", body: rest === "" ? "begin-rest" : `begin${rest}` });
  expect((await scene.connect().ask(get("/next"))).status).toBe(200);
  expect(scene.backend.last).toMatchObject({ target: "/next", body: "" });
  expect(scene.backend.problems).toEqual([]);
});

/** Discovery notices a change, in the time of the world, and the callers get their answers. */
async function noticed(world: MemoryWorld, ...clients: readonly HttpClient[]): Promise<void> {
  await world.passUntil("the answers", () => clients.every(({ answers }) => answers.length > 0));
}

test("a request that waits for a connection to an endpoint that leaves goes to another one", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [dead, alive] = [await Backend.start(world), await Backend.start(world)];
  const disco = new Disco(world);
  disco.write("web", [dead]);
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { connectTimeoutMs: 3_600_000 },
  });
  world.network.silence(dead.address);
  const client = proxy.connect();
  client.send(get());
  await world.until("the attempt to connect", () => proxy.metric("client", "#/io.l5d.fs/web", "pool_waiters") === 1);
  disco.write("web", [alive]);
  await noticed(world, client);
  expect(client.answers[0]?.status).toBe(200);
  expect(proxy.lastRecord).toMatchObject({ attempts: 2, cause: "" });
});

test("of an endpoint that leaves, requests behind its only connection go to another one, and the one on it completes", async () => {
  const world = memoryWorld();
  await using _world = world;
  const held: BackendConnection[] = [];
  const behaviour = { request: (_: unknown, connection: BackendConnection) => void held.push(connection) };
  const [old, fresh] = [await Backend.start(world, behaviour), await Backend.start(world)];
  const disco = new Disco(world);
  disco.write("web", [old]);
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { hostConnectionPool: { maxSize: 1 } },
  });
  const clients = Array.from({ length: 3 }, () => proxy.connect());
  for (const client of clients) client.send(get());
  await old.received(1);
  disco.write("web", [fresh]);
  await noticed(world, clients[1]!, clients[2]!);
  held[0]?.reply(200, "late");
  await clients[0]!.answered(1);
  expect(clients.map((client) => client.answers[0]?.body)).toEqual(["late", "ok", "ok"]);
});

test("on sockets, a POST on a connection that was just reset is sent again: no byte of it could leave", async () => {
  await using scene = await tcpScene({ client: noAccrual });
  const client = scene.connect();
  for (let i = 0; i < 30; i++) {
    await client.ask(get("/warm"));
    scene.backend.open.at(-1)?.peer.reset();
    expect((await client.ask(request("POST", `once ${i}`))).status).toBe(200);
  }
  const posts = scene.backend.requests.filter(({ method }) => method === "POST").map(({ body }) => body);
  expect(posts).toEqual(Array.from({ length: 30 }, (_, i) => `once ${i}`));
});

test("on sockets, a service that refuses a body and goes is still heard", async () => {
  const refuse = {
    bytes(_: string, connection: BackendConnection) {
      connection.peer.stream.pause();
      connection.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig");
      connection.peer.destroy();
      return true;
    },
  };
  await using scene = await tcpScene({ client: noAccrual }, refuse);
  for (let i = 0; i < 30; i++) {
    const client = scene.connect();
    client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 50000000\r\n\r\n");
    const pour = setInterval(() => client.peer.send("x".repeat(20_000)), 1);
    await client.answered(1).finally(() => clearInterval(pour));
    expect(client.answers[0]).toMatchObject({ status: 413, body: "big" });
    client.close();
  }
});
