// One end of a connection in memory. It keeps the contract of `ByteStream` more strictly than a socket does, so that a
// breach shows at once: a chunk is overwritten when its time is over, and a lent buffer is read only when it leaves.
import type { ByteReader, ByteStream, Connector } from "../../core/byte-stream.ts";
import { systemError } from "./system-error.ts";

/** What the streams of one party share, as with sockets. */
export interface MemoryHost {
  /** Runs after every callback into a reader. */
  flush(): void;
  /** A reader threw: its stream is dropped. */
  readerFailed(error: unknown): void;
}

/** What a stream needs of its network. */
export interface StreamWorld {
  /** Small reads of all streams go here, one at a time. */
  readonly shared: Buffer;
  /** Bytes one direction holds before a writer's buffer is lent. */
  readonly capacityBytes: number;
  /** How many of the available bytes the next read delivers. */
  readBytes(available: number): number;
  /** `stream.turn` shall be called, after everything scheduled before. */
  schedule(stream: MemoryStream): void;
  /** The stream has told its reader that it is closed. */
  closed(stream: MemoryStream): void;
}

interface LentWrite {
  readonly buffer: Buffer;
  at: number;
  readonly end: number;
}

const READ_BYTES = 64 * 1024;
/** Reads do not begin at the start of their buffer, so that a reader who ignores `start` is found out. */
const READ_FROM = 16;
const OVERWRITTEN = 0xdb;

/** A buffer to read into. */
export function readBuffer(): Buffer {
  return Buffer.alloc(READ_BYTES + READ_FROM, OVERWRITTEN);
}

/** One end; `join` makes two of them a connection. */
export class MemoryStream implements ByteStream {
  readonly remote: string;
  /** On the network's list of those to be called; the network's own mark. */
  scheduled = false;
  readonly #world: StreamWorld;
  readonly #host: MemoryHost;
  #halfOpen: boolean;
  #peer: MemoryStream | null = null;
  #reader: ByteReader | null = null;
  #connector: Connector | null = null;
  #accept: ((stream: ByteStream) => void) | null = null;

  // What has arrived and was not read yet.
  readonly #inbox: Buffer[] = [];
  #inboxBytes = 0;
  #finArrived = false;
  #resetArrived = false;
  #peerGone = false;
  #endTold = false;
  #paused = false;
  #private: Buffer | null = null;
  /** The chunk a reader has lent on. */
  #lentChunk: Buffer | null = null;

  // What was written and has not left yet.
  readonly #lent: LentWrite[] = [];
  #writtenDue = false;
  #finWanted = false;
  #finSent = false;

  #destroyed = false;
  #closeTold = false;
  #error: Error | null = null;
  refused = false;

  /** @param halfOpen whether the peer's end leaves our side open, as on accepted connections. */
  constructor(remote: string, halfOpen: boolean, host: MemoryHost, world: StreamWorld) {
    this.remote = remote;
    this.#halfOpen = halfOpen;
    this.#host = host;
    this.#world = world;
  }

  /** Connects two ends; each side learns so in its turn. */
  static join(asking: MemoryStream, accepted: MemoryStream, accept: (stream: ByteStream) => void): void {
    asking.#peer = accepted;
    accepted.#peer = asking;
    accepted.#accept = accept;
    asking.#world.schedule(asking);
    asking.#world.schedule(accepted);
  }

  /** The reader of a stream that is still to be connected. */
  await(connector: Connector): void {
    this.#connector = connector;
  }

  /** The connection could not be established. */
  refuse(code: string): void {
    if (this.#destroyed) return;
    this.#fail(systemError(code, "connect"));
  }

  get lent(): boolean {
    return this.#lent.length > 0;
  }

  get unsentBytes(): number {
    return this.#lent.reduce((sum, { at, end }) => sum + end - at, 0);
  }

  attach(reader: ByteReader): void {
    this.#reader = reader;
    this.#world.schedule(this);
  }

  // ---- Writing -----------------------------------------------------------------------------------------------------

  write(buffer: Buffer, start: number, end: number): boolean {
    if (this.#destroyed || this.#resetArrived) {
      this.refused = true;
      // What has arrived can still be read; the reader hears of the reset behind it.
      if (!this.#destroyed && (this.#paused || this.#inboxBytes === 0)) this.#fail(systemError("EPIPE", "write"));
      return true;
    }
    if (this.#finWanted || start === end) return true;
    this.#lent.push({ buffer, at: start, end });
    this.#send();
    return this.#lent.length === 0;
  }

  // Moves what fits to the peer. What does not fit stays in the writer's own buffer until there is room.
  #send(): void {
    const peer = this.#peer;
    if (peer === null) return;
    for (let first = this.#lent[0]; first !== undefined; first = this.#lent[0]) {
      if (this.#peerGone) return this.#answerReset();
      const taken = Math.min(first.end - first.at, this.#world.capacityBytes - peer.#inboxBytes);
      if (taken > 0) peer.#arrive(Buffer.from(first.buffer.subarray(first.at, first.at + taken)));
      first.at += taken;
      if (first.at < first.end) {
        this.#writtenDue = true;
        return undefined;
      }
      this.#lent.shift();
    }
    if (this.#finWanted) this.#sendFin();
    if (this.#writtenDue) this.#world.schedule(this);
    return undefined;
  }

  // Bytes for an end that is closed: they vanish, and a reset comes back.
  #answerReset(): void {
    this.#lent.length = 0;
    this.#hearReset();
  }

  #arrive(bytes: Buffer): void {
    this.#inbox.push(bytes);
    this.#inboxBytes += bytes.length;
    this.#world.schedule(this);
  }

  keepHalfOpen(): void {
    this.#halfOpen = true;
  }

  end(): void {
    if (this.#destroyed || this.#finWanted) return;
    this.#finWanted = true;
    if (this.#lent.length === 0) this.#sendFin();
  }

  #sendFin(): void {
    if (this.#finSent) return;
    this.#finSent = true;
    const peer = this.#peer;
    if (peer !== null) {
      peer.#finArrived = true;
      this.#world.schedule(peer);
    }
    this.#world.schedule(this);
  }

  // ---- Reading -----------------------------------------------------------------------------------------------------

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#overwriteLent();
    this.#paused = false;
    this.#world.schedule(this);
  }

  usePrivateBuffer(on: boolean, lentOut = false): void {
    if (on === (this.#private !== null)) return;
    if (lentOut) this.#lentChunk = null; // it stays with its writer and is never used again
    else this.#overwriteLent();
    this.#private = on ? readBuffer() : null;
  }

  #overwriteLent(): void {
    this.#lentChunk?.fill(OVERWRITTEN);
    this.#lentChunk = null;
  }

  #read(reader: ByteReader): void {
    const lendable = this.#private !== null;
    const buffer = this.#private ?? this.#world.shared;
    const wanted = Math.min(this.#world.readBytes(this.#inboxBytes), this.#inboxBytes, READ_BYTES);
    const end = this.#take(buffer, Math.max(1, wanted));
    const peer = this.#peer;
    if (peer !== null) peer.#send();
    let goOn = false;
    try {
      goOn = reader.onBytes(buffer, READ_FROM, end, lendable);
    } catch (error) {
      this.#readerFailed(error);
    }
    this.#host.flush();
    if (!goOn) this.#paused = true;
    if (goOn || !lendable) buffer.fill(OVERWRITTEN, READ_FROM, end);
    else if (this.#private === buffer) this.#lentChunk = buffer;
  }

  #take(into: Buffer, wanted: number): number {
    let at = READ_FROM;
    const end = READ_FROM + wanted;
    while (at < end) {
      const first = this.#inbox[0] as Buffer; // `wanted` is at most what the inbox holds
      const taken = Math.min(first.length, end - at);
      first.copy(into, at, 0, taken);
      at += taken;
      if (taken === first.length) this.#inbox.shift();
      else this.#inbox[0] = first.subarray(taken);
    }
    this.#inboxBytes -= wanted;
    return end;
  }

  // ---- Ending ------------------------------------------------------------------------------------------------------

  destroy(reset = false): void {
    if (this.#destroyed) return;
    const unread = this.#inboxBytes > 0; // closing with unread bytes resets the connection (RFC 9293 §3.6.1, as Linux does)
    this.#shut();
    const peer = this.#peer;
    if (peer === null) return;
    peer.#peerGone = true;
    if (reset || unread) peer.#hearReset();
    else if (!peer.#finArrived) {
      peer.#finArrived = true;
      this.#world.schedule(peer);
    }
    if (peer.lent) peer.#send();
  }

  #hearReset(): void {
    if (this.#resetArrived) return;
    this.#resetArrived = true;
    if (this.#lent.length > 0) this.#fail(systemError("ECONNRESET", "write"));
    else this.#world.schedule(this);
  }

  #fail(error: Error): void {
    this.#error = error;
    this.#shut();
    const peer = this.#peer;
    if (peer !== null) peer.#peerGone = true;
  }

  #shut(): void {
    this.#destroyed = true;
    this.#inbox.length = 0;
    this.#inboxBytes = 0;
    this.#lent.length = 0;
    this.#world.schedule(this);
  }

  #readerFailed(error: unknown): void {
    this.#host.readerFailed(error);
    this.destroy();
  }

  // ---- Events ------------------------------------------------------------------------------------------------------

  /** Tells the reader one thing, if there is any. */
  turn(): void {
    if (this.#closeTold) return;
    const told = this.#next();
    if (told) this.#world.schedule(this);
  }

  #next(): boolean {
    const accept = this.#accept;
    if (accept !== null) {
      this.#accept = null;
      return this.#tell(() => accept(this));
    }
    if (this.#destroyed) return this.#tellClosed();
    const connector = this.#connector;
    if (connector !== null) {
      if (this.#peer === null) return false;
      this.#connector = null;
      this.#reader = connector;
      return this.#tell(() => connector.onConnect());
    }
    const reader = this.#reader;
    if (reader === null) return false;
    if (this.#writtenDue && this.#lent.length === 0) {
      this.#writtenDue = false;
      return this.#tell(() => reader.onWritten());
    }
    return this.#tellArrived(reader);
  }

  // What the peer did reaches a reader in order, and only one who reads.
  #tellArrived(reader: ByteReader): boolean {
    if (!this.#paused) {
      if (this.#inboxBytes > 0) {
        this.#read(reader);
        return true;
      }
      if (this.#resetArrived) {
        this.#fail(systemError("ECONNRESET", "read"));
        return true;
      }
      if (this.#finArrived && !this.#endTold) {
        this.#endTold = true;
        this.#tell(() => reader.onEnd());
        if (!this.#halfOpen) this.end();
        return true;
      }
    }
    if (!this.#endTold || !this.#finSent) return false;
    this.#shut();
    const peer = this.#peer;
    if (peer !== null) peer.#peerGone = true;
    return true;
  }

  #tellClosed(): boolean {
    this.#closeTold = true;
    const reader = this.#reader ?? this.#connector;
    if (reader !== null) this.#tell(() => reader.onClose(this.#error));
    this.#world.closed(this);
    return false;
  }

  #tell(call: () => void): true {
    try {
      call();
    } catch (error) {
      this.#readerFailed(error);
    }
    this.#host.flush();
    return true;
  }
}
