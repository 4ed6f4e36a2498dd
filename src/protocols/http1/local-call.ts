// One request that this process answers itself: the same two ends the router's attempts have, with our own code between them.
//
//   the caller's body ──▶ write … end ──▶ body()        serve        pieces ──▶ downstream.write ──▶ the caller
import type { Env } from "../../base/env.ts";
import type { Timer } from "../../base/timers.ts";
import type { Upstream } from "../../core/attempt.ts";
import { causes } from "../../core/cause.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import type { HttpHead } from "../http/head.ts";
import {
  composeHead,
  continueHead,
  type LocalAnswer,
  LocalProblem,
  type LocalRequest,
  problemAnswer,
} from "./local-answer.ts";

/** How long one turn of the event loop may be busy making pieces, ms; one piece more may follow. */
const TURN_MS = 0.5;

/** A body must be complete after so long; whoever drips holds one of a bounded number of places. */
const BODY_MS = 10_000;

/** What all calls of one service share. */
export interface LocalWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  /** For composing answers; used and done with in one go. */
  readonly head: HttpHead;
  readonly maxBodyBytes: number;
  /** Serving threw something that is no `LocalProblem`. */
  failed(error: unknown): void;
}

/** A call lives as long as its exchange; `over` ends it. */
export class LocalCall implements Upstream {
  readonly deaf = false;
  readonly #exchange: Exchange;
  readonly #world: LocalWorld;
  #over = false;

  // The request's body.
  #body: Promise<Buffer> | null = null;
  readonly #received: Buffer[] = [];
  #receivedBytes = 0;
  #reader: { resolve(body: Buffer): void; reject(problem: LocalProblem): void } | null = null;

  // The answer's body.
  #pieces: Iterator<string> | null = null;
  #paused = false;
  #turn: Timer | null = null;

  constructor(ex: Exchange, world: LocalWorld) {
    this.#exchange = ex;
    this.#world = world;
    const attempt = world.loop.attempts.take();
    attempt.exchange = ex;
    attempt.upstream = this;
    ex.attempt = attempt;
  }

  /** The request, for whoever serves it. */
  request(): LocalRequest {
    const head = this.#exchange.request as HttpHead; // joined with an HTTP/1 server half
    const fields = new Map<string, string>([["host", head.host]]);
    for (let field = head.count - 1; field >= 0; field--) {
      const name = head.name(field).toLowerCase();
      if (name !== "host") fields.set(name, head.value(field));
    }
    if (head.host === "") fields.delete("host");
    const { method, target, minor } = head;
    return {
      method,
      target,
      minor,
      header: (name) => fields.get(name),
      head: () => this.#headText(),
      body: () => (this.#body ??= this.#readBody()),
    };
  }

  #headText(): string {
    if (this.#over) throw GONE;
    const { base, bytes, length } = this.#exchange.request as HttpHead; // as above
    return bytes.toString("latin1", base, base + length);
  }

  /** Serves the request, now or later; what is thrown is answered too. */
  serve(serve: (request: LocalRequest) => LocalAnswer | Promise<LocalAnswer>): void {
    let answer: LocalAnswer | Promise<LocalAnswer>;
    try {
      answer = serve(this.request());
    } catch (error) {
      answer = this.#problem(error);
    }
    if (!(answer instanceof Promise)) return this.answer(answer);
    void answer
      .catch((error: unknown) => this.#problem(error))
      .then((settled) => this.#inTurn(() => this.answer(settled)));
    return undefined;
  }

  #problem(error: unknown): LocalAnswer {
    if (error instanceof LocalProblem) return problemAnswer(error);
    this.#world.failed(error);
    const why = error instanceof Error ? error.message : String(error);
    return problemAnswer(new LocalProblem(500, `internal error: ${why}; the log has the stack`));
  }

  // ---- The request's body --------------------------------------------------------------------------------------------

  #readBody(): Promise<Buffer> {
    const ex = this.#exchange;
    if (this.#over) return Promise.reject(GONE);
    if (!ex.hasBody) return Promise.resolve(Buffer.alloc(0));
    const { maxBodyBytes, head, loop } = this.#world;
    const request = ex.request as HttpHead; // as above
    if (request.contentLength > maxBodyBytes) return Promise.reject(tooLarge(maxBodyBytes));
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#reader = { resolve, reject };
    const late = new LocalProblem(408, `the request's body did not arrive within ${BODY_MS} ms`);
    const timer = this.#world.env.timers.after(BODY_MS, () => reject(late));
    void promise.then(
      () => timer.cancel(),
      () => timer.cancel(),
    );
    if (request.expectContinue) ex.downstream.inform(ex, continueHead(head));
    ex.downstream.resume();
    loop.scratch.flush();
    return promise;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    this.#receivedBytes += end - start;
    if (this.#receivedBytes > this.#world.maxBodyBytes) {
      this.#reader?.reject(tooLarge(this.#world.maxBodyBytes));
      return false;
    }
    this.#received.push(Buffer.from(buffer.subarray(start, end)));
    return true;
  }

  end(): void {
    this.#reader?.resolve(Buffer.concat(this.#received));
  }

  abort(): void {
    this.#reader?.reject(GONE);
  }

  // ---- The answer ----------------------------------------------------------------------------------------------------

  /** Answers, unless it is too late. */
  answer(answer: LocalAnswer): void {
    if (this.#over || this.#exchange.answered) return;
    this.#guarded(() => {
      if (typeof answer.body === "string") this.#answerWhole(answer, Buffer.from(answer.body, "utf8"));
      else this.#answerPieces(answer, answer.body[Symbol.iterator]());
    });
  }

  #answerWhole(answer: LocalAnswer, body: Buffer): void {
    if (!this.#sendHead(answer, body.length)) this.#exchange.downstream.write(body, 0, body.length, true);
    this.#exchange.downstream.end(null);
  }

  // Two pieces are made before the head is sent: what fails at once is answered as a failure, and what is short has a length.
  #answerPieces(answer: LocalAnswer, pieces: Iterator<string>): void {
    const first = pieces.next();
    const second = first.done === true ? first : pieces.next();
    if (second.done === true) return this.#answerWhole(answer, Buffer.from(first.value ?? "", "utf8"));
    this.#pieces = pieces;
    if (this.#sendHead(answer, null)) return this.#exchange.downstream.end(null);
    this.#sendPiece(first.value);
    this.#sendPiece(second.value);
    return this.#send();
  }

  // True when the head is all that was asked for.
  #sendHead(answer: LocalAnswer, bytes: number | null): boolean {
    const { env, head } = this.#world;
    const ex = this.#exchange;
    const request = ex.request as HttpHead; // as above
    const toHead = request.length > 0 && request.method === "HEAD";
    ex.downstream.answer(ex, composeHead(head, answer, bytes, env.clock.epochMs(), toHead));
    ex.answered = true;
    return toHead;
  }

  #sendPiece(piece: string): void {
    const bytes = Buffer.from(piece, "utf8");
    if (!this.#exchange.downstream.write(bytes, 0, bytes.length, true)) this.#paused = true;
  }

  // Sends pieces until the caller has enough for now, or others should have their turn.
  #send(): void {
    const { clock, timers } = this.#world.env;
    const endMs = clock.nowMs() + TURN_MS;
    while (!this.#paused && clock.nowMs() < endMs) {
      const piece = (this.#pieces as Iterator<string>).next(); // set before the first turn
      if (piece.done === true) return this.#exchange.downstream.end(null);
      this.#sendPiece(piece.value);
    }
    if (!this.#paused) this.#turn = timers.after(0, () => this.#nextTurn());
    return undefined;
  }

  #nextTurn(): void {
    this.#turn = null;
    this.#inTurn(() => this.#send());
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#pieces !== null) this.#turn ??= this.#world.env.timers.after(0, () => this.#nextTurn());
  }

  pause(): void {
    this.#paused = true;
    this.#turn?.cancel();
    this.#turn = null;
  }

  // Outside of a callback of the transport somebody must read the clock, and send what was composed.
  #inTurn(run: () => void): void {
    const { loop } = this.#world;
    if (this.#over) return;
    loop.tick();
    this.#guarded(run);
    loop.scratch.flush();
  }

  // Before the head a failure is answered in words, after it by breaking off.
  #guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      const problem = this.#problem(error);
      if (this.#over) return;
      if (this.#exchange.answered) this.#exchange.downstream.abort(new Failure(causes.internal));
      else this.answer(problem);
    }
  }

  // Answers of the proxy itself are never tried again.
  discard(): void {
    this.cancel();
  }

  cancel(): void {
    this.over();
  }

  /** The exchange has ended: nothing of it is touched any more. */
  over(): void {
    if (this.#over) return;
    this.#over = true;
    this.#turn?.cancel();
    this.#reader?.reject(GONE);
    this.#pieces?.return?.();
  }
}

const GONE = new LocalProblem(400, "the caller went away");

function tooLarge(maxBodyBytes: number): LocalProblem {
  return new LocalProblem(413, `the body has more than ${maxBodyBytes} bytes, which is the most that is read here`);
}
