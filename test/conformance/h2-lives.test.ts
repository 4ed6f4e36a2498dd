// Whatever callers and services of HTTP/2 do to each other within the rules, in any order and in pieces of any size: the proxy breaks no rule,
// every stream comes to an end and carries nothing but its own, and nothing is left in use.
import { expect, test } from "vitest";
import type { H2Caller } from "../support/h2-caller.ts";
import { Code, type FieldPairs, Set } from "../support/h2-frames.ts";
import { call, get, type H2Scene, h2SceneIn, post } from "../support/h2-scene.ts";
import type { H2Stream } from "../support/h2-stream.ts";
import { sized } from "../support/long.ts";
import { type MemoryWorld, memoryWorld } from "../support/world.ts";

const STEPS = 200;
const SEEDS = sized(60, 3000);
/** The largest read of each run: with the smallest ones, everything else is small too. */
const PIECES = [1, 7, 100, 5000, 1_000_000] as const;

/** One run: its dice, and who has said what. */
class Run {
  #state: number;
  readonly #largest: number;
  /** Streams on which a side has said all, or has begun an answer. */
  readonly said = new WeakSet<H2Stream>();
  readonly begun = new WeakSet<H2Stream>();
  #keys = 0;

  constructor(seed: number, piece: number) {
    this.#state = (Math.imul(seed, 2_654_435_761) + 1) >>> 0;
    this.#largest = Math.min(1, piece / 2000);
  }

  /** A whole number below `limit`. */
  roll(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 0x1_0000_0000) * limit);
  }

  /** A number of octets, in proportion to what one read delivers. */
  size(limit: number): number {
    return this.roll(Math.ceil(limit * this.#largest) + 1);
  }

  one<T>(all: readonly T[]): T | undefined {
    return all[this.roll(all.length)];
  }

  nextKey(): string {
    return String(this.#keys++);
  }

  /** May this side still send on it? */
  speaks(stream: H2Stream): boolean {
    return !stream.resetSent && stream.reset === null && !this.said.has(stream);
  }
}

const keyOf = (stream: H2Stream) => stream.value("x-key") ?? "";
const octetOf = (key: string) => String.fromCharCode(97 + (Number(key) % 26));
const body = (key: string, bytes: number) => octetOf(key).repeat(bytes);
const trailers = (key: string): FieldPairs => [["x-key", key]];
const keys = new WeakMap<H2Stream, string>();

function open(run: Run, caller: H2Caller): void {
  const key = run.nextKey();
  const fields: FieldPairs = [["x-key", key]];
  const kind = run.roll(3);
  if (kind === 0) {
    const stream = caller.request(get("/", fields));
    keys.set(stream, key);
    run.said.add(stream);
    return;
  }
  const how = run.roll(4);
  const end = how >= 2;
  const rest = how === 3 ? { trailers: trailers(key) } : { end };
  const stream = caller.request(kind === 1 ? call(fields) : post("/", fields), {
    body: body(key, run.size(30_000)),
    ...rest,
  });
  keys.set(stream, key);
  if (end) run.said.add(stream);
}

function callerActs(run: Run, caller: H2Caller): void {
  const stream = run.one([...caller.streams.values()]);
  const kind = run.roll(9);
  if (kind <= 1 || stream === undefined) open(run, caller);
  else if (kind === 5) caller.announce([[Set.initialWindow, run.size(70_000)]]);
  else if (kind === 6) caller.announce([[Set.tableBytes, run.roll(3) * 100]]);
  else if (kind === 7) caller.grant(1 + run.size(20_000));
  else if (!stream.done) callerSpeaks(run, stream, kind);
}

function callerSpeaks(run: Run, stream: H2Stream, kind: number): void {
  const key = keys.get(stream) ?? "";
  if (kind === 8) {
    if (!stream.resetSent) stream.grant(1 + run.size(20_000));
  } else if (kind === 4) {
    if (!stream.resetSent && run.roll(3) === 0) stream.sendReset(Code.cancel);
  } else if (run.speaks(stream)) {
    if (kind === 3) run.said.add(stream);
    stream.write(
      body(key, run.size(20_000)),
      kind === 2 ? {} : run.roll(2) === 0 ? { end: true } : { trailers: trailers(key) },
    );
  }
}

function serviceActs(run: Run, { service }: H2Scene<MemoryWorld>): void {
  const connection = run.one(service.connections.filter(({ over }) => !over));
  if (connection === undefined) return;
  const kind = run.roll(12);
  const stream = run.one([...connection.streams.values()].filter((open) => run.speaks(open)));
  if (kind === 0)
    connection.announce([
      [Set.initialWindow, run.size(70_000)],
      [Set.maxStreams, 1 + run.roll(20)],
    ]);
  else if (kind === 1) connection.grant(1 + run.size(50_000));
  else if (kind === 2 && run.roll(6) === 0) connection.goaway(run.one([...connection.streams.keys()]) ?? 0);
  else if (kind === 3 && run.roll(20) === 0) connection.peer.reset();
  else if (stream !== undefined) serviceSpeaks(run, stream, kind);
}

function serviceSpeaks(run: Run, stream: H2Stream, kind: number): void {
  const key = keyOf(stream);
  const fields: FieldPairs = [["content-type", stream.value("content-type") ?? "text/plain"]];
  const begun = run.begun.has(stream);
  if (kind === 4) {
    if (!stream.done) stream.grant(1 + run.size(20_000));
  } else if (kind === 5) {
    if (run.roll(2) === 0) stream.sendReset(run.one([Code.refused, Code.internal, Code.cancel, Code.none]) ?? 0);
  } else if (begun && kind <= 8) {
    stream.write(body(key, run.size(20_000)));
  } else if (begun) {
    run.said.add(stream);
    stream.write("", run.roll(2) === 0 ? { end: true } : { trailers: trailers(key) });
  } else if (kind <= 8) {
    run.begun.add(stream);
    stream.sendHead([[":status", "200"], ...fields]);
  } else {
    run.said.add(stream);
    stream.reply(200, body(key, run.size(50_000)), fields, run.roll(2) === 0 ? trailers(key) : undefined);
  }
}

/** What came on a stream that does not belong there. */
function foreign(stream: H2Stream, key: string): string[] {
  const strange = stream.body.replaceAll(octetOf(key), "");
  const told = stream.trailers?.filter(([name, value]) => name === "x-key" && value !== key) ?? [];
  return [...(strange === "" ? [] : [strange.slice(0, 100)]), ...told.map(([, value]) => value)];
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))("lives of streams, from seed %d", async (seed) => {
  const piece = PIECES[seed % PIECES.length] ?? 1;
  const run = new Run(seed, piece);
  const world = memoryWorld({ readBytes: (available) => Math.min(available, 1 + run.roll(piece)) });
  const setup = {
    service: { totalTimeoutMs: 5000 },
    client: { failureAccrual: { kind: "none" } },
    reuse: seed % 2 === 1,
  };
  const settings = [[Set.initialWindow, run.size(5000)]] as const;
  await using scene = await h2SceneIn(world, setup, { request: () => undefined, settings });
  const callers = [scene.connect({ settings }), scene.connect()];
  for (let step = 0; step < STEPS; step++) {
    if (run.roll(2) === 0) callerActs(run, run.one(callers) as H2Caller);
    else serviceActs(run, scene);
    if (run.roll(3) === 0) world.settle();
    if (run.roll(30) === 0) await world.pass(500);
  }
  // Everybody becomes generous, and what nobody answers runs into its timeout.
  for (const caller of callers) {
    caller.announce([[Set.initialWindow, 10_000_000]]);
    caller.grant(100_000_000);
  }
  for (const connection of scene.service.connections.filter(({ over }) => !over)) {
    connection.announce([
      [Set.initialWindow, 10_000_000],
      [Set.maxStreams, 1000],
    ]);
    connection.grant(100_000_000);
  }
  await world.pass(6000);
  expect(callers.map(({ goaways, over }) => ({ goaways, over }))).toEqual(
    callers.map(() => ({ goaways: [], over: false })),
  );
  const all = callers.flatMap((caller) => [...caller.streams.values()]);
  expect(all.filter((s) => s.head === null && s.reset === null && !s.resetSent).map(({ state }) => state)).toEqual([]);
  expect(all.filter(({ cause }) => cause === "").flatMap((stream) => foreign(stream, keys.get(stream) ?? ""))).toEqual(
    [],
  );
  expect(scene.service.heads.flatMap((stream) => foreign(stream, keyOf(stream)))).toEqual([]);
  for (const caller of callers) caller.close();
  await world.pass(2000);
  const { exchanges, attempts, serverStreams, clientStreams, h2Heads } = scene.proxy.inUse();
  expect([exchanges, attempts, serverStreams, clientStreams, h2Heads]).toEqual([0, 0, 0, 0, 0]);
});
