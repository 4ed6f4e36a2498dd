// @hot The requests a session sends: each is written to the connection as it comes from its caller.
//
// A session is one object in four classes that build on each other: the requests it sends (here), what it reads (`client-input`), the
// answers in that (`client-answers`), and its beginning, its end, and time (`client`).
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { Attempt, AttemptOwner, Upstream } from "../../core/attempt.ts";
import type { Trailers } from "../../core/body.ts";
import type { ByteStream, Connector } from "../../core/byte-stream.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { noHead } from "../../core/exchange.ts";
import { Failure, type FailureDetail } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { type Session, type SessionOwner, SessionStatus } from "../../core/session.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { Framing, HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import type { ClientContext } from "./client-context.ts";
import { lengthOf, requestFraming, writeForeignRequest } from "./foreign-head.ts";
import { MessageWriter, type WriterOwner } from "./message-writer.ts";
import { writeRequestHead } from "./write-head.ts";

/** What of an answer is awaited next; the order counts. */
export const Answer = { none: 0, head: 1, body: 2, ending: 3, tunnel: 4 } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** What a CONNECT comes to. */
const CONNECTED = 200;

/** A connection to a service as the sink of requests. */
export abstract class ClientRequests implements Session, Connector, Upstream, WriterOwner {
  status: SessionStatus = SessionStatus.connecting;
  active = 0;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs: number;
  protected readonly owner: SessionOwner;
  protected readonly context: ClientContext;
  protected readonly stream: ByteStream;
  protected readonly writer: MessageWriter;
  protected readonly timer = new WheelTimer(this);

  protected attempt: Attempt | null = null;
  protected requestDone = true;
  #requestChunked = false;
  /** Bytes of the request's body that are still to come, when it has a length. */
  #owedBytes = 0;
  /** The answer is complete, and the kernel has yet to report that the request's last bytes have left. */
  protected late = false;

  // Of the answer to it.
  protected answer: Answer = Answer.none;
  protected toHead = false;
  protected interim = 0;

  constructor(context: ClientContext, owner: SessionOwner) {
    this.context = context;
    this.owner = owner;
    this.madeMs = context.loop.nowMs;
    this.stream = context.transport.connect(context.endpoint, this);
    this.writer = new MessageWriter(this.stream, context.loop.scratch, this, context.stats.sentBytes);
  }

  abstract onConnect(): void;
  abstract onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean;
  abstract onEnd(): void;
  abstract onClose(error: Error | null): void;
  abstract onTimer(): void;
  abstract resume(): void;
  abstract pause(): void;
  abstract cancel(attempt: Attempt, why: Failure): void;
  abstract discard(attempt: Attempt): void;
  abstract drain(): void;
  abstract close(): void;
  /** Ends the attempt with a failure, and the connection. */
  protected abstract fail(cause: Cause, detail?: FailureDetail): void;
  /** The connection becomes a tunnel, which is what `status` and `head` say. */
  protected abstract openTunnel(attempt: Attempt, status: number, head: MessageHead): void;

  dispatch(attempt: Attempt): void {
    const ex = attempt.exchange as Exchange;
    if (!(ex.request instanceof HttpHead) && (ex.request as HttpMessage).method === "CONNECT") {
      this.owner.released(this); // a tunnel of HTTP/2 cannot go on in HTTP/1
      return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.requestMethodUnsupported));
    }
    this.status = SessionStatus.full;
    this.active = 1;
    this.attempt = attempt;
    this.answer = Answer.head;
    this.interim = 0;
    this.writer.writes = 0;
    this.requestDone = !ex.hasBody;
    attempt.reused = this.served > 0;
    attempt.upstream = this;
    this.served++;
    if (ex.tunnel === Tunnel.direct) return this.openTunnel(attempt, CONNECTED, noHead);
    if (ex.deadlineKept) ex.passTime(this.context.loop.nowMs);
    if (ex.request instanceof HttpHead) this.#sendHead(ex, ex.request);
    else this.#sendForeignHead(ex, ex.request as HttpMessage); // joined with a server half of another version
    if (ex.hasBody) ex.downstream.resume();
    return undefined;
  }

  #sendHead(ex: Exchange, head: HttpHead): void {
    this.#requestChunked = head.framing === Framing.chunked;
    this.#owedBytes = this.#requestChunked ? 0 : head.contentLength;
    this.toHead = head.methodEnd === 4 && head.method === "HEAD";
    writeRequestHead(this.writer.begin(), ex, head);
  }

  #sendForeignHead(ex: Exchange, message: HttpMessage): void {
    const framing = requestFraming(ex, message);
    this.#requestChunked = framing === Framing.chunked;
    this.#owedBytes = framing === Framing.length ? lengthOf(message) : 0;
    this.toHead = message.method === "HEAD";
    writeForeignRequest(this.writer.begin(), ex, message, framing);
  }

  get deaf(): boolean {
    return this.stream.refused;
  }

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    if (this.attempt === null || this.requestDone) return true;
    if (!this.#requestChunked) this.#owedBytes -= end - start;
    return this.writer.chunk(buffer, start, end, lendable, this.#requestChunked);
  }

  end(trailers: Trailers | null): void {
    if (this.attempt === null || this.requestDone) return undefined;
    // What came next on this connection would be taken for the rest of this body.
    if (this.#owedBytes !== 0) return this.fail(causes.internal, { phase: "body" }); // cold: a bug of ours
    if (this.#requestChunked) this.writer.lastChunk(trailers);
    this.requestDone = true;
    return undefined;
  }

  // The caller's body broke off; without its rest the request is none.
  abort(failure: Failure): void {
    if (this.attempt !== null) this.cancel(this.attempt, failure);
  }

  onBlocked(): void {
    this.attempt?.exchange?.downstream.pause();
  }

  onWritten(): void {
    this.context.loop.tick();
    this.writer.written();
    if (this.late && !this.writer.blocked) this.release();
    // Also when that was the end of the request: the caller may send on, or leave.
    this.attempt?.exchange?.downstream.resume();
  }

  // Not one byte of the request left this machine.
  protected isUnsent(): boolean {
    return this.stream.refused && this.writer.writes === 0;
  }

  // What a service that has answered does not read may stay unwritten for ever, unless there is a time for it.
  protected willBeWritten(): boolean {
    if (this.stream.refused) return false;
    return !this.writer.blocked || this.context.limits.bodyIdleTimeoutMs > 0;
  }

  // Ready for the next request, or closed when there shall be none.
  protected release(): void {
    const { loop } = this.context;
    this.late = false;
    loop.wheel.cancel(this.timer);
    if (this.status === SessionStatus.draining) return this.close();
    this.status = SessionStatus.ready;
    this.idleSinceMs = loop.nowMs;
    this.owner.released(this);
    return undefined;
  }
}
