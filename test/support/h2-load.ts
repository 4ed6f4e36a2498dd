// Load and attack: HTTP/2 by the hand of Node for much traffic on sockets, which shares no line with the proxy, and a caller in memory that
// keeps nothing of what it sends and gets.
import http2, { type ClientHttp2Session, type Http2Server, type ServerHttp2Session } from "node:http2";
import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { CLIENT_PREFACE, FrameCutter, settingsFrame, Type } from "./h2-frames.ts";
import { Peer } from "./peer.ts";
import { ask } from "./program.ts";
import type { MemoryWorld } from "./world.ts";

/** How the kernel counts processor time. */
const TICK_MS = 10;
const NO_LIMIT = 1_000_000_000;
/** More than any peer may send of what costs it nothing. */
const MOST_FRAMES = 5000;

/** A service of Node's, which does not mind how often its streams are reset. */
export class NodeService implements AsyncDisposable {
  readonly server: Http2Server;
  /** Connections that are open. */
  readonly sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  #accepted = 0;

  private constructor(server: Http2Server) {
    this.server = server;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on("session", (session: ServerHttp2Session) => {
      this.#accepted++;
      this.sessions.add(session);
      session.on("close", () => this.sessions.delete(session));
      session.on("error", () => undefined); // the proxy may go first
    });
  }

  static async start(
    serve: (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void,
  ): Promise<NodeService> {
    const server = http2.createServer({
      streamResetBurst: NO_LIMIT,
      streamResetRate: NO_LIMIT,
      settings: { maxConcurrentStreams: 1000 },
    });
    const service = new NodeService(server);
    server.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
      stream.on("error", () => undefined); // a reset with a code is an error to Node
      serve(stream, headers);
    });
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    return service;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port; // it listens on a port
  }

  /** Connections accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Cuts all connections, without a word of HTTP/2. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((done) => void this.server.close(() => done()));
  }
}

/** A connection of a caller of Node's. */
export function nodeCaller(port: number): ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { enablePush: false } });
  session.on("error", () => undefined); // the stream's own error says it
  return session;
}

/** What came of one request. */
export interface Outcome {
  readonly status: number;
  readonly grpcStatus: string;
  readonly body: Buffer;
  /** The code with which the stream was closed; 0 when it was not reset. */
  readonly code: number;
}

/** Sends one request and waits for the end of its stream. */
export function request(
  session: ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: Buffer,
): Promise<Outcome> {
  return new Promise((done) => {
    const parts: Buffer[] = [];
    let status = 0;
    let grpcStatus = "";
    const stream = session.request({ ":authority": "web", ...headers }, { endStream: body === undefined });
    stream.on("response", (head) => {
      status = Number(head[":status"]);
      grpcStatus = String(head["grpc-status"] ?? "");
    });
    stream.on("trailers", (trailers) => (grpcStatus = String(trailers["grpc-status"] ?? "")));
    stream.on("data", (chunk: Buffer) => parts.push(chunk));
    stream.on("error", () => undefined); // `close` follows, with the code
    stream.on("close", () => done({ status, grpcStatus, body: Buffer.concat(parts), code: stream.rstCode ?? 0 }));
    if (body !== undefined) stream.end(body);
  });
}

/** Processor time that a process has used (Linux). */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime
}

/** The sum of all figures of a running proxy whose name ends so. */
export async function figure(adminPort: number, ending: string): Promise<number> {
  const { text } = await ask(adminPort, {}, "/admin/metrics.json");
  const figures = Object.entries(JSON.parse(text) as Record<string, number>);
  return figures.reduce((sum, [name, value]) => (name.endsWith(ending) ? sum + value : sum), 0);
}

/** A caller that keeps nothing of what it sends and gets, so that what is kept can be measured. */
export class Attacker {
  readonly peer: Peer;
  sentBytes = 0;
  /** Frames that came, by their type. */
  readonly came = new Map<number, number>();
  /** The code of the GOAWAY that came last. */
  goaway = -1;
  readonly #world: MemoryWorld;
  readonly #cutter = new FrameCutter();

  constructor(world: MemoryWorld, port: number, settings: readonly (readonly [number, number])[] = []) {
    this.#world = world;
    this.peer = Peer.connect(world, port);
    this.peer.onChunk = (chunk) => this.#read(chunk);
    this.peer.onGone = world.atEnd(() => this.peer.destroy());
    this.send(Buffer.from(CLIENT_PREFACE), settingsFrame(settings));
  }

  get receivedBytes(): number {
    return this.peer.receivedBytes;
  }

  get over(): boolean {
    return this.peer.ended || this.peer.closed;
  }

  send(...parts: readonly Buffer[]): void {
    for (const part of parts) this.sentBytes += part.length;
    this.peer.send(Buffer.concat(parts));
  }

  /** Sends the same again and again, a few in each turn, until the connection ends; answers how often. */
  flood(make: (i: number) => Buffer, most = MOST_FRAMES, together = 100): number {
    let i = 0;
    while (i < most && !this.over) {
      const parts: Buffer[] = [];
      for (let n = 0; n < together && i < most; n++) parts.push(make(i++));
      this.send(...parts);
      this.#world.settle();
    }
    return i;
  }

  #read(chunk: string): void {
    for (const { payload, type } of this.#cutter.push(Buffer.from(chunk, "latin1"))) {
      this.came.set(type, (this.came.get(type) ?? 0) + 1);
      if (type === Type.goaway) this.goaway = payload.readUInt32BE(4);
    }
  }
}
