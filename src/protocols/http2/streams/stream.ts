// @hot What streams of both sides have in common: a body that comes in and one that goes out.
//
// In: what the sink does not take at once waits in `#inbox`; the peer's window opens again only for what the sink has taken, so the inbox is
// never larger than one window. Out: what the peer's window, or the connection, has no room for waits in `#waiting`, and whoever writes is
// told to stop.
import type { Reusable } from "../../../base/pool.ts";
import { ByteQueue } from "../../../base/byte-queue.ts";
import type { BodySink, BodySource, Trailers } from "../../../core/body.ts";
import type { Failure } from "../../../core/failure.ts";
import type { Http2Head } from "../head.ts";
import { Account } from "./ledger.ts";

/** The connection as its streams see it. */
export interface Carrier {
  readonly nowMs: number;
  /** Sends as much of `buffer[start, end)` as may be sent now; returns how far it came. */
  sendData(stream: Http2Stream, buffer: Buffer, start: number, end: number): number;
  /** Says that nothing follows. */
  sendEnd(stream: Http2Stream): void;
  /** Says what there is to say after the body, and that nothing follows. */
  sendTrailers(stream: Http2Stream, trailers: Trailers): void;
  /** `bytes` of the peer's body have been taken. */
  credit(stream: Http2Stream, bytes: number): void;
  /** The stream has bytes that wait; `flush` is called when they may go. */
  wait(stream: Http2Stream): void;
  takeHead(): Http2Head;
  giveHead(head: Http2Head): void;
}

/** Whoever reads from us is asked for more when so little is left to send. */
const LOW_BYTES = 16 * 1024;
const FRAME_BYTES = 16 * 1024;

/** One stream. */
export abstract class Http2Stream implements BodySink, BodySource, Reusable {
  id = 0;
  generation = 0;
  readonly account = new Account();
  carrier: Carrier | null = null;
  /** It stands in the connection's list of streams to announce windows for, or with bytes to send. */
  credited = false;
  queued = false;
  /** What the head of the message that opened it counts for. */
  headBytes = 0;
  /** When it began, and when something last moved; monotonic. */
  begunMs = 0;
  movedMs = 0;

  /** The peer has said all. */
  peerDone = false;
  /** We have. */
  weAreDone = false;
  protected sink: BodySink | null = null;
  #inbox: ByteQueue | null = null;
  #full = false;
  /** Octets the sink has but did not ask to be followed. */
  #untaken = 0;
  #trailersIn: Http2Head | null = null;
  #endTold = false;
  /** Octets of the body that are still to come, -1 when its length was not told. */
  protected expectedBytes = -1;

  #waiting: ByteQueue | null = null;
  #stopped = false;
  #endWaits = false;
  #trailersOut: Http2Head | null = null;

  reset(): void {
    this.generation++;
    this.id = 0;
    this.carrier = null;
    this.credited = false;
    this.queued = false;
    this.peerDone = false;
    this.weAreDone = false;
    this.sink = null;
    this.#inbox?.clear();
    this.#full = false;
    this.#untaken = 0;
    this.#endTold = false;
    this.expectedBytes = -1;
    this.#waiting?.clear();
    this.#stopped = false;
    this.#endWaits = false;
  }

  /** Gives back the heads it holds; before `reset`, while the connection is known. */
  dropTrailers(): void {
    const carrier = this.carrier as Carrier;
    if (this.#trailersIn !== null) carrier.giveHead(this.#trailersIn);
    if (this.#trailersOut !== null) carrier.giveHead(this.#trailersOut);
    this.#trailersIn = null;
    this.#trailersOut = null;
  }

  // ---- In ----------------------------------------------------------------------------------------------------------

  /** Is there a sink that hears what is written to it? */
  protected abstract listens(): boolean;
  /** Body bytes go to the sink. */
  protected abstract passing(buffer: Buffer, start: number, end: number): void;
  /** All of the body has gone to the sink, which is to be told. */
  protected abstract complete(trailers: Http2Head | null): void;

  /** What is wrong with `bytes` of DATA now, or null. */
  abstract dataProblem(bytes: number): string | null;

  /** Body bytes arrived. False when there are more than the head had promised. */
  received(buffer: Buffer, start: number, end: number): boolean {
    const bytes = end - start;
    if (this.expectedBytes >= 0) {
      this.expectedBytes -= bytes;
      if (this.expectedBytes < 0) return false;
    }
    this.movedMs = (this.carrier as Carrier).nowMs;
    if (this.#full || (this.#inbox !== null && this.#inbox.length > 0) || !this.listens()) {
      (this.#inbox ??= new ByteQueue()).push(buffer, start, end);
    } else {
      this.#pass(buffer, start, end);
    }
    return true;
  }

  #pass(buffer: Buffer, start: number, end: number): void {
    const { generation } = this;
    this.passing(buffer, start, end);
    const goOn = (this.sink as BodySink).write(buffer, start, end, false);
    if (this.generation !== generation) return; // it led to the end of the stream
    if (goOn) (this.carrier as Carrier).credit(this, end - start);
    else {
      this.#full = true;
      this.#untaken += end - start;
    }
  }

  /** The peer has said all. False when the body is shorter than the head had promised. Takes the trailers over. */
  ended(trailers: Http2Head | null): boolean {
    this.peerDone = true;
    this.#trailersIn = trailers;
    if (this.expectedBytes > 0) return false;
    this.movedMs = (this.carrier as Carrier).nowMs;
    if ((this.#inbox === null || this.#inbox.length === 0) && this.listens()) this.#tellEnd();
    return true;
  }

  #tellEnd(): void {
    if (this.#endTold) return;
    this.#endTold = true;
    const trailers = this.#trailersIn;
    this.#trailersIn = null;
    const carrier = this.carrier as Carrier;
    this.complete(trailers);
    if (trailers !== null) carrier.giveHead(trailers);
  }

  /** Is nothing of the peer's body left here? */
  protected get drained(): boolean {
    return this.#inbox === null || this.#inbox.length === 0;
  }

  /** The sink has enough for the moment. */
  protected get full(): boolean {
    return this.#full;
  }

  resume(): void {
    if (this.carrier === null) return;
    this.#full = false;
    this.movedMs = this.carrier.nowMs; // until now it was we who kept the peer waiting
    if (this.#untaken > 0) {
      this.carrier.credit(this, this.#untaken);
      this.#untaken = 0;
    }
    this.passInbox();
  }

  /** Passes on what has waited, as far as the sink takes it. */
  protected passInbox(): void {
    const { generation } = this;
    const inbox = this.#inbox;
    if (inbox !== null && inbox.length > 0) {
      if (this.#full || !this.listens()) return;
      this.#inbox = null; // the sink may make us write to a new one
      this.#pass(inbox.buffer, inbox.start, inbox.end);
      inbox.clear();
      if (this.generation !== generation) return;
    }
    if (this.peerDone && this.drained && this.listens()) this.#tellEnd();
  }

  pause(): void {
    this.#full = true;
  }

  // ---- Out ---------------------------------------------------------------------------------------------------------

  /** Who is asked for more of the body. */
  protected abstract source(): BodySource | null;
  /** Body bytes were taken to be sent. */
  protected abstract sending(bytes: number): void;
  /** The last of it has been composed. */
  protected abstract sent(): void;

  abstract abort(failure: Failure): void;

  write(buffer: Buffer, start: number, end: number, _lendable: boolean): boolean {
    const { carrier } = this;
    if (carrier === null || this.weAreDone || this.#endWaits) return true;
    this.movedMs = carrier.nowMs;
    this.sending(end - start);
    let at = start;
    if (this.#waiting === null || this.#waiting.length === 0) at = carrier.sendData(this, buffer, start, end);
    if (at === end) return true;
    (this.#waiting ??= new ByteQueue()).push(buffer, at, end);
    this.#stopped = true;
    carrier.wait(this);
    return false;
  }

  end(trailers: Trailers | null): void {
    const { carrier } = this;
    if (carrier === null || this.weAreDone || this.#endWaits) return;
    if (this.bytesWaiting === 0) {
      this.#finish(carrier, trailers);
      return;
    }
    this.#endWaits = true;
    if (trailers !== null) this.#trailersOut = this.keep(trailers, carrier);
  }

  /** Makes trailers last that are only valid for the moment. */
  protected abstract keep(trailers: Trailers, carrier: Carrier): Http2Head;

  #finish(carrier: Carrier, trailers: Trailers | null): void {
    this.weAreDone = true;
    if (trailers === null) carrier.sendEnd(this);
    else carrier.sendTrailers(this, trailers);
    this.sent();
  }

  /** The peer wants nothing more: what waits is thrown away. */
  stopSending(): void {
    this.weAreDone = true;
    this.#waiting?.clear();
    this.#endWaits = false;
    const trailers = this.#trailersOut;
    this.#trailersOut = null;
    if (trailers !== null) this.carrier?.giveHead(trailers);
    if (!this.#stopped) return;
    this.#stopped = false;
    this.source()?.resume(); // what it still sends is swallowed
  }

  /** Octets that wait to be sent. */
  get bytesWaiting(): number {
    return this.#waiting === null ? 0 : this.#waiting.length;
  }

  /** Something of what waits may go: one frame of it, so that others get their turn. False when nothing could. */
  flush(): boolean {
    const carrier = this.carrier as Carrier;
    const waiting = this.#waiting as ByteQueue;
    const { start } = waiting;
    const at = carrier.sendData(this, waiting.buffer, start, Math.min(waiting.end, start + FRAME_BYTES));
    if (at === start) return false;
    waiting.take(at - start);
    this.movedMs = carrier.nowMs;
    if (waiting.length === 0 && this.#endWaits) {
      const trailers = this.#trailersOut;
      this.#trailersOut = null;
      this.#endWaits = false;
      this.#finish(carrier, trailers);
      if (trailers !== null) carrier.giveHead(trailers);
    } else if (this.#stopped && !this.#endWaits && waiting.length <= LOW_BYTES) {
      this.#stopped = false;
      this.source()?.resume();
    }
    return true;
  }
}
