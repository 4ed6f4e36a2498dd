// Reloads of the configuration while traffic goes on: what stays, what changes, and what must not be noticed at all.
import { expect, test } from "vitest";
import type { Place } from "../../src/telemetry/registry.ts";
import { Backend, type Behaviour } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { get as h2Get, startH2Proxy } from "../support/h2-scene.ts";
import { H2Service, silent as h2Silent } from "../support/h2-service.ts";
import { causeOf, HttpClient } from "../support/http-client.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { Peer } from "../support/peer.ts";
import { configOf, Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, post } from "../support/scene.ts";
import { OFFER, tunnelScene } from "../support/tunnel-scene.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

/** Longer than anything that was replaced keeps its connections. */
const GENTLE_MS = 31_000;
/** Longer than figures of what nobody uses stay. */
const FIGURES_MS = 120_000;

/** Two services, and a proxy that leads to the first. */
interface Stage extends AsyncDisposable {
  readonly world: MemoryWorld;
  readonly [name: string]: unknown;
  readonly a: Backend;
  readonly b: Backend;
  readonly proxy: Proxy;
}

async function stage(setup: (a: Backend, b: Backend) => ProxySetup, behaviour: Behaviour = {}): Promise<Stage> {
  const world = memoryWorld();
  const [a, b] = [await Backend.start(world, behaviour), await Backend.start(world, says("b"))];
  const proxy = await Proxy.start(world, setup(a, b));
  return {
    world,
    a,
    b,
    proxy,
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

function says(text: string): Behaviour {
  return { request: (_, connection) => connection.reply(200, text) };
}

const silent: Behaviour = { request: () => undefined };

/** A router of its own for each label, port and target. */
function router(label: string, port: number, target: Backend, more: object = {}, server: object = {}): object {
  return { protocol: "http", label, dtab: `/svc => ${target.name}`, servers: [{ port, ...server }], ...more };
}

function routers(...all: readonly object[]): ProxySetup {
  return { text: JSON.stringify({ admin: { port: 0 }, routers: all }) };
}

/** All counters below a place, by name. */
function counters(scope: Place, name = ""): Map<string, number> {
  const all = new Map<string, number>();
  if (scope.metric?.kind === "counter") all.set(name, scope.metric.value);
  for (const child of scope.children) for (const [k, v] of counters(child, `${name}/${child.segment}`)) all.set(k, v);
  return all;
}

function fallen(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): string[] {
  return [...before].flatMap(([name, value]) => ((now.get(name) ?? -1) < value ? [`${name} ${value}`] : []));
}

/** The names of everything below a place. */
function allNames({ children }: Place, name = ""): string[] {
  return [...children].flatMap((child) => [`${name}/${child.segment}`, ...allNames(child, `${name}/${child.segment}`)]);
}

// ---- Routers that stay ---------------------------------------------------------------------------------------------

test("a router that is written as before keeps callers, sessions, clients and figures, whatever happens to others", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a), router("two", 4141, a)));
  const caller = s.proxy.connect();
  await caller.ask(get());
  const [running] = s.proxy.linker.routers;
  const [client] = running!.router.bindings.clients(); // it has been asked
  const [endpoint] = client!.endpoints;
  endpoint!.accrual.fail();
  const before = counters(s.proxy.linker.metrics.root);
  await s.proxy.reload(routers(router("three", 4143, s.b), router("one", 4140, s.a), router("two", 4141, s.b)));
  const now = s.proxy.linker.routers[1]!; // as the configuration says
  expect([now, now.router.bindings.clients()[0], client!.endpoints[0]]).toEqual([running, client, endpoint]);
  expect([now === running, now.router.bindings.clients()[0] === client, client!.endpoints[0] === endpoint]).toEqual([
    true,
    true,
    true,
  ]);
  expect(fallen(before, counters(s.proxy.linker.metrics.root))).toEqual([]);
  const answer = await caller.ask(get());
  expect([answer.status, valueOf(answer, "connection"), caller.over]).toEqual([200, undefined, false]);
  expect([s.a.connections.length, s.a.requests.length]).toEqual([1, 2]);
  expect(s.proxy.linker.metrics.find("rt", "one", "server", "127.0.0.1/4140", "connections")).toMatchObject({
    value: 1,
  });
});

test("a changed dtab changes nothing but where names lead; the caller's connection stays", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const caller = s.proxy.connect();
  await caller.ask(get());
  await s.proxy.reload(routers(router("one", 4140, s.b)));
  expect([(await caller.ask(get())).body, caller.over]).toEqual(["b", false]);
});

test("of a dtab with one rule more, only the names that it touches are told to data", async () => {
  const many = Array.from({ length: 500 }, (_, i) => i);
  const dtab = (a: Backend) => many.map((i) => `/svc/s${i} => ${a.name};`).join("");
  const cache = { bindingCache: { paths: 1000 } };
  await using s = await stage((a) => routers(router("one", 4140, a, { dtab: dtab(a), ...cache })));
  const caller = s.proxy.connect();
  for (const i of many) await caller.ask(get("/", { Host: `s${i}` }));
  const [running] = s.proxy.linker.routers;
  const told: string[] = [];
  const { bindings } = running!.router; // the only one
  const receive = bindings.receive.bind(bindings);
  bindings.receive = (message) => {
    told.push(message.type);
    receive(message);
  };
  await s.proxy.reload(routers(router("one", 4140, s.a, { dtab: `${dtab(s.a)}/svc/s77 => ${s.b.name};`, ...cache })));
  expect(told.filter((type) => type === "bound")).toEqual(["bound"]);
  const places = await Promise.all([77, 76].map(async (i) => (await caller.ask(get("/", { Host: `s${i}` }))).body));
  expect(places).toEqual(["b", "ok"]);
});

test("a rule for a name that was asked for in vain before holds from the moment that the reload is over", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a, { dtab: `/svc/web => ${a.name}` })));
  const caller = s.proxy.connect();
  const refused = await caller.ask(get("/", { Host: "new" }));
  await s.proxy.reload(routers(router("one", 4140, s.a, { dtab: `/svc/web => ${s.a.name}; /svc/new => ${s.b.name}` })));
  const answer = await s.proxy.connect().ask(get("/", { Host: "new" }));
  expect([refused.status, answer.body]).toEqual([502, "b"]);
});

test("rules and namers change at once: no request meets the new ones of the one and the old ones of the other", async () => {
  const namer = (prefix: string, target: Backend) => ({
    kind: "fairlead.static",
    prefix: `/${prefix}`,
    names: { web: { to: target.address }, other: { to: target.address } },
  });
  const config = (prefix: string, target: Backend): ProxySetup => ({
    text: JSON.stringify({
      fairlead: 1,
      admin: { port: 0 },
      namers: [namer(prefix, target)],
      routers: [
        {
          ...router("one", 4140, target, { dtab: `/svc => /#/${prefix};` }),
          identifier: { kind: "io.l5d.header.token" },
        },
      ],
    }),
  });
  await using s = await stage((a) => config("first", a));
  const caller = s.proxy.connect();
  await caller.ask(get());
  const told: unknown[] = [];
  const [running] = s.proxy.linker.routers;
  const { bindings } = running!.router;
  const receive = bindings.receive.bind(bindings);
  bindings.receive = (message) => {
    if (message.type !== "endpoints") told.push(message.type === "bound" ? message.tree.type : message.type);
    receive(message);
  };
  await s.proxy.reload(config("second", s.b));
  expect(told).toEqual(["leaf"]);
  expect((await caller.ask(get())).body).toBe("b");
  await s.proxy.reload(config("first", s.a));
  expect((await caller.ask(get())).body).toBe("ok");
  expect(s.proxy.linker.routers[0]).toBe(running);
});

test("another interpreter binds what is bound already by its own rules", async () => {
  const transformed = (port: number) => ({
    interpreter: { kind: "default", transformers: [{ kind: "io.l5d.port", port }] },
  });
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const caller = s.proxy.connect();
  await caller.ask(get());
  await s.proxy.reload(routers(router("one", 4140, s.a, transformed(s.b.port))));
  expect((await caller.ask(get())).body).toBe("b");
  await s.proxy.reload(routers(router("one", 4140, s.a)));
  expect([(await caller.ask(get())).body, caller.over]).toEqual(["ok", false]);
});

// ---- Routers that change -------------------------------------------------------------------------------------------

/** What may change of a router, and whether connections are treated otherwise from then on. */
const CHANGES: readonly (readonly [string, object, object, "goes" | "stays"])[] = [
  ["a service policy", { service: { totalTimeoutMs: 90_000 } }, {}, "stays"],
  ["a client policy", { client: { loadBalancer: { kind: "roundRobin" } } }, {}, "stays"],
  ["the router's own keys", { bindingTimeoutMs: 9000 }, {}, "stays"],
  ["a limit of the server", {}, { maxConcurrentRequests: 7 }, "goes"],
  ["a limit of messages", { maxHeadersKB: 4 }, {}, "goes"],
  ["clearContext", {}, { clearContext: true }, "goes"],
  ["http2", { fairlead: true }, { http2: false }, "goes"],
  ["the label", { label: "renamed" }, {}, "goes"],
];

/** Where a request may be when it happens; each returns what finishes it. */
const MOMENTS: readonly (readonly [string, (s: Stage, caller: HttpClient) => Promise<() => Promise<void>>])[] = [
  [
    "is being answered",
    async (s, caller) => {
      caller.send(get());
      await s.a.received(1);
      return async () => s.a.connections[0]?.reply(200, "whole");
    },
  ],
  [
    "is half sent",
    async (s, caller) => {
      const text = post("a body in two parts");
      caller.send(text.slice(0, -9), "POST");
      s.world.settle();
      return async () => {
        caller.peer.send(text.slice(-9));
        await s.a.received(1);
        s.a.connections[0]?.reply(200, "whole");
      };
    },
  ],
  [
    "is half answered",
    async (s, caller) => {
      caller.send(get());
      await s.a.received(1);
      s.a.connections[0]?.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwh");
      s.world.settle();
      return async () => s.a.connections[0]?.send("ole");
    },
  ],
];

for (const [what, change, server, connections] of CHANGES) {
  test.each(MOMENTS)(`when ${what} changes, a request that %s ends where it began`, async (moment, begin) => {
    const modern = "fairlead" in change;
    const written = { ...change };
    if ("fairlead" in written) delete written.fairlead;
    const text = (...all: object[]): ProxySetup => ({
      text: JSON.stringify({ ...(modern ? { fairlead: 1 } : {}), admin: { port: 0 }, routers: all }),
    });
    await using s = await stage((a) => text(router("one", 4140, a)), silent);
    const idle = s.proxy.connect();
    const caller = s.proxy.connect();
    const finish = await begin(s, caller);
    await s.proxy.reload(text(router("one", 4140, s.b, written, server)));
    expect(idle.over).toBe(false);
    await finish();
    await caller.answered(1);
    expect([caller.answers[0]?.status, caller.answers[0]?.body]).toEqual([200, "whole"]);
    expect(s.b.requests).toEqual([]);
    // Whoever had been told nothing yet learns with the next answer; where nothing has changed for connections, nobody goes.
    if (connections === "stays") expect((await caller.ask(get())).body).toBe("b");
    else if (moment === "is half answered") {
      const next = await caller.ask(get());
      expect([next.body, valueOf(next, "connection")]).toEqual(["b", "close"]);
    } else expect(valueOf(caller.answers[0]!, "connection")).toBe("close");
    const next = await idle.ask(get());
    expect([next.body, valueOf(next, "connection")]).toEqual(["b", connections === "goes" ? "close" : undefined]);
    const fresh = await s.proxy.connect().ask(get());
    expect([fresh.body, valueOf(fresh, "connection")]).toEqual(["b", undefined]);
    await s.world.pass(GENTLE_MS);
    expect(s.proxy.linker.active).toBe(0);
    expect(s.a.open).toEqual([]);
  });
}

test("a request that waits for its retry when its router changes is sent again by the old one", async () => {
  const service = {
    responseClassifier: { kind: "io.l5d.http.retryableRead5XX" },
    retries: { backoff: { kind: "constant", ms: 1000 } },
  };
  let answered = 0;
  await using s = await stage((a) => routers(router("one", 4140, a, { service })), {
    request: (_, connection) => connection.reply(answered++ === 0 ? 503 : 200, "again"),
  });
  const caller = s.proxy.connect();
  caller.send(get());
  await s.a.received(1);
  s.world.settle();
  await s.proxy.reload(routers(router("one", 4140, s.b)));
  await s.world.pass(1100);
  await caller.answered(1);
  expect([caller.answers[0]?.body, s.a.requests.length, s.b.requests.length]).toEqual(["again", 2, 0]);
});

test("a request whose name is being looked up when its router changes is served by the old one", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [a, b] = [await Backend.start(world, says("a")), await Backend.start(world, says("b"))];
  const disco = new Disco(world);
  disco.write("web", [a]);
  const setup = (target: string, more: ProxySetup = {}): ProxySetup => ({
    namers: [disco.namer],
    ...more,
    dtab: target,
  });
  await using proxy = await Proxy.start(world, setup("/svc => /#/io.l5d.fs;"));
  const next = await configOf(setup(`/svc => ${b.name};`, { service: { totalTimeoutMs: 70_000 } }));
  const caller = proxy.connect();
  caller.send(get());
  world.settle();
  expect([proxy.linker.active, a.requests.length]).toEqual([1, 0]); // reading a file takes a turn of the real loop
  const progress = proxy.beginReload(next);
  await caller.answered(1);
  expect([caller.answers[0]?.body, b.requests.length]).toEqual(["a", 0]);
  await world.until("the reload", () => progress.done);
  expect((await caller.ask(get())).body).toBe("b");
});

test("a server that takes another protocol on the same port: old connections are served, new ones speak the new one", async () => {
  const world = memoryWorld();
  await using _world = world;
  const service = await H2Service.start(world);
  const h2 = { protocol: "h2", label: "one", dtab: `/svc => ${service.name}`, servers: [{ port: 4140 }] };
  const plain = await Backend.start(world);
  await using proxy = await Proxy.start(world, routers(router("one", 4140, plain)));
  const caller = proxy.connect();
  await caller.ask(get());
  await proxy.reload(routers(h2));
  const answer = await caller.ask(get());
  expect([answer.status, valueOf(answer, "connection"), service.requests.length]).toEqual([200, "close", 1]);
  const modern = new H2Caller(world, 4140);
  expect((await modern.ask(h2Get())).status).toBe(200);
  await proxy.reload(routers(router("one", 4140, plain)));
  await modern.released();
  expect((await proxy.connect().ask(get())).status).toBe(200);
});

test("streams of HTTP/2 finish where they began; the caller is told to go only where connections are treated otherwise", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [a, b] = [await H2Service.start(world, h2Silent()), await H2Service.start(world)];
  const setup = (target: H2Service, more: ProxySetup): ProxySetup => ({
    dtab: `/svc => ${target.name}`,
    ...more,
    router: { protocol: "h2", ...more.router },
  });
  await using proxy = await startH2Proxy(world, setup(a, {}));
  const caller = new H2Caller(world, proxy.port());
  const first = caller.request(h2Get("/first"));
  await a.begun(1);
  await proxy.reload(setup(b, { service: { totalTimeoutMs: 60_000 } }));
  const second = await caller.ask(h2Get("/second"));
  expect([second.body, caller.goaways, first.done]).toEqual(["ok", [], false]);
  await proxy.reload(setup(b, { service: { totalTimeoutMs: 60_000 }, server: { maxConcurrentRequests: 100 } }));
  await world.until("both steps", () => caller.goaways.length === 2);
  expect([first.done, caller.over]).toEqual([false, false]);
  a.heads[0]?.reply(200, "first");
  await caller.finished(first);
  expect(first.body).toBe("first");
  await caller.released();
  const next = new H2Caller(world, proxy.port());
  expect((await next.ask(h2Get())).body).toBe("ok");
  expect(caller.problems).toEqual([]);
});

test("a tunnel outlives changes of its router, and its router", async () => {
  await using scene = await tunnelScene();
  const { proxy, service, world } = scene;
  const port = proxy.port();
  const peer = scene.caller();
  world.settle();
  peer.send(OFFER);
  await world.until("101", () => peer.received.includes("\r\n\r\n"));
  const plain = await Backend.start(world);
  const dtab = `/svc/web => ${service.backend.name}; /svc/plain => ${plain.name};`;
  await proxy.reload({ modern: true, dtab });
  await proxy.connect().ask(get("/", { Host: "plain" }));
  expect(plain.open.length).toBe(1);
  const echo = async (text: string) => {
    peer.take();
    peer.send(text);
    await world.until("the echo", () => peer.received === text);
  };
  await proxy.reload({ modern: true, dtab, service: { totalTimeoutMs: 50_000 } });
  await echo("one");
  await world.pass(500);
  expect(plain.open).toEqual([]); // what the tunnel does not need goes at once
  await proxy.reload({ modern: true, dtab, server: { maxConcurrentRequests: 5 } });
  await world.pass(GENTLE_MS);
  await echo("two");
  expect(proxy.linker.active).toBe(1);
  await proxy.reload({ modern: true, dtab, router: { label: "other", servers: [{ port: 4999 }] } });
  await world.pass(GENTLE_MS);
  await echo("three");
  expect([...Peer.connect(world, port).received]).toEqual([]);
  peer.destroy();
  await world.pass(1000);
  expect([proxy.linker.active, [...proxy.linker.metrics.root.scope("rt").children].map((c) => c.segment)]).toEqual([
    0,
    ["other"],
  ]);
});

// ---- Routers that come and go --------------------------------------------------------------------------------------

test("a router that is gone finishes what it has, serves what is on its way, and leaves nothing behind", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a), router("two", 4141, a)), silent);
  const [busy, idle] = [s.proxy.connect(1), s.proxy.connect(1)];
  busy.send(get());
  await s.a.received(1);
  await s.proxy.reload(routers(router("one", 4140, s.a)));
  const late = new HttpClient(s.world, 4141);
  await s.world.until("the refusal", () => late.peer.closed);
  expect(late.peer.errorCode).toBe("ECONNREFUSED");
  s.a.behaviour = says("late");
  const answer = await idle.ask(get());
  expect([answer.body, valueOf(answer, "connection"), idle.over]).toEqual(["late", "close", true]);
  s.a.connections[0]?.reply(200, "whole");
  await busy.answered(1);
  expect(busy.answers[0]?.body).toBe("whole");
  await s.world.pass(6000);
  const { root } = s.proxy.linker.metrics;
  expect([...root.scope("rt").children].map((child) => child.segment)).toEqual(["one"]);
  expect(s.a.open).toEqual([]);
});

test("a request on its way to a router that is gone is served although nothing else was in progress there", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a), router("two", 4141, a)));
  const idle = s.proxy.connect(1);
  s.world.settle();
  await s.proxy.reload(routers(router("one", 4140, s.a)));
  await s.world.pass(4000);
  expect((await idle.ask(get())).status).toBe(200);
});

test("two routers swap their ports in one reload", async () => {
  await using s = await stage((a, b) => routers(router("one", 4140, a), router("two", 4141, b)));
  const [one, two] = [s.proxy.connect(0), s.proxy.connect(1)];
  expect([(await one.ask(get())).body, (await two.ask(get())).body]).toEqual(["ok", "b"]);
  await s.proxy.reload(routers(router("one", 4141, s.a), router("two", 4140, s.b)));
  expect([(await one.ask(get())).body, (await two.ask(get())).body]).toEqual(["b", "ok"]);
  const fresh = [new HttpClient(s.world, 4140), new HttpClient(s.world, 4141)];
  expect(await Promise.all(fresh.map(async (caller) => (await caller.ask(get())).body))).toEqual(["b", "ok"]);
  await s.world.pass(GENTLE_MS);
  const { root } = s.proxy.linker.metrics;
  const servers = ["one", "two"].map((label) => [...root.scope("rt", label, "server").children].map((c) => c.segment));
  expect(servers).toEqual([["127.0.0.1/4141"], ["127.0.0.1/4140"]]);
});

test("a router that moves listens at its new address before it leaves the old one, and comes back at once", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const old = s.proxy.connect();
  await old.ask(get());
  await s.proxy.reload(routers(router("one", 4150, s.a)));
  expect((await new HttpClient(s.world, 4150).ask(get())).status).toBe(200);
  expect((await old.ask(get())).status).toBe(200);
  await s.proxy.reload(routers(router("one", 4140, s.a)));
  expect((await new HttpClient(s.world, 4140).ask(get())).status).toBe(200);
  await s.world.pass(GENTLE_MS);
  const place = s.proxy.linker.metrics.root.scope("rt", "one", "server");
  expect([...place.children].map((child) => child.segment)).toEqual(["127.0.0.1/4140"]);
});

test("a new router answers from the moment that it listens, although others do not listen yet", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const progress = s.proxy.beginReload(
    await configOf(routers(...[4140, 4151, 4152, 4153].map((port) => router(`r${port}`, port, s.b)))),
  );
  let caller: HttpClient | null = null;
  for (let turns = 0; turns < 200 && caller === null; turns++) {
    await Promise.resolve();
    const tried = new HttpClient(s.world, 4151);
    s.world.settle();
    if (tried.peer.connected && !tried.over) caller = tried;
  }
  expect([caller === null, progress.done]).toEqual([false, false]);
  caller?.send(get());
  s.world.settle();
  await caller?.answered(1);
  expect(caller?.answers[0]?.body).toBe("b");
  await s.world.until("the reload", () => progress.done);
  await progress.outcome;
});

// ---- What cannot be ------------------------------------------------------------------------------------------------

test.each([
  [
    "a server of a router",
    (s: Stage) =>
      routers(
        router("one", 4140, s.b, { bindingTimeoutMs: 1 }),
        router("new", 4160, s.b),
        router("two", s.a.port, s.b),
      ),
  ],
  [
    "a second server",
    (s: Stage) => routers(router("one", 4140, s.b, { servers: [{ port: 4140 }, { port: 4161 }, { port: s.a.port }] })),
  ],
  [
    "the admin server",
    (s: Stage) => ({
      text: JSON.stringify({
        admin: { port: s.a.port, ip: "127.0.0.1" },
        routers: [router("one", 4140, s.b), router("new", 4160, s.b)],
      }),
    }),
  ],
])("where %s cannot listen, everything is as before, and the next reload is none the worse", async (_, broken) => {
  await using s = await stage((a) => routers(router("one", 4140, a)), silent);
  const [busy, idle] = [s.proxy.connect(), s.proxy.connect()];
  busy.send(get());
  await s.a.received(1);
  const { root } = s.proxy.linker.metrics;
  const [names, before] = [allNames(root).sort(), s.proxy.linker.routers[0]];
  for (let again = 0; again < 3; again++) await expect(s.proxy.reload(broken(s))).rejects.toThrow(/EADDRINUSE|listens/);
  expect(allNames(root).sort()).toEqual(names);
  expect(root.scope("rt", "one", "server", "127.0.0.1/4140", "load").metric).toMatchObject({ value: 1 });
  expect([s.proxy.linker.routers.length, s.proxy.linker.routers[0] === before]).toEqual([1, true]);
  s.a.behaviour = says("as before");
  s.a.connections[0]?.reply(200, "whole");
  await busy.answered(1);
  expect([(await busy.ask(get())).body, (await idle.ask(get())).body]).toEqual(["as before", "as before"]);
  expect((await s.proxy.connect().ask(get("/", { Host: "never-seen" }))).body).toBe("as before");
  expect(await Promise.all([4160, 4161].map((port) => refused(s.world, port)))).toEqual([true, true]);
  await s.proxy.reload(routers(router("one", 4140, s.b)));
  expect((await busy.ask(get())).body).toBe("b");
});

async function refused(world: MemoryWorld, port: number): Promise<boolean> {
  const caller = new HttpClient(world, port);
  await world.until("an end", () => caller.peer.closed || caller.peer.connected);
  const { connected } = caller.peer;
  caller.close();
  return !connected;
}

// ---- Several things at once ----------------------------------------------------------------------------------------

test("reloads that are asked for while one is under way follow it, the last one stays", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const caller = s.proxy.connect();
  await caller.ask(get());
  const configs = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => configOf(routers(router(`r${n}`, 4140, n === 5 ? s.b : s.a, { bindingTimeoutMs: n })))),
  );
  const all = configs.map((config) => s.proxy.beginReload(config));
  await s.world.until("all of them", () => all.every(({ done }) => done));
  await Promise.all(all.map(({ outcome }) => outcome));
  expect([s.proxy.linker.routers.map(({ config }) => config.label), (await caller.ask(get())).body]).toEqual([
    ["r5"],
    "b",
  ]);
});

test("a stop while a reload is under way finishes it and then everything; one that waits is told so", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const caller = s.proxy.connect();
  await caller.ask(get());
  const config = await configOf(routers(router("one", 4141, s.b), router("two", 4142, s.b)));
  const [first, second] = [s.proxy.beginReload(config), s.proxy.beginReload(config)];
  const stopped = s.proxy.stop(1000);
  second.outcome.catch(() => undefined);
  await s.world.pass(700); // for a caller who was served a moment ago
  await s.world.until("the stop", () => stopped.done);
  expect([stopped.clean, first.done]).toEqual([true, true]);
  await expect(second.outcome).rejects.toThrow("stopping");
  expect(await Promise.all([4140, 4141, 4142].map((port) => refused(s.world, port)))).toEqual([true, true, true]);
});

test("a stop with routers that are on their way out waits for their requests, within its time", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a), router("two", 4141, a)), silent);
  const [left, late] = [s.proxy.connect(0), s.proxy.connect(1)];
  left.send(get("/left"));
  late.send(get("/late"));
  await s.a.received(2);
  await s.proxy.reload(routers(router("three", 4140, s.b)));
  const stopped = s.proxy.stop(1000);
  await s.world.pass(500);
  expect(stopped.done).toBe(false);
  s.a.connections[0]?.reply(200, "left");
  await left.answered(1);
  await s.world.pass(600);
  await s.world.until("the stop", () => stopped.done);
  expect([stopped.clean, causeOf(late.answers[0]!)]).toEqual([false, "proxy.drain.limit"]);
});

test("the admin server moves, stays or changes with the file; what asks it at that moment is answered", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const admin = (port: number, more: object = {}) => ({
    text: JSON.stringify({ admin: { port, ...more }, routers: [router("one", 4140, s.a)] }),
  });
  await s.proxy.reload(admin(9990));
  const kept = new HttpClient(s.world, 9990);
  const ping = compose("GET /admin/ping HTTP/1.1", { Host: "localhost" });
  expect((await kept.ask(ping)).body).toBe("pong");
  await s.proxy.reload(admin(9990, { shutdownGraceMs: 5 }));
  const answer = await kept.ask(ping);
  expect([answer.body, valueOf(answer, "connection")]).toEqual(["pong", "close"]);
  const [left, back] = [new HttpClient(s.world, 9990), new HttpClient(s.world, 9990)];
  s.world.settle();
  await s.proxy.reload(admin(9991));
  expect(await refused(s.world, 9990)).toBe(true);
  expect((await left.ask(ping)).body).toBe("pong");
  await s.proxy.reload(admin(9990));
  expect((await new HttpClient(s.world, 9990).ask(ping)).body).toBe("pong");
  await s.world.pass(6000);
  await back.released();
  expect(s.proxy.linker.metrics.find("admin", "connections")).toMatchObject({ value: 1 });
});

// ---- Figures and leftovers -----------------------------------------------------------------------------------------

test("no counter falls when a router is replaced by one of the same label, and what nobody uses goes later", async () => {
  const dtab = (target: Backend) => `/svc => ${target.name}; /svc/once => ${target.name}`;
  await using s = await stage((a) => routers(router("one", 4140, a, { dtab: dtab(a) })));
  const caller = s.proxy.connect();
  const { root } = s.proxy.linker.metrics;
  for (let round = 0; round < 5; round++) {
    for (const host of round === 0 ? ["web", "once"] : ["web"]) await caller.ask(get("/", { Host: host }));
    const before = counters(root.scope("rt"));
    await s.proxy.reload(routers(router("one", 4140, s.a, { dtab: dtab(s.a), bindingTimeoutMs: 5000 + round })));
    await s.world.pass(1000);
    expect(fallen(before, counters(root.scope("rt")))).toEqual([]);
  }
  await caller.ask(get());
  const services = () => [...root.scope("rt", "one", "service").children].map((child) => child.segment);
  expect(services()).toEqual(["svc/web", "svc/once"]);
  expect(root.scope("rt", "one", "service", "svc/web", "requests").metric).toMatchObject({ value: 6 });
  await s.world.pass(FIGURES_MS);
  expect(services()).toEqual(["svc/web"]);
  expect(root.scope("rt", "one", "client", s.a.name.slice(1), "requests").metric).toMatchObject({ value: 7 });
});

test("hundreds of reloads under way of requests leave nothing: no figure, no timer, no connection", async () => {
  await using s = await stage((a) => routers(router("one", 4140, a)));
  const versions = [
    routers(router("one", 4140, s.b, { bindingTimeoutMs: 3 })),
    routers(router("one", 4140, s.b, {}, { maxConcurrentRequests: 9 }), router("two", 4141, s.a)),
    routers(router("two", 4140, s.a), router("one", 4142, s.b)),
    routers(router("one", 4140, s.a)),
  ];
  const configs = await Promise.all(versions.map(configOf));
  const kept = s.proxy.connect();
  const rest = async () => {
    await s.world.pass(FIGURES_MS);
    const { metrics } = s.proxy.linker;
    return { cells: metrics.liveCells, timers: s.world.env.pendingTimers, names: allNames(metrics.root).sort() };
  };
  let calls = 0;
  const round = async () => {
    for (const config of configs) {
      const caller = new HttpClient(s.world, 4140);
      caller.send(get());
      const progress = s.proxy.beginReload(config);
      await s.world.until("the reload", () => progress.done);
      await progress.outcome;
      await caller.answered(1);
      expect(caller.answers[0]?.status).toBe(200);
      calls++;
      caller.close();
    }
  };
  for (let n = 0; n < 2; n++) {
    await round();
    await rest();
  }
  const before = await rest();
  for (let n = 0; n < 50; n++) await round();
  expect(await rest()).toEqual(before);
  expect(s.proxy.records.length).toBe(calls);
  kept.close();
});
