// @hot What a connection of a caller reads: used as far as its state allows, kept when it comes too early, not read when that is much.
//
// Back-pressure has one form: not reading. While the answer is awaited the connection goes on reading, so that a caller that
// goes away is noticed; what it has sent ahead is kept, and when that is much, reading stops.
import type { ByteStream } from "../../core/byte-stream.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { HttpHead } from "../http/head.ts";
import type { ServerContext } from "./server-context.ts";

/** What a connection is doing; the order counts. */
export const State = { idle: 0, head: 1, body: 2, waiting: 3, closing: 4, closed: 5 } as const;
export type State = (typeof State)[keyof typeof State];

/** So much of pipelined requests, or of what follows a request for an upgrade, is read ahead. */
const MAX_AHEAD_BYTES = 16 * 1024;

/** A connection as its reading knows it. The classes above it are one connection, divided by subject. */
export abstract class ServerInput {
  protected readonly stream: ByteStream;
  protected readonly context: ServerContext;

  protected state: State = State.idle;
  /** When the caller last got on with what it is waited for. */
  protected sinceMs: number;

  // The request being read, and the exchange it has become.
  protected head: HttpHead | null = null;
  protected exchange: Exchange | null = null;

  // Bytes read but not used yet, and whether reading is stopped.
  protected stash: Buffer | null = null;
  #consuming = false;
  protected full = false;
  protected paused = false;

  constructor(stream: ByteStream, context: ServerContext) {
    this.stream = stream;
    this.context = context;
    this.sinceMs = context.loop.nowMs;
  }

  /** Each uses some of `buffer[start, end)` and returns how far it came. */
  protected abstract skipNewlines(buffer: Buffer, start: number, end: number): number;
  protected abstract readHead(buffer: Buffer, start: number, end: number): number;
  protected abstract readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number;

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const { loop, stats } = this.context;
    const nowMs = loop.tick();
    if (this.head === null || this.exchange !== null) this.sinceMs = nowMs; // a head's time runs from its first byte
    stats.receivedBytes.add(end - start);
    if (this.stash !== null) {
      this.stash = Buffer.concat([this.stash, buffer.subarray(start, end)]); // cold: bytes read while stopping
      return this.#stopReading();
    }
    const position = this.#consume(buffer, start, end, lendable);
    if (position < end) {
      this.stash = Buffer.from(buffer.subarray(position, end)); // cold: pipelined or blocked bytes
      return this.#stopReading();
    }
    return this.full ? this.#stopReading() : true;
  }

  #stopReading(): boolean {
    if (this.state >= State.closing) return this.state === State.closing;
    if (this.#readsAhead()) return true;
    this.paused = true;
    return false;
  }

  // Not while a chunk is lent: the next read would overwrite it.
  #readsAhead(): boolean {
    if (this.full) return false;
    return this.state === State.waiting && this.stash !== null && this.stash.length < MAX_AHEAD_BYTES;
  }

  // Uses as much of the bytes as the state allows; returns how far it came.
  #consume(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    this.#consuming = true;
    let at = start;
    while (at < end) {
      const before = at;
      const state = this.state;
      if (state === State.idle) at = this.skipNewlines(buffer, at, end);
      else if (state === State.head) at = this.readHead(buffer, at, end);
      else if (state === State.body) at = this.readBody(buffer, at, end, lendable);
      else if (state >= State.closing) at = end;
      if (at === before && state === this.state) break;
    }
    this.#consuming = false;
    return at;
  }

  // Goes on with what was kept, then with reading.
  protected proceed(): void {
    if (this.#consuming) return;
    const stash = this.stash;
    if (stash !== null) {
      this.stash = null;
      const position = this.#consume(stash, 0, stash.length, false);
      if (position < stash.length && this.state < State.closing) {
        this.stash = position === 0 ? stash : stash.subarray(position);
        if (!this.#readsAhead()) return;
      }
    }
    if (this.paused && !this.full && this.state !== State.closed) {
      this.paused = false;
      this.stream.resume();
    }
  }
}
