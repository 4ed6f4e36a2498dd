// Overrides and deadlines in W3C baggage, who may bring overrides, and where overridden requests are counted.
import { describe, expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { causeOf, HttpClient } from "../support/http-client.ts";
import { heapInUse } from "../support/heap.ts";
import { compose, valueOf, valuesOf } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene, type Scene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const DTAB = "fairlead-dtab";

function encoded(override: string): string {
  return encodeURIComponent(override);
}

/** The members of the baggage that a service got, decoded; the ones of other people as they are. */
function baggageOf(message: { readonly fields: readonly (readonly [string, string])[] }): string[] {
  const lines = valuesOf({ fields: message.fields }, "baggage");
  expect(lines.length).toBeLessThanOrEqual(1);
  return lines.flatMap((line) => line.split(",")).map((member) => decodeURIComponent(member));
}

interface Staged extends Scene<MemoryWorld> {
  /** Where overrides lead. */
  readonly staging: Backend;
}

/** The usual scene with `fairlead: 1`, and a second service. */
async function stagedScene(setup: ProxySetup = {}): Promise<Staged> {
  const scene = await memoryScene({ modern: true, ...setup });
  const staging = await Backend.start(scene.world);
  return { ...scene, staging, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() };
}

function overridden(...parts: readonly string[]): Record<string, string> {
  return { baggage: parts.join(",") };
}

describe("baggage", () => {
  test("an override in baggage routes the request, and travels on in both carriers", async () => {
    await using scene = await stagedScene();
    const entry = `/svc/web=>${scene.staging.name}`;
    const answer = await scene.connect().ask(get("/", overridden("a=1;p", ` ${DTAB}=${encoded(entry)};x=y`, " b=2")));
    expect(answer.status).toBe(200);
    expect(scene.backend.requests).toHaveLength(0);
    expect(valuesOf(scene.staging.last, "l5d-ctx-dtab")).toEqual([entry]);
    expect(baggageOf(scene.staging.last)).toEqual([`${DTAB}=${entry}`, "a=1;p", " b=2"]);
  });

  test("entries of baggage come first, then those of earlier proxies, then the caller's own, which win", async () => {
    await using scene = await stagedScene();
    const [first, second] = [await Backend.start(scene.world), await Backend.start(scene.world)];
    const carriers = {
      baggage: `${DTAB}=${encoded(`/svc/web=>${first.name}`)}`,
      "l5d-ctx-dtab": `/svc/web=>${second.name}`,
      "l5d-dtab": `/svc/web=>${scene.staging.name}`,
    };
    const client = scene.connect();
    await client.ask(get("/", carriers));
    expect(valueOf(scene.staging.last, "l5d-ctx-dtab")).toBe(
      `/svc/web=>${first.name};/svc/web=>${second.name};/svc/web=>${scene.staging.name}`,
    );
    await client.ask(get("/", { baggage: carriers.baggage, "l5d-ctx-dtab": carriers["l5d-ctx-dtab"] }));
    expect(second.requests).toHaveLength(1);
    await client.ask(get("/", { baggage: carriers.baggage }));
    expect(first.requests).toHaveLength(1);
  });

  test("what proxies say in both carriers counts once", async () => {
    await using scene = await stagedScene();
    const [a, b] = ["/svc/a=>/b", `/svc/web=>${scene.staging.name}`];
    const client = scene.connect();
    const passed = async (baggage: string, ctx: string) => {
      await client.ask(get("/", { baggage: `${DTAB}=${encoded(baggage)}`, "l5d-ctx-dtab": ctx }));
      const { last } = scene.staging;
      expect(baggageOf(last)).toEqual([`${DTAB}=${valueOf(last, "l5d-ctx-dtab")}`]);
      return valueOf(last, "l5d-ctx-dtab");
    };
    expect(await passed(`${a};${b}`, `${a};${b}`)).toBe(`${a};${b}`);
    expect(await passed(a, `${a};${b}`)).toBe(`${a};${b}`);
    expect(await passed(`/x=>/y;${b}`, `${a};${b}`)).toBe(`/x=>/y;${a};${b}`);
    expect(await passed(`${a};${b};${a}`, "")).toBe(`${b};${a}`);
  });

  test("of two deadlines the earlier one holds, and both carriers say so", async () => {
    await using scene = await stagedScene({ router: { deadlines: "off" } });
    const client = scene.connect();
    await client.ask(get("/", { baggage: "a=1,fairlead-deadline=100%20900", "l5d-ctx-deadline": "200 1000" }));
    expect(valuesOf(scene.backend.last, "l5d-ctx-deadline")).toEqual(["200 900"]);
    expect(baggageOf(scene.backend.last)).toEqual(["fairlead-deadline=200 900", "a=1"]);
    await client.ask(get("/", { baggage: "fairlead-deadline=soon,a=1" }));
    expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toBeUndefined();
    expect(baggageOf(scene.backend.last)).toEqual(["a=1"]);
    expect(scene.proxy.serverMetric("context", "unreadable")).toBe(1);
  });

  test("a deadline in baggage that has passed is refused like any other", async () => {
    await using scene = await stagedScene();
    const client = scene.connect();
    for (let i = 0; i < 5; i++) await client.ask(get()); // a fifth of all may be refused
    const answer = await client.ask(get("/", { baggage: "fairlead-deadline=1000000%202000000" }));
    expect(answer.status).toBe(503);
    expect(causeOf(answer)).toBe("downstream.context.expired");
  });

  test("baggage without members of ours passes as it came, line by line, and none is made", async () => {
    await using scene = await stagedScene({ service: { totalTimeoutMs: 1000 } });
    const client = scene.connect();
    await client.ask("GET / HTTP/1.1\r\nHost: web\r\nBaggage: a=1 , b=%zz\r\nbaggage: foo=fairlead-dtab\r\n\r\n");
    expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1 , b=%zz", "foo=fairlead-dtab"]);
    await client.ask(get());
    expect(valueOf(scene.backend.last, "l5d-ctx-deadline")).toBeDefined();
    expect(valueOf(scene.backend.last, "baggage")).toBeUndefined();
  });

  test("with an override the deadline that is set here is in baggage, too", async () => {
    await using scene = await stagedScene({ service: { totalTimeoutMs: 1000 } });
    await scene.connect().ask(get("/", { "l5d-dtab": `/svc/web=>${scene.staging.name}` }));
    const { last } = scene.staging;
    expect(baggageOf(last)).toEqual([
      `${DTAB}=/svc/web=>${scene.staging.name}`,
      `fairlead-deadline=${valueOf(last, "l5d-ctx-deadline")}`,
    ]);
  });

  test("always: a deadline is in baggage without being asked for", async () => {
    await using scene = await stagedScene({
      service: { totalTimeoutMs: 1000 },
      server: { overrides: { baggage: "always" } },
    });
    const client = scene.connect();
    await client.ask(get("/", { baggage: "a=1" }));
    const deadline = `fairlead-deadline=${valueOf(scene.backend.last, "l5d-ctx-deadline")}`;
    expect(baggageOf(scene.backend.last)).toEqual([deadline, "a=1"]);
    await client.ask(get());
    expect(baggageOf(scene.backend.last)).toEqual([deadline]);
  });

  test("a Linkerd 1.x file leaves baggage alone", async () => {
    await using scene = await stagedScene({ modern: false });
    const member = `${DTAB}=${encoded(`/svc/web=>${scene.staging.name}`)}`;
    const client = scene.connect();
    await client.ask(get("/", { baggage: `${member},a=1` }));
    expect(valuesOf(scene.backend.last, "baggage")).toEqual([`${member},a=1`]);
    await client.ask(get("/", { "l5d-dtab": "/x=>/y", baggage: "a=1" }));
    expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1"]);
    expect(scene.proxy.metricNames("overridden")).toEqual([]);
    expect(scene.proxy.metric("service", "svc/web", "requests")).toBe(2);
  });

  test.each([false, true])(
    "an edge takes nothing of ours from baggage, and leaves the rest (fairlead: 1: %s)",
    async (modern) => {
      await using scene = await stagedScene({ modern, server: { clearContext: true } });
      const client = scene.connect();
      const entry = encoded(`/svc/web=>${scene.staging.name}`);
      await client.ask(
        `GET / HTTP/1.1\r\nHost: web\r\nbaggage: a=1, fairlead-new=1,b=2\r\nbaggage: fairlead%2Ddtab=${entry},fairlead-deadline=1%202,c\r\n\r\n`,
      );
      expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1,b=2,c"]);
      await client.ask(get("/", { baggage: "a=1" }));
      expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1"]);
      await client.ask(get("/", { baggage: `${DTAB}=${entry}` }));
      expect(valueOf(scene.backend.last, "baggage")).toBeUndefined();
      expect(scene.staging.requests).toHaveLength(0);
    },
  );

  test.each([
    `${DTAB}=%2`,
    DTAB,
    `${DTAB}=/a%0d%0aevil: 1`,
    `${Array.from({ length: 64 }, (_, i) => `k${i}=1`).join(",")},${DTAB}=/a%3D>/b`,
  ])("an override that cannot be read is answered 400: %s", async (baggage) => {
    await using scene = await stagedScene();
    const client = scene.connect();
    const answer = await client.ask(get("/", { baggage }));
    expect(answer.status).toBe(400);
    expect(causeOf(answer)).toBe("downstream.context.bad-dtab");
    expect(valueOf(answer, "evil")).toBeUndefined();
    expect((await client.ask(get())).status).toBe(200);
  });

  test("the fault in an override is told by its place in the decoded text", async () => {
    await using scene = await stagedScene();
    const answer = await scene.connect().ask(get("/", { baggage: `a=1,${DTAB}=%2Fsvc%2Fweb%20=>%20!!` }));
    expect(valueOf(answer, "fairlead-cause")).toBe("downstream.context.bad-dtab;at=13");
  });

  test("malformed baggage of others is no reason to refuse anything", async () => {
    await using scene = await stagedScene();
    const client = scene.connect();
    for (const baggage of [",,,", "=", "a=%", ";;=;", '"', "a b c", "%", "\x80\xff=\xfe"]) {
      expect((await client.ask(get("/", { baggage }))).status).toBe(200);
      expect(valuesOf(scene.backend.last, "baggage")).toEqual([baggage]);
    }
  });

  test("where the members of others leave no room, they go first, and that is counted", async () => {
    await using scene = await stagedScene();
    const baggage = Array.from({ length: 63 }, (_, i) => `k${i}=1`).join(",");
    const entry = `/svc/web=>${scene.staging.name}`;
    await scene.connect().ask(get("/", { baggage, "l5d-dtab": entry }));
    expect(valuesOf(scene.staging.last, "baggage")).toEqual([baggage]);
    expect(valueOf(scene.staging.last, "l5d-ctx-dtab")).toBe(entry);
    expect(scene.proxy.serverMetric("overrides", "not_in_baggage")).toBe(1);
  });

  test("an override that is sent again after a failure carries its baggage", async () => {
    await using scene = await stagedScene({
      service: { responseClassifier: { kind: "io.l5d.http.retryableRead5XX" } },
    });
    scene.staging.behaviour = {
      request: (_, connection) => connection.reply(scene.staging.requests.length < 2 ? 503 : 200),
    };
    const answer = await scene
      .connect()
      .ask(get("/", overridden("a=1", `${DTAB}=${encoded(`/svc/web=>${scene.staging.name}`)}`)));
    expect(answer.status).toBe(200);
    expect(scene.staging.requests).toHaveLength(2);
    expect(scene.staging.requests.map(baggageOf)).toEqual(
      Array.from({ length: 2 }, () => [`${DTAB}=/svc/web=>${scene.staging.name}`, "a=1"]),
    );
  });
});

/** An application that knows nothing of us: it passes on `baggage` and `traceparent`, in the form its library gives them. */
function instrumented(world: MemoryWorld, port: () => number, rewritten: (baggage: string) => string) {
  return {
    request(
      request: { readonly fields: readonly (readonly [string, string])[] },
      connection: { reply(status: number, body: string): void },
    ) {
      const caller = new HttpClient(world, port());
      const [baggage] = valuesOf({ fields: request.fields }, "baggage");
      const [parent] = valuesOf({ fields: request.fields }, "traceparent");
      const fields = {
        ...(baggage === undefined ? {} : { baggage: rewritten(baggage) }),
        ...(parent === undefined ? {} : { traceparent: parent }),
      };
      void caller.ask(compose("GET / HTTP/1.1", { Host: "users", ...fields })).then((answer) => {
        connection.reply(answer.status, answer.body);
        caller.close();
      });
    },
  };
}

/** As the baggage propagators of OpenTelemetry write what they have read. */
const AS_IT_IS = (baggage: string) => baggage;
const AS_JAVASCRIPT = (baggage: string) =>
  baggage
    .split(",")
    .map((member) => member.split("=", 2).map(decodeURIComponent))
    .map(([name = "", value = ""]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join(",");

test.each([
  ["as they are", AS_IT_IS],
  ["decoded and encoded again", AS_JAVASCRIPT],
])(
  "through an application that passes on only W3C headers, %s, an override and a deadline reach the proxy behind it",
  async (_, form) => {
    const world = memoryWorld();
    await using _world = world;
    const users = await Backend.start(world);
    const staging = await Backend.start(world);
    const web = await Backend.start(
      world,
      instrumented(world, () => outgoing.port(), form),
    );
    await using outgoing: Proxy = await Proxy.start(world, { modern: true, dtab: `/svc/users => ${users.name};` });
    await using incoming = await Proxy.start(world, { modern: true, dtab: `/svc/web => ${web.name};` });
    const now = BigInt(world.env.clock.epochMs()) * 1_000_000n;
    const deadline = `${now} ${now + 5_000_000_000n}`;
    const client = incoming.connect();
    const answer = await client.ask(
      get("/", {
        "l5d-dtab": `/svc/users => ${staging.name}`,
        "l5d-ctx-deadline": deadline,
        baggage: "tenant=7",
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      }),
    );
    expect(answer.status).toBe(200);
    expect(users.requests).toHaveLength(0);
    expect(valueOf(staging.last, "l5d-ctx-dtab")).toBe(`/svc/users=>${staging.name}`);
    expect(valueOf(staging.last, "l5d-ctx-deadline")).toBe(deadline);
    expect(baggageOf(staging.last)).toEqual([
      `${DTAB}=/svc/users=>${staging.name}`,
      `fairlead-deadline=${deadline}`,
      "tenant=7",
    ]);
    await client.ask(get("/", { baggage: "tenant=7" }));
    expect(users.requests).toHaveLength(1);
    expect(valuesOf(users.last, "baggage")).toEqual([form("tenant=7")]);
  },
);

describe("who may override", () => {
  const ALLOW = [{ from: ["127.0.0.0/8"], names: ["/svc/web"] }];

  test("entries that no rule covers are dropped and counted, whatever carries them, and the others hold", async () => {
    await using scene = await stagedScene({ server: { overrides: { allow: ALLOW } } });
    const client = scene.connect();
    const entry = `/svc/web=>${scene.staging.name}`;
    const passed = async (fields: Record<string, string>) => {
      expect((await client.ask(get("/", fields))).status).toBe(200);
      return valueOf(scene.staging.last, "l5d-ctx-dtab");
    };
    expect(await passed({ "l5d-dtab": `/svc => /nowhere; ${entry}` })).toBe(entry);
    expect(await passed({ "l5d-ctx-dtab": `${entry};/svc/users=>/x` })).toBe(entry);
    expect(await passed({ baggage: `${DTAB}=${encoded(`/a=>/b;${entry}`)}` })).toBe(entry);
    expect(baggageOf(scene.staging.last)).toEqual([`${DTAB}=${entry}`]);
    expect(scene.proxy.serverMetric("overrides", "denied")).toBe(3);
    expect(scene.backend.requests).toHaveLength(0);
  });

  test("a request whose override is dropped altogether is an ordinary one", async () => {
    await using scene = await stagedScene({
      server: { overrides: { allow: [{ from: "10.0.0.0/8", names: "*" }] } },
    });
    const client = scene.connect();
    const entry = `/svc/web=>${scene.staging.name}`;
    await client.ask(get("/", { "l5d-dtab": entry, baggage: "a=1" }));
    expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1"]);
    await client.ask(get("/", { baggage: `a=1,${DTAB}=${encoded(entry)}` }));
    expect(valuesOf(scene.backend.last, "baggage")).toEqual(["a=1"]);
    expect(valueOf(scene.backend.last, "l5d-ctx-dtab")).toBeUndefined();
    expect(scene.staging.requests).toHaveLength(0);
    expect(scene.proxy.serverMetric("overrides", "denied")).toBe(2);
    expect(scene.proxy.metric("service", "svc/web", "requests")).toBe(2);
    expect(scene.proxy.metricNames("overridden")).toEqual([]);
  });

  test("the rules hold in a Linkerd 1.x file, too, and an override that does not parse is still refused", async () => {
    await using scene = await stagedScene({ modern: false, server: { overrides: { allow: [] } } });
    const client = scene.connect();
    expect((await client.ask(get("/", { "l5d-dtab": `/svc/web=>${scene.staging.name}` }))).status).toBe(200);
    expect(scene.backend.requests).toHaveLength(1);
    expect((await client.ask(get("/", { "l5d-dtab": "nonsense" }))).status).toBe(400);
  });
});

describe("figures", () => {
  test("requests under an override have figures and a retry budget of their own, by service", async () => {
    await using scene = await stagedScene();
    const broken = await Backend.start(scene.world, { request: (_, connection) => connection.reply(500) });
    const client = scene.connect();
    await client.ask(get());
    for (const entry of [`/svc/web=>${broken.name}`, `/svc/web=>${broken.name};/x=>/y`, `/x=>/y`]) {
      await client.ask(get("/", { "l5d-dtab": entry }));
    }
    const figures = (kind: string) =>
      ["requests", "success", "failures"].map((name) => scene.proxy.metric(kind, "svc/web", name));
    expect(figures("service")).toEqual([1, 1, 0]);
    expect(figures("overridden")).toEqual([3, 1, 2]);
    expect(scene.proxy.metricNames("overridden")).toEqual(["svc/web"]);
    expect(scene.proxy.metricNames("overridden", "svc/web")).toContain("retries");
    expect(scene.proxy.serverMetric("requests")).toBe(4);
  });

  test.each([
    [false, "apart", 0, 1],
    [true, "together", 1, 0],
  ] as const)("overriddenMetrics (fairlead: 1: %s): %s", async (modern, overriddenMetrics, service, apart) => {
    await using scene = await stagedScene({ modern, router: { overriddenMetrics } });
    await scene.connect().ask(get("/", { "l5d-dtab": "/x=>/y" }));
    expect(scene.proxy.metric("service", "svc/web", "requests")).toBe(service);
    expect(scene.proxy.metric("overridden", "svc/web", "requests")).toBe(apart);
  });
});

test("a storm of made-up overrides leaves nothing behind that grows, and displaces no other name", async () => {
  const STORM = 10_000;
  await using scene = await stagedScene({ dtab: "/svc/* => /svc/web;" });
  const client = scene.connect();
  await client.ask(get());
  const { router } = scene.proxy.linker.routers[0] as (typeof scene.proxy.linker.routers)[number];
  const [controlled] = scene.proxy.linker.controlled;
  for (let i = 0; i < STORM; i++) {
    const entry = encoded(`/svc/made-up-${i}=>/svc/web`);
    const fields = i % 2 === 0 ? { baggage: `${DTAB}=${entry}` } : { "l5d-dtab": `/svc/made-up-${i}=>/svc/web` };
    const answer = await client.ask(compose("GET / HTTP/1.1", { Host: `made-up-${i}`, ...fields }));
    expect(answer.status).toBe(200);
  }
  expect([...router.bindings.paths()].length).toBeLessThanOrEqual(101);
  expect(scene.proxy.metricNames("overridden").length).toBeLessThanOrEqual(100);
  expect(scene.proxy.metricNames("service")).toEqual(["svc/web"]);
  expect(controlled?.dtab?.entries).toHaveLength(2);
  expect(scene.proxy.metric("bindcache", "path", "evicts")).toBeGreaterThanOrEqual(STORM - 101);
  const misses = scene.proxy.metric("bindcache", "path", "misses");
  await client.ask(get());
  expect(scene.proxy.metric("bindcache", "path", "misses")).toBe(misses);
}, 60_000);

test("long overrides that nobody sends twice are not kept", async () => {
  const MAX_GROWTH_BYTES = 4_000_000; // 1 MB is usual; 22 with all texts remembered, 77 with all names kept bound
  await using scene = await stagedScene({ reuse: true });
  const client = scene.connect();
  const storm = async (from: number, to: number) => {
    for (let i = from; i < to; i++) {
      const rules = Array.from({ length: 100 }, (_, k) => `/svc/made-up-${i}-${k}=>/svc/other-name-of-some-length`);
      expect((await client.ask(get("/", { "l5d-dtab": rules.join(";") }))).status).toBe(200);
      scene.backend.requests.length = 0;
      client.answers.length = 0;
      client.heads.length = 0;
      scene.proxy.records.length = 0;
    }
  };
  await storm(0, 300);
  const before = heapInUse();
  await storm(300, 2_300);
  expect(heapInUse() - before).toBeLessThan(MAX_GROWTH_BYTES);
}, 60_000);
