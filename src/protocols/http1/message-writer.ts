// @hot The writing half of an HTTP/1 connection, the same on both sides: heads and small bodies are composed in the scratch
// buffer and leave in one write; large chunks are lent to the socket as they are.
import { putHex } from "../../base/bytes.ts";
import type { Composer, Scratch } from "../../base/scratch.ts";
import type { Trailers } from "../../core/body.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import { HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import { CR, LF } from "./codec/characters.ts";
import { writeForeignTrailers } from "./foreign-head.ts";
import { writeTrailers } from "./write-head.ts";

/** Chunks up to this size are copied behind the head; larger ones are lent (data-path §4). */
const COPY_BYTES = 32 * 1024;
/** The scratch buffer is sent before it grows beyond this. */
const FULL_BYTES = 144 * 1024;

/** Told when the peer does not take what was sent; `onWritten` of the stream tells the end of it. */
export interface WriterOwner {
  onBlocked(): void;
}

/** Composes and sends messages on one stream. */
export class MessageWriter implements Composer {
  readonly #stream: ByteStream;
  readonly #scratch: Scratch;
  #owner: WriterOwner;
  readonly #sentBytes: Counter;
  /** Scratch buffers the stream has not sent yet; most connections never have any. */
  #lent: Buffer[] | null = null;
  /** Writes that have left or will, at least in part, since it was set to 0: to tell a request that never left from one that may have. */
  writes = 0;

  constructor(stream: ByteStream, scratch: Scratch, owner: WriterOwner, sentBytes: Counter) {
    this.#stream = stream;
    this.#scratch = scratch;
    this.#owner = owner;
    this.#sentBytes = sentBytes;
  }

  /** Whoever goes on with the stream is told from now on. */
  handTo(owner: WriterOwner): void {
    this.#owner = owner;
  }

  /** Has the peer more than it takes? */
  get blocked(): boolean {
    return this.#stream.lent;
  }

  /** Starts, or goes on, composing. */
  begin(): Scratch {
    this.#scratch.claim(this);
    return this.#scratch;
  }

  /** Sends a body chunk; false when the peer should be given time. */
  chunk(buffer: Buffer, start: number, end: number, lendable: boolean, chunked: boolean): boolean {
    const length = end - start;
    if (length === 0) return true;
    const scratch = this.begin();
    if (chunked) this.#sizeLine(length);
    if (length > COPY_BYTES && lendable) return this.#lend(buffer, start, end, chunked);
    if (scratch.length + length > FULL_BYTES) {
      scratch.flush();
      scratch.claim(this);
    }
    scratch.append(buffer, start, end);
    if (chunked) scratch.appendText("\r\n");
    return !this.#stream.lent;
  }

  /** Ends a chunked body. */
  lastChunk(trailers: Trailers | null): void {
    const scratch = this.begin();
    if (trailers === null) {
      scratch.appendText("0\r\n\r\n");
      return;
    }
    scratch.appendText("0\r\n");
    if (trailers instanceof HttpHead) writeTrailers(scratch, trailers);
    else writeForeignTrailers(scratch, trailers as HttpMessage); // joined with a half of another version
    scratch.appendText("\r\n");
  }

  /** Sends what is composed now instead of at the end of the callback. */
  flush(): void {
    if (this.#scratch.heldBy(this)) this.#scratch.flush();
  }

  /** Forgets what is composed. */
  abandon(): void {
    this.#scratch.abandon(this);
  }

  sendScratch(buffer: Buffer, length: number): boolean {
    const taken = this.#stream.write(buffer, 0, length);
    if (this.#stream.refused) return true;
    this.writes++;
    this.#sentBytes.add(length);
    if (taken) return true;
    if (this.#lent === null) this.#lent = [buffer];
    else this.#lent.push(buffer);
    this.#owner.onBlocked();
    return false;
  }

  /** Everything lent has left. */
  written(): void {
    const lent = this.#lent;
    if (lent === null) return;
    this.#lent = null;
    for (let i = 0; i < lent.length; i++) this.#scratch.recycle(lent[i] as Buffer);
  }

  #sizeLine(length: number): void {
    const scratch = this.#scratch;
    scratch.reserve(16);
    const at = putHex(scratch.buffer, scratch.length, length);
    scratch.buffer[at] = CR;
    scratch.buffer[at + 1] = LF;
    scratch.length = at + 2;
  }

  #lend(buffer: Buffer, start: number, end: number, chunked: boolean): boolean {
    this.#scratch.flush();
    const taken = this.#stream.write(buffer, start, end);
    if (this.#stream.refused) return true;
    this.writes++;
    this.#sentBytes.add(end - start);
    if (chunked) this.begin().appendText("\r\n");
    return taken;
  }
}
