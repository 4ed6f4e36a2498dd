// @hot One request of a caller and its answer: the downstream half of an exchange.
import type { BodySink, BodySource, Trailers } from "../../core/body.ts";
import type { Downstream, Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { admitContext } from "../http/admit.ts";
import { takeTimeout } from "../grpc/deadline.ts";
import { isGrpcMessage } from "../grpc/content-type.ts";
import { cannedFields, failureStatus } from "../http/failure-answer.ts";
import { Field } from "../http/field-names.ts";
import { Outcome } from "../../core/outcome.ts";
import { ErrorCode } from "./codec/frames.ts";
import type { HeaderField } from "./codec/header-field.ts";
import { failureHead, failureTrailers, OwnFields } from "./failure-answer.ts";
import { Http2Head } from "./head.ts";
import { ReplayBuffer } from "../http/replay-buffer.ts";
import { resetCodeOf } from "./reset-codes.ts";
import type { Http2ServerConnection } from "./server.ts";
import { type Carrier, Http2Stream } from "./streams/stream.ts";
import { FAILURE, SUCCESS } from "./write-head.ts";

const ANY = Number.POSITIVE_INFINITY;

/** A stream that a caller has opened. */
export class Http2ServerStream extends Http2Stream implements Downstream {
  #connection: Http2ServerConnection | null = null;
  #exchange: Exchange | null = null;
  #head: Http2Head | null = null;
  #replay: ReplayBuffer | null = null;
  /** All of the request has gone to the attempt. */
  #requestPassed = false;
  /** Which attempt the sink belongs to: streams are pooled, so that the next may have the very object of the last. */
  #heardBy = -1;
  /** The head of the answer could not tell how the call went. */
  #owesClass = false;

  override reset(): void {
    super.reset();
    this.#connection = null;
    this.#exchange = null;
    this.#head = null;
    this.#replay?.reset();
    this.#requestPassed = false;
    this.#heardBy = -1;
    this.#owesClass = false;
  }

  get remote(): string {
    return this.#connection?.remote ?? "?";
  }

  get exchange(): Exchange | null {
    return this.#exchange;
  }

  /** Takes a request to its router. The connection has found it in order, or says why not. */
  begin(
    connection: Http2ServerConnection,
    id: number,
    head: Http2Head,
    endStream: boolean,
    refusal: Failure | null,
  ): void {
    const { context } = connection;
    const ex = context.shared.loop.exchanges.take();
    this.id = id;
    this.carrier = connection;
    this.#connection = connection;
    this.#exchange = ex;
    this.#head = head;
    this.begunMs = connection.nowMs;
    this.movedMs = connection.nowMs;
    this.peerDone = endStream;
    this.#requestPassed = endStream;
    this.expectedBytes = endStream ? -1 : head.contentLength;
    ex.downstream = this;
    ex.request = head;
    ex.startMs = connection.nowMs;
    ex.hasBody = !endStream;
    ex.idempotent = head.methodField !== null && isIdempotent(head.methodField);
    ex.safe = ex.idempotent && isSafe((head.methodField as HeaderField).value);
    const failure = refusal ?? admitContext(ex, head, connection, context.admission);
    if (ex.broughtOverride || failure !== null) connection.tookWork(WORK_PER_OVERRIDE);
    if (failure === null) {
      if (head.grpcTimeout !== null) takeTimeout(ex, head.grpcTimeout.value);
      context.handler.accept(ex);
    } else {
      context.handler.refuse(ex, failure);
    }
  }

  // ---- The request's body ------------------------------------------------------------------------------------------

  // Between an attempt that failed and the next nobody listens: what is passed then would be lost.
  protected listens(): boolean {
    const ex = this.#exchange;
    if (ex === null || ex.attempts !== this.#heardBy) return false;
    const upstream = ex.attempt?.upstream;
    return upstream !== undefined && upstream !== null && upstream === this.sink && !upstream.deaf;
  }

  dataProblem(): string | null {
    return null;
  }

  protected passing(buffer: Buffer, start: number, end: number): void {
    const ex = this.#exchange as Exchange;
    ex.requestBytes += end - start;
    (this.#connection as Http2ServerConnection).context.stats.requestBytes.add(end - start);
    (this.#replay ??= new ReplayBuffer(REPLAY_FIRST_BYTES)).keep(buffer, start, end, ex.path?.replayBytes ?? 0);
  }

  protected complete(trailers: Http2Head | null): void {
    this.#requestPassed = true;
    if (trailers !== null) (this.#replay ??= new ReplayBuffer(REPLAY_FIRST_BYTES)).give();
    (this.sink as BodySink).end(trailers);
  }

  override resume(): void {
    const ex = this.#exchange;
    if (ex === null) return;
    const upstream = ex.attempt === null ? null : ex.attempt.upstream;
    if (upstream !== null && ex.attempts !== this.#heardBy) {
      this.#heardBy = ex.attempts;
      this.#attach(upstream);
    }
    super.resume();
  }

  // A new attempt hears the body from its beginning.
  #attach(sink: BodySink): void {
    this.sink = sink;
    const replay = this.#replay;
    if (replay !== null && replay.length > 0) sink.write(replay.buffer, 0, replay.length, false);
    if (this.#requestPassed) sink.end(null);
  }

  get requestPassed(): boolean {
    return this.#requestPassed;
  }

  canReplay(): boolean {
    return this.#replay === null || this.#replay.complete;
  }

  // ---- The answer --------------------------------------------------------------------------------------------------

  protected source(): BodySource | null {
    return this.#exchange?.attempt?.upstream ?? null;
  }

  protected sending(bytes: number): void {
    (this.#exchange as Exchange).responseBytes += bytes;
    (this.#connection as Http2ServerConnection).context.stats.responseBytes.add(bytes);
  }

  protected keep(trailers: Trailers, carrier: Carrier): Http2Head {
    return (this.#connection as Http2ServerConnection).keepTrailers(trailers, carrier);
  }

  inform(_ex: Exchange, head: MessageHead): void {
    this.#connection?.sendInterim(this, head);
  }

  answer(ex: Exchange, head: MessageHead): void {
    this.#owesClass = ex.undecided;
    this.movedMs = (this.#connection as Http2ServerConnection).nowMs;
    (this.#connection as Http2ServerConnection).sendAnswer(this, ex, head);
  }

  // Where only the end of the answer tells how it went, that is said there too (linkerd1 §2.6.3).
  override end(trailers: Trailers | null): void {
    const ex = this.#exchange;
    if (this.#owesClass && ex !== null && trailers instanceof Http2Head) this.#tellClass(ex, trailers);
    super.end(trailers);
  }

  #tellClass(ex: Exchange, trailers: Http2Head): void {
    const told = trailers.find(Field.l5dSuccessClass);
    if (told >= 0) ex.verdict = trailers.value(told) === "0.0" ? Outcome.failure : Outcome.success;
    else if (!(this.#connection as Http2ServerConnection).context.admission.clearContext)
      trailers.list.add(ex.outcome === Outcome.success ? SUCCESS : FAILURE, ANY, ANY);
  }

  fail(ex: Exchange, failure: Failure): void {
    if (ex.answered) return this.abort(failure);
    const connection = this.#connection as Http2ServerConnection;
    const { admission, limits } = connection.context;
    const request = this.#head as Http2Head;
    const form = {
      replayable: !ex.hasBody || request.get("finagle-http-retryable-request") !== undefined,
      clearContext: admission.clearContext,
      maxErrBytes: limits.maxErrBytes,
      grpc: isGrpcMessage(request),
      toHead: request.method === "HEAD",
    };
    ex.status = form.grpc ? 200 : failureStatus(failure);
    this.#answerWith(failureHead(failure, form));
    return undefined;
  }

  canned(ex: Exchange, status: number): void {
    const { clearContext } = (this.#connection as Http2ServerConnection).context.admission;
    ex.status = status;
    this.#answerWith(new OwnFields(status, cannedFields(status, ex.outcome, clearContext).fields, null));
  }

  // An answer of the proxy's own: its head, and a body that is short.
  #answerWith(answer: OwnFields): void {
    const connection = this.#connection as Http2ServerConnection;
    connection.sendOwnAnswer(this, answer);
    const { body } = answer;
    if (body !== null) this.write(body, 0, body.length, false);
    super.end(null);
  }

  // The answer broke off: a gRPC caller is told in the trailers, any other by a reset.
  abort(failure: Failure): void {
    const connection = this.#connection;
    const ex = this.#exchange;
    if (connection === null || ex === null || this.weAreDone) return;
    if (isGrpcMessage(this.#head as Http2Head)) {
      const { clearContext } = connection.context.admission;
      const trailers = connection.ownTrailers(failureTrailers(failure, clearContext));
      super.end(trailers);
      connection.giveHead(trailers);
      return;
    }
    connection.sendReset(this.id, resetCodeOf(failure));
    this.#finish(ex, connection, true);
  }

  protected sent(): void {
    const connection = this.#connection as Http2ServerConnection;
    const ex = this.#exchange as Exchange;
    const early = !this.peerDone;
    // The rest of the request is of no use to anybody (RFC 9113 §8.1).
    if (early) connection.sendReset(this.id, ErrorCode.noError);
    this.#finish(ex, connection, early);
  }

  #finish(ex: Exchange, connection: Http2ServerConnection, wasReset: boolean): void {
    this.#exchange = null;
    connection.context.handler.finished(ex);
    this.#recycle(ex, connection, wasReset);
  }

  #recycle(ex: Exchange, connection: Http2ServerConnection, wasReset: boolean): void {
    const { shared, stats } = connection.context;
    stats.streamEnded(this.weAreDone && !wasReset, connection.nowMs - this.begunMs);
    shared.loop.exchanges.give(ex);
    this.dropTrailers();
    const head = this.#head as Http2Head;
    this.#head = null;
    shared.heads.give(head);
    connection.over(this, wasReset);
  }

  /** The caller is gone, or broke the rules: all work for it stops. The stream has been reset, or its connection is gone. */
  cancel(failure: Failure, wasReset: boolean): void {
    const ex = this.#exchange;
    const connection = this.#connection;
    if (ex === null || connection === null) return;
    this.#exchange = null;
    connection.context.handler.cancelled(ex, failure);
    this.#recycle(ex, connection, wasReset);
  }

  /** Ends it with a failure of ours, in whatever form it can still be told. */
  abandon(failure: Failure): void {
    if (this.#exchange !== null) this.#connection?.context.handler.refuse(this.#exchange, failure);
  }

  /** Bytes wait for the caller to open its window. */
  get stuck(): boolean {
    return this.bytesWaiting > 0 && (this.#connection as Http2ServerConnection).windowShut(this);
  }

  /** The caller still owes a part of the body, and somebody waits for it. */
  get owed(): boolean {
    return !this.peerDone && this.drained && !this.full && this.listens();
  }
}

/** A delegation table of the caller's is parsed and bound for it alone; a refusal is told at length. */
const WORK_PER_OVERRIDE = 100;
/** Most bodies of calls fit here; the memory stays with the pooled stream. */
const REPLAY_FIRST_BYTES = 128;

// RFC 9110 §9.2.2, by length first so that no string is made.
function isIdempotent(method: HeaderField): boolean {
  if (method.length === 4) return method.value === "HEAD"; // POST, much the most frequent, ends here
  return IDEMPOTENT.has(method.value);
}

function isSafe(method: string): boolean {
  return method !== "PUT" && method !== "DELETE";
}

const IDEMPOTENT = new Set(["GET", "PUT", "HEAD", "TRACE", "DELETE", "OPTIONS"]);
