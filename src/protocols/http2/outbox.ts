// @hot What one connection is about to send. Frames are composed one behind the other and leave in one write at the end of the event loop's
// turn (data-path §5). The memory belongs to the loop: a connection that has nothing to say owns none.
import type { AtTurnEnd, TurnEnd } from "../../base/turn-end.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import type { Counter } from "../../telemetry/metrics.ts";

const NONE = Buffer.alloc(0);
/** With hundreds of connections, each of which has a little to say in every turn, there are not enough large ones. */
const SMALL = 8 * 1024;
const SIZE = 64 * 1024;
/** From here on what is composed is sent without waiting for the end of the turn. */
const FULL = 48 * 1024;
/** So many buffers may be with peers that do not take what they were sent; further ones get copies that are no larger than needed. */
const MOST_LENT = 64;
const KEPT = 16;
const KEPT_SMALL = 512;

/** Memory for the outboxes of one event loop. */
export class OutputBuffers {
  readonly #small: Buffer[] = [];
  readonly #large: Buffer[] = [];
  /** Large ones there are, in use or not. */
  #made = 0;
  #lent = 0;

  /** A buffer that holds `bytes`, which are not more than the largest there is: a large one while there are some, since most turns fill it. */
  take(bytes: number): Buffer {
    const large = this.#large.pop();
    if (large !== undefined) return large;
    if (bytes <= SMALL && this.#made >= KEPT) return this.#small.pop() ?? Buffer.allocUnsafeSlow(SMALL);
    this.#made++;
    return Buffer.allocUnsafeSlow(SIZE);
  }

  give(buffer: Buffer): void {
    if (buffer.length === SIZE) {
      if (this.#large.length < KEPT) this.#large.push(buffer);
      else this.#made--;
    } else if (buffer.length === SMALL && this.#small.length < KEPT_SMALL) this.#small.push(buffer);
  }

  /** Memory to hand to a socket that may keep it. */
  lend(buffer: Buffer, length: number): Buffer {
    if (this.#lent < MOST_LENT && isPooled(buffer)) return buffer;
    // A copy must not be taken for one of ours when it comes back.
    const copy = Buffer.allocUnsafeSlow(length === SIZE || length === SMALL ? length + 1 : length);
    buffer.copy(copy, 0, 0, length);
    return copy;
  }

  lentOut(buffer: Buffer): void {
    if (isPooled(buffer)) this.#lent++;
  }

  returned(buffer: Buffer): void {
    if (!isPooled(buffer)) return;
    this.#lent--;
    this.give(buffer);
  }
}

function isPooled({ length }: Buffer): boolean {
  return length === SMALL || length === SIZE;
}

/** Composes and sends the frames of one connection. */
export class Outbox {
  readonly #stream: ByteStream;
  readonly #buffers: OutputBuffers;
  readonly #turn: TurnEnd;
  readonly #owner: AtTurnEnd;
  readonly #sentBytes: Counter;
  /** What is composed is `buffer[0, length)`. */
  buffer: Buffer = NONE;
  length = 0;
  /** Where the frame composed last begins, so that its flags may still be changed; -1 when it has left. */
  lastFrame = -1;
  #lent: Buffer[] | null = null;
  #waits = false;
  /** Writes made, to tell whether anything of a connection ever left. */
  writes = 0;

  /** @param owner is told at the end of every turn in which something was composed; it calls `flush`. */
  constructor(stream: ByteStream, buffers: OutputBuffers, turn: TurnEnd, owner: AtTurnEnd, sentBytes: Counter) {
    this.#stream = stream;
    this.#buffers = buffers;
    this.#turn = turn;
    this.#owner = owner;
    this.#sentBytes = sentBytes;
  }

  /** The peer has more than it takes: nothing large should be added. */
  get blocked(): boolean {
    return this.#stream.lent;
  }

  /** Has the owner tell `flush` when the turn ends. */
  wake(): void {
    if (this.#waits) return;
    this.#waits = true;
    this.#turn.add(this.#owner);
  }

  /** Makes room for `bytes` more behind `length`. */
  reserve(bytes: number): Buffer {
    if (!this.#waits) this.wake();
    if (this.length + bytes > this.buffer.length) this.#makeRoom(bytes);
    return this.buffer;
  }

  #makeRoom(bytes: number): void {
    if (this.buffer === NONE && bytes <= SIZE) {
      this.buffer = this.#buffers.take(bytes);
      return;
    }
    if (this.length + bytes > SIZE && this.length > 0 && !this.blocked) this.#send();
    if (this.length + bytes <= this.buffer.length) return;
    const grown =
      this.length + bytes <= SIZE
        ? this.#buffers.take(this.length + bytes)
        : Buffer.allocUnsafeSlow(Math.max(this.length + bytes, 2 * this.buffer.length));
    this.buffer.copy(grown, 0, 0, this.length);
    this.#buffers.give(this.buffer);
    this.buffer = grown;
  }

  /** Is so much composed that it should leave now? */
  get full(): boolean {
    return this.length >= FULL;
  }

  /** Sends what is composed. */
  flush(): void {
    this.#waits = false;
    if (this.length > 0) this.#send();
    else this.#letGo();
  }

  /** Sends what is composed although the turn goes on. */
  flushNow(): void {
    if (this.length > 0) this.#send();
  }

  #send(): void {
    const { length } = this;
    const buffer = this.#buffers.lend(this.buffer, length);
    this.length = 0;
    this.lastFrame = -1;
    const taken = this.#stream.write(buffer, 0, length);
    if (!this.#stream.refused) {
      this.writes++;
      this.#sentBytes.add(length);
    }
    if (!taken) {
      this.#buffers.lentOut(buffer);
      (this.#lent ??= []).push(buffer);
      if (buffer === this.buffer) this.buffer = NONE;
    }
    this.#letGo();
  }

  #letGo(): void {
    if (this.buffer === NONE) return;
    this.#buffers.give(this.buffer);
    this.buffer = NONE;
  }

  /** Everything lent has left, or never will. */
  written(): void {
    const lent = this.#lent;
    if (lent === null) return;
    this.#lent = null;
    for (let i = 0; i < lent.length; i++) this.#buffers.returned(lent[i] as Buffer);
  }

  /** The stream is gone. */
  close(): void {
    this.length = 0;
    this.lastFrame = -1;
    this.#letGo();
  }
}
