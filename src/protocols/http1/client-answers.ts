// @hot The answers to a session's requests: their heads, their bodies, and what happens to those nobody wants.
//
// The third of the four classes of a session (`client-requests`). Any doubt about where an answer ends closes the connection: what comes
// next on it could be taken for the answer to somebody else's request.
import type { Attempt, AttemptOwner } from "../../core/attempt.ts";
import type { BodySink, Trailers } from "../../core/body.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import { ConnectionFlag, Framing, type HttpHead } from "../http/head.ts";
import { BodyReader, BodyStep } from "./body-reader.ts";
import { ClientInput } from "./client-input.ts";
import { Answer } from "./client-requests.ts";
import { answerFraming, Parse, parseAnswerHead } from "./codec/parse-head.ts";
import { Discard, discarded, MOST_DISCARDED_BYTES } from "./discarded.ts";
import { switchProblem } from "./upgrade.ts";

const PRIVATE_FROM_BYTES = 16 * 1024;
const MAX_INTERIM_ANSWERS = 16;
/** With which a service switches to another protocol. */
const SWITCHING = 101;
/** As HTTP/2 reads it (`codec/header-field`). */
const CALL_STATUS = /^\d{1,3}$/;
/** The rest of an answer that nobody wants has so long to arrive: while it comes, the connection is of no use to anybody. */
const DISCARD_MS = 250;
const ANSWER_PROBLEMS = { chunk: causes.answerChunk, trailer: causes.answerChunk };

/** A connection to a service as a source of answers. */
export abstract class ClientAnswers extends ClientInput {
  protected sink: BodySink | null = null;
  /** The head in progress, when one read has not brought all of it. */
  protected head: HttpHead | null = null;
  #body: BodyReader | null = null;
  protected framing: Framing = Framing.none;
  /** The service lets the connection go on after this answer. */
  #keep = false;
  #privateBuffer = false;

  // ---- Heads -------------------------------------------------------------------------------------------------------

  protected readHead(buffer: Buffer, start: number, end: number): number {
    if (this.isUnsent()) {
      this.fail(causes.unsent); // what comes cannot be the answer to it
      return end;
    }
    const { answerHead, heads, limits, loop } = this.context;
    let head = this.head;
    let next: number;
    let verdict: Parse;
    if (head === null) {
      answerHead.reset();
      answerHead.begin(buffer, start);
      verdict = parseAnswerHead(answerHead, end, limits.head);
      if (verdict === Parse.incomplete) {
        head = heads.take();
        this.head = head;
        head.accumulate(buffer, start, end);
        parseAnswerHead(head, head.accumulated, limits.head);
        if (limits.headerTimeoutMs > 0) loop.wheel.arm(this.timer, limits.headerTimeoutMs);
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
    if (verdict === Parse.done) verdict = answerFraming(head, this.toHead);
    if (verdict === Parse.bad) {
      this.fail(head.problem as Cause);
      return end;
    }
    const partial = this.head;
    this.head = null;
    if (partial !== null) loop.wheel.cancel(this.timer);
    if (head.status < 200) this.#readInterim(head);
    else this.#begin(head, next < end);
    if (partial !== null) heads.give(partial);
    return next;
  }

  // 1xx: passed on as they come, and a storm of them is an attack; but for 101, which is the last answer on this connection.
  #readInterim(head: HttpHead): void {
    const ex = (this.attempt as Attempt).exchange as Exchange;
    if (head.status === SWITCHING) this.#switch(ex, head);
    else if (++this.interim > MAX_INTERIM_ANSWERS) this.fail(causes.answerUnexpected);
    else ex.downstream.inform(ex, head);
  }

  #switch(ex: Exchange, head: HttpHead): void {
    const problem = switchProblem(ex, head);
    if (problem !== null) this.fail(problem);
    else this.openTunnel(this.attempt as Attempt, SWITCHING, head);
  }

  #begin(head: HttpHead, more: boolean): void {
    const attempt = this.attempt as Attempt;
    this.framing = head.framing;
    this.#keep = keepsAlive(head) && head.framing !== Framing.untilClose;
    attempt.status = head.status;
    this.#readCallStatus(attempt, head);
    this.answer = Answer.body;
    if (head.framing !== Framing.none) {
      this.#body ??= new BodyReader(ANSWER_PROBLEMS, this.context.limits.head);
      this.#body.begin(head.framing, head.contentLength);
    }
    const sink = (attempt.owner as AttemptOwner).answered(attempt, head);
    if (this.attempt !== attempt) {
      // Taken back meanwhile: a retry, or the caller is gone.
      if (this.attempt === discarded) this.#passOver(more);
      return;
    }
    this.sink = sink;
    if (sink === null) {
      this.forget();
      this.close();
    } else if (head.framing === Framing.none) {
      this.finish(null, more);
    } else if (!more) {
      this.watchProgress(); // a body that is here already needs no watching
    }
  }

  // Where calls are judged by what the service made of them (gRPC), that is told in the head, or behind the body.
  #readCallStatus(attempt: Attempt, told: Trailers): void {
    if (attempt.exchange?.path?.classifier.late !== true) return;
    const status = told.get("grpc-status");
    if (status !== undefined && CALL_STATUS.test(status)) attempt.callStatus = Number(status);
  }

  // ---- Bodies ------------------------------------------------------------------------------------------------------

  protected readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    const sink = this.sink as BodySink;
    const body = this.#body as BodyReader;
    let at = start;
    for (;;) {
      const step = body.next(buffer, at, end);
      at = body.position;
      if (step === BodyStep.data) {
        if (sink.write(buffer, body.start, body.end, lendable)) {
          if (this.sink !== sink) return end; // cancelled by what it wrote to
          continue;
        }
        if (this.sink !== sink) return end;
        this.full = true;
        this.chunkLent = lendable;
        if (!this.timer.armed) this.watchProgress();
        if (body.remaining === 0 && this.framing === Framing.length) this.answer = Answer.ending;
        return at;
      }
      if (step === BodyStep.end) {
        this.finish(body.trailers, at < end);
        return at;
      }
      if (step === BodyStep.bad) {
        this.fail(body.problem as Cause);
        return end;
      }
      this.#preferPrivateBuffer(body.remaining > PRIVATE_FROM_BYTES);
      if (!this.timer.armed) this.watchProgress();
      return at;
    }
  }

  #preferPrivateBuffer(on: boolean): void {
    if (on === this.#privateBuffer) return;
    this.#privateBuffer = on;
    this.stream.usePrivateBuffer(on, this.chunkLent);
  }

  // The session is free again before the sink hears the end, because the caller's next request may follow at once.
  protected finish(trailers: Trailers | null, more: boolean): void {
    const attempt = this.attempt as Attempt;
    const sink = this.sink as BodySink;
    const reusable = this.#keep && this.requestDone && !more && !this.ended && this.willBeWritten();
    const owner = attempt.owner as AttemptOwner;
    if (trailers !== null) this.#readCallStatus(attempt, trailers);
    this.forget();
    if (!reusable) {
      this.close();
      owner.finished(attempt);
    } else if (this.writer.blocked) {
      this.late = true;
      this.watchProgress();
      owner.finished(attempt);
    } else {
      owner.finished(attempt);
      this.release();
    }
    sink.end(trailers);
  }

  // Clears everything that belongs to the attempt.
  protected forget(): void {
    this.attempt = null;
    this.sink = null;
    this.answer = Answer.none;
    this.active = 0;
    this.context.loop.wheel.cancel(this.timer);
    const head = this.head;
    this.head = null;
    if (head !== null) this.context.heads.give(head);
    this.#preferPrivateBuffer(false);
    this.chunkLent = false;
    this.full = false;
    this.stash = null;
    if (this.paused && this.tunnel === null) {
      this.paused = false;
      this.stream.resume();
    }
  }

  protected watchProgress(): void {
    const { limits, loop } = this.context;
    if (limits.bodyIdleTimeoutMs > 0) loop.wheel.arm(this.timer, limits.bodyIdleTimeoutMs);
  }

  // ---- Answers that nobody wants -----------------------------------------------------------------------------------

  cancel(attempt: Attempt, _why: Failure): void {
    if (this.attempt !== attempt) return;
    this.forget();
    this.close();
  }

  // Only while `answered` tells of its head: what follows goes to nobody, or the connection is closed.
  discard(attempt: Attempt): void {
    if (this.attempt !== attempt) return;
    if (!this.requestDone || !this.#keep || this.writer.blocked || this.#answerBytes() > MOST_DISCARDED_BYTES) {
      this.forget();
      this.close();
      return;
    }
    this.attempt = discarded;
    this.sink = new Discard(() => this.close()); // cold: answers that are not passed on
  }

  // As far as it was told.
  #answerBytes(): number {
    return this.framing === Framing.length ? (this.#body as BodyReader).remaining : 0;
  }

  #passOver(more: boolean): void {
    if (this.framing === Framing.none) this.finish(null, more);
    else this.context.loop.wheel.arm(this.timer, DISCARD_MS);
  }
}

function keepsAlive(head: HttpHead): boolean {
  if ((head.connection & ConnectionFlag.close) !== 0) return false;
  return head.minor === 1 || (head.connection & ConnectionFlag.keepAlive) !== 0;
}
