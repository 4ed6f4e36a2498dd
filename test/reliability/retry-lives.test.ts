// Whatever services of HTTP/1 do to tries that are made again, in any order and in pieces of any size: every request has one answer, all of it
// from one try; nothing is sent more often than the budgets allow, nothing is counted twice, and nothing is left in use.
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { Backend, type BackendConnection, type Received } from "../support/backend.ts";
import { causeOf, type Answer, type HttpClient } from "../support/http-client.ts";
import { Disco } from "../support/disco.ts";
import { chunked, valueOf } from "../support/http-text.ts";
import { sized } from "../support/long.ts";
import { Proxy } from "../support/proxy.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const SEEDS = sized(60, 3000);
const HEDGED_SEEDS = sized(15, 800);
const ROUNDS = 120;
const CALLERS = 4;
const PIECES = [1, 30, 700, 5000, 1_000_000] as const;
const METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE"] as const;
const PER_CENT = 0.6;

interface Sent {
  readonly key: string;
  readonly method: string;
  readonly body: string;
  readonly chunked: boolean;
}

/** What callers asked for and services saw, and everything that is not as it must be. */
class Journal {
  readonly wrong: string[] = [];
  readonly sent = new Map<string, Sent>();
  tries = 0;

  tried(request: Received): number {
    this.tries++;
    const key = valueOf(request, "x-key") ?? "none";
    const sent = this.sent.get(key);
    if (sent === undefined) this.wrong.push(`${key} was never sent`);
    else if (sent.body !== request.body) this.wrong.push(`${key}: its body came as ${request.body.length} bytes`);
    return this.tries;
  }

  answered(sent: Sent, answer: Answer): void {
    if (causeOf(answer) !== "") return;
    const key = valueOf(answer, "x-key");
    const mark = valueOf(answer, "x-mark") ?? "?";
    if (key !== sent.key) this.wrong.push(`${sent.key} got the answer of ${key}`);
    if (answer.body.replaceAll(mark, "") !== "") this.wrong.push(`${sent.key}: an answer of several tries`);
    const nack = valueOf(answer, "finagle-http-nack") !== undefined;
    if (nack && !sent.chunked) this.wrong.push(`${sent.key} was passed a nack`);
  }
}

/** One answer in one of many ways. The mark is in each byte of the body. */
function act(
  world: MemoryWorld,
  request: Received,
  connection: BackendConnection,
  random: Random,
  mark: string,
  long: number,
): void {
  if (connection.closed) return;
  const fields = `X-Key: ${valueOf(request, "x-key")}\r\nX-Mark: ${mark}\r\n`;
  const body = request.method === "HEAD" ? "" : mark.repeat(random.int(random.int(8) === 0 ? long : 60));
  const status = random.int(2) === 0 ? "200 OK" : random.int(3) === 0 ? "404 No" : "503 No";
  const nack = status.startsWith("503") && random.int(5) === 0 ? "finagle-http-nack: true\r\n" : "";
  const head = `HTTP/1.1 ${status}\r\n${fields}${nack}`;
  const told = `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
  switch (random.int(11)) {
    case 0:
      return connection.peer.reset();
    case 1:
      return connection.peer.destroy();
    case 2:
      connection.send(told.slice(0, random.int(told.length)));
      return connection.peer.destroy();
    case 3:
      connection.send("HTTP/1.1 103 Early Hints\r\n\r\n", told);
      return undefined;
    case 4:
      if (request.method === "HEAD") return connection.send(told);
      connection.send(`${head}Connection: close\r\n\r\n${body}`);
      return connection.peer.end();
    case 5:
      if (request.method === "HEAD") return connection.send(told);
      return connection.send(
        `${head}Transfer-Encoding: chunked\r\n\r\n`,
        body === "" ? chunked() : chunked(body, body),
      );
    case 6:
      return undefined; // never
    case 7:
    case 8: {
      const cut = random.int(told.length);
      connection.send(told.slice(0, cut));
      world.env.timers.after(random.int(120), () => {
        if (!connection.closed) connection.send(told.slice(cut));
      });
      return undefined;
    }
    default:
      return connection.send(told);
  }
}

function service(world: MemoryWorld, journal: Journal, random: Random, long: number): Promise<Backend> {
  return Backend.start(world, {
    head(head, connection) {
      // Before the body: the rest of the request is of no use.
      if (random.int(12) !== 0) return;
      const key = valueOf(head, "x-key") ?? "";
      const sent = journal.sent.get(key);
      if (sent === undefined || sent.body.length < 300) return;
      connection.send(
        `HTTP/1.1 503 No\r\nX-Key: ${key}\r\nX-Mark: e\r\nConnection: close\r\nContent-Length: 3\r\n\r\neee`,
      );
      connection.peer.end();
    },
    request(request, connection) {
      const mark = String.fromCharCode(97 + (journal.tried(request) % 26));
      if (connection.peer.ended) return;
      if (random.int(4) === 0) {
        world.env.timers.after(random.int(150), () => act(world, request, connection, random, mark, long));
      } else act(world, request, connection, random, mark, long);
    },
  });
}

/** One caller; it has at most one request under way. */
class Caller {
  #client: HttpClient | null = null;
  #sent: Sent | null = null;
  #rest = "";
  #seen = 0;
  left = 0;
  readonly #proxy: Proxy;
  readonly #journal: Journal;

  readonly #long: number;

  constructor(proxy: Proxy, journal: Journal, long: number) {
    this.#proxy = proxy;
    this.#journal = journal;
    this.#long = long;
  }

  act(random: Random): void {
    this.look();
    if (this.#sent === null) this.#begin(random);
    else if (this.#rest !== "") this.#goOn(random.int(this.#rest.length + 1));
    else if (random.int(60) === 0) {
      this.#client?.close();
      this.#client = null;
      this.#sent = null;
      this.left++;
    }
  }

  #begin(random: Random): void {
    if (this.#client === null || this.#client.over) {
      this.#client = this.#proxy.connect();
      this.#seen = 0;
    }
    const key = String(this.#journal.sent.size);
    const method = METHODS[random.int(METHODS.length)] ?? "GET";
    const hasBody = method === "PUT" || method === "POST";
    const body = hasBody ? "b".repeat(random.int(random.int(4) === 0 ? this.#long : 500)) : "";
    const asChunks = body !== "" && random.int(4) === 0;
    const sent = { key, method, body, chunked: asChunks };
    this.#journal.sent.set(key, sent);
    this.#sent = sent;
    const framing = asChunks ? "Transfer-Encoding: chunked\r\n" : hasBody ? `Content-Length: ${body.length}\r\n` : "";
    const head = `${method} / HTTP/1.1\r\nHost: web\r\nX-Key: ${key}\r\n${framing}\r\n`;
    this.#rest = asChunks ? chunked(body) : body;
    this.#client.send(head);
    if (random.int(2) === 0) this.#goOn(this.#rest.length);
  }

  #goOn(bytes: number): void {
    const client = this.#client as HttpClient;
    if (client.over) {
      this.#rest = "";
      return;
    }
    client.peer.send(this.#rest.slice(0, bytes));
    this.#rest = this.#rest.slice(bytes);
  }

  look(): void {
    const client = this.#client;
    const sent = this.#sent;
    if (client === null || sent === null) return;
    if (client.answers.length > this.#seen + 1) this.#journal.wrong.push(`${sent.key} got two answers`);
    const answer = client.answers[this.#seen];
    if (client.problem !== null) this.#journal.wrong.push(`${sent.key}: ${client.problem}`);
    if (answer === undefined && !client.over) return;
    if (answer === undefined && !client.midway) this.#journal.wrong.push(`${sent.key} got no answer`);
    if (answer !== undefined) this.#journal.answered(sent, answer);
    this.#seen++;
    if (this.#rest !== "") {
      client.close(); // the answer was there before all of the request was
      this.#client = null;
    }
    this.#sent = null;
    this.#rest = "";
  }

  finish(): void {
    if (this.#rest !== "") this.#goOn(this.#rest.length);
  }

  get done(): boolean {
    this.look();
    return this.#sent === null;
  }

  close(): void {
    this.#client?.close();
  }
}

const KINDS = ["retryableRead5XX", "retryableIdempotent5XX", "retryableAll5XX"] as const;

/** Requests until the proxy knows how long they take. */
async function warm(world: MemoryWorld, proxy: Proxy, journal: Journal): Promise<void> {
  journal.sent.set("warm", { key: "warm", method: "GET", body: "", chunked: false });
  for (let i = 0; i < 90; i++) {
    const client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost: web\r\nX-Key: warm\r\n\r\n");
    await world.pass(60);
    client.close();
  }
}

let hedges = 0;

/** One run; returns what was not as it must be. @param hedged second attempts are made beside slow first ones. */
async function live(seed: number, hedged: boolean): Promise<readonly string[]> {
  const random = seededRandom(seed + 1);
  const piece = PIECES[seed % PIECES.length] ?? 1;
  const long = Math.min(40_000, 500 + 50 * piece);
  const world = memoryWorld({ readBytes: (available) => Math.min(available, 1 + random.int(piece)) });
  await using _world = world;
  const journal = new Journal();
  const services = [await service(world, journal, random, long), await service(world, journal, random, long)] as const;
  const disco = new Disco(world);
  disco.write("web", services);
  const backoffs = [undefined, { kind: "constant", ms: 20 }, { kind: "jittered", minMs: 5, maxMs: 60 }];
  const backoff = backoffs[seed % backoffs.length];
  const budget = { minRetriesPerSec: 0, percentCanRetry: PER_CENT, ttlSecs: 60 };
  await using proxy = await Proxy.start(world, {
    dtab: hedged ? "/svc => /#/io.l5d.fs" : `/svc/web => 1 * ${services[0].name} & 1 * ${services[1].name};`,
    ...(hedged ? { namers: [disco.namer] } : {}),
    reuse: seed % 2 === 1,
    client: {
      failureAccrual: seed % 6 === 5 ? { kind: "io.l5d.consecutiveFailures", failures: 3 } : { kind: "none" },
      ...(seed % 4 === 3 ? { concurrencyLimit: { kind: "fairlead.gradient", initialLimit: 4, minLimit: 2 } } : {}),
      ...(hedged ? { hedge: { methods: "all", maxExtraLoad: 0.5, minDelayMs: 5 } } : {}),
      requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0.5, ttlSecs: 60 },
      ...(seed % 4 === 0 ? { hostConnectionPool: { maxSize: 3 } } : {}),
    },
    service: {
      totalTimeoutMs: 3000,
      responseClassifier: { kind: `io.l5d.http.${KINDS[seed % KINDS.length]}` },
      retries: {
        budget,
        ...(backoff === undefined ? {} : { backoff }),
        ...(seed % 5 === 0 ? { maxRetries: 2 } : {}),
        ...(seed % 2 === 0 ? { perTryTimeoutMs: 200 } : {}),
      },
    },
  });
  const callers = Array.from({ length: CALLERS }, () => new Caller(proxy, journal, long));
  const { exchanges, attempts } = proxy.linker.loop;
  if (hedged) await warm(world, proxy, journal);
  for (let round = 0; round < ROUNDS; round++) {
    for (const caller of callers) if (random.int(3) > 0) caller.act(random);
    if (random.int(3) > 0) world.settle();
    if (random.int(4) === 0) await world.pass(random.int(60));
    expect(attempts.inUse).toBeLessThanOrEqual((hedged ? 2 : 1) * exchanges.inUse);
  }
  for (const caller of callers) caller.finish();
  await world.pass(4000);
  expect(callers.map(({ done }) => done)).toEqual(callers.map(() => true));
  expect(services.flatMap(({ problems }) => problems)).toEqual([]);
  for (const caller of callers) caller.close();
  world.settle();
  const requests = proxy.records.length;
  const retried = proxy.metric("service", "svc/web", "retries", "total");
  expect(retried).toBeLessThanOrEqual(Math.floor(requests * PER_CENT));
  const clients = hedged ? ["#/io.l5d.fs/web"] : services.map(({ name }) => name.slice(1));
  const of = (...path: string[]) => clients.reduce((sum, client) => sum + proxy.metric("client", client, ...path), 0);
  const made = proxy.records.reduce((sum, record) => sum + record.attempts, 0);
  // Less, where a caller left or a limit was reached before a request, or a retry of it, had an attempt.
  expect(made).toBeLessThanOrEqual(requests + retried + of("retries", "requeues") + of("backups", "backups_sent"));
  expect(of("concurrency_limit", "inflight")).toBe(0);
  if (hedged) hedges += of("backups", "backups_sent");
  expect(journal.tries).toBeLessThanOrEqual(made);
  for (const place of [["service", "svc/web"], ...clients.map((client) => ["client", client])]) {
    const figure = (name: string) => proxy.metric(...place, name);
    expect([place, figure("success") + figure("failures"), figure("pending")]).toEqual([place, figure("requests"), 0]);
  }
  const counted = proxy.records.filter(({ outcome }) => outcome !== "ignorable");
  expect(proxy.metric("service", "svc/web", "requests")).toBe(counted.length);
  expect(proxy.metric("service", "svc/web", "success")).toBe(
    counted.filter(({ outcome }) => outcome === "success").length,
  );
  expect(proxy.metric("service", "svc/web", "retries", "budget")).toBeGreaterThanOrEqual(0);
  const { exchanges: left, attempts: tries, heads } = proxy.inUse();
  expect([left, tries, heads]).toEqual([0, 0, 0]);
  return journal.wrong;
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))("lives of retried requests, from seed %d", async (seed) => {
  expect(await live(seed, false)).toEqual([]);
});

test.each(Array.from({ length: HEDGED_SEEDS }, (_, seed) => seed))(
  "lives of hedged requests, from seed %d",
  async (seed) => {
    expect(await live(seed, true)).toEqual([]);
  },
);

test("in these lives there were second attempts", () => {
  expect(hedges).toBeGreaterThan(HEDGED_SEEDS);
});
