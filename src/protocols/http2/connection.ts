// @hot One HTTP/2 connection, as both sides have it: what it reads, its turns, and its end (RFC 9113 §3–6).
// What a header block means is the business of the sides: `server` and `client`.
//
// One object per connection, in four classes, so that what it does can be read by subject: what it sends (`connection-output`), its streams and
// their frames (`connection-streams`), what is known of its peer (`connection-peer`), and here the rest. It is one state machine all the same:
// every frame may end a stream, open a window or end the connection.
//
// When even the answers to the peer's frames pile up because it does not take them, nothing more is read from it.
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { ByteReader, ByteStream } from "../../core/byte-stream.ts";
import type { Failure } from "../../core/failure.ts";
import { type FrameHandler, FrameReader } from "./codec/frame-reader.ts";
import { ErrorCode } from "./codec/frames.ts";
import type { ConnectionWindows } from "./connection-output.ts";
import { ConnectionPeer } from "./connection-peer.ts";
import type { Http2Context } from "./context.ts";
import type { Http2Stream } from "./streams/stream.ts";

/** From so much on that the peer does not take, nothing more is read from it. */
const PAUSE_BYTES = 64 * 1024;
/** How long a connection that is given up is still read, so that what we said last arrives. */
const LINGER_MS = 1000;
/** Header blocks may be larger on the wire than decoded only by a little. */
const BLOCK_SLACK_BYTES = 4096;

/** One connection and its streams. */
export abstract class Http2Connection<S extends Http2Stream>
  extends ConnectionPeer<S>
  implements ByteReader, FrameHandler
{
  protected readonly timer = new WheelTimer(this);
  readonly #reader: FrameReader;
  protected closed = false;
  #paused = false;
  #wholesBefore = 0;
  /** Reads so far: whether anything has come since some moment. */
  reads = 0;
  /** What has been read and waits for the next turn, so that others get theirs. */
  #rest: Buffer | null = null;
  #again = false;
  #reading = false;

  constructor(stream: ByteStream, context: Http2Context, windows: ConnectionWindows) {
    super(stream, context, windows);
    const { settings } = context;
    this.#reader = new FrameReader(this, settings.maxFrameBytes, settings.maxHeaderListBytes + BLOCK_SLACK_BYTES);
    this.#reader.mostWork = windows.workPerTurn;
  }

  /** The connection is gone or given up: what is left of its streams ends. */
  protected abstract abandoned(code: number, error: Error | null): void;
  /** Something may be due earlier than was thought. */
  protected abstract watch(): void;
  /** The peer has taken what it was sent. */
  protected abstract unblocked(): void;
  /** Ends everything with a failure of ours. */
  abstract abandon(failure: Failure): void;
  abstract onTimer(): void;

  // ---- Reading -----------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, _lendable: boolean): boolean {
    const { shared, stats } = this.context;
    this.heardMs = shared.loop.tick();
    this.reads++;
    this.pingSentMs = -1;
    stats.receivedBytes.add(end - start);
    if (this.closing) return !this.closed;
    this.readFrames(buffer, start, end);
    if (this.closed) return false;
    if (this.outbox.blocked && this.outbox.length > PAUSE_BYTES) return this.#pause();
    if (this.#rest === null) return true;
    this.outbox.wake();
    return this.#pause();
  }

  #pause(): false {
    this.#paused = true;
    this.watch(); // a stream that is not read does not tell of its end
    return false;
  }

  #resume(): void {
    if (!this.#paused || (this.#rest !== null && !this.closing)) return;
    this.#paused = false;
    this.stream.resume();
  }

  protected readFrames(buffer: Buffer, start: number, end: number): void {
    const reader = this.#reader;
    const code = reader.read(buffer, start, end);
    if (code !== ErrorCode.noError && !this.closing) this.giveUp(code);
    if (!this.closing && reader.work >= reader.mostWork) this.#setAside(buffer, reader.at, end);
    this.#notePartial();
  }

  // A frame that a read has cut in two is looked at anew with each that is complete.
  #notePartial(): void {
    const { partial, wholes } = this.#reader;
    if (!partial) this.partialSinceMs = -1;
    else if (this.partialSinceMs < 0 || wholes !== this.#wholesBefore) {
      this.#wholesBefore = wholes;
      this.partialSinceMs = this.nowMs;
      if (!this.closing) this.watch();
    }
  }

  /** Something was done that costs as much as so many frames. */
  tookWork(frames: number): void {
    this.#reader.work += frames;
  }

  // Copied once: what is left of it the next time is ours already.
  #setAside(buffer: Buffer, start: number, end: number): void {
    const rest = buffer.subarray(start, end);
    this.#rest = this.#reading ? rest : Buffer.from(rest); // cold: once per turn of a connection that is too busy
  }

  #readRest(): void {
    if (this.outbox.blocked && this.outbox.length > PAUSE_BYTES) return; // `onWritten` wakes the outbox
    const rest = this.#rest as Buffer;
    this.#rest = null;
    if (this.closing) return;
    this.#reading = true;
    this.readFrames(rest, 0, rest.length);
    this.#reading = false;
    if (this.#rest !== null) this.#again = true;
    else if (!this.closing) this.#resume();
  }

  // ---- Turns -------------------------------------------------------------------------------------------------------

  turnEnded(): void {
    try {
      this.#reader.work = 0;
      if (this.#rest !== null) this.#readRest();
      if (!this.closed) {
        this.sendWaiting(); // it may lead to credit, which is announced behind it
        this.announce();
      }
    } catch (error) {
      this.destroy(true); // an error of ours; half a turn's frames are of no use to anybody
      throw error;
    } finally {
      this.outbox.flush();
    }
    if (this.#again) {
      this.#again = false;
      this.outbox.wake();
    }
    if (this.outbox.blocked && this.stalledSinceMs < 0) this.noteStall();
  }

  onWritten(): void {
    this.context.shared.loop.tick();
    this.outbox.written();
    this.stalledSinceMs = -1;
    if (this.closed) return;
    this.outbox.wake();
    this.#resume();
    this.unblocked();
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  /** The whole connection is of no use any more (§5.4.1). */
  protected giveUp(code: number): void {
    if (this.closing) return;
    if (code !== ErrorCode.noError) this.context.stats.connectionErrors.inc();
    this.sendGoaway(this.lastPeerId, code);
    this.closing = true;
    this.#reader.stop();
    this.abandoned(code, null);
    this.endSending();
  }

  /** Says good-bye: what was composed leaves, what still comes is thrown away for a while. */
  protected endSending(): void {
    this.closing = true;
    this.#reader.stop();
    this.outbox.flushNow();
    this.stream.end();
    this.#resume();
    this.context.shared.loop.wheel.arm(this.timer, LINGER_MS);
  }

  onEnd(): void {
    this.context.shared.loop.tick();
    if (this.closed) return;
    if (!this.closing) {
      this.closing = true;
      this.abandoned(ErrorCode.noError, null);
    }
    this.endSending();
  }

  onClose(error: Error | null): void {
    const { loop } = this.context.shared;
    loop.tick();
    this.closed = true;
    this.#rest = null;
    loop.wheel.cancel(this.timer);
    if (!this.closing) {
      this.closing = true;
      this.abandoned(ErrorCode.noError, error);
    }
    this.outbox.written();
    this.outbox.close();
    this.#reader.close();
  }

  /** Drops the connection at once. */
  protected destroy(reset: boolean): void {
    this.closing = true;
    this.#reader.stop();
    this.stream.destroy(reset);
  }
}
