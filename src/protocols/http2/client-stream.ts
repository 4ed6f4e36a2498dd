// @hot One request to a service and its answer: the upstream half of an attempt.
import type { Attempt, AttemptOwner, Upstream } from "../../core/attempt.ts";
import type { BodySink, BodySource, Trailers } from "../../core/body.ts";
import { type Cause, causes } from "../../core/cause.ts";
import { hasPassed } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure, type FailureDetail } from "../../core/failure.ts";
import type { HttpMessage } from "../http/message.ts";
import type { Http2Session } from "./client.ts";
import { ErrorCode, errorName } from "./codec/frames.ts";
import type { Http2Head } from "./head.ts";
import { keepTrailers } from "./server.ts";
import { Ending } from "./streams/stream-table.ts";
import { type Carrier, Http2Stream } from "./streams/stream.ts";

/** A storm of interim answers is an attack. */
const MAX_INTERIM_ANSWERS = 16;

/** A stream that we have opened. */
export class Http2ClientStream extends Http2Stream implements Upstream {
  #session: Http2Session | null = null;
  #attempt: Attempt | null = null;
  #answered = false;
  #interim = 0;
  #toHead = false;
  #bodiless = false;
  /** The head of the answer was all of it. */
  #headOnly = false;
  /** `Outbox.writes` when the request was composed: as long as it is that, nothing of the request has left. */
  #composedAt = 0;
  /** `reads` of the connection when it began. */
  begunAtRead = 0;

  override reset(): void {
    super.reset();
    this.#session = null;
    this.#attempt = null;
    this.#answered = false;
    this.#interim = 0;
    this.#toHead = false;
    this.#bodiless = false;
    this.#headOnly = false;
  }

  /** Belongs to an attempt from now on; its request is composed next. */
  begin(session: Http2Session, id: number, attempt: Attempt, writes: number): void {
    const ex = attempt.exchange as Exchange;
    this.id = id;
    this.carrier = session;
    this.#session = session;
    this.#attempt = attempt;
    this.#composedAt = writes;
    const { method } = ex.request as HttpMessage; // heads here are HTTP's
    this.#toHead = method === "HEAD";
    this.begunMs = session.nowMs;
    this.begunAtRead = session.reads;
    this.movedMs = session.nowMs;
    attempt.upstream = this;
  }

  get attempt(): Attempt | null {
    return this.#attempt;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** The service has the request: it has said something about it. */
  get heard(): boolean {
    return this.#answered || this.#interim > 0;
  }

  /** Nothing of the request has left this machine. */
  unsent(writes: number): boolean {
    return this.#composedAt === writes;
  }

  // ---- The request's body ------------------------------------------------------------------------------------------

  get deaf(): boolean {
    return this.#session === null || this.#session.deaf;
  }

  protected source(): BodySource | null {
    return this.#attempt?.exchange?.downstream ?? null;
  }

  protected sending(bytes: number): void {
    this.#session?.context.stats.requestBytes.add(bytes);
  }

  protected keep(trailers: Trailers, carrier: Carrier): Http2Head {
    return keepTrailers(trailers, carrier);
  }

  protected sent(): void {
    // The stream lives on until its answer is complete.
  }

  // The caller's body broke off; without its rest the request is none.
  abort(failure: Failure): void {
    if (this.#attempt !== null) this.cancel(this.#attempt, failure);
  }

  cancel(attempt: Attempt, _why: Failure): void {
    const session = this.#session;
    if (this.#attempt !== attempt || session === null) return;
    this.#attempt = null;
    session.abandonStream(this, ErrorCode.cancel);
  }

  // Its session sends RST_STREAM unless both sides are done; the connection carries on.
  discard(attempt: Attempt): void {
    const session = this.#session;
    if (this.#attempt !== attempt || session === null) return;
    this.#attempt = null;
    if (this.#headOnly && this.weAreDone) session.completeStream(this);
    else return session.abandonStream(this, ErrorCode.cancel);
    session.tellReleased();
  }

  // ---- The answer --------------------------------------------------------------------------------------------------

  dataProblem(bytes: number): string | null {
    if (!this.#answered) return "DATA before the head of the answer";
    return this.#bodiless && bytes > 0 ? "a body where none may be" : null;
  }

  protected listens(): boolean {
    return this.sink !== null;
  }

  protected passing(_buffer: Buffer, start: number, end: number): void {
    this.#session?.context.stats.responseBytes.add(end - start);
  }

  /** A header block of the answer. Returns what is wrong with it, or null. Takes `head` over only when it is trailers. */
  answerHead(head: Http2Head, endStream: boolean): string | null {
    if (head.status === 101) return "101 Switching Protocols";
    if (head.status < 200) return this.#readInterim(head, endStream);
    const bodiless = this.#toHead || head.status === 304 || head.status === 204;
    if (endStream && !bodiless && head.contentLength > 0) return "content-length without a body";
    this.#answered = true;
    this.#bodiless = bodiless;
    this.movedMs = (this.#session as Http2Session).nowMs;
    this.expectedBytes = bodiless || endStream ? -1 : head.contentLength;
    const attempt = this.#attempt as Attempt;
    const { generation } = this;
    attempt.status = head.status;
    attempt.callStatus = head.grpcStatus; // "Trailers-Only"
    this.#headOnly = endStream;
    this.#session?.beganAnswer();
    const sink = (attempt.owner as AttemptOwner).answered(attempt, head);
    if (this.generation !== generation) return null; // taken back meanwhile: a retry, or the caller is gone
    if (sink === null) {
      this.#attempt = null;
      (this.#session as Http2Session).abandonStream(this, ErrorCode.cancel);
      return null;
    }
    this.sink = sink;
    return null;
  }

  // 1xx: passed on as they come.
  #readInterim(head: Http2Head, endStream: boolean): string | null {
    if (endStream) return "an interim answer that ends the stream";
    if (++this.#interim > MAX_INTERIM_ANSWERS) return "too many interim answers";
    const ex = (this.#attempt as Attempt).exchange as Exchange;
    ex.downstream.inform(ex, head);
    return null;
  }

  // The session is free again before the sink hears the end, because the caller's next request may follow at once.
  protected complete(trailers: Http2Head | null): void {
    const attempt = this.#attempt as Attempt;
    const session = this.#session as Http2Session;
    const sink = this.sink as BodySink;
    this.#attempt = null;
    if (trailers !== null) attempt.callStatus = trailers.grpcStatus;
    const owner = attempt.owner as AttemptOwner;
    session.completeStream(this);
    owner.finished(attempt);
    sink.end(trailers);
    session.tellReleased();
  }

  /** Ends the attempt with a failure. The stream has been forgotten by its connection, and is given back here. */
  fail(cause: Cause, detail: FailureDetail, ending: Ending = Ending.resetByUs): void {
    const attempt = this.#attempt;
    const session = this.#session;
    if (attempt === null || session === null) return;
    const where = { endpoint: session.address, reused: attempt.reused, ...detail }; // cold: failures only
    const failure = new Failure(cause, `${cause.means} (endpoint ${session.address})`, where);
    const sink = this.sink;
    const answered = this.#answered;
    const owner = attempt.owner as AttemptOwner;
    this.#attempt = null;
    session.dropStream(this, ending);
    if (!answered) owner.failed(attempt, failure);
    else {
      owner.broke(attempt, failure);
      sink?.abort(failure);
    }
    session.tellReleased();
  }

  /** The service reset the stream. */
  peerReset(code: number): void {
    if (code === ErrorCode.refusedStream && !this.#answered) this.fail(causes.h2Refused, {}, Ending.resetByPeer);
    else this.fail(this.#causeOfReset(code), { code, error: errorName(code) }, Ending.resetByPeer);
  }

  // Services of gRPC know the deadline too, and those of grpc-go reset what is late: a hair before the caller, who then hears it from us.
  #causeOfReset(code: number): Cause {
    const deadline = this.#attempt?.exchange?.deadline ?? null;
    if (code !== ErrorCode.cancel || deadline === null) return causes.h2Reset;
    const { clock } = (this.#session as Http2Session).context.shared.loop;
    return hasPassed(deadline, clock.epochMs()) ? causes.h2GaveUp : causes.h2Reset;
  }

  /** Nothing of the answer waits here for its caller. */
  get idleIn(): boolean {
    return this.drained && !this.full;
  }
}
