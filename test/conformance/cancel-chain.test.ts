// A caller that leaves gives back the work of every hop below: three routers in a row, of one process, before a service that never answers.
import { expect, test } from "vitest";
import { Backend } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code } from "../support/h2-frames.ts";
import { get as h2Get } from "../support/h2-scene.ts";
import { H2Service } from "../support/h2-service.ts";
import { HttpClient } from "../support/http-client.ts";
import { freePorts } from "../support/program.ts";
import { Proxy } from "../support/proxy.ts";
import { get } from "../support/scene.ts";
import { type MemoryWorld, memoryWorld, tcpWorld, turn, type World } from "../support/world.ts";

const HOPS = 3;
/** On sockets: where the kernel is in no hurry turns go by in which nothing happened, so the best of some tries counts. */
const TRIES = 10;

/** A call on its way. */
interface Call {
  /** The caller does not want it any more. */
  leave(): void;
}

/** A service, and what it has heard. */
interface Service {
  readonly name: string;
  /** Whether the answer has begun when the caller leaves. */
  begins: boolean;
  /** Calls that have reached the service, and those it was told to forget. */
  readonly begun: number;
  readonly told: number;
}

/** Makes calls. */
interface Caller {
  /** A call that is never answered whole; `/whole` is. */
  call(port: number): Call;
  /** Asks for `/whole`; the status of the answer. */
  ask(port: number): Promise<number>;
}

type Setup = Readonly<Record<string, unknown>>;

function http1Caller(world: World): Caller {
  return {
    call(port) {
      const client = new HttpClient(world, port);
      client.send(get());
      return { leave: () => client.close() };
    },
    async ask(port) {
      const client = new HttpClient(world, port);
      const { status } = await client.ask(get("/whole", { Connection: "close" }));
      client.close();
      return status;
    },
  };
}

async function http1Service(world: World): Promise<Service> {
  const backend = await Backend.start(world, {
    request({ target }, connection) {
      if (target === "/whole") connection.reply(200, "whole");
      else if (service.begins) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    },
  });
  const service: Service = {
    name: backend.name,
    begins: false,
    get begun() {
      return backend.requests.filter(({ target }) => target === "/").length;
    },
    get told() {
      const cut = new Set(backend.connections.filter(({ closed }) => closed).map(({ number }) => number));
      return backend.requests.filter(({ connection, target }) => target === "/" && cut.has(connection)).length;
    },
  };
  return service;
}

function h2Caller(world: World): Caller {
  const callers = new Map<number, H2Caller>();
  const caller = (port: number) => {
    const known = callers.get(port) ?? new H2Caller(world, port);
    callers.set(port, known);
    return known;
  };
  return {
    call(port) {
      const stream = caller(port).request(h2Get());
      return { leave: () => stream.sendReset(Code.cancel) };
    },
    async ask(port) {
      return (await caller(port).ask(h2Get("/whole"))).status;
    },
  };
}

async function h2Service(world: World): Promise<Service> {
  const h2 = await H2Service.start(world, {
    request(stream) {
      if (stream.path === "/whole") return stream.reply(200, "whole");
      if (!service.begins) return undefined;
      stream.sendHead([[":status", "200"]]);
      return stream.write("part", { end: false });
    },
  });
  const service: Service = {
    name: h2.name,
    begins: false,
    get begun() {
      return h2.heads.filter(({ path }) => path === "/").length;
    },
    get told() {
      return h2.heads.filter(({ reset }) => reset === Code.cancel).length;
    },
  };
  return service;
}

/** Who speaks what. */
interface Versions {
  readonly name: string;
  readonly caller: (world: World) => Caller;
  readonly service: (world: World) => Promise<Service>;
  /** What the routers are, and what each of them speaks to the next. */
  readonly protocol: "http" | "h2";
  readonly onward: readonly ("http/1.1" | "h2")[];
}

const VERSIONS: readonly Versions[] = [
  {
    name: "HTTP/1.1",
    caller: http1Caller,
    service: http1Service,
    protocol: "http",
    onward: ["http/1.1", "http/1.1", "http/1.1"],
  },
  { name: "HTTP/2", caller: h2Caller, service: h2Service, protocol: "h2", onward: ["h2", "h2", "h2"] },
  {
    name: "HTTP/2 before a service of HTTP/1.1",
    caller: h2Caller,
    service: http1Service,
    protocol: "http",
    onward: ["h2", "h2", "http/1.1"],
  },
  {
    name: "HTTP/1.1 before a service of HTTP/2",
    caller: http1Caller,
    service: h2Service,
    protocol: "http",
    onward: ["http/1.1", "http/1.1", "h2"],
  },
];
/** The caller leaves before the answer begins, or in it. */
const MOMENTS = VERSIONS.flatMap((versions) =>
  [false, true].map((begins) => ({ name: versions.name, versions, begins })),
);

/** HTTP/1.1 passes it on while it hears of it; HTTP/2 with all else that is sent at the end of the turn. */
function turnsOf({ onward }: Versions): number {
  return onward.filter((protocol) => protocol === "h2").length;
}

interface Row<W extends World> extends AsyncDisposable {
  readonly world: W;
  readonly caller: Caller;
  readonly service: Service;
  readonly proxy: Proxy;
  /** Where the first router listens. */
  readonly port: number;
  /** A call that has reached the service. */
  begin(): Promise<Call>;
}

/** @param first more for the first router. */
async function rowIn<W extends World>(
  world: W,
  { onward, protocol, ...ends }: Versions,
  first: Setup = {},
): Promise<Row<W>> {
  const caller = ends.caller(world);
  const service = await ends.service(world);
  const ports = await freePorts(HOPS);
  const routers = ports.map((port, hop) => ({
    protocol,
    label: `hop-${hop + 1}`,
    dtab: hop + 1 < HOPS ? `/svc => /$/inet/127.0.0.1/${ports[hop + 1]};` : `/svc/web => ${service.name};`,
    // One of everything: whoever does not give back what it held has none for the next.
    client: { hostConnectionPool: { maxSize: 1 }, ...(protocol === "http" ? { protocol: onward[hop] } : {}) },
    servers: [{ port, maxConcurrentRequests: 1 }],
    ...(hop === 0 ? first : {}),
  }));
  const proxy = await Proxy.start(world, { text: JSON.stringify({ admin: { port: 0 }, routers }) });
  const [port = 0] = ports;
  return {
    world,
    caller,
    service,
    proxy,
    port,
    async begin() {
      const before = service.begun;
      const call = caller.call(port);
      await world.until("the call to reach the service", () => service.begun > before);
      return call;
    },
    async [Symbol.asyncDispose]() {
      await using _world = world;
      await using _proxy = proxy;
    },
  };
}

/** Everything that can happen without an end of a turn, then that end, again and again; the ends it takes until `condition`. No time passes. */
function endsOfTurns({ env, network }: MemoryWorld, condition: () => boolean): number {
  for (let turns = 0; ; turns++) {
    network.settle();
    if (condition()) return turns;
    expect(env.endTurn(), "something waits for more than the end of a turn").toBe(true);
  }
}

/** What is in use but for the connections that stay, and the timers of those. */
function work({ proxy }: Row<World>): Readonly<Record<string, number>> {
  const { accepted: _, timers: __, ...work } = proxy.inUse();
  return work;
}

const NOTHING = {
  exchanges: 0,
  attempts: 0,
  heads: 0,
  h2Heads: 0,
  serverStreams: 0,
  clientStreams: 0,
  fineTimers: 0,
};

test.each(MOMENTS)(
  "each of three hops passes on that a caller has left within its turn, and keeps nothing: $name, answer begun: $begins",
  async ({ begins, versions }) => {
    await using row = await rowIn(memoryWorld(), versions);
    const { caller, port, proxy, service, world } = row;
    expect(await caller.ask(port)).toBe(200); // so that what stays is there
    world.settle();
    const atRest = proxy.inUse();
    service.begins = begins;
    const call = await row.begin();
    expect(proxy.inUse()).toMatchObject({ exchanges: HOPS, attempts: HOPS });
    const calm = proxy.records.length;
    call.leave();
    expect(endsOfTurns(world, () => service.told === 1)).toBe(turnsOf(versions));
    expect(proxy.records.length - calm).toBe(HOPS);
    expect(proxy.records.slice(calm).every(({ outcome }) => outcome === "ignorable")).toBe(true);
    world.settle();
    expect(work(row)).toEqual(NOTHING);
    // Connections of HTTP/1.1 are closed by it, so there may be less than before.
    expect(proxy.inUse()["timers"]).toBeLessThanOrEqual(atRest["timers"] ?? 0);
    expect(await caller.ask(port)).toBe(200); // slots of pools and servers are free again
  },
);

test.each(VERSIONS)("a timeout of the first hop stops the others without another: $name", async (versions) => {
  await using row = await rowIn(memoryWorld(), versions, { service: { totalTimeoutMs: 1000 } });
  const { caller, port, proxy, service, world } = row;
  await row.begin();
  await world.pass(900);
  expect([service.told, proxy.records.length]).toEqual([0, 0]);
  while (proxy.records.length === 0) world.env.advance(1); // which tells the first hop, and nobody else
  expect([service.told, proxy.lastRecord.cause]).toEqual([0, "proxy.timeout.total"]);
  expect(endsOfTurns(world, () => service.told === 1)).toBeLessThanOrEqual(turnsOf(versions));
  world.settle();
  expect(work(row)).toEqual(NOTHING);
  expect(proxy.records.map(({ cause }) => cause).slice(1)).toHaveLength(HOPS - 1);
  expect(await caller.ask(port)).toBe(200);
});

test.each(VERSIONS)("on sockets the service hears of it within two turns for each hop: $name", async (versions) => {
  await using row = await rowIn(tcpWorld(), versions);
  const { caller, port, service } = row;
  let best = Infinity;
  for (let tried = 1; tried <= TRIES; tried++) {
    const call = await row.begin();
    call.leave();
    let turns = 0;
    for (; service.told < tried && turns < 100_000; turns++) await turn();
    best = Math.min(best, turns);
    await row.proxy.recorded(HOPS * tried);
  }
  expect(service.told).toBe(TRIES);
  expect(best).toBeLessThanOrEqual(2 * HOPS + 1); // one more, in which the first hop is told
  await row.world.until("nothing in use", () => Object.values(work(row)).every((count) => count === 0));
  expect(await caller.ask(port)).toBe(200);
});
