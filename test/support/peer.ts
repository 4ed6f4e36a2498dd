// The other end of a connection, as a script: it sends the bytes it is told to, and keeps the bytes it gets.
import type { ByteStream, Connector } from "../../src/core/byte-stream.ts";
import type { World } from "./world.ts";

const WRITES_IN_A_TURN = 1000;

/** One connection of a test. Text is one character per byte. */
export class Peer implements Connector {
  readonly stream: ByteStream;
  /** Everything received, or what is left after `take`. */
  received = "";
  receivedBytes = 0;
  connected = false;
  /** The other side has finished sending. */
  ended = false;
  closed = false;
  error: Error | null = null;
  /** Hears of every chunk; replaces keeping it in `received`. */
  onChunk: ((chunk: string, peer: Peer) => void) | null = null;
  onPeerEnd: (() => void) | null = null;
  onGone: (() => void) | null = null;
  #more: (() => Buffer | null) | null = null;
  #last = "";

  /** @param open connects, or hands over a stream that was accepted, with this peer as its reader. */
  constructor(open: (peer: Peer) => ByteStream) {
    this.stream = open(this);
  }

  /** Connects to a port of the proxy, or of a service. */
  static connect(world: World, port: number, host = "127.0.0.1"): Peer {
    return new Peer((peer) => world.transport.connect({ host, port }, peer));
  }

  /** The code of the error that ended the connection, `""` when there was none. */
  get errorCode(): string {
    const code = this.error === null ? undefined : (this.error as Error & { code?: unknown }).code; // system errors
    return typeof code === "string" ? code : "";
  }

  /** Sends bytes; each part in a write of its own. */
  send(...parts: readonly (string | Buffer)[]): void {
    for (const part of parts) {
      const bytes = typeof part === "string" ? Buffer.from(part, "latin1") : part;
      this.stream.write(bytes, 0, bytes.length);
    }
  }

  /** Sends what `next` gives until it gives null, and then `last`, no faster than the other side takes it. */
  pour(next: () => Buffer | null, last = ""): void {
    this.#more = next;
    this.#last = last;
    this.#pump();
  }

  // A stream that is gone takes everything, and says so only in a later turn: so it gets its turn every now and then.
  #pump(): void {
    for (let writes = 0; this.#more !== null && !this.stream.lent && !this.closed; writes++) {
      if (writes === WRITES_IN_A_TURN) {
        setImmediate(() => this.#pump());
        return;
      }
      const chunk = this.#more();
      if (chunk !== null) this.stream.write(chunk, 0, chunk.length);
      else {
        this.#more = null;
        this.send(this.#last);
      }
    }
  }

  /** What was received since the last call. */
  take(): string {
    const text = this.received;
    this.received = "";
    return text;
  }

  /** Finishes our side. */
  end(): void {
    this.stream.end();
  }

  /** Drops the connection. */
  destroy(): void {
    this.stream.destroy();
  }

  /** Drops the connection with a reset. */
  reset(): void {
    this.stream.destroy(true);
  }

  onConnect(): void {
    this.connected = true;
  }

  onBytes(buffer: Buffer, start: number, end: number): boolean {
    const chunk = buffer.toString("latin1", start, end);
    this.receivedBytes += chunk.length;
    if (this.onChunk === null) this.received += chunk;
    else this.onChunk(chunk, this);
    return true;
  }

  onEnd(): void {
    this.ended = true;
    this.onPeerEnd?.();
  }

  onClose(error: Error | null): void {
    this.closed = true;
    this.error = error;
    this.onGone?.();
  }

  onWritten(): void {
    this.#pump();
  }
}
