// @hot The downstream half of HTTP/2: one connection of a caller, as many exchanges as it has streams.
//
// Leaving takes two steps (RFC 9113 §6.8): GOAWAY with the largest id, so that no stream that is under way is lost, and after a round trip
// GOAWAY with the last stream that was accepted. The streams finish; then the connection is closed.
import type { Trailers } from "../../core/body.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import type { MessageHead } from "../../core/message-head.ts";
import type { ConnectionEnds } from "../http/admit.ts";
import type { OwnField } from "../http/failure-answer.ts";
import type { HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import { ErrorCode, LARGEST_STREAM_ID, PREFACE, Setting } from "./codec/frames.ts";
import { Indexing, plainField } from "./codec/header-field.ts";
import { Http2Connection } from "./connection.ts";
import type { OwnFields } from "./failure-answer.ts";
import { Http2Head, Part } from "./head.ts";
import type { Http2ServerContext } from "./server-context.ts";
import type { Http2ServerStream } from "./server-stream.ts";
import { Ending } from "./streams/stream-table.ts";
import type { Carrier, Http2Stream } from "./streams/stream.ts";
import { putForeignAnswer } from "./foreign-head.ts";
import { putAnswer, putFields, putInterim, putOwnAnswer } from "./write-head.ts";

/** A caller may have so much on its way before it hears from us, and so much more held here; see `Ledger`. */
const WINDOWS = { connectionBytes: 256 * 1024, allowanceBytes: 1024 * 1024, workPerTurn: 2500 };
/** How long the first step of leaving waits for the answer to its PING. */
const LEAVE_MS = 1000;
/** While there are streams, the connection looks after them so often. */
const WATCH_MS = 500;
/** A few octets of HPACK can stand for kilobytes: no further stream is taken while the heads of those that are open count for so much. */
const MOST_HEAD_BYTES = 2 * 1024 * 1024;
/** A caller for whom so much waits beyond the bodies, which have windows, takes nothing of what it asks for. */
const MOST_UNTAKEN_BYTES = 1024 * 1024;

const SPEAK_HTTP2_BODY =
  "This port speaks HTTP/2. Send HTTP/2 with prior knowledge, or let the server speak HTTP/1.1 too: http1: true.\n";
const SPEAK_HTTP2 = `HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: ${SPEAK_HTTP2_BODY.length}\r\nConnection: close\r\n\r\n${SPEAK_HTTP2_BODY}`;

/** One accepted connection. */
export class Http2ServerConnection extends Http2Connection<Http2ServerStream> implements ConnectionEnds {
  declare readonly context: Http2ServerContext;
  readonly remote: string;
  readonly local: string;
  readonly #openedMs: number;
  /** How much of the preface has come. */
  #preface = 0;
  #greeted = false;
  #opened = 0;
  #headBytes = 0;
  #deaf = false;
  /** Ids were left out: not all below the last were in use. */
  #gaps = false;
  #idleSinceMs: number;
  /** 0 = staying, 1 = has said so, 2 = accepts nothing more. */
  #leaving = 0;
  #leavingSinceMs = 0;
  /** Until when a caller that shall go may say that it speaks HTTP/2; below 0 while it may stay. */
  #greetByMs = -1;
  #dueMs = 0;

  constructor(stream: ByteStream, context: Http2ServerContext) {
    super(stream, context, WINDOWS);
    this.remote = context.needsRemote() ? stream.remote : "";
    this.local = context.address;
    this.#openedMs = this.nowMs;
    this.#idleSinceMs = this.nowMs;
    context.stats.opened();
    this.#arm();
    stream.attach(this);
  }

  // Only when the caller has proved to speak HTTP/2: any other can be told in its own words.
  #greet(): void {
    const { settings } = this.context;
    this.#greeted = true;
    this.sendSettings([
      [Setting.headerTableSize, settings.headerTableBytes],
      [Setting.maxConcurrentStreams, settings.maxConcurrentStreams],
      [Setting.initialWindowSize, settings.initialStreamWindowBytes],
      [Setting.maxFrameSize, settings.maxFrameBytes],
      [Setting.maxHeaderListSize, settings.maxHeaderListBytes],
      [Setting.enableConnectProtocol, 1],
    ]);
    if (this.#greetByMs >= 0) this.drain(0);
  }

  // ---- Requests ----------------------------------------------------------------------------------------------------

  protected override readFrames(buffer: Buffer, start: number, end: number): void {
    let at = start;
    while (this.#preface < PREFACE.length && at < end) {
      if (buffer[at++] !== PREFACE.charCodeAt(this.#preface++)) return this.#notHttp2(buffer, start, end);
      if (this.#preface === PREFACE.length && !this.#greeted) this.#greet();
    }
    if (at < end) super.readFrames(buffer, at, end);
    return undefined;
  }

  // Whoever speaks HTTP/1 to this port should read what is wrong.
  #notHttp2(buffer: Buffer, start: number, end: number): void {
    if (!/^[A-Z]{3,10} [!-~]+ HTTP\/1/.test(buffer.toString("latin1", start, Math.min(end, start + 4096)))) {
      return this.giveUp(ErrorCode.protocolError);
    }
    this.context.stats.connectionErrors.inc();
    this.closing = true;
    const { outbox } = this;
    outbox.length += outbox.reserve(SPEAK_HTTP2.length).write(SPEAK_HTTP2, outbox.length, "latin1");
    this.endSending();
    return undefined;
  }

  /** The connection came from HTTP/1 by an upgrade: its settings, and the request that asked for it as the first stream (RFC 7540 §3.2). */
  upgraded(settings: Buffer, head: Http2Head): void {
    this.lastPeerId = 1;
    this.#greet();
    const code = this.readSettings(settings, 0, settings.length);
    const problem = head.read(Part.request);
    if (code !== ErrorCode.noError || problem !== null) {
      this.giveHead(head);
      this.giveUp(code === ErrorCode.noError ? ErrorCode.protocolError : code);
    } else {
      this.#begin(1, head, true);
    }
  }

  protected opens(id: number, head: Http2Head, endStream: boolean, selfish: boolean): number {
    const code = this.#mayOpen(id);
    if (code !== ErrorCode.noError || id <= this.lastPeerId) {
      this.giveHead(head);
      return code;
    }
    if (id > this.lastPeerId + 2) this.#gaps = true;
    this.lastPeerId = id;
    this.glitches.usefulFrame();
    const { settings, stats } = this.context;
    const full = this.streams.size >= settings.maxConcurrentStreams || this.#headBytes > MOST_HEAD_BYTES;
    if (this.#leaving === 2 || full) {
      return this.#refuse(id, head, ErrorCode.refusedStream);
    }
    let problem = head.read(Part.request);
    if (endStream && head.contentLength > 0) problem ??= "content-length without a body";
    // A head that is too large was not kept whole; what is there of it must do to answer in the right form.
    if (selfish || (problem !== null && !head.list.tooLarge)) {
      stats.malformed.inc();
      return this.#refuse(id, head, ErrorCode.protocolError);
    }
    if (this.context.limits.lifeTimeMs > 0 && this.#leaving === 0 && this.#isOld()) this.drain();
    this.#begin(id, head, endStream);
    return ErrorCode.noError;
  }

  #mayOpen(id: number): number {
    if ((id & 1) === 0) return ErrorCode.protocolError;
    if (id > this.lastPeerId) return ErrorCode.noError;
    const how = this.gone.how(id);
    // It was under way when we reset the stream; as it may have been where that is so long ago that it is forgotten.
    if (how === Ending.resetByUs || (how === Ending.unknown && !this.#gaps)) return this.cheapFrame();
    return how === Ending.unknown ? ErrorCode.protocolError : ErrorCode.streamClosed;
  }

  #refuse(id: number, head: Http2Head, code: number): number {
    this.giveHead(head);
    this.sendReset(id, code);
    this.gone.note(id, Ending.resetByUs);
    return this.glitches.brokenStream(this.nowMs) ? ErrorCode.noError : ErrorCode.enhanceYourCalm;
  }

  #begin(id: number, head: Http2Head, endStream: boolean): void {
    const stream = this.context.streams.take();
    stream.id = id;
    stream.headBytes = head.list.size;
    this.#headBytes += head.list.size;
    this.enter(stream);
    this.#opened++;
    if (this.streams.size === 1) this.#arm();
    const refusal = head.list.tooLarge ? new Failure(causes.h2HeadTooLarge) : null;
    stream.begin(this, id, head, endStream, refusal);
  }

  protected continues(stream: Http2ServerStream, head: Http2Head, endStream: boolean): number {
    if (stream.peerDone) {
      this.giveHead(head);
      this.breakStream(stream, ErrorCode.streamClosed, "HEADERS after the end of the stream");
      return ErrorCode.noError;
    }
    const problem = endStream ? head.read(Part.trailers) : "trailers that do not end the stream";
    if (problem !== null || head.list.tooLarge) {
      this.giveHead(head);
      this.breakStream(stream, ErrorCode.protocolError, problem ?? "trailers that are too large");
      return ErrorCode.noError;
    }
    this.glitches.usefulFrame();
    this.peerEnded(stream, head);
    return ErrorCode.noError;
  }

  protected isIdle(id: number): boolean {
    return (id & 1) === 0 || id > this.lastPeerId;
  }

  protected pushSetting(value: number): number {
    return value > 1 ? ErrorCode.protocolError : ErrorCode.noError;
  }

  protected settled(): void {
    // Nothing waits for them.
  }

  protected unblocked(): void {
    // What waits is sent at the end of the turn.
  }

  // ---- Answers -----------------------------------------------------------------------------------------------------

  sendInterim(stream: Http2ServerStream, head: MessageHead): void {
    if (this.closing) return;
    const at =
      head instanceof Http2Head
        ? putInterim(this.outbox, this.encoder, head)
        : putForeignAnswer(this.outbox, this.encoder, null, head as HttpHead, this.context.shared.memory, true); // else it is HTTP/1's
    this.sendBlock(stream.id, at, false);
    this.#mindTheDeaf();
  }

  sendAnswer(stream: Http2ServerStream, ex: Exchange, head: MessageHead): void {
    ex.status = (head as HttpMessage).status; // heads here are HTTP's
    if (this.closing || this.#deaf) return;
    const { clearContext } = this.context.admission;
    const at =
      head instanceof Http2Head
        ? putAnswer(this.outbox, this.encoder, ex, head, clearContext)
        : putForeignAnswer(this.outbox, this.encoder, ex, head as HttpHead, this.context.shared.memory, clearContext); // as above
    this.sendBlock(stream.id, at, false);
    this.#mindTheDeaf();
  }

  override sendTrailers(stream: Http2Stream, trailers: Trailers): void {
    super.sendTrailers(stream, trailers);
    this.#mindTheDeaf();
  }

  // Not at once: whoever answers is in the middle of it.
  #mindTheDeaf(): void {
    if (this.#deaf || !this.outbox.blocked || this.outbox.length < MOST_UNTAKEN_BYTES) return;
    this.#deaf = true;
    this.#dueMs = this.nowMs;
    this.context.shared.loop.wheel.arm(this.timer, 0);
  }

  sendOwnAnswer(stream: Http2ServerStream, answer: OwnFields): void {
    if (this.closing) return;
    const { block } = answer;
    const at = block === null ? this.#putOnce(answer) : putOwnAnswer(this.outbox, this.encoder, block);
    this.sendBlock(stream.id, at, false);
  }

  #putOnce({ status, fields }: OwnFields): number {
    const all: OwnField[] = [[":status", String(status)]];
    for (let i = 0; i < fields.length; i++) all.push(fields[i] as OwnField);
    all.push(["via", "h2 fairlead"]);
    return putFields(this.outbox, this.encoder, all);
  }

  /** Trailers of ours as a head, which the caller gives back. */
  ownTrailers(fields: readonly OwnField[]): Http2Head {
    const head = this.takeHead();
    for (let i = 0; i < fields.length; i++) {
      const [name, value] = fields[i] as OwnField;
      head.list.add(plainField(name, value, Indexing.without), Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    }
    return head;
  }

  /** Makes trailers last that are only valid for the moment. */
  keepTrailers(trailers: Trailers, carrier: Carrier): Http2Head {
    return keepTrailers(trailers, carrier);
  }

  // ---- The end of streams ------------------------------------------------------------------------------------------

  /** A stream is over and its exchange ended. */
  over(stream: Http2ServerStream, wasReset: boolean): void {
    this.#headBytes -= stream.headBytes;
    this.forget(stream, wasReset ? Ending.resetByUs : Ending.complete);
    this.context.streams.give(stream);
    if (this.streams.size > 0) return;
    this.#idleSinceMs = this.nowMs;
    if (this.#leaving === 2) this.#leave();
    else this.#arm();
  }

  protected peerReset(stream: Http2ServerStream, code: number): void {
    const { id } = stream;
    const early = stream.exchange?.answered === false;
    stream.cancel(new Failure(causes.h2ClientReset, undefined, { code }), false);
    this.gone.note(id, Ending.resetByPeer);
    if (early && !this.glitches.brokenStream(this.nowMs)) this.giveUp(ErrorCode.enhanceYourCalm);
  }

  protected broke(stream: Http2ServerStream, code: number, why: string): void {
    stream.cancel(new Failure(causes.h2ClientMalformed, undefined, { code, why }), true);
    if (!this.glitches.brokenStream(this.nowMs)) this.giveUp(ErrorCode.enhanceYourCalm);
  }

  protected peerLeaves(): void {
    // A caller that opens no more streams waits for the answers to those it has; it closes the connection.
  }

  protected abandoned(code: number, error: Error | null): void {
    const gone: Cause = timeoutCause(error, "downstream") ?? causes.clientGone;
    const cause: Cause = code === ErrorCode.noError ? gone : causes.h2ClientMalformed;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      (streams[i] as Http2ServerStream).cancel(new Failure(cause, undefined, code === 0 ? undefined : { code }), true);
    }
  }

  // ---- The end of the connection -----------------------------------------------------------------------------------

  /** Lets what is under way finish, then closes. @param patienceMs so long since it began it may take to say that it speaks HTTP/2. */
  drain(patienceMs = 0): void {
    if (this.closing || this.#leaving > 0) return;
    if (!this.#greeted) {
      this.#greetByMs = this.#openedMs + patienceMs;
      if (this.#greetByMs <= this.nowMs) this.#leave();
      else this.#arm();
      return;
    }
    this.#leaving = 1;
    this.#leavingSinceMs = this.nowMs;
    this.sendGoaway(LARGEST_STREAM_ID, ErrorCode.noError);
    this.sendPing(() => this.#lastCall()); // cold: once per connection
    this.#arm();
  }

  #lastCall(): void {
    if (this.closing || this.#leaving !== 1) return;
    this.#leaving = 2;
    this.sendGoaway(this.lastPeerId, ErrorCode.noError);
    if (this.streams.size === 0) this.#leave();
  }

  #leave(): void {
    if (!this.closing) this.endSending();
  }

  abandon(failure: Failure): void {
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) (streams[i] as Http2ServerStream).abandon(failure);
    if (!this.closing) this.sendGoaway(this.lastPeerId, ErrorCode.noError);
    this.outbox.flushNow();
    // What still waits for a window of the caller can wait no longer.
    const left = this.streams.all();
    for (let i = 0; i < left.length; i++) (left[i] as Http2ServerStream).cancel(failure, true);
    this.destroy(false);
  }

  override onClose(error: Error | null): void {
    super.onClose(error);
    this.context.stats.closed(this.nowMs - this.#openedMs, this.#opened);
    this.context.gone(this);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  #isOld(): boolean {
    return this.nowMs - this.#openedMs >= this.context.limits.lifeTimeMs;
  }

  protected watch(): void {
    this.#arm();
  }

  // Never later than it was: what the timer is for may be something that a new stream does not concern.
  #arm(): void {
    if (this.closing) return;
    const delayMs = this.#delayMs();
    const dueMs = this.nowMs + delayMs;
    if (delayMs === Number.POSITIVE_INFINITY || (this.timer.armed && this.#dueMs <= dueMs)) return;
    this.#dueMs = dueMs;
    this.context.shared.loop.wheel.arm(this.timer, delayMs);
  }

  // Idle connections are many: each is looked at only when something is due.
  #delayMs(): number {
    const { headerTimeoutMs, idleTimeoutMs, lifeTimeMs, pingIntervalMs } = this.context.limits;
    if (this.#leaving === 1) return Math.max(0, this.#leavingSinceMs + LEAVE_MS - this.nowMs);
    if (this.streams.size > 0 || this.outbox.blocked || this.partialSinceMs >= 0 || this.refused) return WATCH_MS;
    const { nowMs } = this;
    let dueMs = pingIntervalMs > 0 ? nowMs + pingIntervalMs / 2 : Number.POSITIVE_INFINITY;
    if (this.#greetByMs >= 0 && !this.#greeted) dueMs = Math.min(dueMs, this.#greetByMs);
    if (this.#opened === 0) dueMs = Math.min(dueMs, after(this.#openedMs, headerTimeoutMs));
    else dueMs = Math.min(dueMs, after(this.#idleSinceMs, idleTimeoutMs));
    return Math.max(0, Math.min(dueMs, after(this.#openedMs, lifeTimeMs)) - nowMs);
  }

  onTimer(): void {
    const { loop } = this.context.shared;
    loop.tick();
    if (this.closing) {
      this.destroy(false);
      return;
    }
    if (this.stalled || this.refused || this.#deaf) this.#cutOff();
    else if (this.dribbles) this.giveUp(ErrorCode.enhanceYourCalm);
    else if (!this.checkAlive()) this.#cutOff();
    else if (this.#leaving === 1 && this.nowMs - this.#leavingSinceMs >= LEAVE_MS) this.#lastCall();
    else if (this.streams.size > 0) this.#watchStreams();
    else this.#watchIdle();
    if (!this.closing) this.#arm();
  }

  // The caller takes nothing, or is not there any longer.
  #cutOff(): void {
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      (streams[i] as Http2ServerStream).cancel(new Failure(causes.clientStalled), true);
    }
    this.destroy(true);
  }

  #watchStreams(): void {
    const { bodyIdleTimeoutMs, streamIdleTimeoutMs, writeStallTimeoutMs } = this.context.limits;
    const streams = this.streams.all();
    for (let i = 0; i < streams.length; i++) {
      const stream = streams[i] as Http2ServerStream;
      if (stream.carrier !== this) continue; // one before it has led to its end
      const stillMs = this.nowMs - stream.movedMs;
      if (exceeds(stillMs, writeStallTimeoutMs) && stream.stuck) this.#end(stream, causes.clientStalled);
      else if (exceeds(stillMs, bodyIdleTimeoutMs) && stream.owed) this.#tooSlow(stream);
      else if (exceeds(stillMs, streamIdleTimeoutMs)) this.#end(stream, causes.clientStalled);
    }
  }

  #tooSlow(stream: Http2ServerStream): void {
    if (stream.exchange !== null) this.context.handler.refuse(stream.exchange, new Failure(causes.requestBodyTimeout));
  }

  #end(stream: Http2ServerStream, cause: Cause): void {
    this.sendReset(stream.id, ErrorCode.cancel);
    stream.cancel(new Failure(cause), true);
  }

  #watchIdle(): void {
    const { headerTimeoutMs, idleTimeoutMs } = this.context.limits;
    const { nowMs } = this;
    if (this.#greetByMs >= 0 && !this.#greeted && nowMs >= this.#greetByMs) {
      this.#leave();
    } else if (
      this.#opened === 0
        ? exceeds(nowMs - this.#openedMs, headerTimeoutMs)
        : exceeds(nowMs - this.#idleSinceMs, idleTimeoutMs)
    ) {
      this.sendGoaway(this.lastPeerId, ErrorCode.noError);
      this.#leave();
    } else if (this.context.limits.lifeTimeMs > 0 && this.#isOld()) {
      this.drain();
    }
  }
}

function after(sinceMs: number, limitMs: number): number {
  return limitMs > 0 ? sinceMs + limitMs : Number.POSITIVE_INFINITY;
}

function exceeds(ms: number, limitMs: number): boolean {
  return limitMs > 0 && ms >= limitMs;
}

/** Makes trailers last that are only valid for the moment. */
export function keepTrailers(trailers: Trailers, carrier: Carrier): Http2Head {
  const kept = carrier.takeHead();
  if (trailers instanceof Http2Head) {
    kept.copyFrom(trailers);
  } else {
    const infinite = Number.POSITIVE_INFINITY;
    trailers.each((name, value) => kept.list.add(plainField(name, value, Indexing.without), infinite, infinite)); // cold: from other versions
  }
  return kept;
}
