// @hot The bodies of a caller's requests: passed to the attempt under way, their beginnings kept for the next.
import type { BodySink, BodySource, Trailers } from "../../core/body.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import type { HttpHead } from "../http/head.ts";
import { ReplayBuffer } from "../http/replay-buffer.ts";
import { BodyReader, BodyStep } from "./body-reader.ts";
import { ServerInput, State } from "./server-input.ts";

/** What a connection keeps for the beginnings of bodies. */
const REPLAY_FIRST_BYTES = 2 * 1024;
/** A body with more than this still to come is read into a private buffer and lent on without a copy. */
const PRIVATE_FROM_BYTES = 16 * 1024;
const REQUEST_PROBLEMS = { chunk: causes.requestChunk, trailer: causes.requestTrailer };

/** A connection as the source of request bodies. */
export abstract class ServerBodies extends ServerInput implements BodySource {
  protected sink: BodySink | null = null;
  /** Which attempt the sink belongs to: streams of HTTP/2 are pooled, so that the next may have the very object of the last. */
  protected heardBy = -1;
  #body: BodyReader | null = null;
  protected replay: ReplayBuffer | null = null;
  protected requestDone = true;
  /** The caller has sent whole requests and nothing else. */
  protected orderly = true;
  protected keepAlive = false;
  protected chunkLent = false;
  #privateBuffer = false;

  /** Looks after the time anew. */
  protected abstract arm(): void;
  /** Ends the exchange when both of its messages are over. */
  protected abstract settle(): void;

  protected startBody(head: HttpHead): void {
    this.#body ??= new BodyReader(REQUEST_PROBLEMS, this.context.limits.head);
    this.#body.begin(head.framing, head.contentLength);
    this.replay ??= new ReplayBuffer(REPLAY_FIRST_BYTES);
    this.replay.reset();
    this.arm();
  }

  protected readBody(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    const sink = this.sink;
    const body = this.#body as BodyReader;
    if (sink === null || this.full || !this.isHeard(sink)) return start;
    let at = start;
    for (;;) {
      const step = body.next(buffer, at, end);
      at = body.position;
      if (step === BodyStep.data) {
        if (!this.#pass(sink, buffer, body.start, body.end, lendable)) {
          // The service may have answered before we hear that the last bytes have left.
          if (body.ended && this.sink === sink && this.state === State.body) this.#endRequest(sink, null);
          return at;
        }
        // Passing may have ended the exchange, or its attempt.
        if (this.sink !== sink || this.state !== State.body || !this.isHeard(sink)) return at;
        continue;
      }
      if (step === BodyStep.end) {
        this.#endRequest(sink, body.trailers);
        return at;
      }
      if (step === BodyStep.bad) {
        this.refuseBody(body.problem as Cause);
        return end;
      }
      this.preferPrivateBuffer(body.remaining > PRIVATE_FROM_BYTES);
      return at;
    }
  }

  // Between an attempt that failed and the next nobody listens: what is passed then would be lost.
  protected isHeard(sink: BodySink): boolean {
    const ex = this.exchange;
    const upstream = ex?.attempt?.upstream;
    return ex?.attempts === this.heardBy && upstream === sink && !upstream.deaf;
  }

  #pass(sink: BodySink, buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const ex = this.exchange as Exchange;
    ex.requestBytes += end - start;
    (this.replay as ReplayBuffer).keep(buffer, start, end, ex.path?.replayBytes ?? 0);
    if (sink.write(buffer, start, end, lendable)) return true;
    this.full = true;
    this.chunkLent = lendable;
    return false;
  }

  #endRequest(sink: BodySink, trailers: Trailers | null): void {
    this.requestDone = true;
    this.state = State.waiting;
    if (trailers !== null) (this.replay as ReplayBuffer).give();
    sink.end(trailers);
    this.settle();
  }

  // The body cannot be read to its end: the attempt is stopped, the caller told (when it is not too late) and let go.
  protected refuseBody(problem: Cause): void {
    const ex = this.exchange as Exchange;
    this.keepAlive = false;
    this.orderly = false;
    this.requestDone = true;
    this.state = State.waiting;
    this.context.handler.refuse(ex, new Failure(problem));
  }

  protected preferPrivateBuffer(on: boolean): void {
    if (on === this.#privateBuffer) return;
    this.#privateBuffer = on;
    this.stream.usePrivateBuffer(on, this.chunkLent);
  }

  resume(): void {
    const ex = this.exchange;
    if (ex === null || this.state >= State.closing) return;
    this.full = false;
    this.chunkLent = false;
    this.sinceMs = this.context.loop.nowMs; // until now it was we who kept the caller waiting
    const upstream = ex.attempt === null ? null : ex.attempt.upstream;
    if (upstream !== null && ex.attempts !== this.heardBy) {
      this.heardBy = ex.attempts;
      this.#attachSink(upstream);
    }
    this.proceed();
  }

  // A new attempt hears the body from its beginning.
  #attachSink(sink: BodySink): void {
    this.sink = sink;
    const replay = this.replay;
    if (replay !== null && replay.length > 0) sink.write(replay.buffer, 0, replay.length, false);
    if (this.requestDone) sink.end(null);
    else this.arm();
  }

  pause(): void {
    if (this.state !== State.body) return;
    this.full = true;
    if (this.paused) return;
    this.paused = true;
    this.stream.pause();
  }

  get requestPassed(): boolean {
    return this.requestDone;
  }

  canReplay(): boolean {
    const ex = this.exchange;
    return ex === null || !ex.hasBody || (this.replay as ReplayBuffer).complete;
  }
}
