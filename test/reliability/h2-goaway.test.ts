// R8: a service that says GOAWAY again and again under gRPC load. No unary call fails and none is processed twice; a stream that its
// connection takes along ends with UNAVAILABLE in a trailer.
import type { ClientHttp2Session, ServerHttp2Stream } from "node:http2";
import { expect, test } from "vitest";
import { seededRandom } from "../../src/base/random.ts";
import { grpcMessage } from "../support/h2-service.ts";
import { figure, NodeService, nodeCaller, request } from "../support/h2-load.ts";
import { sized } from "../support/long.ts";
import { freePorts, Program, until } from "../support/program.ts";

const SEED = 8;
const GOAWAY_EVERY_MS = sized(100, 1000);
const LOAD_MS = sized(4000, 120_000);
const CALLERS = 4;
const CALLS_AT_ONCE = 16;
const LONG_STREAMS = 20;
/** Longest that a unary call takes; a connection that leaves has to wait for it. */
const WORK_MS = 30;
const LARGEST_ID = 2 ** 31 - 1;
const GRPC = { "content-type": "application/grpc" };
const STATUS = { unavailable: "14" };

/** Ends a gRPC answer with a status. */
function finish(stream: ServerHttp2Stream, message: Buffer, status: string): void {
  if (stream.destroyed) return;
  stream.respond({ ":status": 200, ...GRPC }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  stream.end(message);
}

/** Answers each call after a while with what it was sent, and counts how often it has had it. */
function unaryService(journal: Map<string, number>): Promise<NodeService> {
  const random = seededRandom(SEED);
  return NodeService.start((stream, headers) => {
    const id = String(headers["x-id"]);
    journal.set(id, (journal.get(id) ?? 0) + 1);
    const parts: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => parts.push(chunk));
    stream.on("end", () => void setTimeout(() => finish(stream, Buffer.concat(parts), "0"), random.int(WORK_MS)));
  });
}

/** Says GOAWAY on all connections: some in two steps as gRPC servers do, some in one; the calls they have are finished. */
function sayGoodbye(service: NodeService, random: { int(below: number): number }): number {
  let said = 0;
  for (const session of service.sessions) {
    if (session.closed || session.destroyed) continue;
    said++;
    if (random.int(2) === 0) session.close();
    else {
      session.goaway(0, LARGEST_ID);
      setTimeout(() => {
        if (!session.destroyed) session.close();
      }, 20);
    }
  }
  return said;
}

interface Stage extends AsyncDisposable {
  readonly port: number;
  readonly admin: number;
}

async function stage(services: Readonly<Record<string, number>>): Promise<Stage> {
  const [port = 0, admin = 0] = await freePorts(2);
  const dtab = Object.entries(services).map(([name, at]) => `/svc/${name} => /$/inet/127.0.0.1/${at};`);
  const program = new Program(["run", "-"], {
    input: JSON.stringify({
      admin: { port: admin },
      routers: [{ protocol: "h2", dtab: dtab.join(""), servers: [{ port }] }],
    }),
  });
  await program.said("is ready");
  return { port, admin, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** Makes one call, and notes what is wrong with its answer. */
async function callOnce(session: ClientHttp2Session, id: string, failures: string[]): Promise<void> {
  const message = grpcMessage(`message of ${id}`);
  const headers = { ":method": "POST", ":path": "/echo.Echo/Say", te: "trailers", ...GRPC, "x-id": id };
  const { body, code, grpcStatus, status } = await request(session, { ":authority": "unary", ...headers }, message);
  if (status === 200 && grpcStatus === "0" && body.equals(message)) return;
  failures.push(`${id}: ${status}, grpc-status ${grpcStatus}, code ${code}, ${body.length} octets`);
}

test(
  `GOAWAY every ${GOAWAY_EVERY_MS} ms fails no unary call and doubles none (seed ${SEED})`,
  async () => {
    const journal = new Map<string, number>();
    const failures: string[] = [];
    await using service = await unaryService(journal);
    await using proxy = await stage({ unary: service.port });
    const random = seededRandom(SEED);
    const sessions = Array.from({ length: CALLERS }, () => nodeCaller(proxy.port));
    let next = 0;
    let over = false;
    let goodbyes = 0;
    const goodbye = setInterval(() => (goodbyes += sayGoodbye(service, random)), GOAWAY_EVERY_MS);
    setTimeout(() => (over = true), LOAD_MS);
    const worker = async (session: ClientHttp2Session): Promise<void> => {
      while (!over) await callOnce(session, String(next++), failures);
    };
    await Promise.all(sessions.flatMap((session) => Array.from({ length: CALLS_AT_ONCE }, () => worker(session))));
    clearInterval(goodbye);
    const doubled = [...journal].filter(([, times]) => times > 1);
    const requeues = await figure(proxy.admin, "retries/requeues");
    console.log(
      `${next} calls, ${goodbyes} times GOAWAY on ${service.accepted} connections, ${requeues} sent again in silence`,
    );
    expect(failures).toEqual([]);
    expect(doubled).toEqual([]);
    expect(journal.size).toBe(next);
    expect(goodbyes).toBeGreaterThan((LOAD_MS / GOAWAY_EVERY_MS) * 0.5);
    expect(sessions.some((session) => session.closed)).toBe(false);
    for (const session of sessions) session.destroy();
  },
  LOAD_MS + 30_000,
);

test(
  "long streams whose connection is cut after its GOAWAY end with UNAVAILABLE in a trailer, and unary calls go on",
  async () => {
    const journal = new Map<string, number>();
    const failures: string[] = [];
    await using unary = await unaryService(journal);
    const beats: NodeJS.Timeout[] = [];
    await using streaming = await NodeService.start((stream) => {
      stream.respond({ ":status": 200, ...GRPC });
      stream.resume();
      const beat = setInterval(() => (stream.destroyed ? clearInterval(beat) : stream.write(grpcMessage("beat"))), 10);
      beats.push(beat);
    });
    await using proxy = await stage({ unary: unary.port, streaming: streaming.port });
    const session = nodeCaller(proxy.port);
    const headers = {
      ":method": "POST",
      ":authority": "streaming",
      ":path": "/watch.Watch/All",
      te: "trailers",
      ...GRPC,
    };
    for (let round = 0; round < sized(3, 30); round++) {
      const streams = Array.from({ length: LONG_STREAMS }, () => {
        const stream = session.request(headers, { endStream: false });
        const seen = { bytes: 0, status: "", cause: "", closed: false, code: 0 };
        stream.on("data", (chunk: Buffer) => (seen.bytes += chunk.length));
        stream.on("error", () => undefined); // `code` says it
        stream.on("trailers", (trailers) => {
          seen.status = String(trailers["grpc-status"]);
          seen.cause = String(trailers["fairlead-cause"]);
        });
        stream.on("close", () => {
          seen.closed = true;
          seen.code = stream.rstCode ?? 0;
        });
        return seen;
      });
      await until(
        () => streams.every(({ bytes }) => bytes > 100),
        () => "all streams to flow",
      );
      for (const of of streaming.sessions) of.goaway(0);
      await callOnce(session, `between ${round}`, failures);
      expect(streams.some(({ closed }) => closed)).toBe(false); // GOAWAY alone ends no stream
      streaming.cut();
      await until(
        () => streams.every(({ closed }) => closed),
        () => `all streams to end; ${JSON.stringify(streams)}`,
      );
      expect(streams.map(({ status }) => status)).toEqual(streams.map(() => STATUS.unavailable));
      expect(streams.every(({ cause }) => cause.startsWith("upstream.http.truncated"))).toBe(true);
      expect(streams.every(({ code }) => code === 0)).toBe(true);
      await callOnce(session, `after ${round}`, failures);
    }
    expect(failures).toEqual([]);
    for (const beat of beats) clearInterval(beat);
    session.destroy();
  },
  sized(20_000, 120_000),
);
