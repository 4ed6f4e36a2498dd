// The catalogue of causes: each provoked from outside, and told in one word to the caller, the log and the figures.
import { expect, test, vi } from "vitest";
import { causes, causesByToken } from "../../src/core/cause.ts";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { answerVectors, requestVectors } from "../support/golden.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { compose } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, post, type Scene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

type S = Scene<MemoryWorld>;

interface Case {
  readonly setup?: ProxySetup;
  /** Makes it happen; the client is the caller whose request fails. */
  provoke(scene: S, client: HttpClient): Promise<void> | void;
  /** The caller is told in a header; not when it is gone, or its answer had begun. */
  readonly told?: boolean;
}

const noAccrual: ProxySetup = { client: { failureAccrual: { kind: "none" } } };

function sends(text: string, setup: ProxySetup = {}): Case {
  return { setup, provoke: (_, client) => client.send(text) };
}

function asks(host: string): string {
  return compose("GET / HTTP/1.1", { Host: host });
}

/** The service answers with these bytes, and perhaps closes. */
function answers(text: string, close: boolean, told: boolean): Case {
  return {
    told,
    provoke(scene, client) {
      scene.backend.behaviour = {
        request(_, connection) {
          connection.send(text);
          if (close) connection.peer.end();
        },
      };
      client.send(get());
    },
  };
}

/** A deadline as it travels: begun and due so many ms from now. */
function deadline(scene: S, begunMs: number, dueMs: number): string {
  const nowMs = scene.world.env.clock.epochMs();
  return `${nowMs + begunMs}000000 ${nowMs + dueMs}000000`;
}

/** A silent service, and time. */
function waits(ms: number, setup: ProxySetup, answer = "", told = true): Case {
  return {
    setup,
    told,
    async provoke(scene, client) {
      scene.backend.behaviour = { request: (_, connection) => connection.send(answer) };
      client.send(get());
      await scene.world.pass(ms);
    },
  };
}

/** The service closes a reused connection just as the request comes. */
function races(text: string, way: "destroy" | "reset"): Case {
  return {
    async provoke(scene, client) {
      await scene.connect().ask(get());
      scene.world.settle();
      client.send(text);
      scene.backend.open[0]?.peer[way]();
    },
  };
}

const fromRequests = new Map(
  requestVectors().flatMap(({ input, refusal }): [string, Case][] =>
    refusal === undefined ? [] : [[refusal, sends(input.join(""))]],
  ),
);

const fromAnswers = new Map(
  answerVectors().flatMap(({ broken, close, input, method, refusal }): [string, Case][] =>
    refusal === undefined || method === "HEAD"
      ? []
      : [[refusal, answers(input.join(""), close ?? false, broken !== true)]],
  ),
);

const others: Readonly<Record<string, Case>> = {
  [causes.requestHeadTimeout.token]: {
    setup: { server: { limits: { headerTimeoutMs: 500 } } },
    async provoke(scene, client) {
      client.send("GET / HTTP/1.1\r\n");
      await scene.world.pass(700);
    },
  },
  [causes.requestBodyTimeout.token]: {
    setup: { server: { limits: { bodyIdleTimeoutMs: 500 } } },
    async provoke(scene, client) {
      client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 5\r\n\r\n12");
      await scene.world.pass(700);
    },
  },
  [causes.badDtab.token]: sends(get("/", { "l5d-dtab": "nonsense" })),
  [causes.callDepth.token]: sends(get("/", { Via: "1.1 a, 1.1 b" }), { server: { maxCallDepth: 1 } }),
  [causes.clientGone.token]: {
    told: false,
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      client.send(get());
      await scene.backend.received(1);
      client.peer.reset();
    },
  },
  [causes.clientStalled.token]: {
    told: false,
    setup: { server: { limits: { writeStallTimeoutMs: 500 } } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: (_, connection) => connection.reply(200, "x".repeat(500_000)) };
      client.send(get());
      client.peer.stream.pause();
      await scene.world.pass(700);
    },
  },
  [causes.clientReadTimeout.token]: {
    ...waits(1200, { server: { socketOptions: { readTimeoutMs: 1000 } } }),
    told: false,
  },
  [causes.clientWriteTimeout.token]: {
    told: false,
    setup: { server: { socketOptions: { writeTimeoutMs: 500 } } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: (_, connection) => connection.reply(200, "x".repeat(500_000)) };
      client.send(get());
      client.peer.stream.pause();
      await scene.world.pass(700);
    },
  },
  [causes.serviceReadTimeout.token]: waits(1200, { client: { socketOptions: { readTimeoutMs: 1000 } } }),
  [causes.serviceWriteTimeout.token]: {
    setup: { client: { socketOptions: { writeTimeoutMs: 500 } } },
    async provoke(scene, client) {
      scene.backend.behaviour = { connected: (connection) => connection.peer.stream.pause() };
      client.send("POST / HTTP/1.1\r\nHost: web\r\nContent-Length: 500000\r\n\r\n");
      client.peer.send("x".repeat(500_000));
      await scene.world.pass(700);
      scene.backend.connections[0]?.peer.stream.resume();
    },
  },
  [causes.unidentified.token]: sends("GET / HTTP/1.1\r\nHost:\r\n\r\n"),
  [causes.bindNegative.token]: sends(asks("nobody")),
  [causes.bindFail.token]: sends(asks("fail"), { dtab: "/svc/fail => !;" }),
  [causes.bindEmpty.token]: sends(asks("empty"), { dtab: "/svc/empty => $;" }),
  [causes.bindError.token]: sends(asks("loop"), { dtab: "/svc/loop => /svc/loop;" }),
  [causes.concurrency.token]: {
    setup: { server: { maxConcurrentRequests: 1 } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      scene.connect().send(get());
      await scene.backend.received(1);
      client.send(get());
    },
  },
  [causes.poolWaiters.token]: {
    setup: { client: { failureAccrual: { kind: "none" }, hostConnectionPool: { maxSize: 1, maxWaiters: 0 } } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      await scene.connect().ask(asks("nobody"));
      scene.connect().send(get());
      scene.world.settle();
      scene.connect().send(get());
      scene.world.settle();
      client.send(get());
    },
  },
  [causes.totalTimeout.token]: waits(700, { service: { totalTimeoutMs: 500 } }),
  [causes.attemptTimeout.token]: waits(700, { client: { requestAttemptTimeoutMs: 500 } }),
  [causes.tryTimeout.token]: waits(400, { service: { retries: { perTryTimeoutMs: 200, maxRetries: 0 } } }),
  [causes.deadlinePassed.token]: {
    setup: { router: { deadlines: "enforce" } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      client.send(get("/", { "l5d-ctx-deadline": deadline(scene, 0, 300) }));
      await scene.world.pass(400);
    },
  },
  [causes.deadlineExpired.token]: {
    setup: { router: { deadlines: "enforce" } },
    async provoke(scene, client) {
      for (let i = 0; i < 5; i++) await scene.connect().ask(get()); // what refusals are paid with
      client.send(get("/", { "l5d-ctx-deadline": deadline(scene, -500, -100) }));
    },
  },
  [causes.nack.token]: {
    async provoke(scene, client) {
      scene.backend.behaviour = {
        request: (_, connection) => connection.reply(503, "", { "finagle-http-nack": "true" }),
      };
      client.send(get());
    },
  },
  [causes.nackAdmission.token]: {
    async provoke(scene, client) {
      scene.backend.behaviour = {
        request: (_, connection) => connection.reply(503, "", { "finagle-http-nack": "true" }),
      };
      for (let i = 0; i < 1500 && scene.proxy.serverMetric("failures", causes.nackAdmission.token) !== 1; i++) {
        await client.ask(get());
        await scene.world.pass(100);
      }
    },
  },
  [causes.adaptiveLimit.token]: {
    setup: { client: { concurrencyLimit: { kind: "fairlead.gradient", initialLimit: 1, minLimit: 1 } } },
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      scene.connect().send(get());
      await scene.backend.received(1);
      client.send(get());
    },
  },
  [causes.serverTimeout.token]: waits(700, { server: { timeoutMs: 500 } }),
  [causes.answerHeadTimeout.token]: waits(700, { server: { limits: { headerTimeoutMs: 500 } } }, "HTTP/1.1 2"),
  [causes.answerStalled.token]: waits(
    700,
    { server: { limits: { bodyIdleTimeoutMs: 500 } } },
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12",
    false,
  ),
  [causes.drainLimit.token]: {
    async provoke(scene, client) {
      scene.backend.behaviour = { request: () => undefined };
      client.send(get());
      await scene.backend.received(1);
      scene.proxy.stop(100);
      await scene.world.pass(200);
    },
  },
  [causes.pluginRefused.token]: sends(get(), {
    plugins: ["./examples/plugins/acme/index.ts"],
    router: { filters: [{ kind: "acme.tickets" }] },
  }),
  [causes.internal.token]: {
    async provoke(scene, client) {
      const { router } = scene.proxy.linker.routers[0]!;
      vi.spyOn(router.bindings, "take").mockImplementationOnce(() => {
        throw new Error("a bug made for this test");
      });
      client.send(get());
      await client.answered(1);
      expect(scene.proxy.logLines.splice(0).join("")).toContain("a bug made for this test");
      expect((await client.ask(get())).status).toBe(200);
      scene.proxy.records.pop();
    },
  },
  [causes.connectRefused.token]: {
    setup: noAccrual,
    async provoke(scene, client) {
      await scene.backend.unlisten();
      client.send(get());
    },
  },
  [causes.connectTimeout.token]: {
    setup: { client: { connectTimeoutMs: 100 } },
    async provoke(scene, client) {
      scene.world.network.silence(scene.backend.address);
      client.send(get());
      await scene.world.pass(2000);
    },
  },
  [causes.exhausted.token]: {
    provoke(scene, client) {
      scene.world.network.fail(scene.backend.address, "EMFILE");
      client.send(get());
    },
  },
  [causes.connectFailed.token]: {
    provoke(scene, client) {
      scene.world.network.fail(scene.backend.address, "EHOSTUNREACH");
      client.send(get());
    },
  },
  [causes.stale.token]: races(post("once"), "destroy"),
  [causes.unsent.token]: races(post("x".repeat(40_000)), "reset"),
  [causes.reset.token]: {
    provoke(scene, client) {
      scene.backend.behaviour = { request: (_, connection) => connection.peer.reset() };
      client.send(get());
    },
  },
};

const upgrade = { Connection: "Upgrade", Upgrade: "websocket" };
const tunnels: Readonly<Record<string, Case>> = {
  [causes.connectBody.token]: sends("CONNECT web:80 HTTP/1.1\r\nContent-Length: 1\r\n\r\n1", {
    server: { connect: true },
  }),
  [causes.tunnelUnsupported.token]: sends(get("/", upgrade), { modern: true, client: { protocol: "h2" } }),
  [causes.upgradeProtocol.token]: {
    setup: { modern: true },
    provoke(scene, client) {
      const answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\n";
      scene.backend.behaviour = { request: (_, connection) => connection.send(answer) };
      client.send(get("/", upgrade));
    },
  },
};

const cases = new Map([...fromRequests, ...fromAnswers, ...Object.entries(others), ...Object.entries(tunnels)]);

/**
 * Need a discovery of their own, below; see also `hedging.test.ts` (a cause of attempts alone), `fail-fast.test.ts`, and for plug-ins `e2e/plugins.test.ts`
 * and `e2e/resp.test.ts`.
 */
const ELSEWHERE = [
  causes.bindTimeout.token,
  causes.endpointLeft.token,
  causes.superseded.token,
  causes.failFast.token,
  causes.pluginError.token,
  causes.answerMalformed.token,
];

/** Ends of tunnels, which were successes before: in `upgrades.test.ts`. */
const ENDS = [
  causes.tunnelBroken.token,
  causes.tunnelHalfClosed.token,
  causes.tunnelIdle.token,
  causes.tunnelStalled.token,
];

/** Those of HTTP/2 are in h2-causes.test.ts. */
function isHttp1s(token: string): boolean {
  return token.split(".")[1] !== "h2";
}

test("every cause of the catalogue has a case here, and no case is about another", () => {
  expect([...cases.keys(), ...ELSEWHERE, ...ENDS].sort()).toEqual([...causesByToken.keys()].filter(isHttp1s).sort());
});

test.each([...cases])("%s", async (token, { setup = {}, provoke, told = true }) => {
  await using scene = await memoryScene(setup);
  const client = scene.connect();
  scene.world.settle();
  await provoke(scene, client);
  await scene.world.until(`a record of ${token}`, () => scene.proxy.records.some((r) => r.cause === token));
  const record = scene.proxy.records.find((r) => r.cause === token);
  expect(record?.outcome).toBe(causesByToken.get(token)?.category === "gone" ? "ignorable" : "failure");
  expect(record?.token.split(";")[0]).toBe(token);
  expect(scene.proxy.serverMetric("failures", token)).toBeGreaterThan(0);
  if (!told) return;
  await scene.world.until("the answer", () => client.answers.length > 0);
  const answer = client.answers.find((a) => causeOf(a) === token);
  expect(answer?.fields).toContainEqual(["fairlead-cause", record?.token]);
  expect(answer?.status).toBe(record?.status);
});

test(`the cause ${causes.bindTimeout.token} names the limit`, async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, {
    dtab: "/svc => /#/io.l5d.fs",
    namers: [new Disco(world).namer],
    router: { bindingTimeoutMs: 500 },
  });
  const client = proxy.connect();
  client.send(get());
  world.settle();
  world.env.advance(700); // no turn of the real loop in between: the file cannot have been read
  await client.answered(1);
  expect(client.answers[0]?.fields).toContainEqual(["fairlead-cause", `${causes.bindTimeout.token};limitMs=500`]);
  expect(proxy.lastRecord.cause).toBe(causes.bindTimeout.token);
  expect(proxy.serverMetric("failures", causes.bindTimeout.token)).toBe(1);
});

test(`the cause ${causes.endpointLeft.token} is told when no other endpoint is left`, async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const dead = await Backend.start(world);
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
  disco.write("web", []);
  await world.passUntil("the answer", () => client.answers.length === 1);
  expect(causeOf(client.answers[0]!)).toBe(causes.endpointLeft.token);
  expect(client.answers[0]?.status).toBe(502);
  expect(client.answers[0]?.fields).toContainEqual(["l5d-retryable", "true"]);
  expect(proxy.lastRecord.cause).toBe(causes.endpointLeft.token);
  expect(proxy.serverMetric("failures", causes.endpointLeft.token)).toBe(1);
});

test("a cause is counted where it happened: at the server always, at service and client once they are known", async () => {
  await using scene = await memoryScene({}, { request: (_, connection) => connection.peer.reset() });
  await scene.connect().ask(get());
  await scene.connect().ask("GET / HTTP/1.1\r\nHost:\r\n\r\n");
  const { token } = causes.reset;
  expect(scene.proxy.serverMetric("failures", token)).toBe(1);
  expect(scene.proxy.metric("service", "svc/web", "failures", token)).toBe(1);
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "failures", token)).toBe(1);
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "service", "svc/web", "failures", token)).toBe(1);
  expect(scene.proxy.serverMetric("failures", causes.unidentified.token)).toBe(1);
});
