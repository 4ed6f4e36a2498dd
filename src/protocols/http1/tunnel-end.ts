// @hot One end of a tunnel: what its stream brings goes to the other end, what it is given leaves by its stream. Nothing stands between
// the two ends, and nothing is kept: an end that cannot pass a chunk on stops reading.
//
//   open ─► one side has finished ─► both have: over ─► closed
//     └──────── broken, stalled, or silent for too long ───┘
//
// The two ends are told of an end in a fixed order, whichever of them sees it first: the attempt is over before its exchange.
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { BodySink, BodySource } from "../../core/body.ts";
import type { ByteReader, ByteStream } from "../../core/byte-stream.ts";
import type { Cause } from "../../core/cause.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import { Failure } from "../../core/failure.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { MessageWriter, WriterOwner } from "./message-writer.ts";

/** Two reads of this size in a row are a bulk transfer: it gets a buffer of its own, and its chunks are lent on without a copy. */
const LARGE_READ_BYTES = 32 * 1024;
/** After one of this size it is a conversation again, which needs none. */
const SMALL_READ_BYTES = 4 * 1024;

/** The other end. */
export type OtherEnd = BodySink & BodySource;

/** Whoever the connection belonged to before. */
export interface TunnelOwner {
  /** Nothing passes any longer; once. Null when both sides have finished in order. */
  tunnelOver(failure: Failure | null): void;
  /** The stream is gone; the last call. */
  tunnelClosed(): void;
}

/** What an end is made of. */
export interface TunnelParts {
  readonly stream: ByteStream;
  /** That of the head which opened the tunnel: it may still have something to send. */
  readonly writer: MessageWriter;
  readonly loop: DataLoop;
  readonly receivedBytes: Counter;
  readonly owner: TunnelOwner;
  /** What it is called when this side breaks, and when it takes nothing. */
  readonly broken: Cause;
  readonly stalled: Cause;
  readonly writeStallTimeoutMs: number;
}

/** One of the two connections of a tunnel. */
export abstract class TunnelEnd implements ByteReader, BodySink, BodySource, WriterOwner {
  protected readonly parts: TunnelParts;
  protected other: OtherEnd | null = null;
  /** Does its owner hear of the end before the other end does? */
  protected abstract readonly leads: boolean;
  /** Bytes that came from this side, and that went there. */
  receivedBytes = 0;
  sentBytes = 0;
  /** When a byte last came or went. */
  protected movedMs: number;
  /** Our peer has sent all it had to; and all that it gets is with the stream. */
  protected peerFinished = false;
  protected finished = false;
  protected over = false;
  readonly #timer = new WheelTimer(this);
  readonly #stream: ByteStream;
  readonly #writer: MessageWriter;
  readonly #loop: DataLoop;
  /** What came before there was another end. */
  #held: Buffer | null = null;
  #paused = false;
  #chunkLent = false;
  #private = false;
  #largeReads = 0;
  #stalledSinceMs = 0;
  #stalledBytes = 0;

  constructor(parts: TunnelParts) {
    this.parts = parts;
    this.#stream = parts.stream;
    this.#writer = parts.writer;
    this.#loop = parts.loop;
    this.movedMs = parts.loop.nowMs;
    parts.writer.handTo(this);
  }

  /** Takes the stream over. @param held what was read already, and waits for `resume`. @param paused reading has stopped. */
  protected begin(held: Buffer | null, paused: boolean): void {
    this.#held = held;
    this.#paused = paused;
    this.#stream.keepHalfOpen();
    this.#stream.attach(this);
    if (this.#writer.blocked) this.#noteStall();
    else this.#arm();
  }

  /** When it has been too quiet here; Infinity for never. */
  protected abstract quietDueMs(): number;
  /** Why that is an end. */
  protected abstract quietCause(): Cause;

  // ---- From our peer -----------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    this.#loop.tick();
    this.parts.receivedBytes.add(end - start);
    return this.take(buffer, start, end, lendable);
  }

  /** Passes bytes of our peer on. False: no more of them for now. */
  take(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    if (this.over) return false;
    const bytes = end - start;
    this.movedMs = this.#loop.nowMs;
    if (this.other === null || this.#held !== null) return this.#hold(buffer, start, end);
    this.receivedBytes += bytes;
    const goOn = this.other.write(buffer, start, end, lendable);
    if (this.over) return false;
    this.#chunkLent = !goOn && lendable;
    if (bytes >= LARGE_READ_BYTES || this.#private) this.#fitBuffer(bytes);
    else this.#largeReads = 0;
    if (!goOn) this.#paused = true;
    return !this.#paused;
  }

  #hold(buffer: Buffer, start: number, end: number): boolean {
    const bytes = buffer.subarray(start, end);
    this.#held = this.#held === null ? Buffer.from(bytes) : Buffer.concat([this.#held, bytes]); // cold: once per tunnel at most
    this.#paused = true;
    return false;
  }

  #fitBuffer(bytes: number): void {
    if (this.#private) {
      if (bytes > SMALL_READ_BYTES) return;
      this.#private = false;
      this.#largeReads = 0;
      this.#stream.usePrivateBuffer(false, this.#chunkLent);
    } else if (++this.#largeReads === 2) {
      this.#private = true;
      this.#stream.usePrivateBuffer(true);
    }
  }

  resume(): void {
    if (this.over || this.other === null) return undefined;
    this.#chunkLent = false;
    this.movedMs = this.#loop.nowMs; // until now it was the other end that kept us waiting
    const held = this.#held;
    if (held !== null) {
      this.#held = null;
      this.receivedBytes += held.length;
      if (!this.other.write(held, 0, held.length, false)) return this.pause();
    }
    if (!this.#paused || this.over) return undefined;
    this.#paused = false;
    this.#stream.resume();
    return undefined;
  }

  pause(): void {
    if (this.#paused || this.over) return;
    this.#paused = true;
    this.#stream.pause();
  }

  onEnd(): void {
    this.#loop.tick();
    if (this.over || this.peerFinished) return;
    this.peerFinished = true;
    this.movedMs = this.#loop.nowMs;
    if (this.finished) this.#end(null);
    else {
      this.other?.end(null);
      this.#arm();
    }
  }

  onClose(error: Error | null): void {
    this.#loop.tick();
    this.#writer.abandon();
    this.#writer.written();
    if (!this.over) this.#end(this.#gone(error));
    this.#loop.wheel.cancel(this.#timer);
    this.parts.owner.tunnelClosed();
  }

  // Both directions may have come to their ends in the same moment in which the stream closed.
  #gone(error: Error | null): Failure {
    const { broken } = this.parts;
    const timedOut = timeoutCause(error, broken.source);
    if (timedOut !== null) return new Failure(timedOut); // cold: as below
    const code = error === null ? undefined : (error as Error & { code?: unknown }).code;
    return new Failure(broken, undefined, typeof code === "string" ? { error: code } : {}); // cold: once per tunnel
  }

  // ---- To our peer -------------------------------------------------------------------------------------------------

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    if (this.over || this.finished) return true;
    this.movedMs = this.#loop.nowMs;
    this.sentBytes += end - start;
    if (this.#writer.chunk(buffer, start, end, lendable, false)) return true;
    this.#noteStall();
    return false;
  }

  end(): void {
    if (this.over || this.finished) return;
    this.finished = true;
    this.movedMs = this.#loop.nowMs;
    this.#writer.flush();
    this.#stream.end();
    if (this.peerFinished) this.#told(null);
    else this.#arm();
  }

  /** The other end is no more. */
  abort(failure: Failure): void {
    if (this.over) return;
    this.#writer.flush();
    this.#stream.destroy(failure.cause.category !== "timeout" && failure.cause.category !== "internal");
    this.#told(failure);
  }

  onBlocked(): void {
    this.#noteStall();
    this.other?.pause();
  }

  onWritten(): void {
    this.#loop.tick();
    this.#writer.written();
    if (!this.over) this.other?.resume();
  }

  // ---- Ending ------------------------------------------------------------------------------------------------------

  /** Ends both connections. */
  breakOff(failure: Failure): void {
    if (this.over) return;
    this.#writer.flush();
    this.#stream.destroy(failure.cause === this.parts.stalled);
    this.#end(failure);
  }

  /** Ends this connection, and tells nobody. */
  protected drop(): void {
    this.over = true;
    this.#stream.destroy(true);
  }

  #end(failure: Failure | null): void {
    this.over = true;
    if (this.leads) this.parts.owner.tunnelOver(failure);
    if (failure === null) this.other?.end(null);
    else this.other?.abort(failure);
    if (!this.leads) this.parts.owner.tunnelOver(failure);
    this.other = null;
    this.#arm();
  }

  #told(failure: Failure | null): void {
    this.over = true;
    this.other = null;
    this.parts.owner.tunnelOver(failure);
    this.#arm();
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  #noteStall(): void {
    this.#stalledSinceMs = this.#loop.nowMs;
    this.#stalledBytes = this.#stream.unsentBytes;
    this.#arm();
  }

  // It looks at what is waited for only when it fires; bytes that pass do not touch it.
  onTimer(): void {
    const nowMs = this.#loop.tick();
    const dueMs = this.#dueMs();
    if (dueMs > nowMs) this.#armFor(dueMs - nowMs);
    else if (this.#writer.blocked && this.parts.writeStallTimeoutMs > 0) this.#stalled();
    else this.breakOff(new Failure(this.quietCause()));
    this.#loop.scratch.flush();
  }

  #arm(): void {
    this.#armFor(this.#dueMs() - this.#loop.nowMs);
  }

  #armFor(delayMs: number): void {
    if (delayMs !== Number.POSITIVE_INFINITY) this.#loop.wheel.arm(this.#timer, Math.max(0, delayMs));
  }

  #dueMs(): number {
    const { writeStallTimeoutMs } = this.parts;
    if (this.#writer.blocked && writeStallTimeoutMs > 0) return this.#stalledSinceMs + writeStallTimeoutMs;
    return this.over ? Number.POSITIVE_INFINITY : this.quietDueMs();
  }

  #stalled(): void {
    if (this.#stream.unsentBytes < this.#stalledBytes) return this.#noteStall(); // slow, but not stalled
    if (this.over) this.#stream.destroy(true);
    else this.breakOff(new Failure(this.parts.stalled));
    return undefined;
  }
}
