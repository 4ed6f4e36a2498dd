// Deadlines over HTTP/1.1: what arrives late is refused, what is left is enforced here and told to the next hop (finagle §5; issue: "Timeouts
// and deadlines", "Budgeted"). Clocks of different machines differ; time in these tests is what the machines have in common.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Backend, type BackendConnection } from "../support/backend.ts";
import { budgetOf, deadlineIn, withClockAhead } from "../support/hops.ts";
import { type Answer, causeOf, type HttpClient } from "../support/http-client.ts";
import { valueOf, valuesOf } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, post, type Scene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

type MemoryScene = Scene<MemoryWorld>;

const silent = { request: () => undefined };
const enforced: ProxySetup = { modern: true };
/** So late a limit may be told, ms. */
const LATE_MS = 4;
const HOUR_MS = 3_600_000;
const deadlineField = (value: string) => ({ "l5d-ctx-deadline": value });
const within = (world: MemoryWorld, leftMs: number, aheadMs = 0) =>
  get("/", deadlineField(deadlineIn(world, leftMs, aheadMs)));

function admission(proxy: Proxy, name: string, place = "deadline"): number {
  return proxy.serverMetric("admission_control", place, name);
}

/** Lets time pass millisecond by millisecond; how long it took until something was answered. */
function msUntilAnswer(world: MemoryWorld, client: HttpClient, atMostMs: number, skipMs = 0): number {
  world.settle();
  const before = client.answers.length;
  const startMs = world.env.clock.nowMs();
  world.env.advance(skipMs);
  world.settle();
  while (client.answers.length === before && world.env.clock.nowMs() - startMs < atMostMs) {
    world.env.advance(1);
    world.settle();
  }
  return client.answers.length === before ? Number.NaN : world.env.clock.nowMs() - startMs;
}

/** The same for so long. */
function step(world: MemoryWorld, ms: number): void {
  world.settle();
  for (let i = 0; i < ms; i++) {
    world.env.advance(1);
    world.settle();
  }
}

// ---- Late arrivals ---------------------------------------------------------------------------------------------------

/** Requests in time, whose fifth part is what may be refused. */
async function earn(scene: MemoryScene, requests: number): Promise<HttpClient> {
  const client = scene.connect();
  for (let i = 0; i < requests; i++) await client.ask(get());
  return client;
}

test("a request that arrives after its deadline is refused before anything is done for it", async () => {
  await using scene = await memoryScene({ ...enforced, accessLog: true });
  const client = await earn(scene, 5);
  const before = scene.proxy.metric("client", scene.backend.name.slice(1), "requests");
  const answer = await client.ask(get("/", deadlineField("1000000000000000000 1500000000000000000")));
  expect(answer.status).toBe(503);
  expect(valueOf(answer, "fairlead-cause")).toMatch(/^downstream\.context\.expired;lateMs=\d+$/);
  expect(valueOf(answer, "finagle-http-nack")).toBeUndefined();
  expect(valueOf(answer, "l5d-retryable")).toBeUndefined();
  expect(scene.backend.requests).toHaveLength(5);
  expect(scene.proxy.metric("client", scene.backend.name.slice(1), "requests")).toBe(before);
  expect(scene.proxy.lastRecord).toMatchObject({ attempts: 0, service: "", outcome: "failure", status: 503 });
  expect(scene.proxy.serverMetric("failures", "downstream.context.expired")).toBe(1);
  expect([admission(scene.proxy, "exceeded"), admission(scene.proxy, "rejected")]).toEqual([1, 1]);
  expect((await client.ask(get())).status).toBe(200);
});

test("a refused request with a body is told at once, whether its body comes or not", async () => {
  await using scene = await memoryScene(enforced);
  await earn(scene, 5);
  const client = scene.connect();
  client.send("POST / HTTP/1.1\r\nHost: web\r\nl5d-ctx-deadline: 1 2\r\nContent-Length: 100000\r\n\r\nxxx");
  scene.world.settle();
  expect([client.answers[0]?.status, causeOf(client.answers[0] as Answer)]).toEqual([
    503,
    "downstream.context.expired",
  ]);
  expect(scene.backend.requests).toHaveLength(5);
});

test.each([
  ["report, the default of Linkerd 1.x files", {}, "darkmode_deadline"],
  ["report where it is asked for", { modern: true, router: { deadlines: "report" } }, "darkmode_deadline"],
])("%s counts what is late, serves it, and passes deadlines on as they came", async (_, setup, place) => {
  await using scene = await memoryScene(setup);
  const client = await earn(scene, 10);
  const late = "1000000000000000001 1500000000123456789";
  for (let i = 0; i < 3; i++) expect((await client.ask(get("/", deadlineField(late)))).status).toBe(200);
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual([late]);
  expect([admission(scene.proxy, "exceeded", place), admission(scene.proxy, "rejected", place)]).toEqual([3, 2]);
  expect(scene.proxy.metricNames("server")).toHaveLength(1);
  scene.backend.behaviour = silent;
  client.send(within(scene.world, 100));
  await scene.world.pass(3000);
  expect(client.answers).toHaveLength(13); // nobody has ended it
  scene.backend.open[0]?.reply(200);
  await client.answered(14);
});

test("off does not look: nothing is counted, refused or ended", async () => {
  await using scene = await memoryScene({ modern: true, router: { deadlines: "off" } });
  const client = await earn(scene, 10);
  expect((await client.ask(get("/", deadlineField("1 2")))).status).toBe(200);
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual(["1 2"]);
  const [server] = scene.proxy.metricNames("server");
  expect(scene.proxy.metricNames("server", server as string)).not.toContain("admission_control");
});

test("enforcing is the default of fairlead: 1", async () => {
  await using scene = await memoryScene(enforced, silent);
  const client = scene.connect();
  client.send(within(scene.world, 200));
  expect(msUntilAnswer(scene.world, client, 1000)).toBeLessThanOrEqual(200 + LATE_MS);
});

test("of requests that are all late every sixth is refused: each refusal is paid for by five that are served", async () => {
  await using scene = await memoryScene(enforced);
  const client = scene.connect();
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++) statuses.push((await client.ask(get("/", deadlineField("1 2")))).status);
  expect(statuses.map((status) => status === 503)).toEqual(statuses.map((_, i) => i % 6 === 5));
  expect([admission(scene.proxy, "exceeded"), admission(scene.proxy, "rejected")]).toEqual([60, 10]);
});

test("requests that come without a deadline, or in time, pay for refusals; after ten seconds what they paid is gone", async () => {
  await using scene = await memoryScene(enforced);
  const client = await earn(scene, 14);
  await client.ask(within(scene.world, 5000));
  const late = get("/", deadlineField("1 2"));
  const statuses = async (count: number) => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await client.ask(late)).status);
    return all;
  };
  expect(await statuses(4)).toEqual([503, 503, 503, 200]);
  await earn(scene, 50);
  await scene.world.pass(11_000);
  expect(await statuses(5)).toEqual([200, 200, 200, 200, 200]);
});

test("never more than a fifth is refused, in whatever order late ones and others come within ten seconds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ late: fc.boolean(), waitMs: fc.nat(60) }), { maxLength: 120 }),
      async (asked) => {
        await using scene = await memoryScene(enforced);
        const client = scene.connect();
        let refused = 0;
        for (const [i, { late, waitMs }] of asked.entries()) {
          const { status } = await client.ask(late ? get("/", deadlineField("1 2")) : get());
          if (status === 503) {
            expect(late).toBe(true);
            refused++;
          }
          expect(refused).toBeLessThanOrEqual((i + 1) / 5);
          scene.world.env.advance(waitMs);
        }
        expect(admission(scene.proxy, "rejected")).toBe(refused);
      },
    ),
    { numRuns: 25 },
  );
});

// ---- What is left ----------------------------------------------------------------------------------------------------

test.each([5, 7.5, 20, 50, 199, 200, 201, 250, 999, 5000, 60_000])(
  "a deadline %d ms away is told not early and at most 4 ms late",
  async (budgetMs) => {
    await using scene = await memoryScene({ ...enforced, service: { totalTimeoutMs: 100_000 } }, silent);
    const client = scene.connect();
    for (const phaseMs of [0, 1, 17, 49, 63]) {
      scene.world.env.advance(phaseMs);
      client.send(within(scene.world, budgetMs));
      const took = msUntilAnswer(scene.world, client, budgetMs + 500, Math.max(0, Math.floor(budgetMs) - 210));
      expect(took).toBeGreaterThanOrEqual(budgetMs);
      expect(took).toBeLessThanOrEqual(budgetMs + LATE_MS);
      const answer = client.answers.at(-1) as Answer;
      expect([answer.status, causeOf(answer)]).toEqual([503, "proxy.timeout.deadline"]);
      expect(valueOf(answer, "fairlead-cause")).toContain(`budgetMs=${Math.round(budgetMs)}`);
      expect(scene.backend.open).toHaveLength(0); // the work for it was stopped
      expect(scene.proxy.linker.loop.fine.armed).toBe(0);
    }
    expect(scene.proxy.lastRecord).toMatchObject({ cause: "proxy.timeout.deadline", outcome: "failure", attempts: 1 });
  },
);

test("a received deadline shortens every timer of this hop, and a shorter timer of ours goes first", async () => {
  const setups: readonly (readonly [ProxySetup, string])[] = [
    [{ service: { totalTimeoutMs: 5000 } }, "proxy.timeout.total"],
    [{ client: { requestAttemptTimeoutMs: 5000 } }, "proxy.timeout.attempt"],
    [{ server: { timeoutMs: 5000 } }, "proxy.timeout.server"],
    [{ service: { retries: { perTryTimeoutMs: 5000 } } }, "proxy.timeout.try"],
  ];
  for (const [setup, cause] of setups) {
    await using scene = await memoryScene({ ...enforced, ...setup }, silent);
    const client = scene.connect();
    client.send(within(scene.world, 300));
    expect(msUntilAnswer(scene.world, client, 1000)).toBeLessThanOrEqual(300 + LATE_MS);
    expect(causeOf(client.answers[0] as Answer)).toBe("proxy.timeout.deadline");
    client.send(within(scene.world, 9000));
    await scene.world.pass(5200);
    expect(causeOf(client.answers[1] as Answer)).toBe(cause);
  }
});

test("it shortens waiting for a name, for a connection, and for the next try", async () => {
  await using connecting = await memoryScene({ ...enforced, client: { connectTimeoutMs: 60_000 } });
  connecting.world.network.silence(connecting.backend.address);
  const client = connecting.connect();
  client.send(within(connecting.world, 300));
  expect(msUntilAnswer(connecting.world, client, 1000)).toBeLessThanOrEqual(300 + LATE_MS);
  expect(causeOf(client.answers[0] as Answer)).toBe("proxy.timeout.deadline");

  await using retrying = await memoryScene(
    {
      ...enforced,
      service: {
        responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
        retries: { backoff: { kind: "constant", ms: 10_000 } },
      },
    },
    { request: (_, connection) => connection.reply(500) },
  );
  const waiting = retrying.connect();
  waiting.send(within(retrying.world, 300));
  expect(msUntilAnswer(retrying.world, waiting, 1000)).toBeLessThanOrEqual(300 + LATE_MS);
  expect(causeOf(waiting.answers[0] as Answer)).toBe("proxy.timeout.deadline");
  expect(retrying.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
  await retrying.world.pass(20_000);
  expect(retrying.backend.requests).toHaveLength(1);
});

test("an answer whose head came in time is not cut by it, and leaves no timer", async () => {
  await using scene = await memoryScene(enforced, {
    request: (_, connection) => connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n12"),
  });
  const client = scene.connect();
  client.send(within(scene.world, 100));
  scene.world.settle();
  expect(scene.proxy.linker.loop.fine.armed).toBe(0);
  await scene.world.pass(5000);
  scene.backend.connections[0]?.send("34");
  await client.answered(1);
  expect(client.answers[0]?.body).toBe("1234");
});

test("a caller that leaves takes the deadline's timer with it", async () => {
  await using scene = await memoryScene(enforced, silent);
  const clients = Array.from({ length: 20 }, () => scene.connect());
  for (const [i, client] of clients.entries()) client.send(within(scene.world, i % 2 === 0 ? 100 : 50_000));
  await scene.world.pass(50);
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 20, fineTimers: 10 });
  for (const client of clients) client.close();
  scene.world.settle();
  expect(scene.proxy.inUse()).toMatchObject({ exchanges: 0, attempts: 0, fineTimers: 0 });
  await scene.world.pass(60_000);
  expect(scene.proxy.records.map(({ cause }) => cause)).toEqual(clients.map(() => "downstream.connection.gone"));
});

// ---- What is passed on -----------------------------------------------------------------------------------------------

test("the next hop is told by our clock what is left, to the millisecond, and by one header alone", async () => {
  await using scene = await memoryScene(enforced);
  const nowNs = BigInt(scene.world.env.clock.epochMs()) * 1_000_000n;
  await scene.connect().ask(within(scene.world, 1000, 12_345_000));
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual([`${nowNs} ${nowNs + 1_000_000_000n}`]);
});

test("timeouts of ours shorten what is passed on, and never lengthen it", async () => {
  await using scene = await memoryScene({ ...enforced, service: { totalTimeoutMs: 500 }, server: { timeoutMs: 700 } });
  const client = scene.connect();
  const passed = async (request: string) => {
    await client.ask(request);
    return budgetOf(valueOf(scene.backend.last, "l5d-ctx-deadline"));
  };
  expect(await passed(get())).toBe(500);
  expect(await passed(within(scene.world, 5000))).toBe(500);
  expect(await passed(within(scene.world, 100))).toBe(100);
});

test("every retry, and the wait before it, shortens what is passed on", async () => {
  await using scene = await memoryScene(
    {
      ...enforced,
      service: {
        responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
        retries: { backoff: { kind: "constant", ms: 100 } },
      },
    },
    {
      request: (_, connection) => connection.reply(scene.backend.requests.length < 4 ? 500 : 200),
    },
  );
  const startMs = scene.world.env.clock.nowMs();
  const arrivals: number[] = [];
  const { behaviour } = scene.backend;
  scene.backend.behaviour = {
    request: (request, connection) => {
      arrivals.push(scene.world.env.clock.nowMs() - startMs);
      behaviour.request?.(request, connection);
    },
  };
  const client = scene.connect();
  client.send(within(scene.world, 1000));
  step(scene.world, 600);
  expect(client.answers[0]?.status).toBe(200);
  expect(arrivals).toHaveLength(4);
  expect(arrivals[3]).toBeGreaterThanOrEqual(300);
  const budgets = scene.backend.requests.map((request) => budgetOf(valueOf(request, "l5d-ctx-deadline")));
  expect(budgets).toEqual(arrivals.map((passedMs) => 1000 - passedMs));
});

test("a requeue shortens it too", async () => {
  await using scene = await memoryScene({
    ...enforced,
    client: { connectTimeoutMs: 200, failureAccrual: { kind: "none" } },
  });
  scene.world.network.silence(scene.backend.address);
  const client = scene.connect();
  const startMs = scene.world.env.clock.nowMs();
  client.send(within(scene.world, 5000));
  await scene.world.pass(100);
  scene.world.network.heal(scene.backend.address);
  while (scene.backend.requests.length === 0) step(scene.world, 1);
  const passedMs = scene.world.env.clock.nowMs() - startMs;
  expect(passedMs).toBeGreaterThanOrEqual(200);
  expect(budgetOf(valueOf(scene.backend.last, "l5d-ctx-deadline"))).toBe(5000 - passedMs);
  await client.answered(1);
});

test("the time a request waits for a connection is taken from what is passed on", async () => {
  await using scene = await memoryScene({ ...enforced, client: { hostConnectionPool: { maxSize: 1 } } });
  const held: BackendConnection[] = [];
  scene.backend.behaviour = {
    request: ({ target }, connection) =>
      void (target === "/slow" ? held.push(connection) : connection.reply(200, "ok")),
  };
  scene.connect().send(get("/slow"));
  scene.world.settle();
  const client = scene.connect();
  client.send(within(scene.world, 1000));
  await scene.world.pass(600);
  held[0]?.reply(200);
  await client.answered(1);
  expect(budgetOf(valueOf(scene.backend.last, "l5d-ctx-deadline"))).toBe(400);
});

test("a limit that begins here shrinks as well while retries go on", async () => {
  await using scene = await memoryScene(
    {
      ...enforced,
      service: {
        totalTimeoutMs: 1000,
        responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
        retries: { backoff: { kind: "constant", ms: 300 } },
      },
    },
    { request: (_, connection) => connection.reply(scene.backend.requests.length < 3 ? 500 : 200) },
  );
  const client = scene.connect();
  client.send(get());
  await scene.world.pass(900);
  expect(client.answers[0]?.status).toBe(200);
  const budgets = scene.backend.requests.map((request) => budgetOf(valueOf(request, "l5d-ctx-deadline")));
  expect(budgets[0]).toBe(1000);
  expect(budgets[1]).toBeLessThanOrEqual(700);
  expect(budgets[2]).toBeLessThanOrEqual(400);
  expect(budgets[2]).toBeGreaterThan(350);
});

// ---- Clocks ----------------------------------------------------------------------------------------------------------

const SKEWS_MS = [0, 900, -900, 5000, -5000, HOUR_MS, -HOUR_MS];

test.each(SKEWS_MS)(
  "a caller whose clock is %d ms ahead has the time it gave, counted from arrival",
  async (aheadMs) => {
    await using scene = await memoryScene(enforced, silent);
    const client = scene.connect();
    client.send(within(scene.world, 300, aheadMs));
    const took = msUntilAnswer(scene.world, client, 1000);
    expect(took).toBeGreaterThanOrEqual(300);
    expect(took).toBeLessThanOrEqual(300 + LATE_MS);
    expect(budgetOf(valueOf(scene.backend.last, "l5d-ctx-deadline"))).toBe(300);
    expect(admission(scene.proxy, "future")).toBe(aheadMs > 1000 ? 1 : 0);
    expect(admission(scene.proxy, "exceeded")).toBe(aheadMs < -300 ? 1 : 0);
  },
);

test("a time stamp exactly one second ahead is believed, and one later is not", async () => {
  await using scene = await memoryScene(enforced);
  const client = scene.connect();
  await client.ask(within(scene.world, 100, 1000));
  expect(admission(scene.proxy, "future")).toBe(0);
  await client.ask(within(scene.world, 100, 1001));
  expect(admission(scene.proxy, "future")).toBe(1);
});

interface Chain {
  readonly world: MemoryWorld;
  readonly proxies: readonly Proxy[];
  readonly backend: Backend;
  readonly client: HttpClient;
}

/** Proxies in a row, the nearest to the caller first, each on a machine with a clock of its own. */
async function chainOf(world: MemoryWorld, aheadMs: readonly number[], setup: ProxySetup): Promise<Chain> {
  const backend = await Backend.start(world, silent);
  const proxies: Proxy[] = [];
  let next: string = backend.name;
  for (const ahead of aheadMs.toReversed()) {
    const proxy = await Proxy.start(withClockAhead(world, ahead), { ...setup, dtab: `/svc/web => ${next};` });
    proxies.unshift(proxy);
    next = `/$/inet/127.0.0.1/${proxy.port()}`;
  }
  return { world, proxies, backend, client: (proxies[0] as Proxy).connect() };
}

async function stop(proxies: readonly Proxy[]): Promise<void> {
  for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
}

/** Each hop needs some time to get its first connection to the next. */
const CONNECT_SLOWLY = { connectTimeoutMs: 100, failureAccrual: { kind: "none" } };

test.each([
  ["agree", [0, 0, 0]],
  ["differ by five seconds", [5000, -5000, 0]],
  ["differ by an hour", [HOUR_MS, -HOUR_MS, 0]],
  ["differ the other way", [-HOUR_MS, HOUR_MS, -5000]],
])(
  "three hops in a row whose clocks %s: the budget shrinks hop by hop by the time it took, and ends everything in time",
  async (_, aheadMs) => {
    const world = memoryWorld();
    await using _world = world;
    const { backend, client, proxies } = await chainOf(world, aheadMs, {
      ...enforced,
      client: CONNECT_SLOWLY,
      accessLog: true,
    });
    const slow = [...proxies.slice(1).map((proxy) => `127.0.0.1:${proxy.port()}`), backend.address];
    for (const address of slow) world.network.silence(address);
    const startMs = world.env.clock.nowMs();
    client.send(within(world, 2000, 777_000));
    for (const address of slow) {
      await world.pass(50);
      world.network.heal(address);
      await world.pass(200);
    }
    await backend.received(1);
    const budgets = proxies.map((proxy) => proxy.linker.loop.exchanges.inUse);
    expect(budgets).toEqual([1, 1, 1]);
    const passedMs = budgetOf(valueOf(backend.last, "l5d-ctx-deadline"));
    expect(passedMs).toBeLessThanOrEqual(2000 - 3 * 100);
    expect(passedMs).toBeGreaterThanOrEqual(2000 - 3 * 250);
    msUntilAnswer(world, client, 3000);
    const took = world.env.clock.nowMs() - startMs;
    expect(took).toBeGreaterThanOrEqual(2000);
    expect(took).toBeLessThanOrEqual(2000 + LATE_MS);
    expect(client.answers[0]?.status).toBe(503);
    expect(causeOf(client.answers[0] as Answer)).toBe("proxy.timeout.deadline");
    expect(backend.open).toHaveLength(0);
    await world.pass(1);
    const logged = proxies.map((proxy) => Number(proxy.lastLine["budgetMs"]));
    expect(logged[0]).toBe(2000);
    expect(logged[1]).toBeLessThanOrEqual(1900);
    expect(logged[2]).toBeLessThanOrEqual(1800);
    await stop(proxies);
  },
);

test("a hop whose clock is an hour ahead of its caller's refuses at most a fifth for it, and serves the rest with all the time they have", async () => {
  const world = memoryWorld();
  await using _world = world;
  const { backend, client, proxies } = await chainOf(world, [0, HOUR_MS], enforced);
  backend.behaviour = {};
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++) {
    statuses.push((await client.ask(within(world, 1000))).status);
    await world.pass(20);
  }
  expect(statuses.filter((status) => status !== 200).length).toBeLessThanOrEqual(12);
  for (const request of backend.requests) expect(budgetOf(valueOf(request, "l5d-ctx-deadline"))).toBe(1000);
  await stop(proxies);
});

// ---- Odd values ------------------------------------------------------------------------------------------------------

test("several values combine to the latest time stamp and the earliest deadline", async () => {
  await using scene = await memoryScene(enforced);
  const nowNs = BigInt(scene.world.env.clock.epochMs()) * 1_000_000n;
  const at = (stampMs: number, deadlineMs: number) =>
    `l5d-ctx-deadline: ${nowNs + BigInt(stampMs) * 1_000_000n} ${nowNs + BigInt(deadlineMs) * 1_000_000n}\r\n`;
  await scene
    .connect()
    .ask(`GET / HTTP/1.1\r\nHost: web\r\n${at(-50, 800)}l5d-ctx-deadline: nonsense\r\n${at(-20, 900)}\r\n`);
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toHaveLength(1);
  expect(budgetOf(valueOf(scene.backend.last, "l5d-ctx-deadline"))).toBe(820);
});

test.each([
  "",
  " ",
  "nonsense",
  "1",
  "1 2 3",
  "1  2",
  "1\t2",
  "-1 5",
  "5 -1",
  "+1 +2",
  "1.5 2.5",
  "1e3 1e4",
  "0x1 0x2",
  "1,2",
  "1 2, 3 4",
  "NaN Infinity",
  `${"9".repeat(21)} ${"9".repeat(21)}`,
  `1 ${"9".repeat(400)}`,
  "\u0661 \u0662",
])("%j is no deadline: it is ignored and not passed on", async (value) => {
  await using scene = await memoryScene({ ...enforced, accessLog: true });
  const client = await earn(scene, 10);
  const answer = await client.ask(
    `GET / HTTP/1.1\r\nHost: web\r\nl5d-ctx-deadline: ${Buffer.from(value, "utf8").toString("latin1")}\r\n\r\n`,
  );
  expect(answer.status).toBe(200);
  expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual([]);
  expect(scene.proxy.lastLine).toMatchObject({ budgetMs: null, budgetLeftMs: null });
  expect([admission(scene.proxy, "exceeded"), admission(scene.proxy, "future")]).toEqual([0, 0]);
});

test.each([
  ["zeros", "0 0"],
  ["no time at all", "1767225600000000000 1767225600000000000"],
  ["the end before the beginning", "1767225600500000000 1767225600400000000"],
  ["twenty nines and zero", `${"9".repeat(20)} 0`],
])("%s: without a fifth to spare it is served without a limit, and the log is still readable", async (_, value) => {
  await using scene = await memoryScene({ ...enforced, accessLog: true });
  const client = scene.connect();
  expect((await client.ask(get("/", deadlineField(value)))).status).toBe(200);
  expect(scene.proxy.lastLine).toMatchObject({ status: 200 });
  await earn(scene, 10);
  const refused = await client.ask(get("/", deadlineField(value)));
  expect([200, 503]).toContain(refused.status);
  expect(scene.proxy.lastLine["status"]).toBe(refused.status);
});

test.each([
  ["292 years", "1767225600000000000 10989000000000000000"],
  ["as far as numbers go", `1767225600000000000 ${"9".repeat(20)}`],
  ["from the beginning of time to its end", `0 ${"9".repeat(20)}`],
])("%s: a deadline that far away limits nothing, and travels on in order", async (_, value) => {
  await using scene = await memoryScene({ ...enforced, accessLog: true }, silent);
  const client = scene.connect();
  client.send(get("/", deadlineField(value)));
  await scene.world.pass(2000);
  expect(scene.proxy.linker.loop.fine.armed).toBe(0);
  scene.backend.open[0]?.reply(200);
  await client.answered(1);
  expect(client.answers[0]?.status).toBe(200);
  expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toMatch(/^\d{16,21} \d{16,21}$/);
  expect(Number(scene.proxy.lastLine["budgetMs"])).toBeGreaterThan(2 ** 31);
});

test("no text in the header is ever more than ignored", async () => {
  await using scene = await memoryScene({ ...enforced, accessLog: true });
  const client = scene.connect();
  const part = fc.oneof(
    fc.bigInt({ min: -10n, max: 10n ** 22n }).map(String),
    fc.constantFrom("", " ", "0", "9".repeat(20), "-", ";", "1767225600000000000"),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 4 }), async (parts) => {
      const { status } = await client.ask(
        `GET / HTTP/1.1\r\nHost: web\r\nl5d-ctx-deadline: ${parts.join(" ")}\r\n\r\n`,
      );
      expect([200, 503]).toContain(status);
      expect(scene.proxy.lastLine).toHaveProperty("status", status);
      await scene.world.pass(1);
    }),
    { numRuns: 200 },
  );
});

// ---- Log -------------------------------------------------------------------------------------------------------------

test("the log says what the caller gave and what was left of it, below zero when it was not enough", async () => {
  await using scene = await memoryScene({ ...enforced, accessLog: true }, silent);
  const client = scene.connect();
  client.send(within(scene.world, 500));
  await scene.world.pass(120);
  scene.backend.open[0]?.reply(200);
  await client.answered(1);
  expect(scene.proxy.lastLine).toMatchObject({ budgetMs: 500, budgetLeftMs: 380, durationMs: 120 });
  client.send(within(scene.world, 200));
  await scene.world.pass(300);
  const line = scene.proxy.lastLine as { budgetMs: number; budgetLeftMs: number };
  expect(line.budgetMs).toBe(200);
  expect(line.budgetLeftMs).toBeLessThanOrEqual(0);
  expect(line.budgetLeftMs).toBeGreaterThanOrEqual(-LATE_MS);
  await client.answered(2);
  scene.backend.behaviour = {};
  await client.ask(get());
  expect(scene.proxy.lastLine).toMatchObject({ budgetMs: null, budgetLeftMs: null });
});

test("a body does not make it safe: a request that is late in its body is ended at its deadline", async () => {
  await using scene = await memoryScene(enforced);
  const client = scene.connect();
  client.send(post("0123456789", deadlineField(deadlineIn(scene.world, 200))).slice(0, -5));
  const took = msUntilAnswer(scene.world, client, 1000);
  expect(took).toBeGreaterThanOrEqual(200);
  expect(took).toBeLessThanOrEqual(200 + LATE_MS);
  expect(causeOf(client.answers[0] as Answer)).toBe("proxy.timeout.deadline");
});
