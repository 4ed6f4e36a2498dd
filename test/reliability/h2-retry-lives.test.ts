// Whatever services of HTTP/2 and gRPC do to tries that are made again, in any order and in pieces of any size: every stream has one answer, all of
// it from one try, also where answers are held back until their trailers; nothing is sent more often than the budgets allow, and nothing is left in use.
import { expect, test } from "vitest";
import { type Random, seededRandom } from "../../src/base/random.ts";
import { Disco } from "../support/disco.ts";
import { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs, Set } from "../support/h2-frames.ts";
import { call, post, startH2Proxy } from "../support/h2-scene.ts";
import { H2Service } from "../support/h2-service.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { sized } from "../support/long.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const SEEDS = sized(60, 3000);
const HEDGED_SEEDS = sized(15, 800);
const STEPS = 150;
const PIECES = [1, 30, 700, 5000, 1_000_000] as const;
const PER_CENT = 0.6;
const GRPC: FieldPairs = [["content-type", "application/grpc"]];
const CODES = [Code.refused, Code.internal, Code.cancel, Code.none] as const;

/** What callers asked for and services saw, and everything that is not as it must be. */
class Journal {
  readonly wrong: string[] = [];
  readonly bodies = new Map<string, string>();
  tries = 0;

  tried(stream: H2Stream): string {
    const key = stream.value("x-key") ?? "none";
    const body = this.bodies.get(key);
    if (body !== undefined && stream.body !== body)
      this.wrong.push(`${key}: ${stream.bodyBytes} for ${body.length} bytes`);
    return String.fromCharCode(97 + (this.tries++ % 26));
  }

  ended(stream: H2Stream, key: string): void {
    if (stream.resetSent || stream.cause !== "" || stream.head === null) return;
    const mark = stream.value("x-mark") ?? "?";
    if (stream.value("x-key") !== key) this.wrong.push(`${key} got the answer of ${stream.value("x-key")}`);
    if (stream.body.replaceAll(mark, "") !== "") this.wrong.push(`${key}: an answer of several tries`);
    const told = stream.trailer("x-mark");
    if (told !== undefined && told !== mark) this.wrong.push(`${key}: ${mark} has the trailers of ${told}`);
  }
}

/** One answer in one of many ways. The mark is in each byte of the body. */
function act(world: MemoryWorld, stream: H2Stream, random: Random, mark: string, long: number): void {
  if (stream.reset !== null || stream.resetSent || stream.connection.over) return;
  const grpc = stream.value("content-type") === "application/grpc";
  const fields: FieldPairs = [["x-key", stream.value("x-key") ?? ""], ["x-mark", mark], ...(grpc ? GRPC : [])];
  const status = grpc || random.int(2) === 0 ? "200" : "503";
  const told: FieldPairs = [["grpc-status", String([0, 14, 5][random.int(3)])], ["x-mark", mark], ...pushback(random)];
  const body = mark.repeat(random.int(random.int(6) === 0 ? long : 60));
  const later = (run: () => void) =>
    world.env.timers.after(random.int(160), () => {
      if (stream.reset === null && !stream.resetSent && !stream.connection.over) run();
    });
  switch (random.int(12)) {
    case 0:
      return stream.sendReset(CODES[random.int(CODES.length)] ?? 0);
    case 1:
      return stream.connection.peer.reset();
    case 2:
      stream.sendHead([[":status", status], ...fields]);
      stream.write(body);
      later(() => stream.sendReset(CODES[random.int(CODES.length)] ?? 0));
      return undefined;
    case 3:
      return stream.reply(Number(status), "", [...fields, ...(grpc ? told : [])]); // trailers only
    case 4:
      return undefined; // never
    case 5:
      if (random.int(4) === 0) stream.connection.goaway(stream.id);
      return stream.reply(Number(status), body, fields, told);
    case 6:
    case 7:
      stream.sendHead([[":status", status], ...fields]);
      later(() => {
        stream.write(body);
        later(() => stream.write(body, random.int(4) === 0 ? { end: true } : { trailers: told }));
      });
      return undefined;
    default:
      return stream.reply(Number(status), body, fields, random.int(6) === 0 ? undefined : told);
  }
}

function pushback(random: Random): FieldPairs {
  const value = [undefined, undefined, undefined, "30", "-1", "soon"][random.int(6)];
  return value === undefined ? [] : [["grpc-retry-pushback-ms", value]];
}

function serve(world: MemoryWorld, journal: Journal, random: Random, long: number): Promise<H2Service> {
  const early = new WeakSet<H2Stream>();
  return H2Service.start(world, {
    refill: true,
    head(stream) {
      const dice = random.int(15);
      if (dice === 0) stream.sendReset(Code.refused);
      else if (dice === 1) {
        early.add(stream);
        stream.reply(503, "", [["x-key", stream.value("x-key") ?? ""]]);
      }
    },
    request(stream) {
      if (stream.resetSent) return;
      const mark = journal.tried(stream);
      if (early.has(stream)) return;
      if (random.int(3) === 0) world.env.timers.after(random.int(150), () => act(world, stream, random, mark, long));
      else act(world, stream, random, mark, long);
    },
  });
}

/** One stream at a time is opened, goes on, or is given up by its caller. */
class Caller {
  readonly connection: H2Caller;
  readonly #journal: Journal;
  readonly #long: number;
  readonly #open = new Map<H2Stream, { key: string; rest: string }>();

  constructor(connection: H2Caller, journal: Journal, long: number) {
    this.connection = connection;
    this.#journal = journal;
    this.#long = long;
  }

  act(random: Random): void {
    this.look();
    const kind = random.int(4);
    if (kind === 0 && this.#open.size < 5) this.#begin(random);
    for (const [stream, sent] of this.#open) {
      if (kind === 1) this.#goOn(stream, sent, random.int(sent.rest.length + 1));
      else if (random.int(150) === 0) {
        stream.sendReset(Code.cancel);
        this.#open.delete(stream);
      }
    }
  }

  #begin(random: Random): void {
    const key = String(this.#journal.bodies.size);
    const body = "b".repeat(1 + random.int(random.int(5) === 0 ? this.#long : 400));
    this.#journal.bodies.set(key, body);
    const fields: FieldPairs = [["x-key", key]];
    const timed: FieldPairs = random.int(4) === 0 ? [["grpc-timeout", `${1 + random.int(200)}m`]] : [];
    const head = random.int(2) === 0 ? call([...fields, ...timed]) : post("/", fields);
    const stream = this.connection.request(head, { end: false });
    const sent = { key, rest: body };
    this.#open.set(stream, sent);
    if (random.int(3) > 0) this.#goOn(stream, sent, body.length);
  }

  #goOn(stream: H2Stream, sent: { rest: string }, bytes: number): void {
    if (sent.rest === "" || stream.done) return;
    const part = sent.rest.slice(0, bytes);
    sent.rest = sent.rest.slice(bytes);
    stream.write(part, { end: sent.rest === "" });
  }

  finish(): void {
    for (const [stream, sent] of this.#open) this.#goOn(stream, sent, sent.rest.length);
  }

  /** Streams without an end. */
  look(): string[] {
    for (const [stream, { key }] of this.#open) {
      if (!stream.done) continue;
      this.#journal.ended(stream, key);
      this.#open.delete(stream);
    }
    return [...this.#open.keys()].map(({ state }) => state);
  }
}

const KINDS = ["grpc.alwaysRetryable", "retryableAll5XX", "grpc.default", "grpc.compliant"] as const;

/** Calls until the proxy knows how long they take. */
async function warm(world: MemoryWorld, caller: H2Caller): Promise<void> {
  for (let i = 0; i < 90; i++) {
    const stream = caller.request(call([["x-key", "warm"]]), { body: "w" });
    await world.pass(60);
    if (!stream.done) stream.sendReset(Code.cancel);
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
  const services = [await serve(world, journal, random, long), await serve(world, journal, random, long)] as const;
  const disco = new Disco(world);
  disco.write("web", services);
  const backoffs = [undefined, { kind: "constant", ms: 20 }, { kind: "jittered", minMs: 5, maxMs: 60 }];
  const backoff = backoffs[seed % backoffs.length];
  await using proxy = await startH2Proxy(world, {
    dtab: hedged ? "/svc => /#/io.l5d.fs" : `/svc/web => 1 * ${services[0].name} & 1 * ${services[1].name};`,
    ...(hedged ? { namers: [disco.namer] } : {}),
    reuse: seed % 2 === 1,
    ...(seed % 3 === 2 ? { router: { deadlines: "enforce" } } : {}),
    client: {
      failureAccrual: seed % 6 === 5 ? { kind: "io.l5d.consecutiveFailures", failures: 3 } : { kind: "none" },
      ...(seed % 4 === 3 ? { concurrencyLimit: { kind: "fairlead.gradient", initialLimit: 4, minLimit: 2 } } : {}),
      ...(hedged ? { hedge: { methods: "all", maxExtraLoad: 0.5, minDelayMs: 5 } } : {}),
      requeueBudget: { minRetriesPerSec: 0, percentCanRetry: 0.5, ttlSecs: 60 },
    },
    service: {
      totalTimeoutMs: 3000,
      classificationTimeoutMs: seed % 3 === 0 ? 20 : 150,
      responseClassifier: { kind: `io.l5d.h2.${KINDS[seed % KINDS.length]}` },
      retryBufferSize: { requestBytes: 16_383, responseBytes: seed % 2 === 0 ? 50 : 16_383 },
      retries: {
        budget: { minRetriesPerSec: 0, percentCanRetry: PER_CENT, ttlSecs: 60 },
        ...(backoff === undefined ? {} : { backoff }),
        ...(seed % 5 === 0 ? { maxRetries: 2 } : {}),
        ...(seed % 2 === 0 ? { perTryTimeoutMs: 100 } : {}),
      },
    },
  });
  const settings = [[Set.initialWindow, 10_000_000]] as const;
  const connections = [0, 1].map(() => new H2Caller(world, proxy.port(), { settings }));
  for (const connection of connections) connection.grant(100_000_000);
  const callers = connections.map((connection) => new Caller(connection, journal, long));
  const { exchanges, attempts } = proxy.linker.loop;
  if (hedged) await warm(world, connections[0] as H2Caller);
  for (let step = 0; step < STEPS; step++) {
    for (const caller of callers) caller.act(random);
    if (random.int(3) > 0) world.settle();
    if (random.int(4) === 0) await world.pass(random.int(60));
    expect(attempts.inUse).toBeLessThanOrEqual((hedged ? 2 : 1) * exchanges.inUse);
  }
  for (const caller of callers) caller.finish();
  await world.pass(4000);
  expect(connections.map(({ goaways, over }) => ({ goaways, over }))).toEqual(
    connections.map(() => ({ goaways: [], over: false })),
  );
  expect(callers.flatMap((caller) => caller.look())).toEqual([]);
  expect([...connections.flatMap(({ problems }) => problems), ...services.flatMap(({ problems }) => problems)]).toEqual(
    [],
  );
  for (const connection of connections) connection.close();
  await world.pass(1000);
  const requests = proxy.records.length;
  const retried = proxy.metric("service", "svc/web", "retries", "total");
  expect(retried).toBeLessThanOrEqual(Math.floor(requests * PER_CENT));
  const clients = hedged ? ["#/io.l5d.fs/web"] : services.map(({ name }) => name.slice(1));
  const of = (...path: string[]) => clients.reduce((sum, client) => sum + proxy.metric("client", client, ...path), 0);
  const made = proxy.records.reduce((sum, record) => sum + record.attempts, 0);
  expect(made).toBeLessThanOrEqual(requests + retried + of("retries", "requeues") + of("backups", "backups_sent"));
  expect(of("concurrency_limit", "inflight")).toBe(0);
  if (hedged) hedges += of("backups", "backups_sent");
  expect(services.reduce((sum, { heads }) => sum + heads.length, 0)).toBeLessThanOrEqual(made);
  for (const place of [["service", "svc/web"], ...clients.map((client) => ["client", client])]) {
    const figure = (name: string) => proxy.metric(...place, name);
    expect([place, figure("success") + figure("failures"), figure("pending")]).toEqual([place, figure("requests"), 0]);
  }
  const counted = proxy.records.filter(({ outcome }) => outcome !== "ignorable");
  expect(proxy.metric("service", "svc/web", "requests")).toBe(counted.length);
  const { exchanges: left, attempts: tries, serverStreams, clientStreams, h2Heads } = proxy.inUse();
  expect([left, tries, serverStreams, clientStreams, h2Heads]).toEqual([0, 0, 0, 0, 0]);
  return journal.wrong;
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))("lives of retried streams, from seed %d", async (seed) => {
  expect(await live(seed, false)).toEqual([]);
});

test.each(Array.from({ length: HEDGED_SEEDS }, (_, seed) => seed))(
  "lives of hedged streams, from seed %d",
  async (seed) => {
    expect(await live(seed, true)).toEqual([]);
  },
);

test("in these lives there were second attempts", () => {
  expect(hedges).toBeGreaterThan(HEDGED_SEEDS);
});
