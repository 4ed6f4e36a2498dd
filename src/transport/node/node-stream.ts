// @hot A TCP or unix socket as a `ByteStream`.
//
// Reads go into one buffer shared by all sockets of the loop, or into a private one while a large body streams. Writes go straight to
// the socket's handle or, where that does not work, by `socket.write`, after which a look at `writableLength` tells whether the kernel
// took everything at once (data-path §2).
import type net from "node:net";
import type { ByteReader, ByteStream, Connector } from "../../core/byte-stream.ts";
import { systemTimers } from "../../base/timers.ts";
import { type DirectWrite, writeError, type WriteOwner, Written } from "./direct-write.ts";
import type { Descriptors } from "./descriptors.ts";
import type { ReadBuffers } from "./read-buffers.ts";

/** What all streams of one event loop share. */
export interface StreamHost {
  readonly buffers: ReadBuffers;
  /** Null where sockets are written to as streams. */
  readonly directWrite: DirectWrite | null;
  readonly descriptors: Descriptors;
  /** Runs after every callback into a reader: sends what was composed meanwhile. */
  flush(): void;
  /** A reader threw: a bug of ours. The stream is dropped, everything else goes on. */
  readerFailed(error: unknown): void;
}

const NO_BYTES = Buffer.alloc(0);
/** After a write has failed, what the peer sent before it went may still be read for so long: a service's last word, why it refuses a body. */
const LAST_WORD_MS = 50;
const kStream = Symbol("stream");

type Owned = net.Socket & { [kStream]?: NodeStream };

function streamOf(socket: net.Socket): NodeStream {
  return (socket as Owned)[kStream] as NodeStream;
}

// Shared by all sockets, so that accepting one makes no closures.
function onEnd(this: net.Socket): void {
  streamOf(this).ended();
}
function onClose(this: net.Socket): void {
  streamOf(this).closed();
}
function onError(this: net.Socket, error: Error): void {
  streamOf(this).broken(error);
}
function onData(this: net.Socket, chunk: Buffer): void {
  streamOf(this).chunk(chunk);
}
function onRead(this: net.Socket, bytes: number): boolean {
  return streamOf(this).read(bytes);
}
function onConnect(this: net.Socket): void {
  streamOf(this).connected();
}

/** One connection. */
export class NodeStream implements ByteStream, WriteOwner {
  readonly #socket: net.Socket;
  readonly #host: StreamHost;
  /** What the other end is called where it has no address of its own: on unix sockets. */
  readonly #nameless: string | null;
  #reader: ByteReader | null = null;
  /** Where reads go, and where they shall go from the next one on. */
  #buffer: Buffer;
  #wanted: Buffer;
  #reading = false;
  /** The read in progress has filled its buffer. */
  #full = false;
  #offering = false;
  #fullReads = 0;
  #private = false;
  #error: Error | null = null;
  #closed = false;
  #ending = false;
  #pendingWrites = 0;
  #paused = false;
  refused = false;
  /** Why writes are refused, until the socket is destroyed for it. */
  #broken: Error | null = null;

  constructor(socket: net.Socket, host: StreamHost, nameless: string | null) {
    this.#socket = socket;
    this.#host = host;
    this.#nameless = nameless;
    this.#buffer = host.buffers.shared;
    this.#wanted = this.#buffer;
    host.descriptors.sockets++;
    (socket as Owned)[kStream] = this;
    socket.on("end", onEnd);
    socket.on("close", onClose);
    socket.on("error", onError);
  }

  get remote(): string {
    if (this.#nameless !== null) return this.#nameless;
    return `${this.#socket.remoteAddress ?? "?"}:${this.#socket.remotePort ?? 0}`;
  }

  get lent(): boolean {
    return this.#pendingWrites > 0;
  }

  get unsentBytes(): number {
    return this.#host.directWrite?.unsentBytes(this.#socket) ?? this.#socket.writableLength;
  }

  attach(reader: ByteReader): void {
    const handedOver = this.#reader !== null;
    this.#reader = reader;
    if (handedOver) return;
    const staticRead = this.#host.buffers.staticRead;
    if (staticRead === null) this.#socket.on("data", onData);
    else staticRead.install(this.#socket, this.#buffer, onRead);
    this.#socket.resume();
  }

  /** Attaches to a socket that is still connecting. */
  attachConnecting(connector: Connector): void {
    this.#reader = connector;
    this.#socket.once("connect", onConnect);
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    const socket = this.#socket;
    const { directWrite } = this.#host;
    if (directWrite !== null && !this.refused) {
      const result = directWrite.write(socket, buffer.subarray(start, end), this);
      if (result === Written.taken) return true;
      if (result === Written.lent) {
        this.#pendingWrites++;
        return false;
      }
      if (result !== Written.nowhere) this.#breakSoon(writeError(result));
      this.refused = true;
      return true;
    }
    if (this.refused || socket.destroyed) {
      this.refused = true;
      return true;
    }
    socket.write(buffer.subarray(start, end));
    if (socket.writableLength === 0) return true;
    // The callback of an empty write, queued behind, tells when the bytes have left; 'drain' would not come for small ones.
    this.#pendingWrites++;
    socket.write(NO_BYTES, (error) => this.wroteOut(error ?? null, null)); // cold: only where the kernel did not take all
    return false;
  }

  resume(): void {
    this.#paused = false;
    if (this.#broken !== null) this.#breakSoon(this.#broken);
    this.#socket.resume();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  usePrivateBuffer(on: boolean, lentOut = false): void {
    const { buffers } = this.#host;
    if (buffers.staticRead === null || on === this.#private) return;
    const old = this.#wanted;
    this.#private = on;
    this.#fullReads = 0;
    // A shared buffer that is full is as good a proof as two full small ones.
    const large = on && this.#full ? buffers.takeLarge() : null;
    this.#want(large ?? (on ? buffers.takeSmall() : buffers.shared));
    if (on) return;
    if (!lentOut) buffers.give(old);
    else if (this.#host.directWrite === null) buffers.drop(old);
    else buffers.leave(old);
  }

  // Within a read the change is offered when the callback returns; otherwise it is made at once.
  #want(buffer: Buffer): void {
    const { staticRead } = this.#host.buffers;
    this.#wanted = buffer;
    if (staticRead === null || this.#closed) return;
    if (!this.#reading) {
      this.#buffer = buffer;
      staticRead.useBuffer(this.#socket, buffer);
    } else if (!this.#offering) {
      this.#offering = true;
      staticRead.offerBuffers(this.#socket, () => this.#nextBuffer()); // cold: first large body of a connection
    }
  }

  #nextBuffer(): Buffer | undefined {
    if (this.#buffer === this.#wanted) return undefined;
    this.#buffer = this.#wanted;
    return this.#buffer;
  }

  keepHalfOpen(): void {
    this.#socket.allowHalfOpen = true;
  }

  end(): void {
    if (this.#ending) return; // a second call would make an error object only to throw it away
    this.#ending = true;
    this.#socket.end();
  }

  destroy(reset = false): void {
    if (this.#closed) return;
    if (reset && this.#nameless === null) this.#socket.resetAndDestroy(); // unix sockets know no RST, and Node throws
    else this.#socket.destroy();
  }

  // Events of the socket.

  connected(): void {
    const connector = this.#reader as Connector; // attachConnecting was called with one
    this.#reader = null;
    this.attach(connector);
    this.#guard(connector, CONNECTED);
  }

  chunk(chunk: Buffer): void {
    const reader = this.#reader as ByteReader;
    let goOn = false;
    try {
      goOn = reader.onBytes(chunk, 0, chunk.length, true);
    } catch (error) {
      this.#fail(error);
    }
    this.#host.flush();
    if (!goOn) this.pause();
  }

  ended(): void {
    if (this.#reader !== null) this.#guard(this.#reader, ENDED);
  }

  broken(error: Error): void {
    this.#error = error;
    this.#host.descriptors.failed(error);
  }

  closed(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.descriptors.sockets--;
    if (this.#private) this.#host.buffers.drop(this.#wanted); // it may still be lent to a writer
    this.#private = false;
    if (this.#reader !== null) this.#guard(this.#reader, CLOSED);
  }

  /** Bytes stand in the buffer that the socket reads into. */
  read(bytes: number): boolean {
    const reader = this.#reader as ByteReader;
    const buffer = this.#buffer;
    let goOn = false;
    this.#reading = true;
    this.#full = bytes === buffer.length;
    try {
      goOn = reader.onBytes(buffer, 0, bytes, this.#private);
    } catch (error) {
      this.#fail(error);
    }
    this.#host.flush();
    if (goOn && this.#full && this.#private && buffer === this.#wanted) this.#grow();
    if (!goOn) this.#paused = true;
    this.#reading = false;
    this.#full = false;
    return goOn;
  }

  // Two full reads in a row prove that the peer has much to say: 256 kB then halve the cost of 64 kB (data-path §4).
  #grow(): void {
    const { buffers } = this.#host;
    if (++this.#fullReads < 2 || this.#buffer.length >= buffers.largeBytes) return;
    const large = buffers.takeLarge();
    if (large === null) return;
    buffers.give(this.#buffer);
    this.#want(large);
  }

  // A write that failed is followed by `closed`; until then nobody is asked for more, because it would only be queued again.
  wroteOut(error: Error | null, bytes: Uint8Array | null): void {
    if (bytes !== null) this.#host.buffers.written(bytes.buffer);
    this.#pendingWrites--;
    if (error !== null) {
      this.refused = true;
      return this.#breakSoon(error);
    }
    if (this.#pendingWrites > 0 || this.#closed || this.#reader === null) return;
    this.#guard(this.#reader, WRITTEN);
    return undefined;
  }

  // Not while the reader has stopped reading: what it was told of is still to be taken.
  #breakSoon(error: Error): void {
    this.#broken = error;
    systemTimers.after(LAST_WORD_MS, () => this.#paused || this.#socket.destroy(error)); // cold: only of broken connections
  }

  // Every call into a reader is a wall: a bug in one exchange must not take the loop down.
  #guard(reader: ByteReader, event: number): void {
    try {
      if (event === ENDED) reader.onEnd();
      else if (event === CLOSED) reader.onClose(this.#error);
      else if (event === WRITTEN) reader.onWritten();
      else (reader as Connector).onConnect();
    } catch (error) {
      this.#fail(error);
    }
    this.#host.flush();
  }

  #fail(error: unknown): void {
    this.#host.readerFailed(error);
    this.#socket.destroy();
  }
}

const CONNECTED = 0;
const ENDED = 1;
const CLOSED = 2;
const WRITTEN = 3;
