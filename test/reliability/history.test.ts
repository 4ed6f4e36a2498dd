// R19: every request carries an id and the hash of its body, services keep a journal, and everything that can go wrong does at random.
// No answer reaches another caller, nothing that must not be repeated is processed twice, and bodies arrive byte by byte.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { Backend, type BackendConnection, type Received } from "../support/backend.ts";
import { causeOf, type HttpClient } from "../support/http-client.ts";
import { type Message, valueOf } from "../support/http-text.ts";
import { sized } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { memoryWorld, tcpWorld, type World } from "../support/world.ts";

const SEED = 19;
const CLIENTS = 12;
/** Whoever waits longer for an answer than this ends up with a failure. */
const TIMEOUT_MS = 400;
/** Share of requests that meet a fault at the service, and of rounds in which a caller goes away. */
const FAULTS = 0.08;
const DEPARTURES = 0.02;
/** Share of requests that are sent in pieces, with time between them, and of requests whose service stops reading for a while. */
const PIECES = 0.3;
const PAUSES = 0.05;

const worlds: readonly (readonly [string, () => World, number])[] = [
  ["in memory", () => memoryWorld(), sized(20_000, 1_000_000)],
  ["on sockets", () => tcpWorld(), sized(3_000, 50_000)],
];

const SERVICES = ["a", "b", "c"] as const;
const IDEMPOTENT = new Set(["GET", "PUT", "DELETE"]);

interface Sent {
  readonly id: string;
  readonly method: string;
  /** The service that an override asks for; undefined where the weights decide. */
  readonly wanted: string | undefined;
}

/** What all services have processed, and everything that is not as it must be. */
class Journal {
  readonly #methods = new Map<string, string>();
  readonly wrong: string[] = [];
  processed = 0;

  enter(service: string, request: Received): void {
    const id = valueOf(request, "x-id") ?? "none";
    this.processed++;
    if (valueOf(request, "x-sum") !== sum(request.body)) this.wrong.push(`${id}: its body arrived as another`);
    const wanted = valueOf(request, "x-wanted");
    if (wanted !== undefined && wanted !== service) this.wrong.push(`${id}: meant for ${wanted}, came to ${service}`);
    if (this.#methods.has(id) && !IDEMPOTENT.has(request.method)) this.wrong.push(`${id}: processed twice`);
    this.#methods.set(id, request.method);
  }
}

function sum(body: string): string {
  return createHash("md5").update(body, "latin1").digest("hex");
}

function text(random: Random, most: number): string {
  const bytes = Buffer.alloc(random.int(most));
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.int(256);
  return bytes.toString("latin1");
}

function inChunks(random: Random, body: string): string {
  let coded = "";
  for (let at = 0; at < body.length;) {
    const part = body.slice(at, at + 1 + random.int(3000));
    coded += `${part.length.toString(16)}\r\n${part}\r\n`;
    at += part.length;
  }
  return `${coded}0\r\n\r\n`;
}

/** A service that answers every request in one of many ways, and sometimes fails at it. */
function serve(world: World, name: string, journal: Journal, random: Random): Promise<Backend> {
  return Backend.start(world, {
    head(_, connection) {
      if (random.next() >= PAUSES) return;
      const { stream } = connection.peer;
      stream.pause();
      world.env.timers.after(random.int(20), () => stream.resume());
    },
    request(request, connection) {
      journal.enter(name, request);
      const act = () => answer(request, connection, random);
      if (random.int(20) === 0) world.env.timers.after(random.int(20), act);
      else act();
    },
  });
}

function answer(request: Received, connection: BackendConnection, random: Random): void {
  if (connection.closed) return;
  const body = text(random, random.int(10) === 0 ? 40_000 : 400);
  const fields = `X-Id: ${valueOf(request, "x-id")}\r\nX-Sum: ${sum(body)}\r\n`;
  const told = `HTTP/1.1 200 OK\r\n${fields}Content-Length: ${body.length}\r\n\r\n${body}`;
  if (random.next() < FAULTS) {
    fail(connection, told, random);
    return;
  }
  if (random.int(10) === 0) connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
  const way = random.int(4);
  if (way === 0)
    connection.send(`HTTP/1.1 200 OK\r\n${fields}Transfer-Encoding: chunked\r\n\r\n`, inChunks(random, body));
  else if (way === 1 && random.int(4) === 0) {
    connection.send(`HTTP/1.1 200 OK\r\n${fields}Connection: close\r\n\r\n${body}`);
    connection.peer.end();
  } else connection.send(told);
}

function fail(connection: BackendConnection, told: string, random: Random): void {
  switch (random.int(6)) {
    case 0:
      return connection.peer.reset();
    case 1:
      return connection.peer.destroy();
    case 2:
      connection.send(told.slice(0, random.int(told.length)));
      return connection.peer.destroy();
    case 3:
      return connection.send(`${told}and more than was asked for`);
    case 4:
      return connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!");
    default:
      return undefined; // never an answer
  }
}

/** Most are small, some too long to be sent twice, a few longer than what is read at once. */
function bodyBytes(random: Random): number {
  const kind = random.int(24);
  return kind === 0 ? 200_000 : kind < 4 ? 60_000 : 300;
}

function request(random: Random, id: string): { text: string; sent: Sent } {
  const method = ["GET", "GET", "PUT", "POST", "DELETE"][random.int(5)] ?? "GET";
  const wanted = random.int(6) === 0 ? SERVICES[random.int(SERVICES.length)] : undefined;
  const body = method === "PUT" || method === "POST" ? text(random, bodyBytes(random)) : "";
  const override = wanted === undefined ? "" : `l5d-dtab: /svc/web => /srv/${wanted}\r\nX-Wanted: ${wanted}\r\n`;
  const head = `${method} /${id} HTTP/1.1\r\nHost: web\r\nX-Id: ${id}\r\nX-Sum: ${sum(body)}\r\n${override}`;
  const sent = { id, method, wanted };
  if (body === "") return { text: `${head}\r\n`, sent };
  if (random.int(2) === 0) return { text: `${head}Transfer-Encoding: chunked\r\n\r\n${inChunks(random, body)}`, sent };
  return { text: `${head}Content-Length: ${body.length}\r\n\r\n${body}`, sent };
}

/** An answer is the service's, whole and for this request, or the proxy's own with its cause. */
function judge(sent: Sent, got: Message & { status: number }, journal: Journal): boolean {
  if (causeOf(got) !== "") return false;
  if (got.status !== 200) journal.wrong.push(`${sent.id}: ${got.status} without a cause`);
  if (valueOf(got, "x-id") !== sent.id) journal.wrong.push(`${sent.id}: got the answer of ${valueOf(got, "x-id")}`);
  if (valueOf(got, "x-sum") !== sum(got.body)) journal.wrong.push(`${sent.id}: the answer's body is another`);
  return true;
}

class Caller {
  readonly client: HttpClient;
  readonly #waiting: Sent[] = [];
  /** What is still to be sent; a method where a request begins. */
  readonly #pieces: { readonly text: string; readonly method?: string }[] = [];

  constructor(client: HttpClient) {
    this.client = client;
  }

  send(random: Random, id: string): void {
    const made = request(random, id);
    const { method } = made.sent;
    this.#waiting.push(made.sent);
    if (random.next() < PIECES) {
      const cut = random.int(made.text.length);
      const again = cut + random.int(made.text.length - cut);
      this.#pieces.push({ text: made.text.slice(0, cut), method });
      this.#pieces.push({ text: made.text.slice(cut, again) }, { text: made.text.slice(again) });
    } else {
      this.#pieces.push({ text: made.text, method });
    }
    this.goOn();
  }

  /** Sends the next piece. */
  goOn(): void {
    const piece = this.#pieces.shift();
    if (piece === undefined || this.client.over) return;
    if (piece.method === undefined) this.client.peer.send(piece.text);
    else this.client.send(piece.text, piece.method);
  }

  /** Has it more to send? */
  get midway(): boolean {
    return this.#pieces.length > 0 && !this.client.over;
  }

  get done(): boolean {
    if (this.client.over) return true;
    return this.#pieces.length === 0 && this.client.answers.length >= this.#waiting.length;
  }

  /** Judges what has come; answers the number of good ones. */
  judge(journal: Journal): number {
    const { answers, problem } = this.client;
    let good = 0;
    for (const got of answers) {
      const sent = this.#waiting.shift();
      if (sent === undefined) journal.wrong.push(`an answer that nobody asked for: ${got.raw.slice(0, 200)}`);
      else if (judge(sent, got, journal)) good++;
    }
    answers.length = 0;
    if (problem !== null) journal.wrong.push(problem);
    return good;
  }
}

test.each(worlds)(
  `a history of requests with faults at random holds, %s (seed ${SEED})`,
  async (_, make, requests) => {
    const random = seededRandom(SEED);
    const world = make();
    await using _world = world;
    const journal = new Journal();
    const services = await Promise.all(SERVICES.map((name) => serve(world, name, journal, random)));
    const names = SERVICES.map((name, i) => `/srv/${name} => ${services[i]?.name};`).join("");
    await using proxy = await Proxy.start(world, {
      reuse: true,
      dtab: `${names} /svc/web => 5 * /srv/a & 3 * /srv/b & 2 * /srv/c`,
      client: {
        requestAttemptTimeoutMs: TIMEOUT_MS,
        failureAccrual: { kind: "none" },
        hostConnectionPool: { maxSize: 4 },
      },
    });
    const callers = Array.from({ length: CLIENTS }, () => new Caller(proxy.connect()));
    let sent = 0;
    let good = 0;
    while (sent < requests) {
      for (const caller of callers) {
        for (let pipelined = 1 + (random.int(4) === 0 ? random.int(4) : 0); pipelined > 0; pipelined--) {
          caller.send(random, String(sent++));
        }
        if (random.next() < DEPARTURES) caller.client.peer.reset();
      }
      await world.pass(1 + random.int(5));
      while (callers.some((caller) => caller.midway)) {
        for (const caller of callers) caller.goOn();
        await world.pass(random.int(5));
      }
      if (callers.some((caller) => !caller.done)) await world.pass(25);
      if (callers.some((caller) => !caller.done)) {
        for (let waited = 0; waited < 6 * TIMEOUT_MS && callers.some((caller) => !caller.done); waited += 50)
          await world.pass(50);
      }
      expect(callers.filter((caller) => !caller.done).length).toBe(0);
      for (const [i, caller] of callers.entries()) {
        good += caller.judge(journal);
        if (caller.client.over) callers[i] = new Caller(proxy.connect());
      }
      for (const service of services) {
        service.requests.length = 0;
        service.connections.splice(0, service.connections.length, ...service.open);
      }
      proxy.records.length = 0;
    }
    console.log(`${sent} requests: ${good} good answers, ${journal.processed} times processed`);
    expect(journal.wrong).toEqual([]);
    expect(services.flatMap(({ problems }) => problems)).toEqual([]);
    expect(good).toBeGreaterThan(sent * 0.6);
    for (const caller of callers) caller.client.close();
    await world.pass(1);
  },
  sized(90_000, 7_200_000),
);
