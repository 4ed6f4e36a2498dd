// R9 for HTTP/2: much data passes through and little stays. Bodies arrive byte by byte, memory does not grow with them, and who sends faster
// than the other side takes is held back.
import type { ClientHttp2Session, ClientHttp2Stream, ServerHttp2Stream } from "node:http2";
import { once } from "node:events";
import { expect, test } from "vitest";
import { NodeService, nodeCaller } from "../support/h2-load.ts";
import { sized } from "../support/long.ts";
import { residentBytes } from "../support/process-state.ts";
import { freePorts, Program, until } from "../support/program.ts";

const MB = 1024 * 1024;
const BODY_BYTES = sized(64 * MB, 1024 * MB);
/** Passed before memory is looked at: the young generation of the heap reaches its size, which bodies do not change. */
const WARM_BYTES = BODY_BYTES / 4;
const AT_ONCE = 50;
const EACH_BYTES = Math.floor(BODY_BYTES / AT_ONCE);
const CONNECTIONS = 5;
const GROWTH_BYTES = 16 * MB;
/** A slow reader takes so much of a body at this pace. */
const SLOW_BYTES_PER_SECOND = MB;
const SLOW_MS = sized(2000, 60_000);
const SLOW_STEP_MS = 100;
/** What two hops hold of one body, with all windows and socket buffers full, at most. */
const IN_FLIGHT_BYTES = 12 * MB;

/** Bytes that differ from place to place; a body repeats them. */
const pattern = Buffer.alloc(MB);
for (let at = 0; at < MB; at += 4) pattern.writeUInt32LE((at * 2_654_435_761) >>> 0, at);

/** Compares a flow of bytes with the pattern. */
class Checker {
  bytes = 0;
  same = true;

  take(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) {
      const place = this.bytes % MB;
      const length = Math.min(chunk.length - at, MB - place);
      if (chunk.compare(pattern, place, place + length, at, at + length) !== 0) this.same = false;
      this.bytes += length;
      at += length;
    }
  }
}

/** Sends the pattern as fast as it is taken. */
function pour(stream: ServerHttp2Stream | ClientHttp2Stream, bytes: number): { sent: number } {
  const progress = { sent: 0 };
  const more = (): void => {
    while (progress.sent < bytes && !stream.destroyed) {
      const place = progress.sent % MB;
      const length = Math.min(64 * 1024, bytes - progress.sent, MB - place);
      progress.sent += length;
      if (!stream.write(pattern.subarray(place, place + length))) return void stream.once("drain", more);
    }
    stream.end();
  };
  more();
  return progress;
}

/** A service that sends `GET /BYTES` a body of that many bytes, and says of bodies it is sent whether they are the pattern. */
interface BulkService extends AsyncDisposable {
  readonly port: number;
  /** How far the last download has been handed to the kernel. */
  sending(): number;
  /** Holds back what it is sent, as long as it is told. */
  hold(on: boolean): void;
}

async function bulkService(): Promise<BulkService> {
  let last = { sent: 0 };
  let held = false;
  const uploads = new Set<ServerHttp2Stream>();
  const service = await NodeService.start((stream, headers) => {
    if (headers[":method"] === "GET") {
      stream.respond({ ":status": 200 });
      last = pour(stream, Number(headers[":path"]?.slice(1)));
      return;
    }
    const checker = new Checker();
    uploads.add(stream);
    stream.on("close", () => uploads.delete(stream));
    stream.on("data", (chunk: Buffer) => checker.take(chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end(`${checker.same ? "same" : "different"} ${checker.bytes}`);
    });
    if (held) stream.pause();
  });
  return {
    port: service.port,
    sending: () => last.sent,
    hold(on) {
      held = on;
      for (const stream of uploads) {
        if (on) stream.pause();
        else stream.resume();
      }
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

async function download(session: ClientHttp2Session, bytes: number): Promise<boolean> {
  const stream = session.request({ ":authority": "bulk", ":path": `/${bytes}` });
  const checker = new Checker();
  stream.on("data", (chunk: Buffer) => checker.take(chunk));
  await once(stream, "close");
  return checker.same && checker.bytes === bytes;
}

async function upload(session: ClientHttp2Session, bytes: number): Promise<boolean> {
  const stream = session.request({ ":authority": "bulk", ":path": "/", ":method": "POST" });
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  pour(stream, bytes);
  await once(stream, "close");
  return text === `same ${bytes}`;
}

interface Stage extends AsyncDisposable {
  readonly port: number;
  readonly program: Program;
  readonly service: BulkService;
}

async function stage(): Promise<Stage> {
  const service = await bulkService();
  const [port = 0, admin = 0] = await freePorts(2);
  const program = new Program(["run", "-"], {
    input: JSON.stringify({
      admin: { port: admin },
      routers: [{ protocol: "h2", dtab: `/svc/bulk => /$/inet/127.0.0.1/${service.port}`, servers: [{ port }] }],
    }),
  });
  await program.said("is ready");
  return {
    port,
    program,
    service,
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}

type Transfer = (session: ClientHttp2Session, bytes: number) => Promise<boolean>;

const inParallel = (transfer: Transfer, sessions: readonly ClientHttp2Session[], bytes: number): Promise<boolean[]> =>
  Promise.all(Array.from({ length: AT_ONCE }, (_, i) => transfer(sessions[i % sessions.length]!, bytes)));

/** Looks at the memory of a process until it is told to stop; answers the most it was. */
function watchMemory(pid: number): () => number {
  let most = residentBytes(pid);
  const look = (): void => void (most = Math.max(most, residentBytes(pid)));
  const timer = setInterval(look, 20);
  return () => {
    clearInterval(timer);
    look();
    return most;
  };
}

const wholes = Array.from({ length: AT_ONCE }, () => true);

/** Lets bodies pass both ways, and says how much the proxy's memory grew meanwhile. */
async function growth(
  warm: (sessions: readonly ClientHttp2Session[]) => Promise<unknown>,
  pass: (sessions: readonly ClientHttp2Session[]) => Promise<void>,
): Promise<number> {
  await using there = await stage();
  const { port, program } = there;
  const sessions = Array.from({ length: CONNECTIONS }, () => nodeCaller(port));
  await warm(sessions); // compiles what is used, and fills the pools
  const before = residentBytes(program.pid);
  const most = watchMemory(program.pid);
  await pass(sessions);
  const after = most();
  const megabytes = (bytes: number): string => `${(bytes / MB).toFixed(1)} MB`;
  console.log(`${megabytes(2 * BODY_BYTES)} passed; resident memory ${megabytes(before)}, at most ${megabytes(after)}`);
  for (const session of sessions) session.destroy();
  return after - before;
}

test.skipIf(process.platform !== "linux")(
  `${BODY_BYTES / MB} MB pass each way in one stream, and the memory of the proxy hardly grows`,
  async () => {
    const grown = await growth(
      async ([session]) => [await download(session!, WARM_BYTES), await upload(session!, WARM_BYTES)],
      async ([session, other]) => {
        expect(await download(session!, BODY_BYTES)).toBe(true);
        expect(await upload(other!, BODY_BYTES)).toBe(true);
      },
    );
    expect(grown).toBeLessThan(GROWTH_BYTES);
  },
  sized(60_000, 900_000),
);

test.skipIf(process.platform !== "linux")(
  `${BODY_BYTES / MB} MB pass each way in ${AT_ONCE} streams at once, and the memory of the proxy hardly grows`,
  async () => {
    const grown = await growth(
      async ([session]) => [await download(session!, WARM_BYTES), await upload(session!, WARM_BYTES)],
      async (sessions) => {
        await inParallel(download, sessions, EACH_BYTES);
        await inParallel(upload, sessions, EACH_BYTES);
      },
    );
    expect(grown).toBeLessThan(GROWTH_BYTES);
  },
  sized(60_000, 900_000),
);

test.skipIf(process.platform !== "linux")(
  `${AT_ONCE} bodies at once arrive octet by octet, both ways`,
  async () => {
    await using there = await stage();
    const sessions = Array.from({ length: CONNECTIONS }, () => nodeCaller(there.port));
    expect(await inParallel(download, sessions, EACH_BYTES)).toEqual(wholes);
    expect(await inParallel(upload, sessions, EACH_BYTES)).toEqual(wholes);
    for (const session of sessions) session.destroy();
  },
  sized(60_000, 900_000),
);

/** Takes a body at a pace, for a while; answers how much it took. */
async function readSlowly(
  stream: ClientHttp2Stream,
  checker: Checker,
  bytesPerSecond: number,
  forMs: number,
): Promise<number> {
  const step = (bytesPerSecond * SLOW_STEP_MS) / 1000;
  const startedMs = performance.now();
  const start = checker.bytes;
  while (performance.now() - startedMs < forMs) {
    const due = start + ((performance.now() - startedMs) / SLOW_STEP_MS) * step;
    while (checker.bytes < due) {
      const chunk = stream.read() as Buffer | null; // no encoding is set
      if (chunk === null) break;
      checker.take(chunk);
    }
    await new Promise((again) => void setTimeout(again, SLOW_STEP_MS / 4));
  }
  return checker.bytes - start;
}

test.skipIf(process.platform !== "linux")(
  "a service that sends faster than its caller reads is held back, while others on the same connection are not",
  async () => {
    await using there = await stage();
    const { port, program, service } = there;
    const session = nodeCaller(port);
    await download(session, 4 * MB);
    const before = residentBytes(program.pid);
    const most = watchMemory(program.pid);
    const stream = session.request({ ":authority": "bulk", ":path": `/${BODY_BYTES}` });
    const checker = new Checker();
    const took = await readSlowly(stream, checker, SLOW_BYTES_PER_SECOND, SLOW_MS);
    const ahead = service.sending() - checker.bytes;
    console.log(
      `at 1 MB/s ${(took / MB).toFixed(1)} MB were read, the service was ${(ahead / MB).toFixed(2)} MB ahead`,
    );
    expect(took).toBeGreaterThan((SLOW_BYTES_PER_SECOND * SLOW_MS) / 1000 / 2);
    expect(ahead).toBeLessThan(IN_FLIGHT_BYTES);
    const other = nodeCaller(port);
    expect(await download(other, 4 * MB)).toBe(true);
    expect(most() - before).toBeLessThan(GROWTH_BYTES);
    stream.on("data", (chunk: Buffer) => checker.take(chunk)); // and now as fast as it comes
    await once(stream, "close");
    expect([checker.same, checker.bytes]).toEqual([true, BODY_BYTES]);
    expect(residentBytes(program.pid) - before).toBeLessThan(GROWTH_BYTES);
    session.destroy();
    other.destroy();
  },
  sized(60_000, 900_000),
);

test.skipIf(process.platform !== "linux")(
  "a caller that sends faster than its service reads is held back",
  async () => {
    await using there = await stage();
    const { port, program, service } = there;
    const session = nodeCaller(port);
    await upload(session, 4 * MB);
    const before = residentBytes(program.pid);
    service.hold(true);
    const stream = session.request({ ":authority": "bulk", ":path": "/", ":method": "POST" });
    let text = "";
    stream.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    const progress = pour(stream, BODY_BYTES);
    let sent = -1;
    await until(
      () => {
        const stands = progress.sent === sent && sent > 0;
        sent = progress.sent;
        return stands;
      },
      () => "the caller to stand still",
    );
    console.log(`the caller stands still after ${(sent / MB).toFixed(2)} MB`);
    expect(sent).toBeLessThan(IN_FLIGHT_BYTES);
    expect(residentBytes(program.pid) - before).toBeLessThan(GROWTH_BYTES);
    service.hold(false);
    await once(stream, "close");
    expect(text).toBe(`same ${BODY_BYTES}`);
    session.destroy();
  },
  sized(60_000, 900_000),
);
