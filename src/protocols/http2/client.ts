// @hot The upstream half of HTTP/2: one connection to an endpoint, as many attempts as it has streams.
//
//   connecting ─► ready ◄─► full ─► draining ─► closed
//
// The service's GOAWAY, or the end of the stream ids, makes it draining: what is under way finishes, what the service will not work on is
// sent again elsewhere, nothing new begins.
import type { Attempt, AttemptOwner } from "../../core/attempt.ts";
import type { Connector } from "../../core/byte-stream.ts";
import { causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure, type FailureDetail } from "../../core/failure.ts";
import { type Session, type SessionOwner, SessionStatus } from "../../core/session.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { connectFailure, errorCode } from "../http/connect-failure.ts";
import type { HttpHead } from "../http/head.ts";
import type { Http2ClientContext } from "./client-context.ts";
import type { Http2ClientStream } from "./client-stream.ts";
import { ErrorCode, errorName, LARGEST_STREAM_ID, LARGEST_WINDOW, PREFACE, Setting } from "./codec/frames.ts";
import { Http2Connection } from "./connection.ts";
import { Http2Head, Part } from "./head.ts";
import { Ending } from "./streams/stream-table.ts";
import { putForeignRequest } from "./foreign-head.ts";
import type { Http2Stream } from "./streams/stream.ts";
import { putRequest } from "./write-head.ts";

/** A service may send so much before it hears from us, and so much more may be held here for slow callers; see `Ledger`. */
const WINDOWS = { connectionBytes: 1024 * 1024, allowanceBytes: 8 * 1024 * 1024, workPerTurn: 20_000 };
/** So many streams are opened before the service has said how many it takes (RFC 9113 §6.5.2 recommends no less). */
const FIRST_STREAMS = 100;
/** While there are streams, the connection looks after them so often. */
const WATCH_MS = 500;
/** A service that does not read gets no further requests when so much waits for it. */
const MOST_UNSENT_BYTES = 64 * 1024;
/** A caller that has taken nothing for so long makes room when the connection holds too much. */
const STALLED_MS = 1000;

/** One connection to an endpoint. */
export class Http2Session extends Http2Connection<Http2ClientStream> implements Session, Connector {
  declare readonly context: Http2ClientContext;
  status: SessionStatus = SessionStatus.connecting;
  active = 0;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs: number;
  readonly #owner: SessionOwner;
  #nextId = 1;
  /** Frames of the service have arrived: it speaks HTTP/2. */
  #spoken = false;
  /** Its SETTINGS have. */
  #told = false;
  #silent = false;
  /** Slow callers have taken what was held for them: there may be room again. */
  #relieved = false;
  #dueMs = 0;

  constructor(context: Http2ClientContext, owner: SessionOwner) {
    // The stream tells its connector of nothing before this constructor has returned.
    const relay = new Relay();
    super(context.transport.connect(context.endpoint, relay), context, WINDOWS);
    relay.session = this;
    this.#owner = owner;
    this.madeMs = this.nowMs;
    this.peerMaxStreams = FIRST_STREAMS;
    if (context.connectTimeoutMs > 0) context.shared.loop.wheel.arm(this.timer, context.connectTimeoutMs);
  }

  get address(): string {
    return this.context.address;
  }

  get deaf(): boolean {
    return this.stream.refused;
  }

  onConnect(): void {
    const { settings, shared, stats } = this.context;
    shared.loop.tick();
    shared.loop.wheel.cancel(this.timer);
    if (this.status !== SessionStatus.connecting) return;
    stats.connected(this.nowMs - this.madeMs);
    const { outbox } = this;
    outbox.reserve(PREFACE.length).write(PREFACE, outbox.length, "latin1");
    outbox.length += PREFACE.length;
    this.sendSettings([
      [Setting.headerTableSize, settings.headerTableBytes],
      [Setting.enablePush, 0],
      [Setting.initialWindowSize, settings.initialStreamWindowBytes],
      [Setting.maxFrameSize, settings.maxFrameBytes],
      [Setting.maxHeaderListSize, settings.maxHeaderListBytes],
    ]);
    this.heardMs = this.nowMs;
    this.status = SessionStatus.ready;
    this.watch();
    this.#owner.ready(this);
  }

  // ---- Requests ----------------------------------------------------------------------------------------------------

  dispatch(attempt: Attempt): void {
    const ex = attempt.exchange as Exchange;
    if (ex.request instanceof Http2Head && ex.request.protocolField !== null && !this.peerTakesConnect) {
      return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.requestMethodUnsupported)); // RFC 8441 §4
    }
    if (ex.tunnel !== Tunnel.none) {
      return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.tunnelUnsupported)); // of HTTP/1
    }
    if (this.refused) {
      this.#cutOff(false);
      return (attempt.owner as AttemptOwner).failed(
        attempt,
        new Failure(causes.unsent, undefined, { endpoint: this.address }),
      );
    }
    const id = this.#nextId;
    this.#nextId = id + 2;
    const stream = this.context.streams.take();
    attempt.reused = this.served > 0;
    this.served++;
    this.active++;
    this.#settle();
    stream.begin(this, id, attempt, this.outbox.writes);
    this.enter(stream);
    if (this.active === 1) this.watch();
    if (ex.deadlineKept) ex.passTime(this.nowMs);
    const head = ex.request;
    const at =
      head instanceof Http2Head
        ? putRequest(this.outbox, this.encoder, ex, head)
        : putForeignRequest(this.outbox, this.encoder, ex, head as HttpHead, this.context.shared.memory); // else it is HTTP/1's
    this.sendBlock(id, at, !ex.hasBody);
    if (ex.hasBody) ex.downstream.resume();
    else stream.weAreDone = true;
    return undefined;
  }

  // Says how many more attempts it can take.
  #settle(): void {
    if (this.status !== SessionStatus.ready && this.status !== SessionStatus.full) return;
    if (this.#nextId > LARGEST_STREAM_ID) this.status = SessionStatus.draining;
    else this.status = this.#hasRoom() ? SessionStatus.ready : SessionStatus.full;
  }

  // Neither more streams than the service takes, nor more than it reads, nor more for callers who do not.
  #hasRoom(): boolean {
    if (this.active >= this.peerMaxStreams || this.ledger.withheld > 0) return false;
    return !this.outbox.blocked || this.outbox.length < MOST_UNSENT_BYTES;
  }

  override credit(stream: Http2Stream, bytes: number): void {
    super.credit(stream, bytes);
    if (this.status !== SessionStatus.full || this.ledger.withheld > 0) return;
    this.#relieved = true;
    this.outbox.wake();
  }

  override turnEnded(): void {
    super.turnEnded();
    if (!this.#relieved) return;
    this.#relieved = false;
    this.unblocked();
  }

  protected unblocked(): void {
    this.#settle();
    if (this.status === SessionStatus.ready) this.#owner.released(this);
  }

  // ---- Answers -----------------------------------------------------------------------------------------------------

  protected opens(id: number, head: Http2Head): number {
    this.giveHead(head);
    if (this.isIdle(id)) return ErrorCode.protocolError;
    const how = this.gone.how(id);
    return how === Ending.complete || how === Ending.resetByPeer ? ErrorCode.streamClosed : this.cheapFrame();
  }

  protected continues(stream: Http2ClientStream, head: Http2Head, endStream: boolean): number {
    const { generation } = stream;
    if (stream.peerDone) {
      this.giveHead(head);
      this.breakStream(stream, ErrorCode.streamClosed, "HEADERS after the end of the stream");
      return ErrorCode.noError;
    }
    const trailing = stream.answered;
    const tooLarge = head.list.tooLarge ? "headers larger than maxHeaderListBytes, or too many" : null;
    let problem = tooLarge ?? head.read(trailing ? Part.trailers : Part.answer);
    if (trailing && !endStream) problem ??= "trailers that do not end the stream";
    if (problem === null && trailing) {
      this.peerEnded(stream, head);
      return ErrorCode.noError;
    }
    problem ??= stream.answerHead(head, endStream);
    this.giveHead(head);
    if (stream.generation !== generation) return ErrorCode.noError;
    if (problem !== null) this.breakStream(stream, ErrorCode.protocolError, problem);
    else if (endStream) this.peerEnded(stream, null);
    return ErrorCode.noError;
  }

  beganAnswer(): void {
    this.#spoken = true;
  }

  protected isIdle(id: number): boolean {
    return (id & 1) === 0 || id >= this.#nextId;
  }

  // §6.5.2: a server that sends anything but 0 breaks the rules.
  protected pushSetting(value: number): number {
    return value === 0 ? ErrorCode.noError : ErrorCode.protocolError;
  }

  // No limit holds where none is told (§6.5.2); what we began with was a guess.
  override settings(buffer: Buffer, start: number, end: number): number {
    if (!this.#told) this.peerMaxStreams = LARGEST_WINDOW;
    this.#told = true;
    return super.settings(buffer, start, end);
  }

  protected settled(): void {
    this.#spoken = true;
    this.#settle();
    if (this.status === SessionStatus.ready) this.#owner.released(this);
  }

  // ---- The end of streams ------------------------------------------------------------------------------------------

  /** The answer is complete. What is left of the request is of no use to anybody. */
  completeStream(stream: Http2ClientStream): void {
    if (!stream.weAreDone) this.sendReset(stream.id, ErrorCode.cancel);
    this.#drop(stream, stream.weAreDone ? Ending.complete : Ending.resetByUs);
  }

  /** Nobody wants the answer any longer. */
  abandonStream(stream: Http2ClientStream, code: number): void {
    this.sendReset(stream.id, code);
    this.#drop(stream, Ending.resetByUs);
    this.tellReleased();
  }

  /** The stream has failed. */
  dropStream(stream: Http2ClientStream, ending: Ending): void {
    this.#drop(stream, ending);
  }

  #drop(stream: Http2ClientStream, ending: Ending): void {
    this.context.stats.streamEnded(ending === Ending.complete, this.nowMs - stream.begunMs);
    this.forget(stream, ending);
    stream.dropTrailers();
    this.context.streams.give(stream);
    this.active--;
    this.#settle();
    if (this.active === 0) this.idleSinceMs = this.nowMs;
  }

  /** An attempt is over. */
  tellReleased(): void {
    if (this.status === SessionStatus.draining && this.active === 0) this.close();
    else if (this.status !== SessionStatus.closed) this.#owner.released(this);
  }

  protected peerReset(stream: Http2ClientStream, code: number): void {
    // RFC 9113 §8.1: after a complete answer it can only say that the rest of the request is not wanted.
    if (stream.peerDone) stream.stopSending();
    else stream.peerReset(code);
  }

  protected broke(stream: Http2ClientStream, code: number, why: string): void {
    stream.fail(causes.h2Malformed, { why, code, error: errorName(code) });
  }

  // RFC 9113 §6.8: what is above `lastId` was not, and will not be, worked on.
  protected peerLeaves(lastId: number, code: number): void {
    if (this.status === SessionStatus.ready || this.status === SessionStatus.full) {
      this.status = SessionStatus.draining;
      this.#owner.released(this);
    }
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as Http2ClientStream;
      if (stream.carrier !== this) continue; // one before it has led to its end
      if (stream.id > lastId && !stream.peerDone)
        stream.fail(causes.h2Goaway, code === ErrorCode.noError ? {} : { code, error: errorName(code) });
    }
    if (this.active === 0) this.close();
  }

  protected abandoned(code: number, error: Error | null): void {
    this.status = SessionStatus.closed;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as Http2ClientStream;
      if (stream.carrier !== this) continue; // one before it has led to its end
      if (stream.peerDone) stream.stopSending(); // all of its answer is here, and its caller takes the last of it
      else this.#lose(stream, code, error);
    }
    this.#owner.closed(this, null);
  }

  // What is known decides whether the request may be sent again.
  #lose(stream: Http2ClientStream, code: number, error: Error | null): void {
    const name = errorCode(error);
    const detail: FailureDetail = name === "" ? {} : { error: name };
    const timedOut = timeoutCause(error, "upstream");
    if (code !== ErrorCode.noError) stream.fail(causes.h2Protocol, { error: errorName(code) });
    else if (timedOut !== null && !stream.unsent(this.outbox.writes)) stream.fail(timedOut, {});
    else if (stream.answered) stream.fail(causes.answerTruncated, detail);
    else if (stream.unsent(this.outbox.writes)) stream.fail(causes.unsent, detail);
    else if (this.#silent) stream.fail(causes.h2Silent, detail);
    else if (this.#isStale(stream)) stream.fail(causes.stale, detail);
    else stream.fail(error === null ? causes.closedEarly : causes.reset, detail);
  }

  // A kept connection that the service was just closing: nothing has come on it since the request was sent.
  #isStale(stream: Http2ClientStream): boolean {
    return this.#spoken && stream.attempt?.reused === true && !stream.heard && stream.begunAtRead === this.reads;
  }

  // ---- The end of the connection -----------------------------------------------------------------------------------

  drain(): void {
    if (this.status === SessionStatus.closed) return;
    if (this.active === 0) this.close();
    else this.status = SessionStatus.draining;
  }

  close(): void {
    if (this.status === SessionStatus.closed) return;
    const connecting = this.status === SessionStatus.connecting;
    this.status = SessionStatus.closed;
    if (connecting) {
      this.context.stats.connectCancelled();
      this.closing = true;
      this.destroy(false);
      this.#owner.closed(this, null);
      return;
    }
    if (this.closing) return;
    this.sendGoaway(0, ErrorCode.noError);
    this.closing = true;
    this.abandoned(ErrorCode.noError, null);
    this.endSending();
  }

  abandon(): void {
    this.close();
  }

  override onClose(error: Error | null): void {
    if (this.status === SessionStatus.connecting) {
      this.context.shared.loop.tick();
      this.#neverConnected(connectFailure(error, this.address));
    }
    super.onClose(error);
  }

  #neverConnected(failure: Failure): void {
    const { shared, stats } = this.context;
    this.status = SessionStatus.closed;
    this.closing = true;
    shared.loop.wheel.cancel(this.timer);
    stats.connectFailed(this.nowMs - this.madeMs);
    this.#owner.closed(this, failure);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  protected watch(): void {
    if (this.closing) return;
    const { pingIntervalMs } = this.context.limits;
    const busy = this.active > 0 || this.outbox.blocked || this.partialSinceMs >= 0 || this.refused;
    const delayMs = busy ? WATCH_MS : pingIntervalMs > 0 ? pingIntervalMs / 2 : 0;
    const dueMs = this.nowMs + delayMs;
    // Never later than it was: what the timer is for may be something else.
    if (delayMs === 0 || (this.timer.armed && this.#dueMs <= dueMs)) return;
    this.#dueMs = dueMs;
    this.context.shared.loop.wheel.arm(this.timer, delayMs);
  }

  onTimer(): void {
    const { loop } = this.context.shared;
    loop.tick();
    if (this.status === SessionStatus.connecting) this.#connectTimedOut();
    else if (this.closing) this.destroy(false);
    else if (!this.checkAlive()) this.#cutOff(true);
    else if (this.stalled || this.refused) this.#cutOff(false);
    else if (this.dribbles) this.giveUp(ErrorCode.enhanceYourCalm);
    else {
      this.#watchStreams();
      if (this.ledger.withheld > 0) this.#makeRoom();
      this.watch();
    }
  }

  // The connection holds more for slow callers than it may, and all others wait for it: the slowest must go.
  #makeRoom(): void {
    const streams = this.streams.all();
    for (let i = 0; i < streams.length && this.ledger.withheld > 0; i++) {
      const stream = streams[i] as Http2ClientStream;
      if (stream.carrier !== this) continue; // one before it has led to its end
      if (stream.account.held === 0 || this.nowMs - stream.movedMs < STALLED_MS) continue;
      this.sendReset(stream.id, ErrorCode.cancel);
      stream.fail(causes.clientStalled, {});
    }
  }

  #connectTimedOut(): void {
    const { address, connectTimeoutMs } = this.context;
    const message = `Unable to establish connection to ${address} within ${connectTimeoutMs} ms`;
    this.#neverConnected(new Failure(causes.connectTimeout, message, { endpoint: address }));
    this.destroy(false);
  }

  // The service takes nothing, or is not there any longer.
  #cutOff(silent: boolean): void {
    this.#silent = silent;
    this.closing = true;
    this.abandoned(ErrorCode.noError, null);
    this.destroy(true);
  }

  // An answer that has begun must go on, unless it is the caller who takes it slowly.
  #watchStreams(): void {
    const { bodyIdleTimeoutMs } = this.context.limits;
    if (bodyIdleTimeoutMs === 0) return;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as Http2ClientStream;
      if (stream.carrier !== this) continue; // one before it has led to its end
      const still = this.nowMs - stream.movedMs >= bodyIdleTimeoutMs;
      if (still && stream.answered && !stream.peerDone && stream.idleIn) {
        this.sendReset(stream.id, ErrorCode.cancel);
        stream.fail(causes.answerStalled, {});
      }
    }
  }
}

// `connect` wants whoever is told before the session can exist.
class Relay implements Connector {
  session: Http2Session | null = null;

  onConnect(): void {
    this.session?.onConnect();
  }

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    return this.session?.onBytes(buffer, start, end, lendable) ?? false;
  }

  onEnd(): void {
    this.session?.onEnd();
  }

  onClose(error: Error | null): void {
    this.session?.onClose(error);
  }

  onWritten(): void {
    this.session?.onWritten();
  }
}
