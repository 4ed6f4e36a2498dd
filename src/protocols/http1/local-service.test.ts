import { expect, test } from "vitest";
import { HttpClient } from "../../../test/support/http-client.ts";
import { compose, valueOf } from "../../../test/support/http-text.ts";
import { Peer } from "../../../test/support/peer.ts";
import { poisonReleased } from "../../../test/support/poison.ts";
import { memoryWorld } from "../../../test/support/world.ts";
import { DataLoop } from "../../core/data-loop.ts";
import { MetricsRegistry } from "../../telemetry/registry.ts";
import { LocalDtabs } from "../http/local-dtabs.ts";
import { LINKERD_OVERRIDES } from "../http/overrides.ts";
import { type LocalAnswer, LocalProblem, type LocalRequest } from "./local-answer.ts";
import { LocalService } from "./local-service.ts";
import { Http1 } from "./protocol.ts";

type Serve = (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>;

const words = (body: LocalAnswer["body"], status = 200): LocalAnswer => ({
  status,
  headers: { "Content-Type": "text/plain" },
  body,
});

/** A service with up to 100 bytes of body and two requests at a time. */
async function serviceOf(serve: Serve) {
  const world = memoryWorld();
  const { env } = world;
  const loop = new DataLoop(env);
  const http1 = new Http1(loop, await world.proxyTransport(loop));
  const tell = (use: Error) => void world.thrown.push(use);
  poisonReleased(loop.exchanges, tell);
  poisonReleased(loop.attempts, tell);
  poisonReleased(http1.heads, tell);
  const failures: unknown[] = [];
  const failed = (error: unknown) => void failures.push(error);
  const service = new LocalService({ env, loop, maxBodyBytes: 100, maxConcurrent: 2, failed, serve });
  const scope = new MetricsRegistry(env).root;
  const figures = { sentBytes: scope.counter("sent"), receivedBytes: scope.counter("received") };
  const server = await http1.listen({ host: "127.0.0.1", port: 0 }, settings(env), service, () => ({
    ...figures,
    opened: () => undefined,
    closed: () => undefined,
    tunnels: null,
  }));
  const port = server.listener?.port ?? 0;
  world.atEnd(async () => {
    const drained = server.drain();
    await world.pass(3000);
    await drained;
    expect([loop.exchanges.inUse, loop.attempts.inUse, http1.heads.inUse, service.active]).toEqual([0, 0, 0, 0]);
  });
  return { world, service, failures, connect: () => new HttpClient(world, port), port, sent: figures.sentBytes };
}

function settings(env: ReturnType<typeof memoryWorld>["env"]) {
  const timers = {
    headerTimeoutMs: 1000,
    bodyIdleTimeoutMs: 1000,
    writeStallTimeoutMs: 5000,
    tunnelIdleTimeoutMs: 0,
    tunnelHalfClosedTimeoutMs: 0,
    idleTimeoutMs: 0,
    lifeTimeMs: 0,
  };
  const head = { maxLineBytes: 1000, maxFieldsBytes: 1000, maxFields: 20 };
  const localDtabs = new LocalDtabs((text) => text, env.clock);
  return {
    limits: { ...timers, head, maxErrBytes: 100 },
    admission: {
      clearContext: true,
      b3: false,
      maxCallDepth: 10,
      timestampHeader: "",
      forwarded: null,
      localDtabs,
      overrides: LINKERD_OVERRIDES,
    },
  };
}

const get = (target = "/", fields: Readonly<Record<string, string>> = {}) =>
  compose(`GET ${target} HTTP/1.1`, { Host: "here", ...fields });
const post = (body: string, fields: Readonly<Record<string, string>> = {}) =>
  compose("POST / HTTP/1.1", { Host: "here", ...fields }, body);

/** Pieces without end, counted. */
function endless() {
  const counted = { made: 0, closed: false };
  function* pieces(): Generator<string> {
    try {
      for (;;) {
        counted.made++;
        yield "x".repeat(10_000);
      }
    } finally {
      counted.closed = true;
    }
  }
  return { counted, pieces };
}

test("a text is answered with its length in bytes, and the connection goes on", async () => {
  const s = await serviceOf((request) => words(`ü ${request.method} ${request.target} ${request.header("host")}`));
  await using _ = s.world;
  const caller = s.connect();
  const answer = await caller.ask(get("/a?b=c"));
  expect(answer).toMatchObject({ status: 200, line: "HTTP/1.1 200 OK" });
  expect(Buffer.from(answer.body, "latin1").toString()).toBe("ü GET /a?b=c here");
  expect(valueOf(answer, "content-length")).toBe("18");
  expect(valueOf(answer, "date")).toBe("Thu, 01 Jan 2026 00:00:00 GMT");
  expect((await caller.ask(get("/again"))).status).toBe(200);
});

test("HEAD gets the head of the same answer", async () => {
  const s = await serviceOf(() => words("hello"));
  await using _ = s.world;
  const answer = await s.connect().ask(compose("HEAD / HTTP/1.1", { Host: "here" }));
  expect(valueOf(answer, "content-length")).toBe("5");
  expect(answer.body).toBe("");
});

test("the authority of an absolute target is the host asked for", async () => {
  const s = await serviceOf((request) => words(`${request.header("host")} ${request.target}`));
  await using _ = s.world;
  expect((await s.connect().ask(get("http://there:80/x"))).body).toBe("there:80 /x");
});

test("a body is read whole, however it is framed", async () => {
  const s = await serviceOf(async (request) => words((await request.body()).toString()));
  await using _ = s.world;
  const caller = s.connect();
  expect((await caller.ask(post("hello"))).body).toBe("hello");
  const chunks = "POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
  expect((await caller.ask(chunks)).body).toBe("hello");
  expect((await caller.ask(get())).body).toBe("");
});

test("a body that drips in is refused after 10 s", async () => {
  const s = await serviceOf(async (request) => words((await request.body()).toString()));
  await using _world = s.world;
  const caller = s.connect();
  caller.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 90\r\n\r\n");
  for (let i = 0; i < 20 && caller.answers.length === 0; i++) {
    caller.peer.send("x");
    await s.world.pass(800);
  }
  expect(caller.answers[0]?.status).toBe(408);
  expect(caller.answers[0]?.body).toContain("did not arrive within 10000 ms");
});

test("a caller that waits for 100 Continue gets it when the body is wanted", async () => {
  const s = await serviceOf(async (request) => words((await request.body()).toString()));
  await using _ = s.world;
  const caller = s.connect();
  caller.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  await s.world.until("100", () => caller.heads.length === 1);
  caller.peer.send("ok");
  await caller.answered(1);
  expect(caller.answers[0]).toMatchObject({ interim: [100], body: "ok" });
});

test.for([
  ["announced", post("x".repeat(101))],
  [
    "chunked",
    `POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n${"x".repeat(101)}\r\n0\r\n\r\n`,
  ],
])("a body that is too large, %s, is refused and the connection ends", async ([, text]) => {
  const s = await serviceOf(async (request) => words((await request.body()).toString()));
  await using _ = s.world;
  const caller = s.connect();
  const answer = await caller.ask(text ?? "");
  expect(answer).toMatchObject({
    status: 413,
    body: "the body has more than 100 bytes, which is the most that is read here\n",
  });
});

test("an answer may come before the body, which is then not read", async () => {
  const s = await serviceOf(() => words("no", 403));
  await using _ = s.world;
  const caller = s.connect();
  caller.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 50\r\n\r\nbegun");
  await caller.answered(1);
  await caller.released();
  expect(caller.answers[0]?.status).toBe(403);
});

test("pieces are chunks; two at most have a length instead", async () => {
  const s = await serviceOf((request) => words(request.target === "/long" ? ["a", "b", "c"] : ["a"]));
  await using _ = s.world;
  const caller = s.connect();
  expect(valueOf(await caller.ask(get()), "content-length")).toBe("1");
  const long = await caller.ask(get("/long"));
  expect(valueOf(long, "transfer-encoding")).toBe("chunked");
  expect(long.body).toBe("abc");
});

test("a caller that speaks HTTP/1.0 gets pieces until the end of the connection", async () => {
  const s = await serviceOf(() => words(["a", "b", "c"]));
  await using _ = s.world;
  const caller = s.connect();
  caller.send("GET / HTTP/1.0\r\n\r\n");
  await caller.released();
  expect(caller.answers[0]?.body).toBe("abc");
});

test("pieces are made no faster than the caller takes them", async () => {
  const { counted, pieces } = endless();
  const s = await serviceOf(() => words(pieces()));
  await using _ = s.world;
  const slow = Peer.connect(s.world, s.port);
  slow.send(get());
  slow.stream.pause();
  await s.world.pass(100);
  const stalledAt = counted.made;
  expect(stalledAt).toBeLessThan(100);
  await s.world.pass(1000);
  expect(counted.made).toBe(stalledAt);
  slow.onChunk = () => undefined;
  slow.stream.resume();
  await s.world.until("more", () => {
    s.world.env.advance(1);
    return counted.made > stalledAt + 100;
  });
  expect(s.sent.value).toBeGreaterThan(1_000_000);
  slow.destroy();
  await s.world.pass(10);
  expect(counted.closed).toBe(true);
});

test("a caller that leaves while the answer is being found changes nothing", async () => {
  const found = Promise.withResolvers<LocalAnswer>();
  const s = await serviceOf(() => found.promise);
  await using _ = s.world;
  const caller = s.connect();
  caller.send(get());
  await s.world.until("the request", () => s.service.active === 1);
  caller.close();
  await s.world.until("its end", () => s.service.active === 0);
  found.resolve(words("too late"));
  await s.world.pass(10);
  expect(s.failures).toEqual([]);
});

test("a caller that leaves in the middle of its body is not waited for", async () => {
  const ends: string[] = [];
  const s = await serviceOf(async (request) => {
    const end = await request.body().catch((error: unknown) => (error instanceof LocalProblem ? error.message : "?"));
    ends.push(String(end));
    return words("");
  });
  await using _ = s.world;
  const caller = s.connect();
  caller.send("POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 50\r\n\r\nbegun");
  await s.world.until("the request", () => s.service.active === 1);
  caller.close();
  await s.world.until("its end", () => ends.length === 1);
  expect(ends).toEqual(["the caller went away"]);
});

test("problems are answered in words, anything else that is thrown as 500 and told", async () => {
  const s = await serviceOf((request) => {
    if (request.target === "/problem") throw new LocalProblem(404, "nothing there");
    if (request.target === "/later") return Promise.reject(new Error("a bug"));
    return words(broken());
  });
  await using _ = s.world;
  function* broken(): Generator<string> {
    yield "a";
    throw new Error("a bug");
  }
  const caller = s.connect();
  expect(await caller.ask(get("/problem"))).toMatchObject({ status: 404, body: "nothing there\n" });
  expect(s.failures).toEqual([]);
  expect((await caller.ask(get("/later"))).body).toBe("internal error: a bug; the log has the stack\n");
  expect((await caller.ask(get("/pieces"))).status).toBe(500);
  expect(s.failures.map(String)).toEqual(["Error: a bug", "Error: a bug"]);
});

test("an answer that fails on its way breaks off visibly", async () => {
  const s = await serviceOf(() => words(broken()));
  await using _ = s.world;
  function* broken(): Generator<string> {
    yield "a";
    yield "b";
    throw new Error("a bug");
  }
  const peer = Peer.connect(s.world, s.port);
  peer.send(get());
  await s.world.until("the end", () => peer.ended || peer.closed);
  expect(peer.received).toContain("1\r\na\r\n1\r\nb\r\n");
  expect(peer.received).not.toContain("0\r\n\r\n");
  expect(s.failures.length).toBe(1);
});

test("requests beyond the limit are refused at once", async () => {
  const found = Promise.withResolvers<LocalAnswer>();
  const s = await serviceOf(() => found.promise);
  await using _ = s.world;
  const callers = [s.connect(), s.connect()];
  for (const caller of callers) caller.send(get());
  await s.world.until("both", () => s.service.active === 2);
  expect(await s.connect().ask(get())).toMatchObject({
    status: 503,
    body: "already 2 requests in progress; try again\n",
  });
  found.resolve(words("ok"));
  for (const caller of callers) await caller.answered(1);
});

test.for([
  ["a bad request line", "nonsense\r\n\r\n", 400],
  ["a bad header", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400],
  ["a long line", `GET /${"x".repeat(2000)} HTTP/1.1\r\n\r\n`, 414],
  ["a large head", `GET / HTTP/1.1\r\nHost: x\r\n${"a: b\r\n".repeat(30)}\r\n`, 431],
  ["another version", "GET / HTTP/1.9\r\n\r\n", 505],
] as const)("%s is answered in words", async ([, text, status]) => {
  const s = await serviceOf(() => words("fine"));
  await using _ = s.world;
  const caller = s.connect();
  const answer = await caller.ask(text);
  expect(answer.status).toBe(status);
  expect(answer.body).toMatch(/^[A-Z].*\.\n$/);
  await caller.released();
});

test("a body that is malformed ends what was waiting for it", async () => {
  const s = await serviceOf(async (request) => words((await request.body()).toString()));
  await using _ = s.world;
  const caller = s.connect();
  const answer = await caller.ask("POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  expect(answer.status).toBe(400);
});

test("a head that never ends is answered when its time is over", async () => {
  const s = await serviceOf(() => words("fine"));
  await using _ = s.world;
  const caller = s.connect();
  caller.send("GET / HTTP/1.1\r\nHost: h");
  await s.world.pass(1500);
  expect(caller.answers[0]?.status).toBe(408);
});
