// A service: accepts connections, reads requests with the strict reader, and answers as the test says.
import type { Listener } from "../../src/core/byte-stream.ts";
import { type Head, Malformed, type Message, MessageReader, methodOf, targetOf } from "./http-text.ts";
import { Peer } from "./peer.ts";
import type { World } from "./world.ts";

/** One request as the service got it. */
export interface Received extends Message {
  readonly method: string;
  readonly target: string;
  /** Number of the connection it came on, from 0. */
  readonly connection: number;
}

/** One accepted connection. */
export class BackendConnection {
  readonly peer: Peer;
  readonly number: number;
  /** Requests it has carried. */
  requests = 0;
  readonly reader: MessageReader;
  readonly backend: Backend;

  constructor(backend: Backend, number: number, open: (peer: Peer) => Peer["stream"]) {
    this.backend = backend;
    this.number = number;
    this.reader = new MessageReader(
      "request",
      (message) => this.#take(message),
      (head) => backend.behaviour.head?.(head, this),
    );
    this.peer = new Peer(open);
    this.peer.onChunk = (chunk) => this.#read(chunk);
    this.peer.onPeerEnd = () => this.peer.end();
    backend.behaviour.connected?.(this);
  }

  get closed(): boolean {
    return this.peer.closed;
  }

  #read(chunk: string): void {
    if (this.backend.behaviour.bytes?.(chunk, this) === true) return;
    try {
      this.reader.push(chunk);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.backend.problems.push(error.message);
      this.peer.destroy();
    }
  }

  #take(message: Message): void {
    const received = { ...message, method: methodOf(message), target: targetOf(message), connection: this.number };
    this.requests++;
    this.backend.requests.push(received);
    const { behaviour } = this.backend;
    if (behaviour.request === undefined) ok(received, this);
    else behaviour.request(received, this);
  }

  /** Sends an answer with a Content-Length. */
  reply(status: number, body = "", fields: Readonly<Record<string, string>> = {}): void {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    const length = status === 204 || status === 304 ? "" : `Content-Length: ${body.length}\r\n`;
    this.peer.send(`HTTP/1.1 ${status} Status\r\n${length}${lines.join("")}\r\n${body}`);
  }

  send(...parts: readonly (string | Buffer)[]): void {
    this.peer.send(...parts);
  }
}

/** What a service does; by default it answers 200 to every whole request. */
export interface Behaviour {
  connected?(connection: BackendConnection): void;
  /** Sees raw bytes first; true when they shall not be read as requests. */
  bytes?(chunk: string, connection: BackendConnection): boolean;
  head?(head: Head, connection: BackendConnection): void;
  request?(request: Received, connection: BackendConnection): void;
}

function ok(request: Received, connection: BackendConnection): void {
  if (request.method === "HEAD") connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
  else connection.reply(200, "ok");
}

/** A listening service. */
export class Backend {
  readonly world: World;
  behaviour: Behaviour;
  /** All connections ever accepted. */
  readonly connections: BackendConnection[] = [];
  /** All requests, over all connections. */
  readonly requests: Received[] = [];
  /** What the strict reader objected to. */
  readonly problems: string[] = [];
  #listener: Listener | null = null;

  private constructor(world: World, behaviour: Behaviour) {
    this.world = world;
    this.behaviour = behaviour;
  }

  /** @param port 0 = any free one. */
  static async start(world: World, behaviour: Behaviour = {}, port = 0, host = "127.0.0.1"): Promise<Backend> {
    const backend = new Backend(world, behaviour);
    backend.#listener = await world.transport.listen({ host, port }, (stream) => backend.#accept(stream));
    world.atEnd(() => backend.stop());
    return backend;
  }

  #accept(stream: Peer["stream"]): void {
    const connection = new BackendConnection(this, this.connections.length, () => stream);
    this.connections.push(connection);
    stream.attach(connection.peer);
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

  get #listening(): Listener {
    if (this.#listener === null) throw new Error("the service is not listening");
    return this.#listener;
  }

  /** Connections that are open now. */
  get open(): BackendConnection[] {
    return this.connections.filter((connection) => !connection.closed);
  }

  get last(): Received {
    const last = this.requests.at(-1);
    if (last === undefined) throw new Error("the service has received no request");
    return last;
  }

  /** Waits until so many requests have come in all. */
  async received(count: number): Promise<void> {
    await this.world.until(
      () => `request ${count} at the service; so far ${this.requests.length}; ${this.problems.join(", ")}`,
      () => this.requests.length >= count,
    );
  }

  /** Accepts no more; connections stay. */
  async unlisten(): Promise<void> {
    await this.#listening.close();
  }

  /** Accepts no more and drops everything. */
  async stop(): Promise<void> {
    await this.unlisten();
    for (const connection of this.open) connection.peer.destroy();
  }
}
