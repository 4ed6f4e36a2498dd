// Overload: what is refused, how it is told, and that every place taken is given back (finagle §6; issue: "Overload"). Refusals are to
// cost little. Long, because every ending of a request is tried with every kind of limit.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Backend, type BackendConnection } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { deadlineIn } from "../support/hops.ts";
import { type Answer, causeOf, type HttpClient } from "../support/http-client.ts";
import { Code, type FieldPairs } from "../support/h2-frames.ts";
import { call, get as h2get, memoryH2Scene } from "../support/h2-scene.ts";
import { grpcMessage, silent, trailersOnly } from "../support/h2-service.ts";
import { chunked, compose, valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, post, type Scene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

type MemoryScene = Scene<MemoryWorld>;

const NACK = { "finagle-http-nack": "true" };
const RETRYABLE = "Request was not processed by the server due to an error and is safe to retry";
const FINAL = "Request was not processed by the server and should not be retried";

function step(world: MemoryWorld, ms: number): void {
  world.settle();
  for (let i = 0; i < ms; i++) {
    world.env.advance(1);
    world.settle();
  }
}

function clientFigure(
  scene: { readonly backend: { readonly name: string }; readonly proxy: Proxy },
  ...names: string[]
): number {
  return scene.proxy.metric("client", scene.backend.name.slice(1), ...names);
}

// ---- Nack admission --------------------------------------------------------------------------------------------------

/** One attempt per request, so that shares can be told. */
const ONE_ATTEMPT: ProxySetup = {
  client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 }, failureAccrual: { kind: "none" } },
};

/** Requests at ten per second; returns how many of them the service has seen. */
function ask(scene: MemoryScene, client: HttpClient, requests: number): number {
  const before = scene.backend.requests.length;
  for (let i = 0; i < requests; i++) {
    client.send(get());
    step(scene.world, 1);
    scene.world.env.advance(99);
  }
  scene.world.settle();
  return scene.backend.requests.length - before;
}

test("a service that refuses everything is sent less and less, a quarter at last, and all again when it has recovered", async () => {
  await using scene = await memoryScene(ONE_ATTEMPT, { request: (_, connection) => connection.reply(503, "", NACK) });
  const client = scene.connect();
  await client.ask(get());
  const accepted = () => clientFigure(scene, "nack_admission_control", "ema_value");
  // Down to a half nothing is held back: e^(-83/120) is a half.
  expect(ask(scene, client, 800)).toBe(800);
  expect(accepted()).toBeGreaterThan(0.5);
  expect(accepted()).toBeLessThan(0.53);
  // Then by the curve: of what is accepted, twice the share.
  let sent = 0;
  let expected = 0;
  for (let i = 0; i < 40; i++) {
    expected += 100 * Math.min(1, Math.max(0.25, 2 * accepted()));
    sent += ask(scene, client, 100);
  }
  expect(sent / expected).toBeGreaterThan(0.93);
  expect(sent / expected).toBeLessThan(1.07);
  expect(accepted()).toBeLessThan(0.125);
  const last = ask(scene, client, 1000);
  expect(last).toBeGreaterThan(200);
  expect(last).toBeLessThan(300);
  const dropped = clientFigure(scene, "nack_admission_control", "dropped_requests");
  expect(scene.backend.requests.length + dropped).toBe(client.answers.length);
  const answer = client.answers.findLast((one) => causeOf(one) === "proxy.limit.nacks") as Answer;
  expect([answer.status, answer.body, valueOf(answer, "finagle-http-nonretryable-nack")]).toEqual([503, FINAL, "true"]);
  expect([valueOf(answer, "finagle-http-nack"), valueOf(answer, "l5d-err"), valueOf(answer, "retry-after")]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);

  scene.backend.behaviour = {};
  ask(scene, client, 900);
  expect(accepted()).toBeGreaterThan(0.5);
  expect(ask(scene, client, 100)).toBe(100);
}, 60_000);

test("at fewer than five requests a second refusals say too little, and nothing is held back", async () => {
  await using scene = await memoryScene(ONE_ATTEMPT, { request: (_, connection) => connection.reply(503, "", NACK) });
  const client = scene.connect();
  for (let i = 0; i < 1200; i++) {
    client.send(get());
    scene.world.settle();
    scene.world.env.advance(300);
  }
  scene.world.settle();
  expect(scene.backend.requests).toHaveLength(1200);
  expect(clientFigure(scene, "nack_admission_control", "ema_value")).toBe(1);
});

test("failures that are no refusals do not count as such", async () => {
  await using scene = await memoryScene(ONE_ATTEMPT, { request: (_, connection) => connection.reply(503) });
  const client = scene.connect();
  expect(ask(scene, client, 1500)).toBe(1500);
  expect(clientFigure(scene, "nack_admission_control", "ema_value")).toBe(1);
});

test.each([
  ["REFUSED_STREAM", Code.refused],
  ["ENHANCE_YOUR_CALM", Code.calm],
])("a service of HTTP/2 refuses with %s", async (_, code) => {
  await using scene = await memoryH2Scene(
    { client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 }, failureAccrual: { kind: "none" } } },
    { request: (stream) => stream.sendReset(code) },
  );
  const caller = scene.connect();
  for (let i = 0; i < 1200; i++) {
    caller.request(call());
    scene.world.settle();
    scene.world.env.advance(100);
  }
  scene.world.settle();
  const ema = scene.proxy.metric("client", scene.service.name.slice(1), "nack_admission_control", "ema_value");
  expect(ema).toBeLessThan(0.5);
  const streams = [...caller.streams.values()];
  const dropped = streams.filter((stream) => stream.cause === "proxy.limit.nacks");
  expect(dropped.length).toBeGreaterThan(0);
  for (const stream of dropped) expect(stream.value("grpc-status")).toBe("8");
});

// ---- Nacks of services -----------------------------------------------------------------------------------------------

test("a nack is sent elsewhere at once, within the budget; when there is none left its caller hears a final one", async () => {
  await using scene = await memoryScene({ client: { failureAccrual: { kind: "none" } } });
  let nacks = 2;
  scene.backend.behaviour = {
    request: (_, connection) => (nacks-- > 0 ? connection.reply(503, "busy", NACK) : connection.reply(200, "ok")),
  };
  const client = scene.connect();
  expect((await client.ask(get())).body).toBe("ok");
  expect(scene.proxy.lastRecord).toMatchObject({ attempts: 3, outcome: "success" });
  nacks = Number.POSITIVE_INFINITY;
  const refused = await client.ask(get());
  expect([refused.status, causeOf(refused), refused.body]).toEqual([503, "upstream.nack", FINAL]);
  expect([valueOf(refused, "finagle-http-nonretryable-nack"), valueOf(refused, "finagle-http-nack")]).toEqual([
    "true",
    undefined,
  ]);
  expect(scene.proxy.lastRecord.attempts).toBeLessThanOrEqual(25);
});

test("a final nack of a service is not sent elsewhere, and passes as it is", async () => {
  await using scene = await memoryScene(
    {},
    { request: (_, connection) => connection.reply(503, "no", { "finagle-http-nonretryable-nack": "true" }) },
  );
  const answer = await scene.connect().ask(get());
  expect([answer.status, answer.body, valueOf(answer, "finagle-http-nonretryable-nack")]).toEqual([503, "no", "true"]);
  expect(scene.backend.requests).toHaveLength(1);
});

test("a nack of a request with a chunked body is final: nobody has the body any longer", async () => {
  await using scene = await memoryScene({}, { request: (_, connection) => connection.reply(503, "busy", NACK) });
  const client = scene.connect();
  await client.ask(`PUT / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n${chunked("abc")}`);
  expect(scene.backend.requests).toHaveLength(1);
  expect(client.answers[0]?.status).toBe(503);
});

test("two proxies in a row: a nack of the second is retried by the first, one behind it is not multiplied", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world, { request: (_, connection) => connection.reply(503, "", NACK) });
  await using inner = await Proxy.start(world, {
    dtab: `/svc/web => ${backend.name};`,
    client: { failureAccrual: { kind: "none" } },
  });
  await using outer = await Proxy.start(world, {
    dtab: `/svc/web => /$/inet/127.0.0.1/${inner.port()};`,
    client: { failureAccrual: { kind: "none" } },
  });
  const answer = await outer.connect().ask(get());
  expect(answer.status).toBe(503);
  expect(outer.lastRecord.attempts).toBe(1);
  expect(inner.records).toHaveLength(1);
  expect(backend.requests.length).toBe(inner.lastRecord.attempts);
});

// ---- Limits on concurrent requests -----------------------------------------------------------------------------------

const KINDS = [
  ["fairlead.gradient", { kind: "fairlead.gradient", initialLimit: 3, minLimit: 3, maxLimit: 3 }],
  ["fairlead.aimd", { kind: "fairlead.aimd", initialLimit: 3, minLimit: 3, maxLimit: 3, latencyMs: 10_000 }],
] as const;

interface Ending {
  readonly setup?: ProxySetup;
  readonly request?: (scene: MemoryScene) => string;
  /** What happens to the requests in progress. */
  end(scene: MemoryScene, clients: readonly HttpClient[], held: readonly BackendConnection[]): void | Promise<void>;
}

const each =
  (act: (connection: BackendConnection) => void): Ending["end"] =>
  (_scene, _clients, held) =>
    held.forEach(act);

const endings: readonly (readonly [string, Ending])[] = [
  ["an answer", { end: each((connection) => connection.reply(200, "ok")) }],
  ["a failing answer", { end: each((connection) => connection.reply(500)) }],
  [
    "a nack that is sent again and answered",
    {
      end: (scene, _clients, held) => {
        scene.backend.behaviour = {};
        for (const connection of held) connection.reply(503, "", NACK);
      },
    },
  ],
  [
    "a nack that is not",
    {
      setup: { client: { requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 } } },
      end: each((connection) => connection.reply(503, "", NACK)),
    },
  ],
  [
    "a final nack",
    { end: each((connection) => connection.reply(503, "", { "finagle-http-nonretryable-nack": "true" })) },
  ],
  [
    "a broken connection",
    {
      end: (scene, _clients, held) => {
        scene.backend.behaviour = {}; // one of them was kept from before, and what was sent on it is sent again
        for (const connection of held) connection.peer.destroy();
      },
    },
  ],
  ["nonsense", { end: each((connection) => connection.send("what?\r\n\r\n")) }],
  [
    "an answer that breaks off",
    {
      end: (scene, _clients, held) => {
        for (const connection of held) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12");
        scene.world.settle();
        for (const connection of held) connection.peer.destroy();
      },
    },
  ],
  ["a caller that leaves", { end: (_scene, clients) => clients.forEach((client) => client.close()) }],
  [
    "a caller that leaves in the middle of its answer",
    {
      end: (scene, clients, held) => {
        for (const connection of held) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n12");
        scene.world.settle();
        for (const client of clients) client.close();
      },
    },
  ],
  [
    "the attempt timeout",
    { setup: { client: { requestAttemptTimeoutMs: 100 } }, end: (scene) => step(scene.world, 250) },
  ],
  ["the total timeout", { setup: { service: { totalTimeoutMs: 100 } }, end: (scene) => step(scene.world, 250) }],
  ["the server's timeout", { setup: { server: { timeoutMs: 100 } }, end: (scene) => step(scene.world, 250) }],
  [
    "the timeout of a try, with a retry",
    {
      setup: {
        service: {
          responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
          retries: { perTryTimeoutMs: 50, maxRetries: 1, backoff: { kind: "constant", ms: 20 } },
        },
      },
      end: (scene) => step(scene.world, 250),
    },
  ],
  [
    "a deadline",
    {
      setup: { router: { deadlines: "enforce" } },
      request: (scene) => get("/", { "l5d-ctx-deadline": deadlineIn(scene.world, 100) }),
      end: (scene) => step(scene.world, 250),
    },
  ],
  [
    "a retry that waits and is answered",
    {
      setup: {
        service: {
          responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
          retries: { backoff: { kind: "constant", ms: 50 } },
        },
      },
      end: (scene, _clients, held) => {
        for (const connection of held) connection.reply(500);
        scene.world.settle();
        expect(clientFigure(scene, "concurrency_limit", "inflight")).toBe(0); // who waits works on nothing
        scene.backend.behaviour = {};
        step(scene.world, 100);
      },
    },
  ],
  [
    "a retry whose caller leaves while it waits",
    {
      setup: {
        service: {
          responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
          retries: { backoff: { kind: "constant", ms: 50 } },
        },
      },
      end: (scene, clients, held) => {
        for (const connection of held) connection.reply(500);
        scene.world.settle();
        for (const client of clients) client.close();
        step(scene.world, 100);
      },
    },
  ],
];

test.each(KINDS.flatMap(([kind, limit]) => endings.map(([name, ending]) => [kind, name, limit, ending] as const)))(
  "%s gives places back after %s",
  async (_kind, _name, concurrencyLimit, { setup = {}, request = () => get(), end }) => {
    const client = { failureAccrual: { kind: "none" }, ...setup.client, concurrencyLimit };
    await using scene = await memoryScene({ ...setup, client });
    await scene.connect().ask(get());
    const held: BackendConnection[] = [];
    scene.backend.behaviour = { request: (_, connection) => void held.push(connection) };
    const inFlight = () => clientFigure(scene, "concurrency_limit", "inflight");
    const clients = Array.from({ length: 3 }, () => scene.connect());
    for (const one of clients) one.send(request(scene));
    scene.world.settle();
    expect([held.length, inFlight()]).toEqual([3, 3]);
    const refused = await scene.connect().ask(get());
    expect([refused.status, causeOf(refused), refused.body]).toEqual([503, "proxy.limit.concurrency", RETRYABLE]);
    expect([
      valueOf(refused, "finagle-http-nack"),
      valueOf(refused, "retry-after"),
      valueOf(refused, "l5d-err"),
    ]).toEqual(["true", "0", undefined]);
    expect([clientFigure(scene, "concurrency_limit", "refused"), inFlight(), held.length]).toEqual([1, 3, 3]);
    await end(scene, clients, held);
    scene.world.settle();
    expect(inFlight()).toBe(0);
    scene.backend.behaviour = {};
    for (let i = 0; i < 5; i++) expect((await scene.connect().ask(get())).status).toBe(200);
    expect(clientFigure(scene, "concurrency_limit", "limit")).toBe(3);
  },
);

test("a hedged request has one place, and gives it back once", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backends = [await Backend.start(world), await Backend.start(world)];
  const disco = new Disco(world);
  disco.write("web", backends);
  const client = { hedge: { maxExtraLoad: 0.5 }, concurrencyLimit: KINDS[1][1] };
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], client });
  const caller = proxy.connect();
  const inFlight = () => proxy.metric("client", "#/io.l5d.fs/web", "concurrency_limit", "inflight");
  for (let i = 0; i < 30; i++) await caller.ask(get());
  await world.pass(3100);
  await caller.ask(get());
  const held: BackendConnection[] = [];
  for (const backend of backends) backend.behaviour = { request: (_, connection) => void held.push(connection) };
  for (let i = 0; i < 3; i++) {
    caller.send(get());
    step(world, 10);
    expect([held.length, inFlight()]).toEqual([2 * i + 2, 1]);
    held[2 * i + (i % 2)]?.reply(200);
    await caller.answered(32 + i);
    expect(inFlight()).toBe(0);
  }
});

test("whatever happens to many requests, no place is lost and none too many is taken", async () => {
  const deed = fc.record({
    afterMs: fc.nat(40),
    how: fc.constantFrom("answer", "fail", "nack", "break", "leave", "never"),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 40 }), async (deeds) => {
      await using scene = await memoryScene({
        client: {
          failureAccrual: { kind: "none" },
          requestAttemptTimeoutMs: 60,
          concurrencyLimit: { kind: "fairlead.aimd", initialLimit: 4, minLimit: 1, maxLimit: 6, latencyMs: 20 },
        },
        service: {
          responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
          retries: { maxRetries: 2, backoff: { kind: "constant", ms: 5 } },
          totalTimeoutMs: 300,
        },
      });
      await scene.connect().ask(get());
      let atOnce = 0;
      scene.backend.behaviour = {
        request: ({ target }, connection) => {
          atOnce = Math.max(atOnce, clientFigure(scene, "concurrency_limit", "inflight"));
          const { afterMs, how } = deeds[Number(target.slice(1))] as (typeof deeds)[number];
          scene.world.env.timers.after(afterMs, () => {
            if (connection.closed) return;
            if (how === "answer") connection.reply(200);
            else if (how === "fail") connection.reply(500);
            else if (how === "nack") connection.reply(503, "", NACK);
            else if (how === "break") connection.peer.destroy();
          });
        },
      };
      for (const [i, { afterMs, how }] of deeds.entries()) {
        const client = scene.connect();
        client.send(get(`/${i}`));
        if (how === "leave") scene.world.env.timers.after(afterMs, () => client.close());
        step(scene.world, i % 7);
      }
      step(scene.world, 700);
      expect(atOnce).toBeLessThanOrEqual(6);
      expect(clientFigure(scene, "concurrency_limit", "inflight")).toBe(0);
      expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
    }),
    { numRuns: 25 },
  );
}, 60_000);

test("over HTTP/2 the limit holds over streams; gRPC hears RESOURCE_EXHAUSTED, and streams that last keep their places", async () => {
  await using scene = await memoryH2Scene({ client: { concurrencyLimit: KINDS[0][1] } }, silent());
  const caller = scene.connect();
  const streams = [
    caller.request(h2get()),
    caller.request(call()),
    caller.request(call(), { body: grpcMessage("x"), end: false }),
  ];
  await scene.service.begun(3);
  const grpc = await caller.ask(call());
  expect([grpc.status, grpc.value("grpc-status"), grpc.cause]).toEqual([200, "8", "proxy.limit.concurrency"]);
  expect(grpc.value("grpc-message")).not.toBeUndefined();
  const plain = await caller.ask(h2get());
  expect([plain.status, plain.cause, plain.value("finagle-http-nack")]).toEqual([
    503,
    "proxy.limit.concurrency",
    "true",
  ]);
  const GRPC: FieldPairs = [["content-type", "application/grpc"]];
  const [first, second, third] = scene.service.heads;
  first?.reply(200);
  second?.reply(200, "", [...GRPC, ["grpc-status", "14"]]);
  third?.sendHead([[":status", "200"], ...GRPC]);
  const inFlight = () => scene.proxy.metric("client", scene.service.name.slice(1), "concurrency_limit", "inflight");
  scene.world.settle();
  expect(inFlight()).toBe(1);
  streams[2]?.sendReset(Code.cancel);
  scene.world.settle();
  expect(inFlight()).toBe(0);
});

test("gradient falls when the service gets slow, and what does not fit is refused at once", async () => {
  await using scene = await memoryScene({
    client: { concurrencyLimit: { kind: "fairlead.gradient", initialLimit: 50, minLimit: 4, maxLimit: 200 } },
  });
  let latencyMs = 10;
  const { timers } = scene.world.env;
  await scene.connect().ask(get());
  scene.backend.behaviour = {
    request: (_, connection) => void timers.after(latencyMs, () => connection.closed || connection.reply(200)),
  };
  const clients = Array.from({ length: 60 }, () => scene.connect());
  const load = (ms: number) => {
    for (let passed = 0; passed < ms; passed += 5) {
      for (const client of clients) {
        if (client.answers.length < (sent.get(client) ?? 0)) continue;
        client.send(get());
        sent.set(client, client.answers.length + 1);
      }
      step(scene.world, 5);
    }
  };
  const sent = new Map(clients.map((client) => [client, 0]));
  load(1000);
  const healthy = clientFigure(scene, "concurrency_limit", "limit");
  expect(healthy).toBeGreaterThanOrEqual(45);
  latencyMs = 200;
  load(4000);
  expect(clientFigure(scene, "concurrency_limit", "limit")).toBeLessThan(healthy / 2);
  expect(clientFigure(scene, "concurrency_limit", "refused")).toBeGreaterThan(50);
  expect(clientFigure(scene, "concurrency_limit", "inflight")).toBeLessThanOrEqual(healthy);
  step(scene.world, 300);
}, 60_000);

// ---- Other limits ----------------------------------------------------------------------------------------------------

test("maxConcurrentRequests refuses at once with a retryable nack, and takes requests again when one is over", async () => {
  await using scene = await memoryScene({ server: { maxConcurrentRequests: 2 } });
  await scene.connect().ask(get());
  const held: BackendConnection[] = [];
  scene.backend.behaviour = { request: (_, connection) => void held.push(connection) };
  for (let i = 0; i < 2; i++) scene.connect().send(get());
  scene.world.settle();
  const client = scene.connect();
  for (let i = 0; i < 50; i++) {
    const answer = await client.ask(get());
    expect([answer.status, causeOf(answer), answer.body, valueOf(answer, "finagle-http-nack")]).toEqual([
      503,
      "proxy.limit.concurrent-requests",
      RETRYABLE,
      "true",
    ]);
  }
  expect(held).toHaveLength(2);
  held[0]?.reply(200);
  scene.world.settle();
  client.send(get());
  scene.world.settle();
  expect(held).toHaveLength(3);
  const withBody = await scene.connect().ask(post("x"));
  expect([withBody.status, withBody.body, valueOf(withBody, "finagle-http-nonretryable-nack")]).toEqual([
    503,
    FINAL,
    "true",
  ]);
  const toHead = await scene.connect().ask(compose("HEAD / HTTP/1.1", { Host: "web" }));
  expect([toHead.status, toHead.body]).toEqual([503, ""]);
});

test("beyond maxWaiters a request is told that the pool is full, and those that wait are served in order", async () => {
  await using scene = await memoryScene({
    client: {
      hostConnectionPool: { maxSize: 1, maxWaiters: 2 },
      requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0 },
    },
  });
  await scene.connect().ask(get());
  const held: BackendConnection[] = [];
  scene.backend.behaviour = { request: (_, connection) => void held.push(connection) };
  const clients = Array.from({ length: 3 }, () => scene.connect());
  for (const [i, client] of clients.entries()) client.send(get(`/${i}`));
  scene.world.settle();
  const refused = await scene.connect().ask(get());
  expect(causeOf(refused)).toBe("proxy.limit.pool-waiters");
  expect([502, 503]).toContain(refused.status);
  expect(valueOf(refused, "l5d-retryable")).toBe("true");
  for (let i = 0; i < 3; i++) {
    held[i]?.reply(200, `to ${i}`);
    await clients[i]?.answered(1);
  }
  expect(clients.map(({ answers }) => answers[0]?.body)).toEqual(["to 0", "to 1", "to 2"]);
});

test("every refusal of the proxy is RESOURCE_EXHAUSTED to gRPC, and leaves the connection as it is", async () => {
  await using scene = await memoryH2Scene({ server: { maxConcurrentRequests: 1 } }, silent());
  const caller = scene.connect();
  const first = caller.request(call());
  await scene.service.begun(1);
  for (let i = 0; i < 20; i++) {
    const refused = await caller.ask(call(), { body: grpcMessage("x") });
    expect([refused.value("grpc-status"), refused.cause]).toEqual(["8", "proxy.limit.concurrent-requests"]);
  }
  scene.service.behaviour = trailersOnly(0);
  scene.service.heads[0]?.reply(200, "", [
    ["content-type", "application/grpc"],
    ["grpc-status", "0"],
  ]);
  await caller.finished(first);
  expect((await caller.ask(call())).value("grpc-status")).toBe("0");
  expect(caller.goaways).toEqual([]);
});

// ---- What refusals cost ----------------------------------------------------------------------------------------------

const REQUESTS = 2000;
const ROWS = 10;
const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

/** A service that does not read what it is sent, so that little but the proxy is measured. */
async function instantService(world: MemoryWorld): Promise<string> {
  const listener = await world.transport.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
    const peer = new Peer(() => stream);
    peer.onChunk = (chunk) => void (chunk.startsWith("GET /held") ? 0 : peer.send(ANSWER));
    peer.onPeerEnd = () => peer.end();
    stream.attach(peer);
  });
  world.atEnd(() => listener.close());
  return `/$/inet/${listener.host}/${listener.port}`;
}

/** The processor time of a request in a row of them on one connection, microseconds; the least of several rows. */
function costOf(world: MemoryWorld, port: number, status: string): number {
  let answers = 0;
  const peer = Peer.connect(world, port);
  const taken = world.atEnd(() => peer.destroy());
  peer.onChunk = (chunk) => {
    if (!chunk.startsWith(status, 9)) throw new Error(chunk);
    answers++;
  };
  const bytes = Buffer.from(get());
  let leastUs = Number.POSITIVE_INFINITY;
  for (let row = 0; row < ROWS; row++) {
    const before = process.cpuUsage();
    for (let i = 0; i < REQUESTS; i++) {
      peer.send(bytes);
      world.settle();
    }
    const { user, system } = process.cpuUsage(before);
    leastUs = Math.min(leastUs, (user + system) / REQUESTS);
  }
  expect(answers).toBe(ROWS * REQUESTS);
  taken();
  peer.destroy();
  world.settle();
  return leastUs;
}

/** Refusals take a few microseconds; on a machine that is busy with other things, some more. */
const A_FEW_US = 40;

test.each<readonly [string, ProxySetup]>([
  ["maxConcurrentRequests", { server: { maxConcurrentRequests: 1 } }],
  [
    "concurrencyLimit",
    { client: { concurrencyLimit: { kind: "fairlead.aimd", initialLimit: 1, maxLimit: 1, latencyMs: 1000 } } },
  ],
])(
  "a refusal by %s costs microseconds, and less than serving the request",
  async (_, setup) => {
    const world = memoryWorld();
    await using _world = world;
    const service = await instantService(world);
    await using proxy = await Proxy.start(world, { ...setup, dtab: `/svc/web => ${service};`, reuse: true });
    const served = costOf(world, proxy.port(), "200");
    proxy.connect().send(get("/held"));
    world.settle();
    const refused = costOf(world, proxy.port(), "503");
    expect(refused).toBeLessThan(A_FEW_US);
    expect(refused).toBeLessThan(served);
  },
  60_000,
);
