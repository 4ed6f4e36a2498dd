// Where requests go: identifiers, dtabs, unions with weights, balancing, and names that change while they are used.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { Disco } from "../support/disco.ts";
import { causeOf } from "../support/http-client.ts";
import { compose, valueOf } from "../support/http-text.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { get, memoryScene } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld, tcpWorld } from "../support/world.ts";

function shares(backends: readonly Backend[]): number[] {
  return backends.map((backend) => backend.requests.length);
}

async function start(world: MemoryWorld, count: number): Promise<Backend[]> {
  const backends: Backend[] = [];
  for (let i = 0; i < count; i++) backends.push(await Backend.start(world));
  return backends;
}

// Identifiers (linkerd1 §2.1.4): what the service is told as its name says how the request was named.

const identified: readonly (readonly [title: string, identifier: object, request: string, name: string | null])[] = [
  ["header.token takes Host as it is", { kind: "io.l5d.header.token" }, get("/", { Host: "Web:80" }), "/svc/Web:80"],
  [
    "header.token takes any header",
    { kind: "io.l5d.header.token", header: "X-Name" },
    get("/", { "x-name": "a b/c" }),
    "/svc/\\x61\\x20\\x62\\x2f\\x63",
  ],
  ["header.token without its header", { kind: "io.l5d.header.token", header: "X-Name" }, get(), null],
  ["header takes a path", { kind: "io.l5d.header" }, get("/", { "l5d-name": "/a/b" }), "/svc/a/b"],
  ["header refuses what is no path", { kind: "io.l5d.header" }, get("/", { "l5d-name": "a/b" }), null],
  ["path takes segments", { kind: "io.l5d.path", segments: 2 }, get("/a/b/c?d=/e"), "/svc/a/b"],
  ["path with too few segments", { kind: "io.l5d.path", segments: 2 }, get("/a?b=/c"), null],
  ["methodAndHost", { kind: "io.l5d.methodAndHost" }, get("/x", { Host: "Web" }), "/svc/1.1/GET/web"],
  [
    "methodAndHost with the path",
    { kind: "io.l5d.methodAndHost", httpUriInDst: true },
    get("/x/y?z"),
    "/svc/1.1/GET/web/x/y",
  ],
  [
    "methodAndHost of HTTP/1.0",
    { kind: "io.l5d.methodAndHost" },
    compose("PUT / HTTP/1.0", { Host: "Web" }),
    "/svc/1.0/PUT",
  ],
  ["methodAndHost without Host", { kind: "io.l5d.methodAndHost" }, "GET / HTTP/1.1\r\nHost:\r\n\r\n", null],
  ["static", { kind: "io.l5d.static", path: "/one/name" }, get(), "/svc/one/name"],
];

test.each(identified)("%s", async (_, identifier, request, name) => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  await using proxy = await Proxy.start(world, { dtab: `/svc => ${backend.name};`, router: { identifier } });
  const answer = await proxy.connect().ask(request.replace("Host: web\r\nHost", "Host"));
  if (name === null) {
    expect(answer.status).toBe(400);
    expect(causeOf(answer)).toBe("proxy.identify.unidentified");
  } else {
    expect(valueOf(backend.last, "l5d-dst-service")).toBe(name);
  }
});

test("io.l5d.path consumes its segments, and keeps query and trailing slash", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  await using proxy = await Proxy.start(world, {
    dtab: `/svc => ${backend.name};`,
    router: { identifier: { kind: "io.l5d.path", segments: 1, consume: true } },
  });
  const client = proxy.connect();
  for (const [sent, got] of [
    ["/a", "/"],
    ["/a/", "/"],
    ["/a/b?c=d", "/b?c=d"],
    ["/a?c=d", "/?c=d"],
    ["/a/b/", "/b/"],
    ["/a//b", "//b"],
  ] as const) {
    await client.ask(get(sent));
    expect(backend.last.target).toBe(got);
  }
});

test("of several identifiers the first that finds a name is taken", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  await using proxy = await Proxy.start(world, {
    dtab: `/svc => ${backend.name};`,
    router: { identifier: [{ kind: "io.l5d.header", header: "x-path" }, { kind: "io.l5d.path" }] },
  });
  const client = proxy.connect();
  const nameOf = async (request: string) => {
    await client.ask(request);
    return valueOf(backend.last, "l5d-dst-service");
  };
  expect(await nameOf(get("/u", { "x-path": "/h" }))).toBe("/svc/h");
  expect(await nameOf(get("/u"))).toBe("/svc/u");
  expect(await nameOf(get("/u", { "x-path": "no path" }))).toBe("/svc/u");
});

test("dstPrefix stands before every name", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backend = await Backend.start(world);
  await using proxy = await Proxy.start(world, {
    dtab: `/http/web => ${backend.name};`,
    router: { dstPrefix: "/http" },
  });
  expect((await proxy.connect().ask(get())).status).toBe(200);
});

// Unions and balancing.

test("a union divides traffic by weight, request by request", async () => {
  const world = memoryWorld();
  await using _world = world;
  const backends = await start(world, 3);
  const [a, b, c] = backends.map((backend) => backend.name);
  await using proxy = await Proxy.start(world, { dtab: `/svc/web => 0.7 * ${a} & 0.2 * ${b} & 0.1 * ${c};` });
  const client = proxy.connect();
  for (let i = 0; i < 3000; i++) await client.ask(get());
  const [first = 0, second = 0, third = 0] = shares(backends);
  expect(first + second + third).toBe(3000);
  // Five standard deviations of a binomial count.
  expect(Math.abs(first - 2100)).toBeLessThan(126);
  expect(Math.abs(second - 600)).toBeLessThan(110);
  expect(Math.abs(third - 300)).toBeLessThan(83);
});

test("an empty branch of a union answers its share with a failure", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [backend] = await start(world, 1);
  await using proxy = await Proxy.start(world, { dtab: `/svc/web => 1 * ${backend?.name} & 1 * $;` });
  const client = proxy.connect();
  let failed = 0;
  for (let i = 0; i < 400; i++) if ((await client.ask(get())).status === 502) failed++;
  expect(failed).toBeGreaterThan(140);
  expect(failed).toBeLessThan(260);
});

test("an alternative is taken when the first choice does not exist, and not when it merely fails", async () => {
  const world = memoryWorld();
  await using _world = world;
  const [first, second] = await start(world, 2);
  const disco = new Disco(world);
  await using proxy = await Proxy.start(world, {
    dtab: `/svc/web => /#/io.l5d.fs/none | ${first?.name}; /svc/other => /$/inet/127.0.0.1/9 | ${second?.name};`,
    namers: [disco.namer],
    client: { failureAccrual: { kind: "none" } },
  });
  expect((await proxy.connect().ask(get())).status).toBe(200);
  expect((await proxy.connect().ask(compose("GET / HTTP/1.1", { Host: "other" }))).status).toBe(502);
  expect(shares([first!, second!])).toEqual([1, 0]);
});

test("the dead ends of a dtab are told apart", async () => {
  const world = memoryWorld();
  await using _world = world;
  await using proxy = await Proxy.start(world, { dtab: "/svc/a => ~; /svc/b => !; /svc/c => $; /svc/d => /svc/d;" });
  const client = proxy.connect();
  const causeFor = async (host: string) => causeOf(await client.ask(compose("GET / HTTP/1.1", { Host: host })));
  expect(await causeFor("a")).toBe("proxy.bind.no-such-name");
  expect(await causeFor("b")).toBe("proxy.bind.fail");
  expect(await causeFor("c")).toBe("proxy.bind.no-endpoints");
  expect(await causeFor("d")).toBe("proxy.bind.error");
});

async function balanced(
  setup: ProxySetup,
  count: number,
  behave: (backends: Backend[]) => void,
  requests: number,
): Promise<number[]> {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backends = await start(world, count);
  disco.write("web", backends);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer], ...setup });
  const client = proxy.connect();
  await client.ask(get());
  behave(backends);
  for (let i = 0; i < requests; i++) await client.ask(get());
  return shares(backends);
}

test.each(["p2c", "ewma"])("%s spreads equal work evenly", async (kind) => {
  const counts = await balanced({ client: { loadBalancer: { kind } } }, 4, () => undefined, 2000);
  for (const count of counts) {
    expect(count).toBeGreaterThan(400);
    expect(count).toBeLessThan(600);
  }
});

test("p2c avoids an endpoint with requests in progress", async () => {
  const stuck = { request: () => undefined };
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backends = await start(world, 3);
  disco.write("web", backends);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  await client.ask(get());
  const [slow] = backends;
  slow!.behaviour = stuck;
  slow!.requests.length = 0;
  const others = Array.from({ length: 200 }, () => proxy.connect());
  for (const other of others) {
    other.send(get());
    world.settle();
  }
  expect(slow?.requests.length).toBe(1);
});

test("weights of addresses divide traffic within a name", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backends = await start(world, 2);
  disco.write("web", [
    { host: "127.0.0.1", port: backends[0]!.port, weight: 3 },
    { host: "127.0.0.1", port: backends[1]!.port, weight: 1 },
  ]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  for (let i = 0; i < 2000; i++) await client.ask(get());
  const [heavy = 0] = shares(backends);
  expect(Math.abs(heavy - 1500)).toBeLessThan(100);
});

// Discovery while traffic flows.

test("a change of a discovery file moves traffic without an error, requests in flight included", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const [first, second] = await start(world, 2);
  disco.write("web", [first!]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  await client.ask(get());
  first!.behaviour = { request: () => undefined };
  const inFlight = proxy.connect();
  inFlight.send(get("/slow"));
  world.settle();
  disco.write("web", [second!]);
  first!.behaviour = {};
  const secondIsAsked = () => second!.requests.length > 0;
  await world.passUntil("a request to the second service", secondIsAsked, async () => {
    expect((await client.ask(get())).status).toBe(200);
    await world.pass(25);
  });
  for (let i = 0; i < 20; i++) expect((await client.ask(get())).status).toBe(200);
  expect(second!.requests.length).toBeGreaterThanOrEqual(20);
  first!.connections.find((c) => c.requests > 0 && !c.closed)?.reply(200, "done");
  await inFlight.answered(1);
  expect(inFlight.answers[0]?.body).toBe("done");
  world.settle();
  expect(first!.open).toHaveLength(0);
  expect(proxy.records.every((r) => r.status === 200)).toBe(true);
});

test("a file that goes away leads to no such name; one that comes back serves again", async () => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  const [backend] = await start(world, 1);
  disco.write("web", [backend!]);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const client = proxy.connect();
  const statusBecomes = async (status: number) => {
    for (let i = 0; i < 400; i++) {
      if ((await client.ask(get())).status === status) return true;
      await world.pass(25);
    }
    return false;
  };
  expect(await statusBecomes(200)).toBe(true);
  disco.remove("web");
  expect(await statusBecomes(502)).toBe(true);
  disco.write("web", [backend!]);
  expect(await statusBecomes(200)).toBe(true);
});

test("endpoints that come and go under load cost no request", async () => {
  const world = tcpWorld();
  await using _world = world;
  const disco = new Disco(world);
  const backends: Backend[] = [];
  for (let i = 0; i < 4; i++) backends.push(await Backend.start(world));
  disco.write("web", backends);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const clients = Array.from({ length: 4 }, () => proxy.connect());
  let sent = 0;
  for (let round = 0; round < 12; round++) {
    disco.write(
      "web",
      backends.filter((_, i) => i !== round % 4),
    );
    const untilMs = performance.now() + 50;
    while (performance.now() < untilMs) {
      await Promise.all(clients.map((client) => client.ask(get())));
      sent += clients.length;
    }
  }
  expect(proxy.records.length).toBe(sent);
  expect(proxy.records.filter((r) => r.status !== 200)).toEqual([]);
  expect(Math.min(...shares(backends))).toBeGreaterThan(0);
});

// Overrides may come from anybody.

test.each([
  ["doubles a long name", `/svc=>/s;/s=>/s/a/${"y".repeat(3000)} & /s/b/${"y".repeat(3000)}`],
  ["doubles a growing name", "/svc=>/s;/s=>/s/a/b/c/d/e/f/g/h/i & /s/b/b/c/d/e/f/g/h/i"],
  ["doubles at every step", "/svc=>/s;/s=>/s/a & /s/b"],
  ["asks for hundreds of names", `/svc=>${Array.from({ length: 300 }, (_, i) => `/#/io.l5d.fs/${i}`).join("&")}`],
])("an override that %s is refused soon, and nothing of it is kept", async (_, override) => {
  const world = memoryWorld();
  await using _world = world;
  const disco = new Disco(world);
  await using proxy = await Proxy.start(world, { dtab: "/svc => /#/io.l5d.fs", namers: [disco.namer] });
  const startMs = performance.now();
  const answer = await proxy.connect().ask(get("/", { "l5d-dtab": override }));
  expect(performance.now() - startMs).toBeLessThan(500);
  expect(causeOf(answer)).toBe("proxy.bind.error");
  expect(answer.body).toMatch(/more than (1000 look-ups|8192 bytes)/);
});

test("a bounded number of names under overrides is kept, and they do not displace the others", async () => {
  await using scene = await memoryScene();
  const client = scene.connect();
  await client.ask(get());
  for (let i = 0; i < 300; i++) expect((await client.ask(get("/", { "l5d-dtab": `/x => /y${i}` }))).status).toBe(200);
  expect([...scene.proxy.linker.routers[0]!.router.bindings.paths()].length).toBeLessThanOrEqual(101);
  await client.ask(get());
  expect(scene.proxy.metric("bindcache", "path", "misses")).toBe(301);
});
