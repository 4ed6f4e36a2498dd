// @hot The downstream half of HTTP/1: one connection, one exchange at a time; pipelined requests wait their turn.
//
//            ┌────────────── keep-alive ──────────────┐
//   idle ─► head ─► body ─► waiting ─► (answer sent) ─┴─► closing ─► closed
//            └── no body ───►┘
//
// Back-pressure has one form: not reading. While the answer is awaited the connection goes on reading, so that a caller that
// goes away is noticed; what it has sent ahead is kept, and when that is much, reading stops.
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { BodySink, Trailers } from "../../core/body.ts";
import type { ByteReader, ByteStream } from "../../core/byte-stream.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Downstream, Exchange } from "../../core/exchange.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { Failure } from "../../core/failure.ts";
import type { ConnectionEnds } from "../http/admit.ts";
import { failureStatus } from "../http/failure-answer.ts";
import { Field } from "../http/field-names.ts";
import { ConnectionFlag, Framing, HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import { admit } from "./admit.ts";
import { BodyReader, BodyStep } from "./body-reader.ts";
import { Parse, parseRequestHead } from "./codec/parse-head.ts";
import { cannedAnswer, failureAnswer } from "./failure-text.ts";
import { MessageWriter, type WriterOwner } from "./message-writer.ts";
import { ReplayBuffer } from "../http/replay-buffer.ts";
import type { ServerContext } from "./server-context.ts";
import { answerFramingOf, writeForeignAnswer, writeForeignInterim } from "./foreign-head.ts";
import { writeAnswerHead, writeInterimHead } from "./write-head.ts";

const State = { idle: 0, head: 1, body: 2, waiting: 3, closing: 4, closed: 5 } as const;
type State = (typeof State)[keyof typeof State];

/** A caller that was let go may send on for so long without a pause, and for so long in all. */
const LINGER_MS = 2000;
const LONGEST_LINGER_MS = 10_000;
/** So much of pipelined requests is read ahead. */
const MAX_AHEAD_BYTES = 16 * 1024;
const MAX_LEADING_NEWLINES = 8;
const HTTP2_LINE = "PRI * HTTP/2.0\r\n";
const SWITCHING = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
/** What a connection keeps for the beginnings of bodies. */
const REPLAY_FIRST_BYTES = 2 * 1024;
/** A body with more than this still to come is read into a private buffer and lent on without a copy. */
const PRIVATE_FROM_BYTES = 16 * 1024;

/** One accepted connection. */
export class Http1ServerConnection implements ByteReader, Downstream, WriterOwner, ConnectionEnds {
  readonly remote: string;
  readonly local: string;
  readonly #stream: ByteStream;
  readonly #context: ServerContext;
  readonly #writer: MessageWriter;
  readonly #timer = new WheelTimer(this);
  readonly #openedMs: number;

  #state: State = State.idle;
  #sinceMs: number;
  #requests = 0;
  #draining = false;
  /** It was asked to go without haste: what it has promised to its caller holds until the next answer. */
  #gently = false;

  // The request being read.
  #head: HttpHead | null = null;
  #exchange: Exchange | null = null;
  #sink: BodySink | null = null;
  /** Which attempt the sink belongs to: streams of HTTP/2 are pooled, so that the next may have the very object of the last. */
  #heardBy = -1;
  #body: BodyReader | null = null;
  #replay: ReplayBuffer | null = null;
  #requestDone = true;
  /** The caller has sent whole requests and nothing else. */
  #orderly = true;
  #newlines = 0;

  // Bytes read but not used yet, and whether reading is stopped.
  #stash: Buffer | null = null;
  #consuming = false;
  #full = false;
  #paused = false;
  #chunkLent = false;
  #privateBuffer = false;

  // The answer being written.
  #keepAlive = false;
  #answerFraming: Framing = Framing.none;
  #answerDone = false;
  /** When the caller last took some of what it was sent, as far as is known, and what was left then. */
  #stalledSinceMs = 0;
  #stalledBytes = 0;
  #closingSinceMs = 0;

  constructor(stream: ByteStream, context: ServerContext) {
    this.#stream = stream;
    this.#context = context;
    this.remote = context.needsRemote ? stream.remote : "";
    this.local = context.address;
    this.#writer = new MessageWriter(stream, context.loop.scratch, this, context.stats.sentBytes);
    this.#openedMs = context.loop.nowMs;
    this.#sinceMs = this.#openedMs;
    context.stats.opened();
    this.#arm();
    stream.attach(this);
  }

  // ---- Reading ----------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const { loop, stats } = this.#context;
    const nowMs = loop.tick();
    if (this.#head === null || this.#exchange !== null) this.#sinceMs = nowMs; // a head's time runs from its first byte
    stats.receivedBytes.add(end - start);
    if (this.#stash !== null) {
      this.#stash = Buffer.concat([this.#stash, buffer.subarray(start, end)]); // cold: bytes read while stopping
      return this.#stopReading();
    }
    const position = this.#consume(buffer, start, end, lendable);
    if (position < end) {
      this.#stash = Buffer.from(buffer.subarray(position, end)); // cold: pipelined or blocked bytes
      return this.#stopReading();
    }
    return this.#full ? this.#stopReading() : true;
  }

  #stopReading(): boolean {
    if (this.#state >= State.closing) return this.#state === State.closing;
    if (this.#readsAhead()) return true;
    this.#paused = true;
    return false;
  }

  // Not while a chunk is lent: the next read would overwrite it.
  #readsAhead(): boolean {
    if (this.#full) return false;
    return this.#state === State.waiting && this.#stash !== null && this.#stash.length < MAX_AHEAD_BYTES;
  }

  // Uses as much of the bytes as the state allows; returns how far it came.
  #consume(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    this.#consuming = true;
    let at = start;
    while (at < end) {
      const before = at;
      const state = this.#state;
      if (state === State.idle) at = this.#skipNewlines(buffer, at, end);
      else if (state === State.head) at = this.#readHead(buffer, at, end);
      else if (state === State.body) at = this.#readBody(buffer, at, end, lendable);
      else if (state >= State.closing) at = end;
      if (at === before && state === this.#state) break;
    }
    this.#consuming = false;
    return at;
  }

  // RFC 9112 §2.2: a few empty lines before a request line are forgiven.
  #skipNewlines(buffer: Buffer, start: number, end: number): number {
    if (this.#writer.blocked) return start; // the caller must take its last answer first
    let at = start;
    while (at < end && (buffer[at] === 13 || buffer[at] === 10) && this.#newlines < MAX_LEADING_NEWLINES) {
      at++;
      this.#newlines++;
    }
    if (at < end) this.#state = State.head;
    return at;
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    const { limits, heads } = this.#context;
    let head = this.#head;
    if (head === null) {
      head = heads.take();
      this.#head = head;
      head.begin(buffer, start);
      const verdict = parseRequestHead(head, end, limits.head);
      if (verdict === Parse.done) {
        const next = start + head.length;
        if (head.upgrade && this.#upgrades(head, buffer, next, end)) return end;
        head.adopt();
        this.#start(head);
        return next;
      }
      if (verdict === Parse.bad) {
        if (this.#isNeighbours(head, buffer, start, end)) return end;
        return this.#refuseHead(head, head.problem as Cause, end);
      }
      head.accumulate(buffer, start, end);
      this.#arm();
      return end;
    }
    const before = head.accumulated;
    head.accumulate(buffer, start, end);
    const verdict = parseRequestHead(head, head.accumulated, limits.head);
    if (verdict === Parse.incomplete) return end;
    if (verdict === Parse.bad) {
      if (this.#isNeighbours(head, head.bytes, head.base, head.base + head.accumulated)) return end;
      return this.#refuseHead(head, head.problem as Cause, end);
    }
    const next = start + head.length - before;
    if (head.upgrade && this.#upgrades(head, buffer, next, end)) return end;
    this.#start(head);
    return next;
  }

  // Another protocol begins with what is no request of this one.
  #isNeighbours(head: HttpHead, buffer: Buffer, start: number, end: number): boolean {
    const { neighbour } = this.#context;
    if (neighbour === null || this.#requests > 0 || head.problem !== causes.requestVersion) return false;
    // As much of it as has come; the neighbour reads the rest of its preface itself.
    if (!HTTP2_LINE.startsWith(buffer.toString("latin1", start, Math.min(end, start + HTTP2_LINE.length))))
      return false;
    const bytes = Buffer.from(buffer.subarray(start, end));
    this.#handOver();
    neighbour.takeOver(this.#stream, bytes, 0, bytes.length);
    return true;
  }

  // A request without a body may ask to go on in another protocol (RFC 9110 §7.8).
  #upgrades(head: HttpHead, buffer: Buffer, next: number, end: number): boolean {
    const { neighbour } = this.#context;
    if (neighbour === null || head.framing !== Framing.none || head.minor === 0) return false;
    if (this.#isLeaving() || this.#writer.blocked) return false;
    const offer = neighbour.offer(head);
    if (offer === null) return false;
    const rest = Buffer.from(buffer.subarray(next, end));
    this.#writer.begin().appendText(SWITCHING);
    this.#writer.flush();
    this.#head = null; // it is read before it is given back
    this.#handOver();
    neighbour.upgrade(this.#stream, head, offer, rest);
    this.#context.heads.give(head);
    return true;
  }

  // The connection goes on, but is none of ours any longer.
  #handOver(): void {
    const { heads, loop } = this.#context;
    this.#state = State.closed;
    loop.wheel.cancel(this.#timer);
    const head = this.#head;
    this.#head = null;
    if (head !== null) heads.give(head);
    this.#context.gone(this);
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume();
  }

  #start(head: HttpHead): void {
    const context = this.#context;
    const ex = context.loop.exchanges.take();
    this.#exchange = ex;
    this.#head = head;
    this.#requests++;
    this.#newlines = 0;
    ex.downstream = this;
    ex.request = head;
    ex.startMs = context.loop.nowMs;
    ex.idempotent = isIdempotent(head);
    ex.safe = ex.idempotent && isSafe(head);
    ex.hasBody = head.framing !== Framing.none;
    this.#keepAlive = wantsKeepAlive(head);
    this.#answerDone = false;
    this.#requestDone = !ex.hasBody;
    this.#state = ex.hasBody ? State.body : State.waiting;
    if (ex.hasBody) this.#startBody(head);
    const failure = admit(ex, head, this, context.admission);
    if (failure === null) context.handler.accept(ex);
    else context.handler.refuse(ex, failure);
  }

  #startBody(head: HttpHead): void {
    this.#body ??= new BodyReader(REQUEST_PROBLEMS, this.#context.limits.head);
    this.#body.begin(head.framing, head.contentLength);
    this.#replay ??= new ReplayBuffer(REPLAY_FIRST_BYTES);
    this.#replay.reset();
    this.#arm();
  }

  // A head that cannot be read ends the connection: where the next message begins is anybody's guess.
  #refuseHead(head: HttpHead, problem: Cause, end: number): number {
    const { handler, loop } = this.#context;
    const ex = loop.exchanges.take();
    this.#exchange = ex;
    this.#requests++;
    ex.downstream = this;
    ex.request = head;
    ex.startMs = loop.nowMs;
    this.#keepAlive = false;
    this.#orderly = false;
    this.#requestDone = true;
    this.#answerDone = false;
    this.#state = State.waiting;
    handler.refuse(ex, new Failure(problem));
    return end;
  }

  #readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    const sink = this.#sink;
    const body = this.#body as BodyReader;
    if (sink === null || this.#full || !this.#isHeard(sink)) return start;
    let at = start;
    for (;;) {
      const step = body.next(buffer, at, end);
      at = body.position;
      if (step === BodyStep.data) {
        if (!this.#pass(sink, buffer, body.start, body.end, lendable)) {
          // The service may have answered before we hear that the last bytes have left.
          if (body.ended && this.#sink === sink && this.#state === State.body) this.#endRequest(sink, null);
          return at;
        }
        // Passing may have ended the exchange, or its attempt.
        if (this.#sink !== sink || this.#state !== State.body || !this.#isHeard(sink)) return at;
        continue;
      }
      if (step === BodyStep.end) {
        this.#endRequest(sink, body.trailers);
        return at;
      }
      if (step === BodyStep.bad) {
        this.#refuseBody(body.problem as Cause);
        return end;
      }
      this.#preferPrivateBuffer(body.remaining > PRIVATE_FROM_BYTES);
      return at;
    }
  }

  // Between an attempt that failed and the next nobody listens: what is passed then would be lost.
  #isHeard(sink: BodySink): boolean {
    const ex = this.#exchange;
    const upstream = ex?.attempt?.upstream;
    return ex?.attempts === this.#heardBy && upstream === sink && !upstream.deaf;
  }

  #pass(sink: BodySink, buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const ex = this.#exchange as Exchange;
    ex.requestBytes += end - start;
    (this.#replay as ReplayBuffer).keep(buffer, start, end, ex.path?.replayBytes ?? 0);
    if (sink.write(buffer, start, end, lendable)) return true;
    this.#full = true;
    this.#chunkLent = lendable;
    return false;
  }

  #endRequest(sink: BodySink, trailers: Trailers | null): void {
    this.#requestDone = true;
    this.#state = State.waiting;
    if (trailers !== null) (this.#replay as ReplayBuffer).give();
    sink.end(trailers);
    this.#settle();
  }

  // The body cannot be read to its end: the attempt is stopped, the caller told (when it is not too late) and let go.
  #refuseBody(problem: Cause): void {
    const ex = this.#exchange as Exchange;
    this.#keepAlive = false;
    this.#orderly = false;
    this.#requestDone = true;
    this.#state = State.waiting;
    this.#context.handler.refuse(ex, new Failure(problem));
  }

  #preferPrivateBuffer(on: boolean): void {
    if (on === this.#privateBuffer) return;
    this.#privateBuffer = on;
    this.#stream.usePrivateBuffer(on, this.#chunkLent);
  }

  // ---- The request's body as a source ------------------------------------------------------------------------------

  resume(): void {
    const ex = this.#exchange;
    if (ex === null || this.#state >= State.closing) return;
    this.#full = false;
    this.#chunkLent = false;
    this.#sinceMs = this.#context.loop.nowMs; // until now it was we who kept the caller waiting
    const upstream = ex.attempt === null ? null : ex.attempt.upstream;
    if (upstream !== null && ex.attempts !== this.#heardBy) {
      this.#heardBy = ex.attempts;
      this.#attachSink(upstream);
    }
    this.#proceed();
  }

  // A new attempt hears the body from its beginning.
  #attachSink(sink: BodySink): void {
    this.#sink = sink;
    const replay = this.#replay;
    if (replay !== null && replay.length > 0) sink.write(replay.buffer, 0, replay.length, false);
    if (this.#requestDone) sink.end(null);
    else this.#arm();
  }

  pause(): void {
    if (this.#state !== State.body) return;
    this.#full = true;
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  get requestPassed(): boolean {
    return this.#requestDone;
  }

  canReplay(): boolean {
    const ex = this.#exchange;
    return ex === null || !ex.hasBody || (this.#replay as ReplayBuffer).complete;
  }

  // Goes on with what was kept, then with reading.
  #proceed(): void {
    if (this.#consuming) return;
    const stash = this.#stash;
    if (stash !== null) {
      this.#stash = null;
      const position = this.#consume(stash, 0, stash.length, false);
      if (position < stash.length && this.#state < State.closing) {
        this.#stash = position === 0 ? stash : stash.subarray(position);
        if (!this.#readsAhead()) return;
      }
    }
    if (this.#paused && !this.#full && this.#state !== State.closed) {
      this.#paused = false;
      this.#stream.resume();
    }
  }

  // ---- The answer --------------------------------------------------------------------------------------------------

  inform(_ex: Exchange, head: MessageHead): void {
    if (this.#state >= State.closing) return;
    const request = this.#head as HttpHead;
    if (request.minor === 0) return; // RFC 9110 §15.2: HTTP/1.0 knows no interim answers
    const scratch = this.#writer.begin();
    if (head instanceof HttpHead) writeInterimHead(scratch, head);
    else writeForeignInterim(scratch, head as HttpMessage); // joined with a client half of another version
  }

  answer(ex: Exchange, head: MessageHead): void {
    const answer = head as HttpMessage; // client halves of HTTP
    const request = this.#head as HttpHead;
    const form = this.#context.answerForm;
    ex.status = answer.status;
    // A refusal before the end of the request: the rest may or may not come, so nothing can follow on this connection.
    if (this.#isLeaving() || (!this.#requestDone && answer.status >= 300)) this.#keepAlive = false;
    let framing: Framing =
      head instanceof HttpHead ? head.framing : answerFramingOf(answer, isHead(request), request.minor);
    if (framing === Framing.untilClose) framing = request.minor === 1 ? Framing.chunked : Framing.untilClose;
    else if (framing === Framing.chunked && request.minor === 0) framing = Framing.untilClose;
    if (framing === Framing.untilClose) this.#keepAlive = false;
    this.#answerFraming = framing;
    form.chunked = framing === Framing.chunked;
    form.close = !this.#keepAlive;
    form.keepAlive10 = this.#keepAlive && request.minor === 0;
    const scratch = this.#writer.begin();
    if (head instanceof HttpHead) writeAnswerHead(scratch, ex, head, form);
    else writeForeignAnswer(scratch, ex, answer, form);
  }

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const ex = this.#exchange;
    if (ex === null || this.#state >= State.closing) return true;
    ex.responseBytes += end - start;
    if (this.#writer.chunk(buffer, start, end, lendable, this.#answerFraming === Framing.chunked)) return true;
    this.#noteStall();
    return false;
  }

  end(trailers: Trailers | null): void {
    if (this.#exchange === null) return;
    if (this.#answerFraming === Framing.chunked) this.#writer.lastChunk(trailers);
    this.#answerDone = true;
    this.#settle();
  }

  fail(ex: Exchange, failure: Failure): void {
    const { limits } = this.#context;
    if (ex.answered) return this.abort(failure);
    ex.status = failureStatus(failure);
    if (this.#isLeaving() || !this.#requestDone) this.#keepAlive = false;
    if (!this.#requestDone) this.#orderly = false;
    const request = this.#head as HttpHead;
    const text = failureAnswer(failure, {
      replayable: !ex.hasBody || request.get("finagle-http-retryable-request") !== undefined,
      clearContext: this.#context.admission.clearContext,
      toHead: isHead(request),
      close: !this.#keepAlive,
      keepAlive10: this.#keepAlive && request.minor === 0,
      maxErrBytes: limits.maxErrBytes,
    });
    this.#writer.begin().appendText(text);
    ex.responseBytes = text.length - text.indexOf("\r\n\r\n") - 4;
    this.#answerDone = true;
    this.#requestDone = true;
    this.#settle();
    return undefined;
  }

  canned(ex: Exchange, status: number): void {
    ex.status = status;
    if (this.#isLeaving() || !this.#requestDone) this.#keepAlive = false;
    const request = this.#head as HttpHead;
    const text = cannedAnswer(status, ex.outcome, {
      close: !this.#keepAlive,
      keepAlive10: this.#keepAlive && request.minor === 0,
      clearContext: this.#context.admission.clearContext,
    });
    this.#writer.begin().appendText(text);
    this.#answerDone = true;
    this.#settle();
  }

  // The answer broke off: the caller must be able to tell that it is not complete.
  abort(_failure: Failure): void {
    if (this.#exchange === null) return;
    this.#writer.flush();
    this.#keepAlive = false;
    this.#finish();
    this.#close(this.#answerFraming === Framing.untilClose);
  }

  onBlocked(): void {
    this.#noteStall();
    this.#exchange?.attempt?.upstream?.pause();
  }

  // The caller has enough for the moment; from here on it must take some.
  #noteStall(): void {
    this.#stalledSinceMs = this.#context.loop.nowMs;
    this.#stalledBytes = this.#stream.unsentBytes;
    this.#arm();
  }

  onWritten(): void {
    this.#sinceMs = this.#context.loop.tick();
    this.#writer.written();
    if (this.#state === State.closing) {
      this.#closingSinceMs = this.#sinceMs;
      return this.#arm();
    }
    const upstream = this.#exchange?.attempt?.upstream;
    if (upstream !== undefined && upstream !== null) upstream.resume();
    else this.#proceed();
    return undefined;
  }

  // Both messages over: the exchange is finished. An answer that is complete before its request ends the connection.
  #settle(): void {
    if (!this.#answerDone || this.#exchange === null) return;
    if (!this.#requestDone) {
      this.#keepAlive = false;
      this.#orderly = false;
    }
    this.#finish();
    // Draining may have begun after the head of the answer promised to keep the connection.
    if (this.#keepAlive && (this.#gently || !this.#isLeaving())) {
      this.#state = State.idle;
      this.#sinceMs = this.#context.loop.nowMs;
      const { idleTimeoutMs, lifeTimeMs } = this.#context.limits;
      if (idleTimeoutMs > 0 || lifeTimeMs > 0) this.#arm();
      this.#proceed();
    } else {
      this.#finishSending();
    }
  }

  #finish(): void {
    const ex = this.#exchange as Exchange;
    this.#detach();
    this.#context.handler.finished(ex);
    this.#recycle(ex);
  }

  #detach(): void {
    this.#exchange = null;
    this.#sink = null;
    this.#heardBy = -1;
    this.#full = false;
    this.#preferPrivateBuffer(false);
    this.#chunkLent = false;
    this.#replay?.reset();
  }

  #recycle(ex: Exchange): void {
    const { loop, heads } = this.#context;
    loop.exchanges.give(ex);
    const head = this.#head;
    this.#head = null;
    if (head !== null) heads.give(head);
  }

  // No request shall follow the one in progress.
  #isLeaving(): boolean {
    const { limits, loop } = this.#context;
    if (this.#draining) return true;
    return limits.lifeTimeMs > 0 && loop.nowMs - this.#openedMs >= limits.lifeTimeMs;
  }

  // ---- Ending ------------------------------------------------------------------------------------------------------

  // After an orderly exchange the connection is simply closed. When bytes of the caller may still be unread, closing would
  // send a RST that destroys the answer in flight: then FIN goes out, and what arrives is thrown away for a while.
  #finishSending(): void {
    this.#writer.flush();
    if (this.#state === State.closed) return;
    if (this.#orderly && this.#stash === null && !this.#writer.blocked) {
      this.#state = State.closing;
      this.#stream.destroy();
      return;
    }
    this.#state = State.closing;
    this.#stash = null;
    this.#sinceMs = this.#context.loop.nowMs;
    this.#closingSinceMs = this.#sinceMs;
    this.#stream.end();
    if (this.#paused) {
      this.#paused = false;
      this.#stream.resume();
    }
    this.#arm();
  }

  #close(reset: boolean): void {
    if (this.#state === State.closed) return;
    this.#state = State.closing;
    this.#stash = null;
    if (reset || this.#writer.blocked) this.#stream.destroy(reset);
    else this.#finishSending();
  }

  /** Closes when the exchange in progress is over; when there is none at once, or gently after the next. */
  drain(gently: boolean): void {
    this.#draining = true;
    this.#gently = gently;
    if (gently) return;
    if (this.#exchange === null && this.#state <= State.head && this.#head === null) this.#finishSending();
  }

  /** Ends the exchange in progress with a failure, and the connection. */
  abandon(failure: Failure): void {
    const ex = this.#exchange;
    if (ex !== null) {
      this.#keepAlive = false;
      if (ex.answered) this.#cancel(failure);
      else this.#context.handler.refuse(ex, failure);
    }
    this.#writer.flush();
    if (this.#state !== State.closed) this.#stream.destroy();
  }

  onEnd(): void {
    const { loop } = this.#context;
    loop.tick();
    if (this.#state === State.closed) return;
    if (this.#exchange !== null) this.#cancel(new Failure(causes.clientGone));
    this.#state = State.closing;
    this.#stash = null;
    this.#sinceMs = loop.nowMs;
    this.#closingSinceMs = this.#sinceMs;
    this.#stream.end();
    this.#arm();
  }

  onClose(_error: Error | null): void {
    const { loop, stats } = this.#context;
    loop.tick();
    this.#state = State.closed;
    loop.wheel.cancel(this.#timer);
    if (this.#exchange !== null) this.#cancel(new Failure(causes.clientGone));
    this.#writer.abandon();
    this.#writer.written();
    this.#stash = null;
    const head = this.#head;
    this.#head = null;
    if (head !== null) this.#context.heads.give(head);
    stats.closed(loop.nowMs - this.#openedMs, this.#requests);
    this.#context.gone(this);
  }

  #cancel(failure: Failure): void {
    const ex = this.#exchange as Exchange;
    this.#detach();
    this.#context.handler.cancelled(ex, failure);
    this.#recycle(ex);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  // One timer per connection; it looks at what the connection is waiting for only when it fires.
  onTimer(): void {
    const { loop } = this.#context;
    const nowMs = loop.tick();
    const due = this.#dueMs();
    if (due > nowMs) {
      if (due !== Number.POSITIVE_INFINITY) loop.wheel.arm(this.#timer, due - nowMs);
      return;
    }
    this.#timedOut();
    loop.scratch.flush();
  }

  #arm(): void {
    const { loop } = this.#context;
    const due = this.#dueMs();
    if (due !== Number.POSITIVE_INFINITY) loop.wheel.arm(this.#timer, Math.max(0, due - loop.nowMs));
  }

  #dueMs(): number {
    const { limits } = this.#context;
    if (this.#writer.blocked) return after(this.#stalledSinceMs, limits.writeStallTimeoutMs);
    if (this.#state === State.closing) {
      return Math.min(this.#sinceMs + LINGER_MS, this.#closingSinceMs + LONGEST_LINGER_MS);
    }
    if (this.#head !== null && this.#exchange === null) return after(this.#sinceMs, limits.headerTimeoutMs);
    if (this.#state === State.body && !this.#full && this.#sink !== null && this.#isHeard(this.#sink)) {
      return after(this.#sinceMs, limits.bodyIdleTimeoutMs);
    }
    if (this.#state === State.idle) {
      const quiet =
        this.#requests === 0
          ? after(this.#openedMs, limits.headerTimeoutMs)
          : after(this.#sinceMs, limits.idleTimeoutMs);
      return Math.min(quiet, after(this.#openedMs, limits.lifeTimeMs));
    }
    const { bodyIdleTimeoutMs, idleTimeoutMs, writeStallTimeoutMs } = limits;
    const slowest =
      this.#state === State.body ? bodyIdleTimeoutMs : Math.max(bodyIdleTimeoutMs, idleTimeoutMs, writeStallTimeoutMs);
    return slowest > 0 ? this.#context.loop.nowMs + slowest : Number.POSITIVE_INFINITY;
  }

  #timedOut(): void {
    if (this.#writer.blocked) this.#stalled();
    else if (this.#state >= State.closing) this.#stream.destroy();
    else if (this.#exchange !== null) this.#refuseBody(causes.requestBodyTimeout);
    else if (this.#head !== null) this.#refuseHead(this.#head, causes.requestHeadTimeout, 0);
    else this.#finishSending();
  }

  #stalled(): void {
    const unsentBytes = this.#stream.unsentBytes;
    if (unsentBytes < this.#stalledBytes) return this.#noteStall(); // slow, but not stalled
    if (this.#exchange !== null) this.#cancel(new Failure(causes.clientStalled));
    this.#stream.destroy(true);
    return undefined;
  }
}

function isHead(request: HttpHead): boolean {
  return request.methodEnd === 4 && request.method === "HEAD";
}

function after(sinceMs: number, limitMs: number): number {
  return limitMs > 0 ? sinceMs + limitMs : Number.POSITIVE_INFINITY;
}

const REQUEST_PROBLEMS = { chunk: causes.requestChunk, trailer: causes.requestTrailer };

function wantsKeepAlive(head: HttpHead): boolean {
  if ((head.connection & ConnectionFlag.close) !== 0) return false;
  if (head.minor === 1) return true;
  return (head.connection & ConnectionFlag.keepAlive) !== 0 || proxyKeepAlive(head);
}

function proxyKeepAlive(head: HttpHead): boolean {
  const field = head.find(Field.proxyConnection);
  return field >= 0 && head.value(field).toLowerCase() === "keep-alive";
}

// Of idempotent methods all but PUT and DELETE (RFC 9110 §9.2.1).
function isSafe({ base, bytes }: HttpHead): boolean {
  return bytes[base] !== 80 && bytes[base] !== 68;
}

// RFC 9110 §9.2.2, by length first so that no string is made.
function isIdempotent(head: HttpHead): boolean {
  const { bytes, base } = head;
  const first = bytes[base];
  switch (head.methodEnd) {
    case 3:
      return first === 71 || (first === 80 && bytes[base + 1] === 85); // GET, PUT
    case 4:
      return first === 72; // HEAD
    case 5:
      return first === 84; // TRACE
    case 6:
      return first === 68; // DELETE
    case 7:
      return first === 79; // OPTIONS
    default:
      return false;
  }
}
