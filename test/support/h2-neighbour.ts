// A process that asks a port steadily, a request each millisecond whatever became of the last, and tells how long the answers took. Its service
// is in it as well, so that what an attack does to other services is not measured.
import net, { type AddressInfo } from "node:net";
import {
  ACK,
  CLIENT_PREFACE,
  END_STREAM,
  FrameCutter,
  headerFrames,
  literalBlock,
  settingsFrame,
  Type,
} from "./h2-frames.ts";

/** A measurement. */
export interface NeighbourOrder {
  /** Each is asked as often, at the same time. */
  readonly ports: readonly number[];
  readonly authority: string;
  readonly forMs: number;
}

/** What was measured; times in milliseconds. */
export interface NeighbourReport {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  readonly asked: number;
  /** Requests that were not answered 200. */
  readonly failed: number;
}

/** What the process says first. */
export interface NeighbourGreeting {
  readonly servicePort: number;
}

const SETTINGS_ACK = Buffer.from([0, 0, 0, Type.settings, ACK, 0, 0, 0, 0]);
/** `:status: 200` of the static table. */
const OK = Buffer.from([0x88]);
const PATIENCE_MS = 3000;

/** Answers every request with a head that is all. */
const service = net.createServer((socket) => {
  const cutter = new FrameCutter();
  let preface = CLIENT_PREFACE.length;
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  socket.write(settingsFrame([]));
  socket.on("data", (bytes: Buffer) => {
    const skipped = Math.min(preface, bytes.length);
    preface -= skipped;
    const answers: Buffer[] = [];
    for (const { flags, id, type } of cutter.push(bytes.subarray(skipped))) {
      if (type === Type.headers) answers.push(headerFrames(id, OK, { end: true }));
      if (type === Type.settings && (flags & ACK) === 0) answers.push(SETTINGS_ACK);
    }
    if (answers.length > 0) socket.write(Buffer.concat(answers));
  });
});

/** One connection to the proxy, which stays. */
class Caller {
  readonly #socket: net.Socket;
  readonly #block: Buffer;
  readonly #askedMs = new Map<number, number>();
  #nextId = 1;
  #taken: number[] = [];
  #failed = 0;

  constructor(port: number, authority: string) {
    this.#block = literalBlock([
      [":method", "GET"],
      [":scheme", "http"],
      [":authority", authority],
      [":path", "/"],
    ]);
    const cutter = new FrameCutter();
    this.#socket = net.connect(port, "127.0.0.1");
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => undefined);
    this.#socket.on("data", (bytes: Buffer) => {
      for (const { flags, id, payload, type } of cutter.push(bytes)) {
        if (type === Type.settings && (flags & ACK) === 0) this.#socket.write(SETTINGS_ACK);
        if (type === Type.headers || type === Type.reset)
          this.#answered(id, payload[0] === OK[0] && (flags & END_STREAM) !== 0);
      }
    });
    this.#socket.write(Buffer.concat([Buffer.from(CLIENT_PREFACE), settingsFrame([])]));
  }

  get waiting(): number {
    return this.#askedMs.size;
  }

  #answered(id: number, well: boolean): void {
    const askedMs = this.#askedMs.get(id);
    if (askedMs === undefined) return;
    this.#askedMs.delete(id);
    this.#taken.push(performance.now() - askedMs);
    if (!well) this.#failed++;
  }

  ask(): void {
    const id = this.#nextId;
    this.#nextId += 2;
    this.#askedMs.set(id, performance.now());
    this.#socket.write(headerFrames(id, this.#block, { end: true }));
  }

  /** What was measured since the last report; what has not been answered is given up. */
  report(): NeighbourReport {
    const nowMs = performance.now();
    for (const askedMs of this.#askedMs.values()) this.#taken.push(nowMs - askedMs);
    const failed = this.#failed + this.#askedMs.size;
    const sorted = this.#taken.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
    this.#askedMs.clear();
    this.#taken = [];
    this.#failed = 0;
    return { p50: at(0.5), p99: at(0.99), most: sorted.at(-1) ?? Number.NaN, asked: sorted.length, failed };
  }
}

const callers = new Map<string, Caller>();

function callerOf(port: number, authority: string): Caller {
  const key = `${authority}:${port}`;
  const caller = callers.get(key) ?? new Caller(port, authority);
  callers.set(key, caller);
  return caller;
}

async function measure({ authority, forMs, ports }: NeighbourOrder): Promise<NeighbourReport[]> {
  const asking = ports.map((port) => callerOf(port, authority));
  const endMs = performance.now() + forMs;
  await new Promise<void>((done) => {
    const timer = setInterval(() => {
      const nowMs = performance.now();
      if (nowMs < endMs) {
        for (const caller of asking) caller.ask();
        asking.reverse(); // nobody is always the first
      } else if (nowMs > endMs + PATIENCE_MS || asking.every(({ waiting }) => waiting === 0)) {
        clearInterval(timer);
        done();
      }
    }, 1);
  });
  return ports.map((port) => callerOf(port, authority).report());
}

process.on("message", (order: NeighbourOrder) => {
  void measure(order).then((report) => process.send?.(report));
});
process.on("disconnect", () => process.exit());
service.listen(0, "127.0.0.1", () => {
  process.send?.({ servicePort: (service.address() as AddressInfo).port } satisfies NeighbourGreeting); // it listens on a port
});
