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

/** Callers of one version of HTTP, and the service they ask. */
interface Ends {
  readonly name: string;
  /** Whether the answer has begun when the caller leaves. */
  begins: boolean;
  /** A call that is never answered whole; `/whole` is. */
  call(port: number): Call;
  /** Asks for `/whole`; the status of the answer. */
  ask(port: number): Promise<number>;
  /** Calls that have reached the service, and those it was told to forget. */
  readonly begun: number;
  readonly told: number;
}

type Setup = Readonly<Record<string, unknown>>;

async function http1Ends(world: World): Promise<Ends> {
  const backend = await Backend.start(world, {
    request({ target }, connection) {
      if (target === "/whole") connection.reply(200, "whole");
      else if (ends.begins) connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    },
  });
  const ends: Ends = {
    name: backend.name,
    begins: false,
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
    get begun() {
      return backend.requests.filter(({ target }) => target === "/").length;
    },
    get told() {
      const cut = new Set(backend.connections.filter(({ closed }) => closed).map(({ number }) => number));
      return backend.requests.filter(({ connection, target }) => target === "/" && cut.has(connection)).length;
    },
  };
  return ends;
}

async function h2Ends(world: World): Promise<Ends> {
  const service = await H2Service.start(world, {
    request(stream) {
      if (stream.path === "/whole") return stream.reply(200, "whole");
      if (!ends.begins) return undefined;
      stream.sendHead([[":status", "200"]]);
      return stream.write("part", { end: false });
    },
  });
  const callers = new Map<number, H2Caller>();
  const caller = (port: number) => {
    const known = callers.get(port) ?? new H2Caller(world, port);
    callers.set(port, known);
    return known;
  };
  const ends: Ends = {
    name: service.name,
    begins: false,
    call(port) {
      const stream = caller(port).request(h2Get());
      return { leave: () => stream.sendReset(Code.cancel) };
    },
    async ask(port) {
      return (await caller(port).ask(h2Get("/whole"))).status;
    },
    get begun() {
      return service.heads.filter(({ path }) => path === "/").length;
    },
    get told() {
      return service.heads.filter(({ reset }) => reset === Code.cancel).length;
    },
  };
  return ends;
}

interface Version {
  readonly protocol: "http" | "h2";
  readonly open: (world: World) => Promise<Ends>;
}

const VERSIONS: readonly Version[] = [
  { protocol: "http", open: http1Ends },
  { protocol: "h2", open: h2Ends },
];
/** The caller leaves before the answer begins, or in it. */
const MOMENTS = VERSIONS.flatMap((version) => [false, true].map((begins) => ({ ...version, begins })));

interface Row<W extends World> extends AsyncDisposable {
  readonly world: W;
  readonly ends: Ends;
  readonly proxy: Proxy;
  /** Where the first router listens. */
  readonly port: number;
  /** A call that has reached the service. */
  begin(): Promise<Call>;
}

/** @param first more for the first router. */
async function rowIn<W extends World>(world: W, { open, protocol }: Version, first: Setup = {}): Promise<Row<W>> {
  const ends = await open(world);
  const ports = await freePorts(HOPS);
  const routers = ports.map((port, hop) => ({
    protocol,
    label: `hop-${hop + 1}`,
    dtab: hop + 1 < HOPS ? `/svc => /$/inet/127.0.0.1/${ports[hop + 1]};` : `/svc/web => ${ends.name};`,
    // One of everything: whoever does not give back what it held has none for the next.
    client: { hostConnectionPool: { maxSize: 1 } },
    servers: [{ port, maxConcurrentRequests: 1 }],
    ...(hop === 0 ? first : {}),
  }));
  const proxy = await Proxy.start(world, { text: JSON.stringify({ admin: { port: 0 }, routers }) });
  const [port = 0] = ports;
  return {
    world,
    ends,
    proxy,
    port,
    async begin() {
      const before = ends.begun;
      const call = ends.call(port);
      await world.until("the call to reach the service", () => ends.begun > before);
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

const NOTHING = { exchanges: 0, attempts: 0, heads: 0, h2Heads: 0, serverStreams: 0, clientStreams: 0 };

/** HTTP/1.1 passes it on while it hears of it; HTTP/2 with all else that is sent at the end of the turn, once at each hop. */
const TURNS = { http: 0, h2: HOPS };

test.each(MOMENTS)(
  "each of three hops passes on that a caller has left within its turn, and keeps nothing: $protocol, answer begun: $begins",
  async ({ begins, ...version }) => {
    await using row = await rowIn(memoryWorld(), version);
    const { ends, port, proxy, world } = row;
    expect(await ends.ask(port)).toBe(200); // so that what stays is there
    world.settle();
    const atRest = proxy.inUse();
    ends.begins = begins;
    const call = await row.begin();
    expect(proxy.inUse()).toMatchObject({ exchanges: HOPS, attempts: HOPS });
    const calm = proxy.records.length;
    call.leave();
    expect(endsOfTurns(world, () => ends.told === 1)).toBe(TURNS[version.protocol]);
    expect(proxy.records.length - calm).toBe(HOPS);
    expect(proxy.records.slice(calm).every(({ outcome }) => outcome === "ignorable")).toBe(true);
    world.settle();
    expect(work(row)).toEqual(NOTHING);
    // Connections of HTTP/1.1 are closed by it, so there may be less than before.
    expect(proxy.inUse()["timers"]).toBeLessThanOrEqual(atRest["timers"] ?? 0);
    expect(await ends.ask(port)).toBe(200); // slots of pools and servers are free again
  },
);

test.each(VERSIONS)("a timeout of the first hop stops the others without another: $protocol", async (version) => {
  await using row = await rowIn(memoryWorld(), version, { service: { totalTimeoutMs: 1000 } });
  const { ends, port, proxy, world } = row;
  await row.begin();
  await world.pass(900);
  expect([ends.told, proxy.records.length]).toEqual([0, 0]);
  while (proxy.records.length === 0) world.env.advance(1); // which tells the first hop, and nobody else
  expect([ends.told, proxy.lastRecord.cause]).toEqual([0, "proxy.timeout.total"]);
  expect(endsOfTurns(world, () => ends.told === 1)).toBeLessThanOrEqual(TURNS[version.protocol]);
  world.settle();
  expect(work(row)).toEqual(NOTHING);
  expect(proxy.records.map(({ cause }) => cause).slice(1)).toHaveLength(HOPS - 1);
  expect(await ends.ask(port)).toBe(200);
});

test.each(VERSIONS)("on sockets the service hears of it within two turns for each hop: $protocol", async (version) => {
  await using row = await rowIn(tcpWorld(), version);
  const { ends, port } = row;
  let best = Infinity;
  for (let tried = 1; tried <= TRIES; tried++) {
    const call = await row.begin();
    call.leave();
    let turns = 0;
    for (; ends.told < tried && turns < 100_000; turns++) await turn();
    best = Math.min(best, turns);
    await row.proxy.recorded(HOPS * tried);
  }
  expect(ends.told).toBe(TRIES);
  expect(best).toBeLessThanOrEqual(2 * HOPS + 1); // one more, in which the first hop is told
  await row.world.until("nothing in use", () => Object.values(work(row)).every((count) => count === 0));
  expect(await ends.ask(port)).toBe(200);
});
