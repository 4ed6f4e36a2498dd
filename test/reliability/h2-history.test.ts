// R19 for HTTP/2, alone and translated: every request carries an id and the hash of its body, services keep a journal, and everything that can
// go wrong does at random. No answer reaches another caller, nothing that must not be repeated is processed twice, bodies arrive octet by octet.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { Backend, type BackendConnection } from "../support/backend.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs, Set as Setting } from "../support/h2-frames.ts";
import { request } from "../support/h2-scene.ts";
import { H2Service, type H2ServiceConnection } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { causeOf, HttpClient } from "../support/http-client.ts";
import { type Fields, valueOf } from "../support/http-text.ts";
import { sized } from "../support/long.ts";
import { Proxy, type ProxySetup } from "../support/proxy.ts";
import { memoryWorld, tcpWorld, type World } from "../support/world.ts";

const SEED = 29;
const CALLERS = 8;
/** Whoever waits longer for an answer than this ends up with a failure. */
const TIMEOUT_MS = 400;
/** Shares: of requests that meet a fault at the service, of those that are cancelled, of rounds in which a caller goes away. */
const FAULTS = 0.08;
const CANCELS = 0.03;
const DEPARTURES = 0.02;
/** Share of requests that are sent in pieces, with time between them. */
const PIECES = 0.3;
const SERVICES = ["a", "b", "c"] as const;
const IDEMPOTENT = new Set(["GET", "PUT", "DELETE"]);
/** Windows that an end may offer. */
const WINDOWS = [500, 5000, 16_384, 65_535, 1_000_000];
/** Streams of a scripted connection that are remembered, for frames that come late. */
const REMEMBERED = 200;

type Protocol = "h1" | "h2";

const sum = (body: string): string => createHash("md5").update(body, "latin1").digest("hex");

function text(random: Random, most: number): string {
  const bytes = Buffer.alloc(random.int(most));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.int(256);
  return bytes.toString("latin1");
}

function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random.int(values.length)] as T; // there is one
}

/** What all services have processed, and everything that is not as it must be. */
class Journal {
  readonly #ids = new Set<string>();
  readonly wrong: string[] = [];
  processed = 0;

  enter(service: string, method: string, head: { readonly fields: Fields }, body: string): void {
    const id = valueOf(head, "x-id") ?? "none";
    this.processed++;
    if (valueOf(head, "x-sum") !== sum(body)) this.wrong.push(`${id}: its body arrived as another`);
    const wanted = valueOf(head, "x-wanted");
    if (wanted !== undefined && wanted !== service) this.wrong.push(`${id}: meant for ${wanted}, came to ${service}`);
    if (this.#ids.has(id) && !IDEMPOTENT.has(method)) this.wrong.push(`${id}: processed twice`);
    this.#ids.add(id);
  }

  /** An answer that names no cause of the proxy's: it must be the service's, whole and for this request. */
  judge(id: string, status: number, head: { readonly fields: Fields }, body: string): void {
    if (status !== 200) this.wrong.push(`${id}: ${status} without a cause`);
    if (valueOf(head, "x-id") !== id) this.wrong.push(`${id}: got the answer of ${valueOf(head, "x-id")}`);
    if (valueOf(head, "x-sum") !== sum(body)) this.wrong.push(`${id}: the answer's body is another`);
  }
}

// ---- Services --------------------------------------------------------------------------------------------------------

interface Service {
  readonly name: string;
  problems(): readonly string[];
  /** Forgets what is over. */
  tidy(): void;
}

/** Says GOAWAY, and works on nothing beyond. */
class Leaving {
  readonly #last = new WeakMap<object, number>();

  says(connection: H2ServiceConnection, lastId: number): void {
    if (this.#last.has(connection)) return;
    this.#last.set(connection, lastId);
    connection.goaway(lastId);
  }

  ignores({ connection, id }: H2Stream): boolean {
    return id > (this.#last.get(connection) ?? Number.POSITIVE_INFINITY);
  }
}

const gone = (stream: H2Stream): boolean => stream.reset !== null || stream.resetSent || stream.connection.closed;

function answer(world: World, stream: H2Stream, random: Random): void {
  if (gone(stream)) return;
  const body = text(random, random.int(10) === 0 ? 40_000 : 400);
  const told: FieldPairs = [
    ["x-id", stream.value("x-id") ?? "none"],
    ["x-sum", sum(body)],
    ...(random.int(2) === 0 ? [["content-length", String(body.length)] as const] : []),
  ];
  if (random.next() < FAULTS) return fail(stream, told, body, random);
  if (random.int(10) === 0)
    stream.sendHead([
      [":status", "103"],
      ["link", "</a>"],
    ]);
  const trailers: FieldPairs | undefined = random.int(4) === 0 ? [["x-end", "1"]] : undefined;
  if (random.int(4) > 0) return stream.reply(200, body, told, trailers);
  const half = random.int(body.length + 1);
  stream.sendHead([[":status", "200"], ...told]);
  stream.write(body.slice(0, half));
  world.env.timers.after(random.int(10), () => {
    if (!gone(stream)) stream.write(body.slice(half), trailers === undefined ? { end: true } : { trailers });
  });
  return undefined;
}

function fail(stream: H2Stream, told: FieldPairs, body: string, random: Random): void {
  const { peer } = stream.connection;
  switch (random.int(7)) {
    case 0:
      return peer.reset();
    case 1:
      return peer.destroy();
    case 2:
      return stream.sendReset(oneOf(random, [Code.internal, Code.cancel, Code.calm]));
    case 3:
      stream.sendHead([[":status", "200"], ...told]);
      stream.write(body.slice(0, random.int(body.length + 1)));
      return stream.sendReset(Code.internal);
    case 4:
      return stream.reply(200, `${body}and more`, [...told.slice(0, 2), ["content-length", String(body.length)]]);
    case 5:
      return stream.sendHead([["Upper", "case"]], { end: true });
    default:
      return undefined; // never an answer
  }
}

async function serveH2(world: World, name: string, journal: Journal, random: Random): Promise<Service> {
  const leaving = new Leaving();
  const service = await H2Service.start(world, {
    refill: true,
    connected: (connection) => connection.announce([[Setting.initialWindow, oneOf(random, WINDOWS)]]),
    head(stream, connection) {
      const dice = random.next();
      if (dice < FAULTS / 4) stream.sendReset(Code.refused);
      else if (dice < FAULTS / 2)
        leaving.says(connection, random.int(2) === 0 ? Math.max(0, stream.id - 2) : stream.id);
      else if (dice < FAULTS) connection.announce([[Setting.initialWindow, oneOf(random, WINDOWS)]]);
      else if (dice < FAULTS * 1.5) {
        connection.peer.stream.pause();
        world.env.timers.after(random.int(20), () => connection.peer.stream.resume());
      }
    },
    request(stream) {
      if (stream.resetSent || leaving.ignores(stream)) return;
      journal.enter(name, stream.value(":method") ?? "", { fields: stream.head ?? [] }, stream.body);
      if (random.int(20) === 0) world.env.timers.after(random.int(20), () => answer(world, stream, random));
      else answer(world, stream, random);
    },
  });
  return {
    name: service.name,
    problems: () => service.problems,
    tidy() {
      service.heads.length = 0;
      service.requests.length = 0;
      const lost = service.connections.filter(({ closed, problems }) => closed && problems.length === 0);
      for (const connection of lost) service.connections.splice(service.connections.indexOf(connection), 1);
      for (const connection of service.connections) forget(connection);
    },
  };
}

/** Drops old streams and frames of a scripted connection. */
function forget({ frames, streams }: { readonly frames: unknown[]; readonly streams: Map<number, H2Stream> }): void {
  frames.splice(1);
  let old = streams.size - REMEMBERED;
  for (const [id, stream] of streams) {
    if (old-- <= 0) return;
    if (stream.done) streams.delete(id);
  }
}

function answerH1(connection: BackendConnection, id: string, random: Random): void {
  if (connection.closed) return;
  const body = text(random, random.int(10) === 0 ? 40_000 : 400);
  const fields = `X-Id: ${id}\r\nX-Sum: ${sum(body)}\r\n`;
  const told = `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (random.next() < FAULTS) {
    const way = random.int(4);
    if (way === 0) connection.peer.reset();
    else if (way === 1) connection.peer.destroy();
    else if (way === 2) {
      connection.send(told.slice(0, random.int(told.length)));
      connection.peer.destroy();
    }
    return; // or never an answer
  }
  if (random.int(10) === 0) connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  if (random.int(3) > 0) return connection.send(told);
  const chunk = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
  connection.send(`HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n${chunk}0\r\nX-End: 1\r\n\r\n`);
}

async function serveH1(world: World, name: string, journal: Journal, random: Random): Promise<Service> {
  const backend = await Backend.start(world, {
    request(received, connection) {
      journal.enter(name, received.method, received, received.body);
      const id = valueOf(received, "x-id") ?? "none";
      if (random.int(20) === 0) world.env.timers.after(random.int(20), () => answerH1(connection, id, random));
      else answerH1(connection, id, random);
    },
  });
  return {
    name: backend.name,
    problems: () => backend.problems,
    tidy() {
      backend.requests.length = 0;
      backend.connections.splice(0, backend.connections.length, ...backend.open);
    },
  };
}

// ---- Callers ---------------------------------------------------------------------------------------------------------

interface Made {
  readonly id: string;
  readonly method: string;
  readonly fields: FieldPairs;
  readonly body: string;
}

function make(random: Random, id: string): Made {
  const method = oneOf(random, ["GET", "GET", "PUT", "POST", "DELETE"]);
  const kind = random.int(24);
  const most = kind === 0 ? 200_000 : kind < 4 ? 60_000 : 300;
  const body = method === "PUT" || method === "POST" ? text(random, most) : "";
  const wanted = random.int(6) === 0 ? oneOf(random, SERVICES) : undefined;
  const override: FieldPairs =
    wanted === undefined
      ? []
      : [
          ["l5d-dtab", `/svc/web => /srv/${wanted}`],
          ["x-wanted", wanted],
        ];
  const length: FieldPairs = random.int(2) === 0 ? [["content-length", String(body.length)]] : [];
  return {
    id,
    method,
    body,
    fields: [["x-id", id], ["x-sum", sum(body)], ...override, ...(body === "" ? [] : length)],
  };
}

/** One connection, with the requests it has sent in this round. */
interface Caller {
  readonly over: boolean;
  readonly midway: boolean;
  readonly done: boolean;
  send(random: Random, id: string): void;
  goOn(random: Random): void;
  leave(): void;
  /** Judges what has come; answers the number of good ones. */
  judge(journal: Journal): number;
  problems(): readonly string[];
}

function callH2(world: World, port: number, random: Random): Caller {
  const caller = new H2Caller(world, port, {
    refill: true,
    settings: [[Setting.initialWindow, oneOf(random, WINDOWS)]],
  });
  let waiting: { readonly id: string; readonly stream: H2Stream }[] = [];
  let rests: { readonly stream: H2Stream; readonly rest: string; readonly trailers: boolean }[] = [];
  const settled = (stream: H2Stream): boolean => stream.done || stream.resetSent;
  return {
    get over() {
      return caller.over || caller.goaways.length > 0;
    },
    get midway() {
      return rests.length > 0 && !caller.over;
    },
    get done() {
      return caller.over || (rests.length === 0 && waiting.every(({ stream }) => settled(stream)));
    },
    send(dice, id) {
      const { body, fields, method } = make(dice, id);
      const cut = dice.next() < PIECES && body !== "" ? dice.int(body.length) : body.length;
      const trailers = dice.int(6) === 0;
      const whole = cut === body.length && !trailers;
      const head = request(method, `/${id}`, fields);
      const stream = caller.request(head, body === "" ? {} : { body: body.slice(0, cut), end: whole });
      if (body !== "" && !whole) rests.push({ stream, rest: body.slice(cut), trailers });
      waiting.push({ id, stream });
      if (dice.next() < DEPARTURES) caller.announce([[Setting.initialWindow, oneOf(dice, WINDOWS)]]);
    },
    goOn(dice) {
      const now = rests;
      rests = [];
      for (const { rest, stream, trailers } of now) {
        if (settled(stream)) continue;
        stream.write(rest, trailers ? { trailers: [["x-end", "1"]] } : { end: true });
      }
      for (const { stream } of waiting) if (!settled(stream) && dice.next() < CANCELS) stream.sendReset(Code.cancel);
    },
    leave: () => caller.peer.reset(),
    judge(journal) {
      let good = 0;
      for (const { id, stream } of waiting) {
        if (stream.resetSent || !stream.done) continue;
        if (!stream.ended && stream.head === null)
          journal.wrong.push(`${id}: reset ${stream.reset} in place of an answer`);
        if (!stream.ended || stream.cause !== "") continue;
        good++;
        journal.judge(id, stream.status, { fields: stream.head ?? [] }, stream.body);
      }
      waiting = [];
      forget(caller);
      return good;
    },
    problems: () => caller.problems,
  };
}

function callH1(world: World, port: number): Caller {
  const client = new HttpClient(world, port);
  let waiting: string[] = [];
  let rest = "";
  return {
    get over() {
      return client.over;
    },
    get midway() {
      return rest !== "" && !client.over;
    },
    get done() {
      return client.over || (rest === "" && client.answers.length >= waiting.length);
    },
    send(random, id) {
      if (waiting.length > 0) return; // the next of a round waits for the next round
      const { body, fields, method } = make(random, id);
      const told = fields.some(([name]) => name === "content-length");
      const lines = [["Host", "web"], ...fields].map(([name, value]) => `${name}: ${value}\r\n`).join("");
      const coding = body === "" || told ? "" : "Transfer-Encoding: chunked\r\n";
      const coded = coding === "" ? body : `${body.length.toString(16)}\r\n${body}\r\n0\r\nX-End: 1\r\n\r\n`;
      const whole = `${method} /${id} HTTP/1.1\r\n${lines}${coding}\r\n${coded}`;
      const cut = random.next() < PIECES ? 1 + random.int(whole.length - 1) : whole.length;
      waiting.push(id);
      client.send(whole.slice(0, cut), method);
      rest = whole.slice(cut);
    },
    goOn() {
      if (rest !== "" && !client.over) client.peer.send(rest);
      rest = "";
    },
    leave: () => client.peer.reset(),
    judge(journal) {
      let good = 0;
      for (const [i, id] of waiting.entries()) {
        const got = client.answers[i];
        if (got === undefined || causeOf(got) !== "") continue;
        good++;
        journal.judge(id, got.status, got, got.body);
      }
      client.answers.length = 0;
      waiting = [];
      return good;
    },
    problems: () => (client.problem === null ? [] : [client.problem]),
  };
}

// ---- The history -----------------------------------------------------------------------------------------------------

const setups: Readonly<Record<Protocol, ProxySetup>> = {
  h2: { router: { protocol: "h2" }, server: { limits: { maxResetsPerMinute: 1_000_000 } } },
  h1: {},
};

async function start(world: World, from: Protocol, to: Protocol, services: readonly Service[]): Promise<Proxy> {
  const names = SERVICES.map((name, i) => `/srv/${name} => ${services[i]?.name};`).join("");
  return Proxy.start(world, {
    ...setups[from],
    reuse: true,
    dtab: `${names} /svc/web => 5 * /srv/a & 3 * /srv/b & 2 * /srv/c`,
    client: {
      protocol: to === "h2" ? "h2" : "http/1.1",
      requestAttemptTimeoutMs: TIMEOUT_MS,
      failureAccrual: { kind: "none" },
    },
  });
}

/** Lets a round of requests come to its end. */
async function settle(world: World, callers: readonly Caller[], random: Random): Promise<void> {
  await world.pass(1 + random.int(5));
  while (callers.some((caller) => caller.midway)) {
    for (const caller of callers) caller.goOn(random);
    await world.pass(random.int(5));
  }
  const waits = (): boolean => callers.some((caller) => !caller.done);
  if (waits()) await world.pass(25);
  for (let waitedMs = 0; waitedMs < 6 * TIMEOUT_MS && waits(); waitedMs += 50) await world.pass(50);
}

const worlds: readonly (readonly [string, () => World, number])[] = [
  ["in memory", () => memoryWorld(), sized(12_000, 400_000)],
  ["on sockets", () => tcpWorld(), sized(600, 20_000)],
];
const ways: readonly (readonly [Protocol, Protocol])[] = [
  ["h2", "h2"],
  ["h2", "h1"],
  ["h1", "h2"],
];

test.each(ways.flatMap(([from, to]) => worlds.map((world) => [from, to, ...world] as const)))(
  `a history of requests with faults at random holds, %s to %s, %s (seed ${SEED})`,
  async (from, to, _, makeWorld, requests) => {
    const random = seededRandom(SEED);
    const world = makeWorld();
    await using _world = world;
    const journal = new Journal();
    const serve = to === "h2" ? serveH2 : serveH1;
    const services = await Promise.all(SERVICES.map((name) => serve(world, name, journal, random)));
    await using proxy = await start(world, from, to, services);
    const call = (): Caller => (from === "h2" ? callH2(world, proxy.port(), random) : callH1(world, proxy.port()));
    const callers = Array.from({ length: CALLERS }, call);
    let sent = 0;
    let good = 0;
    while (sent < requests) {
      for (const caller of callers) {
        const together = from === "h2" ? 1 + random.int(6) : 1;
        for (let i = 0; i < together; i++) caller.send(random, String(sent++));
        if (random.next() < DEPARTURES) caller.leave();
      }
      await settle(world, callers, random);
      expect(callers.filter((caller) => !caller.done)).toHaveLength(0);
      for (const [i, caller] of callers.entries()) {
        good += caller.judge(journal);
        journal.wrong.push(...caller.problems());
        if (caller.over) {
          caller.leave();
          callers[i] = call();
        }
      }
      for (const service of services) service.tidy();
      proxy.records.length = 0;
      expect(journal.wrong).toEqual([]);
    }
    console.log(`${sent} requests from ${from} to ${to}: ${good} good answers, ${journal.processed} times processed`);
    expect(services.flatMap((service) => service.problems())).toEqual([]);
    expect(good).toBeGreaterThan(sent * 0.5);
    for (const caller of callers) caller.leave();
    await world.pass(1);
  },
  sized(60_000, 7_200_000),
);
