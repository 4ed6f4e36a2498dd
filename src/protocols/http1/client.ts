// @hot The upstream half of HTTP/1: one connection, one attempt at a time.
//
//   connecting ─► ready ─► (dispatch) full ─► ready ─► … ─► closed
//
// Any doubt about where an answer ends closes the connection: what comes next on it could be taken for the answer to
// somebody else's request.
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { Attempt, AttemptOwner, Upstream } from "../../core/attempt.ts";
import type { BodySink, Trailers } from "../../core/body.ts";
import type { ByteStream, Connector } from "../../core/byte-stream.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure, type FailureDetail } from "../../core/failure.ts";
import { type Session, type SessionOwner, SessionStatus } from "../../core/session.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { noHead } from "../../core/exchange.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { ConnectionFlag, Framing, HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import { BodyReader, BodyStep } from "./body-reader.ts";
import type { ClientContext } from "./client-context.ts";
import { ClientTunnel } from "./client-tunnel.ts";
import { answerFraming, Parse, parseAnswerHead } from "./codec/parse-head.ts";
import { connectFailure, errorCode } from "../http/connect-failure.ts";
import { MessageWriter, type WriterOwner } from "./message-writer.ts";
import { Discard, discarded, MOST_DISCARDED_BYTES } from "./discarded.ts";
import { lengthOf, requestFraming, writeForeignRequest } from "./foreign-head.ts";
import type { TunnelOwner } from "./tunnel-end.ts";
import { switchProblem } from "./upgrade.ts";
import { writeRequestHead } from "./write-head.ts";

const Answer = { none: 0, head: 1, body: 2, ending: 3, tunnel: 4 } as const;
type Answer = (typeof Answer)[keyof typeof Answer];

const PRIVATE_FROM_BYTES = 16 * 1024;
const MAX_INTERIM_ANSWERS = 16;
/** With which a service switches to another protocol; and what a CONNECT comes to. */
const SWITCHING = 101;
const CONNECTED = 200;
/** As HTTP/2 reads it (`codec/header-field`). */
const CALL_STATUS = /^\d{1,3}$/;
/** The rest of an answer that nobody wants has so long to arrive: while it comes, the connection is of no use to anybody. */
const DISCARD_MS = 250;
const ANSWER_PROBLEMS = { chunk: causes.answerChunk, trailer: causes.answerChunk };

/** One connection to an endpoint. */
export class Http1Session implements Session, Connector, Upstream, WriterOwner, TunnelOwner {
  status: SessionStatus = SessionStatus.connecting;
  active = 0;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs: number;
  readonly #owner: SessionOwner;
  readonly #context: ClientContext;
  readonly #stream: ByteStream;
  readonly #writer: MessageWriter;
  readonly #timer = new WheelTimer(this);

  #attempt: Attempt | null = null;
  #sink: BodySink | null = null;
  #answer: Answer = Answer.none;
  #head: HttpHead | null = null;
  #body: BodyReader | null = null;
  #framing: Framing = Framing.none;
  #keep = false;
  #interim = 0;
  #requestDone = true;
  #requestChunked = false;
  #toHead = false;
  /** Bytes of the request's body that are still to come, when it has a length. */
  #owedBytes = 0;
  #progressMs = 0;

  // The answer's body is not taken for the moment.
  #full = false;
  #paused = false;
  #chunkLent = false;
  #privateBuffer = false;
  #stash: Buffer | null = null;
  #ended = false;
  /** The answer is complete, and the kernel has yet to report that the request's last bytes have left. */
  #late = false;
  /** What the connection has become. */
  #tunnel: ClientTunnel | null = null;

  constructor(context: ClientContext, owner: SessionOwner) {
    this.#context = context;
    this.#owner = owner;
    this.madeMs = context.loop.nowMs;
    this.#stream = context.transport.connect(context.endpoint, this);
    this.#writer = new MessageWriter(this.#stream, context.loop.scratch, this, context.stats.sentBytes);
    if (context.connectTimeoutMs > 0) context.loop.wheel.arm(this.#timer, context.connectTimeoutMs);
  }

  onConnect(): void {
    const { loop } = this.#context;
    loop.tick();
    loop.wheel.cancel(this.#timer);
    if (this.status !== SessionStatus.connecting) return;
    this.status = SessionStatus.ready;
    this.#context.stats.connected(loop.nowMs - this.madeMs);
    this.#owner.ready(this);
  }

  // ---- The request -------------------------------------------------------------------------------------------------

  dispatch(attempt: Attempt): void {
    const ex = attempt.exchange as Exchange;
    if (!(ex.request instanceof HttpHead) && (ex.request as HttpMessage).method === "CONNECT") {
      this.#owner.released(this); // a tunnel of HTTP/2 cannot go on in HTTP/1
      return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.requestMethodUnsupported));
    }
    this.status = SessionStatus.full;
    this.active = 1;
    this.#attempt = attempt;
    this.#answer = Answer.head;
    this.#interim = 0;
    this.#writer.writes = 0;
    this.#requestDone = !ex.hasBody;
    attempt.reused = this.served > 0;
    attempt.upstream = this;
    this.served++;
    if (ex.tunnel === Tunnel.direct) return this.#openTunnel(attempt, CONNECTED, noHead);
    if (ex.deadlineKept) ex.passTime(this.#context.loop.nowMs);
    if (ex.request instanceof HttpHead) this.#sendHead(ex, ex.request);
    else this.#sendForeignHead(ex, ex.request as HttpMessage); // joined with a server half of another version
    if (ex.hasBody) ex.downstream.resume();
    return undefined;
  }

  #sendHead(ex: Exchange, head: HttpHead): void {
    this.#requestChunked = head.framing === Framing.chunked;
    this.#owedBytes = this.#requestChunked ? 0 : head.contentLength;
    this.#toHead = head.methodEnd === 4 && head.method === "HEAD";
    writeRequestHead(this.#writer.begin(), ex, head);
  }

  #sendForeignHead(ex: Exchange, message: HttpMessage): void {
    const framing = requestFraming(ex, message);
    this.#requestChunked = framing === Framing.chunked;
    this.#owedBytes = framing === Framing.length ? lengthOf(message) : 0;
    this.#toHead = message.method === "HEAD";
    writeForeignRequest(this.#writer.begin(), ex, message, framing);
  }

  get deaf(): boolean {
    return this.#stream.refused;
  }

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    if (this.#attempt === null || this.#requestDone) return true;
    if (!this.#requestChunked) this.#owedBytes -= end - start;
    return this.#writer.chunk(buffer, start, end, lendable, this.#requestChunked);
  }

  end(trailers: Trailers | null): void {
    if (this.#attempt === null || this.#requestDone) return undefined;
    // What came next on this connection would be taken for the rest of this body.
    if (this.#owedBytes !== 0) return this.#fail(causes.internal, { phase: "body" }); // cold: a bug of ours
    if (this.#requestChunked) this.#writer.lastChunk(trailers);
    this.#requestDone = true;
    return undefined;
  }

  // The caller's body broke off; without its rest the request is none.
  abort(failure: Failure): void {
    if (this.#attempt !== null) this.cancel(this.#attempt, failure);
  }

  onBlocked(): void {
    this.#attempt?.exchange?.downstream.pause();
  }

  onWritten(): void {
    this.#context.loop.tick();
    this.#writer.written();
    if (this.#late && !this.#writer.blocked) this.#release();
    // Also when that was the end of the request: the caller may send on, or leave.
    this.#attempt?.exchange?.downstream.resume();
  }

  cancel(attempt: Attempt, _why: Failure): void {
    if (this.#attempt !== attempt) return;
    this.#forget();
    this.close();
  }

  // Only while `answered` tells of its head: what follows goes to nobody, or the connection is closed.
  discard(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    if (!this.#requestDone || !this.#keep || this.#writer.blocked || this.#answerBytes() > MOST_DISCARDED_BYTES) {
      this.#forget();
      this.close();
      return;
    }
    this.#attempt = discarded;
    this.#sink = new Discard(() => this.close()); // cold: answers that are not passed on
  }

  // As far as it was told.
  #answerBytes(): number {
    return this.#framing === Framing.length ? (this.#body as BodyReader).remaining : 0;
  }

  // ---- The answer --------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const { loop, stats } = this.#context;
    this.#progressMs = loop.tick();
    stats.receivedBytes.add(end - start);
    if (this.#stash !== null) {
      this.#stash = Buffer.concat([this.#stash, buffer.subarray(start, end)]); // cold: bytes read while stopping
      return this.#stopReading();
    }
    const position = this.#consume(buffer, start, end, lendable);
    if (position < end) {
      if (this.status === SessionStatus.closed) return false;
      this.#stash = Buffer.from(buffer.subarray(position, end)); // cold: the sink is full
      return this.#stopReading();
    }
    return this.#full ? this.#stopReading() : true;
  }

  #stopReading(): boolean {
    this.#paused = true;
    return false;
  }

  #consume(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    let at = start;
    while (at < end) {
      if (this.#attempt === null) {
        this.#unexpected();
        return end;
      }
      if (this.#answer === Answer.head) at = this.#readHead(buffer, at, end);
      else if (this.#full) return at;
      else if (this.#answer === Answer.body) at = this.#readBody(buffer, at, end, lendable);
      else if (this.#answer === Answer.tunnel) return this.#pastSwitch(buffer, at, end, lendable);
      else return at;
    }
    return at;
  }

  // Bytes nobody asked for.
  #unexpected(): void {
    if (this.status === SessionStatus.closed || this.#tunnel !== null) return;
    this.#context.stats.unexpected();
    this.close();
  }

  #readHead(buffer: Buffer, start: number, end: number): number {
    if (this.#isUnsent()) {
      this.#fail(causes.unsent); // what comes cannot be the answer to it
      return end;
    }
    const { answerHead, heads, limits, loop } = this.#context;
    let head = this.#head;
    let next: number;
    let verdict: Parse;
    if (head === null) {
      answerHead.reset();
      answerHead.begin(buffer, start);
      verdict = parseAnswerHead(answerHead, end, limits.head);
      if (verdict === Parse.incomplete) {
        head = heads.take();
        this.#head = head;
        head.accumulate(buffer, start, end);
        parseAnswerHead(head, head.accumulated, limits.head);
        if (limits.headerTimeoutMs > 0) loop.wheel.arm(this.#timer, limits.headerTimeoutMs);
        return end;
      }
      head = answerHead;
      next = start + head.length;
    } else {
      const before = head.accumulated;
      head.accumulate(buffer, start, end);
      verdict = parseAnswerHead(head, head.accumulated, limits.head);
      if (verdict === Parse.incomplete) return end;
      next = start + head.length - before;
    }
    if (verdict === Parse.done) verdict = answerFraming(head, this.#toHead);
    if (verdict === Parse.bad) {
      this.#fail(head.problem as Cause);
      return end;
    }
    const partial = this.#head;
    this.#head = null;
    if (partial !== null) loop.wheel.cancel(this.#timer);
    if (head.status < 200) this.#readInterim(head);
    else this.#begin(head, next < end);
    if (partial !== null) heads.give(partial);
    return next;
  }

  // 1xx: passed on as they come, and a storm of them is an attack; but for 101, which is the last answer on this connection.
  #readInterim(head: HttpHead): void {
    const ex = (this.#attempt as Attempt).exchange as Exchange;
    if (head.status === SWITCHING) this.#switch(ex, head);
    else if (++this.#interim > MAX_INTERIM_ANSWERS) this.#fail(causes.answerUnexpected);
    else ex.downstream.inform(ex, head);
  }

  // ---- Tunnels -----------------------------------------------------------------------------------------------------

  #switch(ex: Exchange, head: HttpHead): void {
    const problem = switchProblem(ex, head);
    if (problem !== null) this.#fail(problem);
    else this.#openTunnel(this.#attempt as Attempt, SWITCHING, head);
  }

  // The connection is given away for good. Whoever passes the head on to the caller finds the tunnel in its attempt.
  #openTunnel(attempt: Attempt, status: number, head: MessageHead): void {
    const { limits, loop, stats } = this.#context;
    const ex = attempt.exchange as Exchange;
    loop.wheel.cancel(this.#timer);
    this.#answer = Answer.tunnel;
    // cold: once per tunnel
    const parts = {
      stream: this.#stream,
      writer: this.#writer,
      loop,
      receivedBytes: stats.receivedBytes,
      owner: this,
      broken: causes.tunnelBroken,
      stalled: causes.tunnelStalled,
      writeStallTimeoutMs: limits.writeStallTimeoutMs,
    };
    const tunnel = new ClientTunnel(parts, () => this.#forget()); // cold: as above
    this.#tunnel = tunnel;
    attempt.upstream = tunnel;
    attempt.status = status;
    ex.tunnel = Tunnel.open;
    const sink = (attempt.owner as AttemptOwner).answered(attempt, head);
    if (this.#attempt !== attempt) return; // taken back meanwhile
    if (sink === null) tunnel.discard();
    else tunnel.join(ex.downstream);
  }

  // What the service has sent right behind its 101.
  #pastSwitch(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    if (!(this.#tunnel as ClientTunnel).take(buffer, start, end, lendable)) this.#full = true; // the tunnel has stopped reading
    return end;
  }

  tunnelOver(failure: Failure | null): void {
    const attempt = this.#attempt as Attempt;
    this.#attempt = null;
    this.active = 0;
    attempt.failure = failure;
    (attempt.owner as AttemptOwner).finished(attempt);
  }

  tunnelClosed(): void {
    this.status = SessionStatus.closed;
    this.#owner.closed(this, null);
  }

  #begin(head: HttpHead, more: boolean): void {
    const attempt = this.#attempt as Attempt;
    this.#framing = head.framing;
    this.#keep = keepsAlive(head) && head.framing !== Framing.untilClose;
    attempt.status = head.status;
    this.#readCallStatus(attempt, head);
    this.#answer = Answer.body;
    if (head.framing !== Framing.none) {
      this.#body ??= new BodyReader(ANSWER_PROBLEMS, this.#context.limits.head);
      this.#body.begin(head.framing, head.contentLength);
    }
    const sink = (attempt.owner as AttemptOwner).answered(attempt, head);
    if (this.#attempt !== attempt) {
      // Taken back meanwhile: a retry, or the caller is gone.
      if (this.#attempt === discarded) this.#passOver(more);
      return;
    }
    this.#sink = sink;
    if (sink === null) {
      this.#forget();
      this.close();
    } else if (head.framing === Framing.none) {
      this.#finish(null, more);
    } else if (!more) {
      this.#watchProgress(); // a body that is here already needs no watching
    }
  }

  // Where calls are judged by what the service made of them (gRPC), that is told in the head, or behind the body.
  #readCallStatus(attempt: Attempt, told: Trailers): void {
    if (attempt.exchange?.path?.classifier.late !== true) return;
    const status = told.get("grpc-status");
    if (status !== undefined && CALL_STATUS.test(status)) attempt.callStatus = Number(status);
  }

  #passOver(more: boolean): void {
    if (this.#framing === Framing.none) this.#finish(null, more);
    else this.#context.loop.wheel.arm(this.#timer, DISCARD_MS);
  }

  #readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    const sink = this.#sink as BodySink;
    const body = this.#body as BodyReader;
    let at = start;
    for (;;) {
      const step = body.next(buffer, at, end);
      at = body.position;
      if (step === BodyStep.data) {
        if (sink.write(buffer, body.start, body.end, lendable)) {
          if (this.#sink !== sink) return end; // cancelled by what it wrote to
          continue;
        }
        if (this.#sink !== sink) return end;
        this.#full = true;
        this.#chunkLent = lendable;
        if (!this.#timer.armed) this.#watchProgress();
        if (body.remaining === 0 && this.#framing === Framing.length) this.#answer = Answer.ending;
        return at;
      }
      if (step === BodyStep.end) {
        this.#finish(body.trailers, at < end);
        return at;
      }
      if (step === BodyStep.bad) {
        this.#fail(body.problem as Cause);
        return end;
      }
      this.#preferPrivateBuffer(body.remaining > PRIVATE_FROM_BYTES);
      if (!this.#timer.armed) this.#watchProgress();
      return at;
    }
  }

  #preferPrivateBuffer(on: boolean): void {
    if (on === this.#privateBuffer) return;
    this.#privateBuffer = on;
    this.#stream.usePrivateBuffer(on, this.#chunkLent);
  }

  // The session is free again before the sink hears the end, because the caller's next request may follow at once.
  #finish(trailers: Trailers | null, more: boolean): void {
    const attempt = this.#attempt as Attempt;
    const sink = this.#sink as BodySink;
    const reusable = this.#keep && this.#requestDone && !more && !this.#ended && this.#willBeWritten();
    const owner = attempt.owner as AttemptOwner;
    if (trailers !== null) this.#readCallStatus(attempt, trailers);
    this.#forget();
    if (!reusable) {
      this.close();
      owner.finished(attempt);
    } else if (this.#writer.blocked) {
      this.#late = true;
      this.#watchProgress();
      owner.finished(attempt);
    } else {
      owner.finished(attempt);
      this.#release();
    }
    sink.end(trailers);
  }

  // What a service that has answered does not read may stay unwritten for ever, unless there is a time for it.
  #willBeWritten(): boolean {
    if (this.#stream.refused) return false;
    return !this.#writer.blocked || this.#context.limits.bodyIdleTimeoutMs > 0;
  }

  // Ready for the next request, or closed when there shall be none.
  #release(): void {
    const { loop } = this.#context;
    this.#late = false;
    loop.wheel.cancel(this.#timer);
    if (this.status === SessionStatus.draining) return this.close();
    this.status = SessionStatus.ready;
    this.idleSinceMs = loop.nowMs;
    this.#owner.released(this);
    return undefined;
  }

  // Clears everything that belongs to the attempt.
  #forget(): void {
    this.#attempt = null;
    this.#sink = null;
    this.#answer = Answer.none;
    this.active = 0;
    this.#context.loop.wheel.cancel(this.#timer);
    const head = this.#head;
    this.#head = null;
    if (head !== null) this.#context.heads.give(head);
    this.#preferPrivateBuffer(false);
    this.#chunkLent = false;
    this.#full = false;
    this.#stash = null;
    if (this.#paused && this.#tunnel === null) {
      this.#paused = false;
      this.#stream.resume();
    }
  }

  #fail(cause: Cause, detail?: FailureDetail): void {
    this.#failWith(new Failure(cause, this.#sentence(cause), { ...this.#where(), ...detail })); // cold: failures only
  }

  #sentence(cause: Cause): string {
    return `${cause.means} (endpoint ${this.#context.address})`;
  }

  #where(): FailureDetail {
    return { endpoint: this.#context.address, reused: this.#attempt?.reused ?? false };
  }

  #failWith(failure: Failure): void {
    const attempt = this.#attempt;
    if (attempt === null) return this.close();
    const answering = this.#answer >= Answer.body;
    const owner = attempt.owner as AttemptOwner;
    const sink = this.#sink;
    this.#forget();
    this.close();
    if (!answering) owner.failed(attempt, failure);
    else {
      owner.broke(attempt, failure);
      sink?.abort(failure);
    }
    return undefined;
  }

  // ---- The answer's body as a source -------------------------------------------------------------------------------

  resume(): void {
    if (this.#attempt === null) return;
    this.#full = false;
    this.#chunkLent = false;
    this.#progressMs = this.#context.loop.nowMs;
    if (this.#answer === Answer.ending) return this.#finish(null, this.#stash !== null);
    const stash = this.#stash;
    if (stash !== null) {
      this.#stash = null;
      const position = this.#consume(stash, 0, stash.length, false);
      if (position < stash.length) {
        this.#stash = stash.subarray(position);
        return undefined;
      }
    }
    if (this.#full) return undefined;
    if (this.#ended && this.#attempt !== null) return this.#peerEnded();
    if (this.#paused) {
      this.#paused = false;
      this.#stream.resume();
    }
    return undefined;
  }

  pause(): void {
    if (this.#attempt === null) return;
    this.#full = true;
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause();
  }

  // ---- Ending ------------------------------------------------------------------------------------------------------

  drain(): void {
    if (this.#attempt === null || this.#attempt === discarded) this.close();
    else this.status = SessionStatus.draining;
  }

  close(): void {
    if (this.status === SessionStatus.closed) return undefined;
    if (this.#tunnel !== null) return this.#tunnel.breakOff(new Failure(causes.tunnelBroken)); // cold: hard shutdown only
    if (this.#attempt !== null) return this.#fail(causes.reset, { phase: "closing" }); // cold: hard shutdown only
    if (this.status === SessionStatus.connecting) this.#context.stats.connectCancelled();
    this.status = SessionStatus.closed;
    this.#context.loop.wheel.cancel(this.#timer);
    this.#writer.abandon();
    this.#stream.destroy();
    this.#owner.closed(this, null);
    return undefined;
  }

  onEnd(): void {
    this.#context.loop.tick();
    this.#ended = true;
    if (this.#attempt === null) return this.close();
    if (this.#full || this.#stash !== null) return undefined; // first what has arrived must be taken
    return this.#peerEnded();
  }

  #peerEnded(): void {
    if (this.#answer === Answer.body && this.#framing === Framing.untilClose) return this.#finish(null, false);
    if (this.#answer === Answer.ending) return undefined;
    return this.#lost(null);
  }

  onClose(error: Error | null): void {
    this.#context.loop.tick();
    this.#writer.written();
    if (this.status === SessionStatus.connecting) return this.#neverConnected(error);
    if (this.status === SessionStatus.closed) return undefined;
    if (this.#attempt === null) return this.close();
    this.#ended = true;
    if (this.#answer === Answer.ending) return undefined; // all is here, and the caller takes the last of it
    if (
      error === null &&
      this.#framing === Framing.untilClose &&
      this.#answer === Answer.body &&
      this.#stash === null
    ) {
      return this.#finish(null, false);
    }
    return this.#lost(error);
  }

  #neverConnected(error: Error | null): void {
    this.status = SessionStatus.closed;
    this.#context.loop.wheel.cancel(this.#timer);
    const failure = connectFailure(error, this.#context.address);
    this.#context.stats.connectFailed(this.#context.loop.nowMs - this.madeMs);
    this.#owner.closed(this, failure);
  }

  // Not one byte of the request left this machine.
  #isUnsent(): boolean {
    return this.#stream.refused && this.#writer.writes === 0;
  }

  // The connection is gone in the middle of an attempt. What is known decides whether the request may be sent again.
  #lost(error: Error | null): void {
    const code = errorCode(error);
    const detail: FailureDetail = code === "" ? {} : { error: code };
    const timedOut = timeoutCause(error, "upstream");
    if (timedOut !== null && !this.#isUnsent()) return this.#fail(timedOut);
    if (this.#answer >= Answer.body) return this.#fail(causes.answerTruncated, detail);
    if (this.#head !== null) return this.#fail(causes.answerTruncated, { ...detail, phase: "head" }); // cold: failures only
    if (this.#isUnsent()) return this.#fail(causes.unsent, detail);
    if (this.#attempt?.reused === true && this.#interim === 0) return this.#fail(causes.stale, detail);
    return this.#fail(error === null ? causes.closedEarly : causes.reset, detail);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  #watchProgress(): void {
    const { limits, loop } = this.#context;
    if (limits.bodyIdleTimeoutMs > 0) loop.wheel.arm(this.#timer, limits.bodyIdleTimeoutMs);
  }

  onTimer(): void {
    const { limits, loop } = this.#context;
    const nowMs = loop.tick();
    if (this.status === SessionStatus.connecting) this.#connectTimedOut();
    else if (this.#late || this.#attempt === discarded) this.close();
    else if (this.#answer === Answer.head) this.#fail(causes.answerHeadTimeout);
    else if (this.#attempt !== null) {
      const dueMs = this.#progressMs + limits.bodyIdleTimeoutMs;
      if (this.#full) this.#watchProgress(); // the caller is slow, not the service; its own timer watches it
      else if (nowMs < dueMs) loop.wheel.arm(this.#timer, dueMs - nowMs);
      else this.#fail(causes.answerStalled);
    }
    loop.scratch.flush();
  }

  #connectTimedOut(): void {
    const { address, connectTimeoutMs, stats } = this.#context;
    this.status = SessionStatus.closed;
    this.#stream.destroy();
    stats.connectFailed(connectTimeoutMs);
    const message = `Unable to establish connection to ${address} within ${connectTimeoutMs} ms`;
    this.#owner.closed(this, new Failure(causes.connectTimeout, message, { endpoint: address }));
  }
}

function keepsAlive(head: HttpHead): boolean {
  if ((head.connection & ConnectionFlag.close) !== 0) return false;
  return head.minor === 1 || (head.connection & ConnectionFlag.keepAlive) !== 0;
}
