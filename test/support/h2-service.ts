// A scripted service of HTTP/2: accepts connections, keeps what comes, and answers as its behaviour says.
import type { Listener } from "../../src/core/byte-stream.ts";
import { H2Endpoint, type H2Options } from "./h2-endpoint.ts";
import { CLIENT_PREFACE, Code, type FieldPairs } from "./h2-frames.ts";
import type { H2Stream } from "./h2-stream.ts";
import { Peer } from "./peer.ts";
import type { World } from "./world.ts";

/** What a service does; by default it answers 200 to every whole request. */
export interface H2Behaviour extends H2Options {
  /** In place of the first settings. */
  connected?(connection: H2ServiceConnection): void;
  /** A request's head has come. */
  head?(stream: H2Stream, connection: H2ServiceConnection): void;
  /** A request is complete. */
  request?(stream: H2Stream, connection: H2ServiceConnection): void;
}

/** One accepted connection. */
export class H2ServiceConnection extends H2Endpoint {
  readonly service: H2Service;
  /** From 0. */
  readonly number: number;

  constructor(service: H2Service, number: number, open: () => Peer["stream"]) {
    super(new Peer(open), service.behaviour, CLIENT_PREFACE);
    this.service = service;
    this.number = number;
    this.peer.onPeerEnd = () => this.peer.end();
    if (service.behaviour.connected === undefined) this.announce(this.options.settings ?? []);
    else service.behaviour.connected(this);
  }

  protected opened(id: number): H2Stream | null {
    const last = [...this.streams.keys()].at(-1) ?? -1;
    if (id % 2 === 0 || id <= last) this.problems.push(`stream ${id} opened after ${last}`);
    return this.newStream(id);
  }

  protected headCame(stream: H2Stream): void {
    this.service.heads.push(stream);
    this.service.behaviour.head?.(stream, this);
  }

  protected streamEnded(stream: H2Stream): void {
    this.service.requests.push(stream);
    const { request } = this.service.behaviour;
    if (request === undefined) ok(stream);
    else request(stream, this);
  }
}

function ok(stream: H2Stream): void {
  if (stream.value(":method") === "HEAD") stream.reply(200, "", [["content-length", "2"]]);
  else stream.reply(200, "ok");
}

/** A listening service. */
export class H2Service {
  readonly world: World;
  behaviour: H2Behaviour;
  readonly connections: H2ServiceConnection[] = [];
  /** Requests whose heads have come, over all connections; and those that are complete. */
  readonly heads: H2Stream[] = [];
  readonly requests: H2Stream[] = [];
  #listener: Listener | null = null;

  private constructor(world: World, behaviour: H2Behaviour) {
    this.world = world;
    this.behaviour = behaviour;
  }

  static async start(world: World, behaviour: H2Behaviour = {}): Promise<H2Service> {
    const service = new H2Service(world, behaviour);
    service.#listener = await world.transport.listen({ host: "127.0.0.1", port: 0 }, (stream) => {
      const connection = new H2ServiceConnection(service, service.connections.length, () => stream);
      service.connections.push(connection);
      stream.attach(connection.peer);
    });
    world.atEnd(() => service.stop());
    return service;
  }

  get #listening(): Listener {
    if (this.#listener === null) throw new Error("the service is not listening");
    return this.#listener;
  }

  get host(): string {
    return this.#listening.host;
  }

  get port(): number {
    return this.#listening.port;
  }

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  /** As a name the proxy can bind. */
  get name(): string {
    return `/$/inet/${this.host}/${this.port}`;
  }

  /** What the proxy did wrong on any connection. */
  get problems(): string[] {
    return this.connections.flatMap((connection) => connection.problems);
  }

  /** The newest connection that is open. */
  get connection(): H2ServiceConnection {
    const open = this.connections.findLast((connection) => !connection.closed);
    if (open === undefined) throw new Error("the service has no connection");
    return open;
  }

  get last(): H2Stream {
    const last = this.requests.at(-1);
    if (last === undefined) throw new Error("the service has received no request");
    return last;
  }

  /** Waits until so many heads have come in all. */
  async begun(count: number): Promise<void> {
    await this.world.until(
      () => `head ${count} at the service; so far ${this.heads.length}; ${this.problems.join(", ")}`,
      () => this.heads.length >= count,
    );
  }

  async unlisten(): Promise<void> {
    await this.#listening.close();
  }

  async stop(): Promise<void> {
    await this.unlisten();
    for (const { peer } of this.connections) if (!peer.closed) peer.destroy();
  }
}

// ---- Behaviours ------------------------------------------------------------------------------------------------------

/** Takes requests and never answers. */
export const silent = (options: H2Options = {}): H2Behaviour => ({ ...options, request: () => undefined });

/** Sends back what it got, trailers too, when it has it all. */
export const echo = (options: H2Options = {}): H2Behaviour => ({
  refill: true,
  ...options,
  request: (stream) => stream.reply(200, stream.body, [], stream.trailers ?? undefined),
});

/** Answers every request so. */
export const answers = (status: number, body: string | Buffer = "", fields: FieldPairs = []): H2Behaviour => ({
  request: (stream) => stream.reply(status, body, fields),
});

const GRPC: FieldPairs = [["content-type", "application/grpc"]];

/** A gRPC answer with one message. */
export const grpcAnswer = (message: string, status = 0): H2Behaviour => ({
  request: (stream) => stream.reply(200, grpcMessage(message), GRPC, [["grpc-status", String(status)]]),
});

/** A gRPC answer without messages: all of it in one header block. */
export const trailersOnly = (status: number): H2Behaviour => ({
  request: (stream) => stream.reply(200, "", [...GRPC, ["grpc-status", String(status)]]),
});

/** Resets every stream once its request is complete. */
export const resets = (code: number): H2Behaviour => ({ request: (stream) => stream.sendReset(code) });

/** Refuses so many streams as soon as they are opened, and answers the rest. */
export function refusesFirst(count: number): H2Behaviour {
  let left = count;
  return {
    head: (stream) => {
      if (left-- > 0) stream.sendReset(Code.refused);
    },
    request: (stream) => {
      if (!stream.resetSent) stream.reply(200, "ok");
    },
  };
}

/** Answers before the request's body has come. */
export const earlyAnswer = (status: number, body: string): H2Behaviour => ({
  head: (stream) => stream.reply(status, body),
  request: () => undefined,
});

/** Speaks another language. */
export const notHttp2 = (): H2Behaviour => ({
  connected: (connection) => connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
});

/** A message as gRPC frames it, not compressed. */
export function grpcMessage(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, Buffer.from(text, "latin1")]);
}
