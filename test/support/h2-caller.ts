// A scripted caller of HTTP/2: opens streams, sends what the test says, and keeps what comes.
import { H2Endpoint, type H2Options } from "./h2-endpoint.ts";
import { type BlockForm, CLIENT_PREFACE, type FieldPairs, headerFrames } from "./h2-frames.ts";
import type { H2Stream } from "./h2-stream.ts";
import { Peer } from "./peer.ts";
import type { World } from "./world.ts";

/** What follows the head of a request. */
export interface RequestRest extends BlockForm {
  readonly body?: string | Buffer;
  readonly trailers?: FieldPairs;
}

/** One connection to the proxy. */
export class H2Caller extends H2Endpoint {
  readonly #world: World;
  #nextId = 1;

  constructor(world: World, port: number, options: H2Options = {}) {
    super(Peer.connect(world, port), options, "");
    this.#world = world;
    this.peer.onGone = world.atEnd(() => this.close());
    this.send(CLIENT_PREFACE);
    this.announce(options.settings ?? []);
  }

  /** Opens a stream. Without a body or trailers it ends at once, unless `end` is false. */
  request(fields: FieldPairs, rest: RequestRest = {}): H2Stream {
    const { body, end = true, trailers, ...form } = rest;
    const stream = this.newStream(this.#nextId);
    this.#nextId += 2;
    const bodiless = body === undefined && trailers === undefined;
    stream.sendHead(fields, { ...form, end: end && bodiless });
    if (!bodiless) stream.write(body ?? "", trailers === undefined ? { end } : { trailers });
    return stream;
  }

  /** Opens a stream with these octets as its header block. */
  requestBlock(block: Buffer, form: BlockForm = { end: true }): H2Stream {
    const stream = this.newStream(this.#nextId);
    this.#nextId += 2;
    this.send(headerFrames(stream.id, block, form));
    return stream;
  }

  /** Opens a stream and waits for its end. */
  async ask(fields: FieldPairs, rest: RequestRest = {}): Promise<H2Stream> {
    const stream = this.request(fields, rest);
    await this.finished(stream);
    return stream;
  }

  /** Waits until nothing more comes on these streams. */
  async finished(...streams: readonly H2Stream[]): Promise<void> {
    await this.#world.until(
      () =>
        `the end of ${streams.map((stream) => stream.state).join(", ")}; ${JSON.stringify(this.goaways)} ${this.problems.join(", ")}`,
      () => streams.every((stream) => stream.done),
    );
  }

  /** Waits until the proxy has ended the connection. */
  async released(): Promise<void> {
    await this.#world.until("the connection to end", () => this.over);
  }

  close(): void {
    this.peer.destroy();
  }

  protected opened(): null {
    return null; // a server opens no streams, since pushing is off
  }

  protected headCame(): void {
    // The test looks at the stream.
  }

  protected streamEnded(): void {
    // As above.
  }
}
