// Which requests of HTTP/1.1 are sent again because of what was answered, when, and what becomes of the answers that are not wanted
// (linkerd1 §6.6.1, §6.7; finagle §4.5, §6.4).
import { expect, test } from "vitest";
import { Backend, type BackendConnection, type Behaviour, type Received } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { chunked, compose, valueOf } from "../support/http-text.ts";
import { Proxy } from "../support/proxy.ts";
import { get, memoryScene, type Scene, tcpScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const noAccrual = { failureAccrual: { kind: "none" } };
const kind = (name: string) => ({ responseClassifier: { kind: `io.l5d.http.${name}` } });
const ALL = kind("retryableAll5XX");
const KB = 1024;

function request(method: string, body = "", target = "/"): string {
  return compose(`${method} ${target} HTTP/1.1`, { Host: "web" }, body);
}

type Act = (request: Received, connection: BackendConnection) => void;

/** One act for each try, the last for all that follow. */
function inTurn(...acts: readonly Act[]): Behaviour {
  let turn = 0;
  return { request: (received, connection) => acts[Math.min(turn++, acts.length - 1)]?.(received, connection) };
}

const replies = (status: number, body = "", fields: Readonly<Record<string, string>> = {}): Act => {
  return ({ method }, connection) => {
    if (method === "HEAD") connection.send(`HTTP/1.1 ${status} Status\r\nContent-Length: ${body.length}\r\n\r\n`);
    else connection.reply(status, body, fields);
  };
};
const sends = (...parts: readonly string[]): Act => {
  return (_, connection) => connection.send(...parts);
};
const ok = replies(200, "ok");
const bad = replies(503, "bad");
const never: Act = () => undefined;
const nack = replies(503, "nack", { "finagle-http-nack": "true", "Retry-After": "0" });

type Keys = Readonly<Record<string, unknown>>;

const scene = (service: Keys, behaviour: Behaviour, client: Keys = {}): Promise<Scene<MemoryWorld>> =>
  memoryScene({ client: { ...noAccrual, ...client }, service }, behaviour);

const retries = ({ proxy }: Pick<Scene, "proxy">, name: string) => proxy.metric("service", "svc/web", "retries", name);

/** Time passes, a millisecond at a time, until `ended`; returns how much. */
function after(world: MemoryWorld, ended: () => boolean, mostMs = 5000): number {
  world.settle();
  let ms = 0;
  for (; !ended() && ms < mostMs; ms++) {
    world.env.advance(1);
    world.settle();
  }
  return ms;
}

/** After how many ms each try of one request came. */
function gaps({ world, backend }: Scene<MemoryWorld>, client: HttpClient, text: string, count: number): number[] {
  const before = backend.requests.length + 1;
  client.send(text);
  return Array.from({ length: count }, (_, i) => after(world, () => backend.requests.length > before + i));
}

// ---- Which ------------------------------------------------------------------------------------------------------------

const METHODS = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "LOCK"];

test.each([
  ["nonRetryable5XX", 0],
  ["retryableRead5XX", 4],
  ["retryableIdempotent5XX", 6],
  ["retryableAll5XX", 8],
  ["allSuccessful", 0],
])("%s: a 5xx is answered by another try for the first %d of all methods", async (name, count) => {
  for (const [i, method] of METHODS.entries()) {
    await using s = await scene(kind(name), inTurn(bad, ok));
    const body = ["PUT", "POST", "PATCH"].includes(method) ? "body" : "";
    const answer = await s.connect().ask(request(method, body));
    const again = i < count;
    expect([method, answer.status, s.backend.requests.length]).toEqual([method, again ? 200 : 503, again ? 2 : 1]);
    expect(s.backend.requests.map((r) => r.body)).toEqual(again ? [body, body] : [body]);
    expect(s.proxy.lastRecord).toMatchObject({ attempts: again ? 2 : 1, retries: again ? 1 : 0, cause: "" });
    expect(retries(s, "total")).toBe(again ? 1 : 0);
  }
});

test.each([
  ["is reset", (_: Received, c: BackendConnection) => c.peer.reset()],
  ["is closed", (_: Received, c: BackendConnection) => c.peer.destroy()],
  ["is no HTTP", sends("SMTP ready\r\n\r\n")],
  ["breaks off within its head", (_: Received, c: BackendConnection) => (c.send("HTTP/1.1 200 O"), c.peer.end())],
] as const)("a connection that %s instead of an answer is worth another try where the method is", async (_, act) => {
  await using s = await scene(kind("retryableRead5XX"), inTurn(act, ok, act, ok));
  const client = s.connect();
  expect((await client.ask(get())).status).toBe(200);
  expect(s.backend.requests).toHaveLength(2);
  const post = await client.ask(request("POST", "once"));
  expect(post.status).toBeGreaterThanOrEqual(500);
  expect(s.backend.requests).toHaveLength(3);
});

test("a failed answer that breaks off later was given up before", async () => {
  const broken = sends("HTTP/1.1 500 Status\r\nContent-Length: 9\r\n\r\nx");
  await using s = await scene(
    ALL,
    inTurn((received, c) => (broken(received, c), c.peer.end()), ok),
  );
  const answer = await s.connect().ask(get());
  expect([answer.status, answer.body, s.backend.requests.length]).toEqual([200, "ok", 2]);
  expect(s.proxy.metric("client", s.backend.name.slice(1), "failures", "upstream.http.truncated")).toBe(0);
});

test("l5d-retryable makes any method's failure worth another try, also by default", async () => {
  const hinted = replies(502, "x", { "l5d-retryable": "true" });
  await using s = await scene({}, inTurn(hinted, hinted, ok));
  const answer = await s.connect().ask(request("LOCK", "body"));
  expect([answer.status, s.backend.requests.length]).toEqual([200, 3]);
});

test("l5d-retryable on a success means nothing", async () => {
  await using s = await scene(ALL, inTurn(replies(404, "x", { "l5d-retryable": "true" })));
  expect((await s.connect().ask(get())).status).toBe(404);
  expect(s.backend.requests).toHaveLength(1);
});

// ---- How often --------------------------------------------------------------------------------------------------------

test("every request earns its share of a retry, to the last digit", async () => {
  const budget = { minRetriesPerSec: 0, percentCanRetry: 0.25, ttlSecs: 60 };
  await using s = await scene({ ...ALL, retries: { budget } }, inTurn(bad));
  const client = s.connect();
  for (let sent = 1; sent <= 40; sent++) {
    expect((await client.ask(get())).status).toBe(503);
    const retried = Math.floor(sent / 4);
    expect([sent, s.backend.requests.length, retries(s, "total")]).toEqual([sent, sent + retried, retried]);
    expect([retries(s, "budget"), retries(s, "budget_exhausted")]).toEqual([0, sent]);
  }
});

test("a budget has its reserve, which is there again after ttlSecs", async () => {
  const budget = { minRetriesPerSec: 2, percentCanRetry: 0, ttlSecs: 5 };
  await using s = await scene({ ...ALL, retries: { budget } }, inTurn(bad));
  const client = s.connect();
  await client.ask(get());
  expect([s.backend.requests.length, retries(s, "total"), retries(s, "budget")]).toEqual([11, 10, 0]);
  await client.ask(get());
  expect(retries(s, "total")).toBe(10);
  await s.world.pass(5500);
  await client.ask(get());
  expect(retries(s, "total")).toBe(20);
});

test("the defaults allow a hundred from cold, and one in five", async () => {
  await using s = await scene(ALL, inTurn(bad));
  const client = s.connect();
  for (let i = 0; i < 10; i++) await client.ask(get());
  expect(retries(s, "total")).toBe(102);
});

test("two retries for each request are allowed where that is asked for", async () => {
  const budget = { minRetriesPerSec: 0, percentCanRetry: 2, ttlSecs: 60 };
  await using s = await scene({ ...ALL, retries: { budget } }, inTurn(bad));
  const client = s.connect();
  for (let i = 0; i < 7; i++) await client.ask(get());
  expect(s.backend.requests).toHaveLength(21);
});

test.each([0, 1, 3])("maxRetries %d is the most for one request", async (maxRetries) => {
  await using s = await scene({ ...ALL, retries: { maxRetries } }, inTurn(bad));
  const client = s.connect();
  for (let i = 1; i <= 3; i++) {
    expect((await client.ask(get())).body).toBe("bad");
    expect(s.backend.requests).toHaveLength(i * (1 + maxRetries));
  }
  expect([retries(s, "max_exhausted"), retries(s, "budget_exhausted")]).toEqual([3, 0]);
  expect(s.proxy.records.map((r) => [r.attempts, r.retries])).toEqual(Array(3).fill([1 + maxRetries, maxRetries]));
});

// ---- When -------------------------------------------------------------------------------------------------------------

test("without a backoff retries follow at once", async () => {
  await using s = await scene({ ...ALL, retries: { maxRetries: 3 } }, inTurn(bad));
  expect(gaps(s, s.connect(), get(), 3)).toEqual([0, 0, 0]);
});

test.each([1, 10, 37, 100, 1500])("a constant backoff of %d ms is never early and hardly late", async (ms) => {
  await using s = await scene({ ...ALL, retries: { backoff: { kind: "constant", ms }, maxRetries: 4 } }, inTurn(bad));
  const client = s.connect();
  for (const gap of gaps(s, client, get(), 4)) {
    expect(gap).toBeGreaterThanOrEqual(ms);
    expect(gap).toBeLessThanOrEqual(ms + 4);
  }
  expect(client.answers).toHaveLength(1);
});

test("a jittered backoff begins with its least, grows by three at most, and is capped", async () => {
  const [minMs, maxMs] = [20, 200];
  const backoff = { kind: "jittered", minMs, maxMs };
  await using s = await scene({ ...ALL, retries: { backoff, maxRetries: 8 } }, inTurn(bad));
  const seen: number[] = [];
  for (let i = 0; i < 10; i++) {
    const all = gaps(s, s.connect(), get(), 8);
    expect(all[0]).toBeGreaterThanOrEqual(minMs);
    expect(all[0]).toBeLessThanOrEqual(minMs + 4);
    for (const [at, gap] of all.entries()) {
      expect(gap).toBeGreaterThanOrEqual(minMs);
      expect(gap).toBeLessThanOrEqual(Math.min(maxMs, 3 * (all[at - 1] ?? minMs)) + 4);
      seen.push(gap);
    }
  }
  expect(new Set(seen).size).toBeGreaterThan(20);
  expect(Math.max(...seen)).toBeGreaterThan(maxMs / 2);
});

test("a try that gives no sign of an answer within perTryTimeoutMs makes room for the next", async () => {
  await using s = await scene({ ...ALL, retries: { perTryTimeoutMs: 50 } }, inTurn(never, never, ok));
  const client = s.connect();
  for (const gap of gaps(s, client, get(), 2)) {
    expect(gap).toBeGreaterThanOrEqual(50);
    expect(gap).toBeLessThanOrEqual(54);
  }
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
  expect(s.backend.open).toHaveLength(1);
  expect(s.proxy.metric("client", s.backend.name.slice(1), "failures", "proxy.timeout.try")).toBe(2);
});

test("perTryTimeoutMs holds also for a try whose name had to be waited for longer than that", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world, { request: never });
  const disco = new Disco(world);
  disco.write("web", [backend]);
  const setup = { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], client: noAccrual };
  await using proxy = await Proxy.start(world, { ...setup, service: { retries: { perTryTimeoutMs: 20 } } });
  const client = proxy.connect();
  client.send(get());
  world.settle();
  world.env.advance(100); // discovery has not read its file
  await backend.received(1);
  expect(after(world, () => client.answers.length > 0)).toBeLessThanOrEqual(24);
  expect(causeOf(client.answers[0]!)).toBe("proxy.timeout.try");
});

test("of a try with two attempts perTryTimeoutMs ends both", async () => {
  const world = memoryWorld();
  await using _world = world;
  let slow = false;
  let held = 0;
  const behaviour: Behaviour = { request: (_, connection) => void (slow ? held++ : connection.reply(200, "ok")) };
  const disco = new Disco(world);
  disco.write("web", [await Backend.start(world, behaviour), await Backend.start(world, behaviour)]);
  const hedge = { methods: "all", maxExtraLoad: 0.5, minDelayMs: 5 };
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [disco.namer],
    client: { ...noAccrual, hedge },
    service: { retries: { perTryTimeoutMs: 200 } },
  });
  const client = proxy.connect();
  for (let i = 0; i < 200; i++) {
    await client.ask(get());
    await world.pass(50);
  }
  slow = true;
  client.send(get());
  const ms = after(world, () => client.answers.length > 200);
  expect(ms).toBeGreaterThanOrEqual(200);
  expect(ms).toBeLessThanOrEqual(204);
  expect([held, causeOf(client.answers[200]!), proxy.inUse()["attempts"]]).toEqual([2, "proxy.timeout.try", 0]);
});

test("the last try's timeout is the answer where no more is allowed", async () => {
  await using s = await scene({ ...ALL, retries: { perTryTimeoutMs: 50, maxRetries: 1 } }, inTurn(never));
  const client = s.connect();
  client.send(get());
  const ms = after(s.world, () => client.answers.length > 0);
  expect([client.answers[0]?.status, causeOf(client.answers[0]!)]).toEqual([503, "proxy.timeout.try"]);
  expect(ms).toBeGreaterThanOrEqual(100);
  expect(ms).toBeLessThanOrEqual(108);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 2, retries: 1 });
});

test("perTryTimeoutMs limits also a try that is not repeated, and says nothing of a body that is under way", async () => {
  const slow: Act = (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl");
  await using s = await scene({ retries: { perTryTimeoutMs: 50 } }, inTurn(never, slow));
  const client = s.connect();
  client.send(get());
  expect(after(s.world, () => client.answers.length > 0)).toBeLessThanOrEqual(54);
  client.send(get());
  await s.world.pass(500);
  s.backend.open.at(-1)?.send("ow");
  await client.answered(2);
  expect(client.answers[1]).toMatchObject({ status: 200, body: "slow" });
});

test.each([
  ["while it waits for a backoff", { backoff: { kind: "constant", ms: 200 } }, bad],
  ["while a try goes on", {}, never],
  ["though each try has a limit", { perTryTimeoutMs: 60 }, never],
] as const)("totalTimeoutMs bounds a request with all its retries: %s", async (_, how, act) => {
  await using s = await scene({ ...ALL, totalTimeoutMs: 300, retries: how }, inTurn(bad, act));
  const client = s.connect();
  client.send(get());
  const ms = after(s.world, () => client.answers.length > 0);
  expect([client.answers[0]?.status, causeOf(client.answers[0]!)]).toEqual([503, "proxy.timeout.total"]);
  expect(ms).toBeGreaterThanOrEqual(300);
  expect(ms).toBeLessThanOrEqual(400);
  const tries = s.backend.requests.length;
  await s.world.pass(1000);
  expect([s.backend.requests.length, client.answers.length]).toEqual([tries, 1]);
  expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
});

test("a caller that leaves while its request waits for the next try leaves nothing behind", async () => {
  await using s = await scene({ ...ALL, retries: { backoff: { kind: "constant", ms: 100 } } }, inTurn(bad));
  const client = s.connect();
  client.send(get());
  s.world.settle();
  client.close();
  await s.world.pass(500);
  expect(s.backend.requests).toHaveLength(1);
  expect(s.proxy.lastRecord).toMatchObject({ outcome: "ignorable", cause: "downstream.connection.gone", attempts: 1 });
  expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, heads: 0 });
  expect(s.proxy.metric("service", "svc/web", "pending")).toBe(0);
});

test("the rest of a body that comes during a backoff is not lost", async () => {
  const early: Behaviour = {
    head: (_, connection) => {
      if (connection.number === 0) connection.reply(503, "no");
    },
    request: (received, connection) => ok(received, connection),
  };
  await using s = await scene({ ...ALL, retries: { backoff: { kind: "constant", ms: 100 } } }, early);
  const client = s.connect();
  client.send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 30\r\n\r\n0123456789");
  s.world.settle();
  client.peer.send("0123456789");
  await s.world.pass(50);
  client.peer.send("0123456789");
  await s.world.pass(100);
  await client.answered(1);
  expect([client.answers[0]?.status, s.backend.last.body]).toEqual([200, "0123456789".repeat(3)]);
  expect(client.over).toBe(false);
});

test("a proxy that stops waits for a try that is due, and ends what would wait too long", async () => {
  for (const [ms, clean, status] of [
    [100, true, 200],
    [5000, false, 502],
  ] as const) {
    await using s = await scene({ ...ALL, retries: { backoff: { kind: "constant", ms } } }, inTurn(bad, ok));
    const client = s.connect();
    client.send(get());
    s.world.settle();
    const stop = s.proxy.stop(1000);
    await s.world.pass(2000);
    expect([stop.done, stop.clean, client.answers.map((answer) => answer.status)]).toEqual([true, clean, [status]]);
    expect(s.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0 });
  }
});

test("a proxy that stops does not wait for what is left of an unwanted answer", async () => {
  await using s = await scene(ALL, inTurn(sends(text(503, "Content-Length: 6\r\n", "un")), ok));
  expect((await s.connect().ask(get())).body).toBe("ok");
  const stop = s.proxy.stop(1000);
  await s.world.pass(700); // for the caller, who may have sent another request
  await s.world.until("the proxy to stop", () => stop.done);
  expect([stop.clean, s.backend.open.length]).toEqual([true, 0]);
});

test("a retry does not wait long for a place that an unwanted answer takes up", async () => {
  const stuck = sends(text(503, "Content-Length: 6\r\n", "un"));
  await using s = await scene(ALL, inTurn(stuck, ok), { hostConnectionPool: { maxSize: 1 } });
  const client = s.connect();
  client.send(get());
  expect(after(s.world, () => client.answers.length > 0)).toBeLessThanOrEqual(350);
  expect([client.answers[0]?.status, s.backend.connections.length]).toEqual([200, 2]);
});

test("what a caller waits for before it sends its body comes from the try that gets it", async () => {
  await using s = await scene(ALL, {
    head: (_, connection) => {
      if (connection.number === 0) connection.reply(503, "early");
      else connection.send("HTTP/1.1 100 Continue\r\n\r\n");
    },
    request: ok,
  });
  const client = s.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  s.world.settle();
  expect(client.answers).toEqual([]);
  client.peer.send("body");
  await client.answered(1);
  expect([client.answers[0]?.status, client.answers[0]?.interim, s.backend.last.body]).toEqual([200, [100], "body"]);
});

// ---- Where ------------------------------------------------------------------------------------------------------------

test("a retry draws a branch of the union anew", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [first, second] = [await Backend.start(world, inTurn(bad)), await Backend.start(world, inTurn(ok))];
  const dtab = `/svc/web => 1 * ${first.name} & 1 * ${second.name};`;
  await using proxy = await Proxy.start(world, { dtab, client: noAccrual, service: ALL });
  const client = proxy.connect();
  for (let i = 0; i < 60; i++) expect((await client.ask(get())).status).toBe(200);
  expect(second.requests).toHaveLength(60);
  expect(first.requests.length).toBeGreaterThan(20);
  expect(retries({ proxy }, "total")).toBe(first.requests.length);
  const requests = [first, second].map(({ name }) =>
    proxy.metric("client", name.slice(1), "service", "svc/web", "requests"),
  );
  expect(requests).toEqual([first.requests.length, 60]);
});

test("a retry picks an endpoint anew", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [first, second] = [await Backend.start(world, inTurn(bad)), await Backend.start(world, inTurn(ok))];
  const disco = new Disco(world);
  disco.write("web", [first, second]);
  const setup = { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], client: noAccrual, service: ALL };
  await using proxy = await Proxy.start(world, setup);
  const client = proxy.connect();
  for (let i = 0; i < 40; i++) expect((await client.ask(get())).status).toBe(200);
  expect(second.requests).toHaveLength(40);
  expect(proxy.records.reduce((sum, r) => sum + r.attempts, 0)).toBe(40 + first.requests.length);
});

// ---- Bodies -----------------------------------------------------------------------------------------------------------

test.each([
  [16 * KB, 2],
  [16 * KB + 1, 1],
])("a body of %d bytes is sent %d times", async (bytes, times) => {
  await using s = await scene(ALL, inTurn(bad, ok));
  const body = "x".repeat(bytes);
  const answer = await s.connect().ask(request("POST", body));
  expect([answer.status, s.backend.requests.length]).toEqual([times === 2 ? 200 : 503, times]);
  expect(s.backend.requests.every((r) => r.body === body)).toBe(true);
  expect(retries(s, "cannot_replay")).toBe(2 - times);
  expect(retries(s, "budget")).toBe(times === 2 ? 99 : 100);
});

test("a chunked body is never sent again, not even where the service says that it may be", async () => {
  for (const fields of [{}, { "l5d-retryable": "true" }, { "finagle-http-nack": "true" }, { "Retry-After": "0" }]) {
    await using s = await scene(ALL, inTurn(replies(503, "no", fields), ok));
    const text = `POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("body")}`;
    const answer = await s.connect().ask(text);
    expect([fields, answer.status, s.backend.requests.length]).toEqual([fields, 503, 1]);
  }
});

test("a body is sent again as far as it has come, and then goes on", async () => {
  const seen: string[] = [];
  await using s = await scene(ALL, {
    head: (_, connection) => {
      seen.push(`head ${connection.number}`);
      if (connection.number < 2) connection.reply(500, "early");
    },
    request: (received, connection) => ok(received, connection),
  });
  const client = s.connect();
  client.send("PUT / HTTP/1.1\r\nHost: web\r\nContent-Length: 10\r\n\r\nhello");
  s.world.settle();
  expect(seen).toEqual(["head 0", "head 1", "head 2"]);
  expect(client.answers).toEqual([]);
  client.peer.send("world");
  await client.answered(1);
  expect([client.answers[0]?.status, s.backend.last.body]).toEqual([200, "helloworld"]);
  // Requests without their ends leave connections on which nothing more can be asked.
  expect(s.backend.connections.map(({ closed }) => closed)).toEqual([true, true, false]);
  expect(s.backend.problems).toEqual([]);
  expect((await client.ask(get())).status).toBe(200);
});

test("all tries are the same request, byte by byte", async () => {
  await using s = await scene({ ...ALL, totalTimeoutMs: 5000 }, inTurn(bad, nack, bad, ok));
  const fields = {
    Host: "web",
    "X-Own": "1",
    "l5d-dtab": "/a=>/b",
    Via: "1.1 somebody",
    Forwarded: "for=x",
    TE: "trailers",
  };
  for (const line of ["GET /a?b HTTP/1.1", "POST http://web/a HTTP/1.1"]) {
    s.backend.requests.length = 0;
    s.backend.behaviour = inTurn(bad, nack, bad, ok);
    await s.connect().ask(compose(line, fields, line.startsWith("POST") ? "body" : ""));
    expect(s.backend.requests).toHaveLength(4);
    expect(new Set(s.backend.requests.map(({ raw }) => raw)).size).toBe(1);
  }
});

// ---- Answers that are not wanted --------------------------------------------------------------------------------------

test("nothing is sent again once a byte of an answer has gone to the caller", async () => {
  await using s = await scene(ALL, inTurn(sends("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"), ok));
  const client = s.connect();
  client.send(get());
  s.world.settle();
  s.backend.open[0]?.peer.reset();
  await client.released();
  expect([client.partialBody, client.answers.length, s.backend.requests.length]).toEqual(["abc", 0, 1]);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 1, outcome: "failure", cause: "upstream.http.truncated" });
});

const long = (bytes: number) => "y".repeat(bytes);
const text = (status: number, fields: string, body: string) => `HTTP/1.1 ${status} Status\r\n${fields}\r\n${body}`;

test.each<readonly [string, string, Act, boolean]>([
  ["without a body", "GET", sends(text(503, "Content-Length: 0\r\n", "")), true],
  ["with a short body", "GET", sends(text(503, "Content-Length: 3\r\n", "bad")), true],
  ["whose body comes in pieces", "GET", sends(text(503, "Content-Length: 3\r\n", "b"), "ad"), true],
  ["to HEAD", "HEAD", sends(text(503, "Content-Length: 100000\r\n", "")), true],
  ["that is chunked", "GET", sends(text(503, "Transfer-Encoding: chunked\r\n", chunked("ba", "d"))), true],
  ["with trailers", "GET", sends(text(503, "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n")), true],
  ["of 64 KiB", "GET", sends(text(503, `Content-Length: ${64 * KB}\r\n`, long(64 * KB))), true],
  ["that is longer", "GET", sends(text(503, `Content-Length: ${64 * KB + 1}\r\n`, long(64 * KB + 1))), false],
  [
    "that is longer in chunks",
    "GET",
    sends(text(503, "Transfer-Encoding: chunked\r\n", chunked(...Array<string>(9).fill(long(8 * KB))))),
    false,
  ],
  ["that says close", "GET", sends(text(503, "Connection: close\r\nContent-Length: 3\r\n", "bad")), false],
  ["that ends with its connection", "GET", (_, c) => (c.send(text(503, "", "bad")), c.peer.end()), false],
  ["in HTTP/1.0", "GET", sends("HTTP/1.0 503 Status\r\nContent-Length: 3\r\n\r\nbad"), false],
  [
    "that is followed by more",
    "GET",
    sends(`${text(503, "Content-Length: 3\r\n", "bad")}HTTP/1.1 200 Stray\r\nContent-Length: 5\r\n\r\nstray`),
    false,
  ],
  ["in broken chunks", "GET", sends(text(503, "Transfer-Encoding: chunked\r\n", "zz\r\n")), false],
])(
  "of an unwanted answer %s nothing is passed on; its connection is kept if that is cheap and safe",
  async (_, method, act, kept) => {
    await using s = await scene(ALL, inTurn(act, replies(200, "fine")));
    const client = s.connect();
    const answer = await client.ask(request(method));
    expect([answer.status, answer.body, client.answers.length]).toEqual([200, method === "HEAD" ? "" : "fine", 1]);
    s.world.settle();
    expect(s.backend.connections.map(({ closed }) => closed)).toEqual([!kept, false]);
    // Whoever comes next gets his own answer, on whichever connection.
    s.backend.behaviour = { request: (received, connection) => connection.reply(200, received.target) };
    const others = Array.from({ length: 4 }, () => s.connect());
    for (const [i, other] of others.entries()) other.send(get(`/${i}`));
    for (const other of others) await other.answered(1);
    expect(others.map((other) => other.answers[0]?.body)).toEqual(["/0", "/1", "/2", "/3"]);
    expect(client.answers).toHaveLength(1);
    expect(s.backend.problems).toEqual([]);
    expect((s.backend.connections[0]?.requests ?? 0) > 1).toBe(kept);
  },
);

test("the rest of an unwanted answer is awaited before its connection is used again", async () => {
  await using s = await scene(ALL, inTurn(sends(text(503, "Content-Length: 6\r\n", "un")), ok));
  const client = s.connect();
  expect((await client.ask(get())).body).toBe("ok");
  s.backend.connections[1]?.peer.destroy();
  s.world.settle();
  s.backend.behaviour = { request: ({ target }, connection) => connection.reply(200, target) };
  expect((await client.ask(get("/a"))).body).toBe("/a");
  expect(s.backend.last.connection).toBe(2);
  s.backend.connections[2]?.peer.destroy();
  s.backend.connections[0]?.send("want");
  s.world.settle();
  s.backend.connections[0]?.send("ed");
  s.world.settle();
  expect(s.backend.connections[0]?.closed).toBe(true); // what came was two bytes too many
  expect((await client.ask(get("/b"))).body).toBe("/b");
});

test("on sockets, everybody gets his own answer while every other try fails, with bodies short and long", async () => {
  let turn = 0;
  await using s = await tcpScene(
    { client: noAccrual, service: { ...ALL, retries: { budget: { percentCanRetry: 1000 } } } },
    {
      request({ target }, connection) {
        if (++turn % 2 === 0) connection.reply(200, target);
        else if (turn % 3 === 0)
          connection.send(text(503, "Transfer-Encoding: chunked\r\n", chunked(long(turn), long(turn))));
        else connection.reply(503, long((turn % 7) * 20_000));
      },
    },
  );
  const clients = Array.from({ length: 6 }, () => s.connect());
  await Promise.all(
    clients.map(async (client, i) => {
      for (let n = 0; n < 40; n++) {
        const answer = await client.ask(request("POST", long(n * 100), `/${i}/${n}`));
        expect([answer.status, answer.body]).toEqual([200, `/${i}/${n}`]);
      }
    }),
  );
  expect([s.backend.problems, s.proxy.records.length]).toEqual([[], 240]);
  expect(s.proxy.records.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(turn);
});

test("the answer of the last try is passed on as it is", async () => {
  const tries = [
    replies(500, "one", { "X-Try": "1" }),
    replies(502, "two", { "X-Try": "2" }),
    replies(503, "three", { "X-Try": "3" }),
  ];
  await using s = await scene({ ...ALL, retries: { maxRetries: 2 } }, inTurn(...tries));
  const client = s.connect();
  const answer = await client.ask(get());
  expect([answer.status, answer.body, valueOf(answer, "x-try")]).toEqual([503, "three", "3"]);
  expect(client.peer.receivedBytes).toBe(answer.raw.length);
  expect(s.proxy.lastRecord).toMatchObject({ status: 503, responseBytes: 5, cause: "" });
});

test("interim answers of all tries are passed on, the final one once", async () => {
  const hints = "HTTP/1.1 103 Early Hints\r\n\r\n";
  await using s = await scene(
    ALL,
    inTurn(
      sends(hints, text(503, "Content-Length: 0\r\n", "")),
      sends(hints, text(200, "Content-Length: 2\r\n", "ok")),
    ),
  );
  const answer = await s.connect().ask(get());
  expect([answer.interim, answer.status]).toEqual([[103, 103], 200]);
});

test("an answer that took three tries leaves the caller's connection as it was", async () => {
  await using s = await scene(ALL, inTurn(bad, bad, ok, bad, bad, ok));
  const client = s.connect();
  client.send(`${get("/a")}${get("/b")}`, "GET", "GET");
  await client.answered(2);
  expect(client.answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(client.over).toBe(false);
  expect(s.backend.requests.map(({ target }) => target)).toEqual(["/a", "/a", "/a", "/b", "/b", "/b"]);
});

// ---- Requeues and nacks -----------------------------------------------------------------------------------------------

const noRequeues = { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } };
const requeues = ({ proxy, backend }: Scene) => proxy.metric("client", backend.name.slice(1), "retries", "requeues");

test.each([
  ["finagle-http-nack", { "finagle-http-nack": "true" }],
  ["finagle-http-nack without a value", { "finagle-http-nack": "" }],
  ["Retry-After: 0", { "Retry-After": "0" }],
])("a 503 with %s is sent again whatever the method, from the client's budget", async (_, fields) => {
  await using s = await scene({}, inTurn(replies(503, "nack", fields), ok));
  const answer = await s.connect().ask(request("POST", "body"));
  expect([answer.status, s.backend.requests.map((r) => r.body)]).toEqual([200, ["body", "body"]]);
  expect([requeues(s), retries(s, "total")]).toEqual([1, 0]);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 2, retries: 0, cause: "" });
});

test.each([
  [500, { "finagle-http-nack": "true" }],
  [503, { "Retry-After": "1" }],
  [503, { "Retry-After": "00" }],
  [503, { "finagle-http-nonretryable-nack": "true" }],
  [503, { "finagle-http-nack": "true", "finagle-http-nonretryable-nack": "true" }],
] as const)("a %d with %j is passed on", async (status, fields) => {
  await using s = await scene({}, inTurn(replies(status, "as it is", fields), ok));
  const answer = await s.connect().ask(get());
  expect([answer.status, answer.body, s.backend.requests.length]).toEqual([status, "as it is", 1]);
});

test.each(["GET", "POST"])("a service that says not to send %s again is heard by every classifier", async (method) => {
  const final = replies(503, "no", { "finagle-http-nonretryable-nack": "true", "l5d-retryable": "true" });
  await using s = await scene(ALL, inTurn(final, ok));
  expect((await s.connect().ask(request(method, method === "POST" ? "b" : ""))).body).toBe("no");
  expect(s.backend.requests).toHaveLength(1);
});

test("nacks are neither counted nor multiplied as retries when the client's budget is used up", async () => {
  await using s = await scene(ALL, inTurn(nack), noRequeues);
  const answer = await s.connect().ask(get());
  expect([answer.status, causeOf(answer)]).toEqual([503, "upstream.nack"]);
  expect([s.backend.requests.length, requeues(s), retries(s, "total")]).toEqual([1, 0, 0]);
});

test("a Retry-After: 0 that could not be sent elsewhere is passed on as the service said it", async () => {
  await using s = await scene(ALL, inTurn(replies(503, "busy", { "Retry-After": "0" })), noRequeues);
  const answer = await s.connect().ask(get());
  expect([answer.status, answer.body, valueOf(answer, "retry-after"), causeOf(answer)]).toEqual([503, "busy", "0", ""]);
  expect(s.backend.requests).toHaveLength(1);
});

test("a lost race for a kept connection is not multiplied either", async () => {
  await using s = await scene(ALL, {}, noRequeues);
  await s.connect().ask(get("/warm"));
  const [kept] = s.backend.open;
  const client = s.connect();
  s.world.settle();
  client.send(get());
  kept?.peer.destroy();
  await client.answered(1);
  expect(causeOf(client.answers[0]!)).toBe("upstream.connection.stale");
  expect([s.backend.requests.length, retries(s, "total")]).toEqual([1, 0]);
});

test("requeues of each retry are counted from its own beginning", async () => {
  await using s = await scene({ ...ALL, retries: { maxRetries: 2 } }, inTurn(nack, bad, nack, bad, nack, ok));
  expect((await s.connect().ask(get())).status).toBe(200);
  expect(s.proxy.lastRecord).toMatchObject({ attempts: 6, retries: 2 });
  expect([requeues(s), retries(s, "total")]).toEqual([3, 2]);
});

// ---- Figures ----------------------------------------------------------------------------------------------------------

test("of a request with its retries the service counts one, the client all, the server what the caller saw", async () => {
  await using s = await scene({ ...ALL, retries: { maxRetries: 2 } }, inTurn(bad, bad, ok, bad, bad, bad, ok));
  const client = s.connect();
  const statuses = [];
  for (let i = 0; i < 3; i++) statuses.push((await client.ask(get())).status);
  expect(statuses).toEqual([200, 503, 200]);
  const figures = (...place: string[]) =>
    ["requests", "success", "failures", "pending"].map((name) => s.proxy.metric(...place, name));
  const id = s.backend.name.slice(1);
  expect(figures("service", "svc/web")).toEqual([3, 2, 1, 0]);
  expect(figures("client", id)).toEqual([7, 2, 5, 0]);
  expect(figures("client", id, "service", "svc/web")).toEqual([7, 2, 5, 0]);
  expect(["requests", "success", "failures"].map((name) => s.proxy.serverMetric(name))).toEqual([3, 2, 1]);
  expect([s.proxy.metric("client", id, "status", "503"), s.proxy.metric("client", id, "status", "200")]).toEqual([
    5, 2,
  ]);
  expect([s.proxy.serverMetric("status", "503"), s.proxy.serverMetric("status", "200")]).toEqual([1, 2]);
  expect([retries(s, "total"), requeues(s)]).toEqual([4, 0]);
  expect(s.proxy.records.map((r) => [r.attempts, r.retries, r.outcome])).toEqual([
    [3, 2, "success"],
    [3, 2, "failure"],
    [1, 0, "success"],
  ]);
});

test("an attempt counts once in failure accrual, though its failed answer breaks off as well", async () => {
  const accrual = { failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 2 } };
  const broken = sends("HTTP/1.1 500 Status\r\nContent-Length: 9\r\n\r\nx");
  await using s = await scene(
    {},
    inTurn((received, c) => (broken(received, c), c.peer.end())),
    accrual,
  );
  s.connect().send(get());
  s.world.settle();
  expect(s.backend.requests).toHaveLength(1);
  expect(s.proxy.metric("client", s.backend.name.slice(1), "failure_accrual", "removals")).toBe(0);
});

test.each([
  ["nonRetryable5XX", 1],
  ["retryableRead5XX", 1],
  ["allSuccessful", 0],
])("failure accrual goes by what the classifier says: %s", async (name, removals) => {
  const accrual = { failureAccrual: { kind: "io.l5d.consecutiveFailures", failures: 3 } };
  await using s = await scene({ ...kind(name), retries: { maxRetries: 0 } }, inTurn(bad), accrual);
  const client = s.connect();
  for (let i = 0; i < 3; i++) await client.ask(get());
  expect(s.proxy.metric("client", s.backend.name.slice(1), "failure_accrual", "removals")).toBe(removals);
  expect(valueOf(client.answers[0]!, "l5d-success-class")).toBe(removals === 1 ? "0.0" : "1.0");
  expect(s.proxy.metric("service", "svc/web", "success")).toBe(removals === 1 ? 0 : 3);
});
