// @hot The answers a caller gets, and the end of an exchange when both of its messages are over.
import type { Trailers } from "../../core/body.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import type { Downstream, Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { failureStatus } from "../http/failure-answer.ts";
import { Framing, HttpHead } from "../http/head.ts";
import type { HttpMessage } from "../http/message.ts";
import { cannedAnswer, failureAnswer } from "./failure-text.ts";
import { answerFramingOf, writeForeignAnswer, writeForeignInterim } from "./foreign-head.ts";
import { MessageWriter, type WriterOwner } from "./message-writer.ts";
import { isHead } from "./request-traits.ts";
import { ServerBodies } from "./server-bodies.ts";
import type { ServerContext } from "./server-context.ts";
import { State } from "./server-input.ts";
import { writeAnswerHead, writeInterimHead } from "./write-head.ts";

/** A connection as the sink of answers. */
export abstract class ServerAnswers extends ServerBodies implements Downstream, WriterOwner {
  readonly remote: string;
  readonly local: string;
  protected readonly writer: MessageWriter;
  #answerFraming: Framing = Framing.none;
  protected answerDone = false;
  /** When the caller last took some of what it was sent, as far as is known, and what was left then. */
  protected stalledSinceMs = 0;
  protected stalledBytes = 0;

  constructor(stream: ByteStream, context: ServerContext) {
    super(stream, context);
    this.remote = context.needsRemote() ? stream.remote : "";
    this.local = context.address;
    this.writer = new MessageWriter(stream, context.loop.scratch, this, context.stats.sentBytes);
  }

  /** No request shall follow the one in progress. */
  protected abstract isLeaving(): boolean;
  /** Shall it go on after an answer that said so? */
  protected abstract keepsPromises(): boolean;
  /** Ends the connection after its last answer. */
  protected abstract finishSending(): void;
  protected abstract close(reset: boolean): void;
  /** The answer is that the connection becomes a tunnel. */
  protected abstract openTunnel(ex: Exchange, head: MessageHead): void;

  inform(_ex: Exchange, head: MessageHead): void {
    if (this.state >= State.closing) return;
    const request = this.head as HttpHead;
    if (request.minor === 0) return; // RFC 9110 §15.2: HTTP/1.0 knows no interim answers
    const scratch = this.writer.begin();
    if (head instanceof HttpHead) writeInterimHead(scratch, head);
    else writeForeignInterim(scratch, head as HttpMessage); // joined with a client half of another version
  }

  answer(ex: Exchange, head: MessageHead): void {
    const answer = head as HttpMessage; // client halves of HTTP
    const request = this.head as HttpHead;
    const form = this.context.answerForm;
    if (ex.tunnel !== Tunnel.none) {
      if (ex.tunnel === Tunnel.open) return this.openTunnel(ex, head);
      this.#refuseTunnel();
    }
    ex.status = answer.status;
    // A refusal before the end of the request: the rest may or may not come, so nothing can follow on this connection.
    if (this.isLeaving() || (!this.requestDone && answer.status >= 300)) this.keepAlive = false;
    let framing: Framing =
      head instanceof HttpHead ? head.framing : answerFramingOf(answer, isHead(request), request.minor);
    if (framing === Framing.untilClose) framing = request.minor === 1 ? Framing.chunked : Framing.untilClose;
    else if (framing === Framing.chunked && request.minor === 0) framing = Framing.untilClose;
    if (framing === Framing.untilClose) this.keepAlive = false;
    this.#answerFraming = framing;
    form.chunked = framing === Framing.chunked;
    form.close = !this.keepAlive;
    form.keepAlive10 = this.keepAlive && request.minor === 0;
    const scratch = this.writer.begin();
    if (head instanceof HttpHead) writeAnswerHead(scratch, ex, head, form);
    else writeForeignAnswer(scratch, ex, answer, form);
    return undefined;
  }

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const ex = this.exchange;
    if (ex === null || this.state >= State.closing) return true;
    ex.responseBytes += end - start;
    if (this.writer.chunk(buffer, start, end, lendable, this.#answerFraming === Framing.chunked)) return true;
    this.noteStall();
    return false;
  }

  end(trailers: Trailers | null): void {
    if (this.exchange === null) return;
    if (this.#answerFraming === Framing.chunked) this.writer.lastChunk(trailers);
    this.answerDone = true;
    this.settle();
  }

  fail(ex: Exchange, failure: Failure): void {
    const { limits } = this.context;
    if (ex.answered) return this.abort(failure);
    ex.status = failureStatus(failure);
    if (ex.tunnel !== Tunnel.none) this.#refuseTunnel();
    if (this.isLeaving() || !this.requestDone) this.keepAlive = false;
    if (!this.requestDone) this.orderly = false;
    const request = this.head as HttpHead;
    const text = failureAnswer(failure, {
      replayable: !ex.hasBody || request.get("finagle-http-retryable-request") !== undefined,
      clearContext: this.context.admission.clearContext,
      toHead: isHead(request),
      close: !this.keepAlive,
      keepAlive10: this.keepAlive && request.minor === 0,
      maxErrBytes: limits.maxErrBytes,
    });
    this.writer.begin().appendText(text);
    ex.responseBytes = text.length - text.indexOf("\r\n\r\n") - 4;
    this.answerDone = true;
    this.requestDone = true;
    this.settle();
    return undefined;
  }

  // What came ahead may be a request, or what was meant for the other protocol: nobody can know, and it goes nowhere.
  #refuseTunnel(): void {
    if (this.stash !== null) this.keepAlive = false;
  }

  canned(ex: Exchange, status: number): void {
    ex.status = status;
    if (ex.tunnel !== Tunnel.none) this.#refuseTunnel();
    if (this.isLeaving() || !this.requestDone) this.keepAlive = false;
    const request = this.head as HttpHead;
    const text = cannedAnswer(status, ex.outcome, {
      close: !this.keepAlive,
      keepAlive10: this.keepAlive && request.minor === 0,
      clearContext: this.context.admission.clearContext,
    });
    this.writer.begin().appendText(text);
    this.answerDone = true;
    this.settle();
  }

  // The answer broke off: the caller must be able to tell that it is not complete.
  abort(_failure: Failure): void {
    if (this.exchange === null) return;
    this.writer.flush();
    this.keepAlive = false;
    this.finish();
    this.close(this.#answerFraming === Framing.untilClose);
  }

  onBlocked(): void {
    this.noteStall();
    this.exchange?.attempt?.upstream?.pause();
  }

  // The caller has enough for the moment; from here on it must take some.
  protected noteStall(): void {
    this.stalledSinceMs = this.context.loop.nowMs;
    this.stalledBytes = this.stream.unsentBytes;
    this.arm();
  }

  // Both messages over: the exchange is finished. An answer that is complete before its request ends the connection.
  protected settle(): void {
    if (!this.answerDone || this.exchange === null) return;
    if (!this.requestDone) {
      this.keepAlive = false;
      this.orderly = false;
    }
    this.finish();
    // Draining may have begun after the head of the answer promised to keep the connection.
    if (this.keepAlive && this.keepsPromises()) {
      this.state = State.idle;
      this.sinceMs = this.context.loop.nowMs;
      const { idleTimeoutMs, lifeTimeMs } = this.context.limits;
      if (idleTimeoutMs > 0 || lifeTimeMs > 0 || this.isLeaving()) this.arm();
      this.proceed();
    } else {
      this.finishSending();
    }
  }

  protected finish(): void {
    const ex = this.exchange as Exchange;
    this.detach();
    this.context.handler.finished(ex);
    this.recycle(ex);
  }

  protected detach(): void {
    this.exchange = null;
    this.sink = null;
    this.heardBy = -1;
    this.full = false;
    this.preferPrivateBuffer(false);
    this.chunkLent = false;
    this.replay?.reset();
  }

  protected recycle(ex: Exchange): void {
    const { loop, heads } = this.context;
    loop.exchanges.give(ex);
    const head = this.head;
    this.head = null;
    if (head !== null) heads.give(head);
  }
}
