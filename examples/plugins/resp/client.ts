// The half towards services: one connection, one command at a time.
import {
  type Attempt,
  type AttemptOwner,
  type BodySink,
  type ByteStream,
  type Cause,
  causes,
  type ClientFigures,
  connectFailure,
  type Connector,
  type ConnectOptions,
  type DataLoop,
  type Exchange,
  Failure,
  type Session,
  type SessionOwner,
  SessionStatus,
  type Transport,
  type Upstream,
  WheelTimer,
} from "fairlead/plugin";
import type { Command } from "./command.ts";
import { BAD, type Reply, ReplyScanner } from "./reply.ts";

/** What all sessions to one endpoint share. */
export interface ClientWorld {
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly figures: ClientFigures;
  readonly endpoint: ConnectOptions;
  /** 0 = no limit. */
  readonly connectTimeoutMs: number;
  /** Told of each answer. */
  replied(reply: Reply): void;
}

/** One connection to an endpoint. */
export class ClientSession implements Session, Connector, Upstream {
  status: SessionStatus = SessionStatus.connecting;
  active = 0;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs: number;
  readonly #world: ClientWorld;
  readonly #owner: SessionOwner;
  readonly #stream: ByteStream;
  readonly #address: string;
  readonly #timer = new WheelTimer(this);
  readonly #scanner = new ReplyScanner();
  #attempt: Attempt | null = null;
  /** The beginning of an answer whose first line is not complete. */
  #begun: Buffer = Buffer.alloc(0);
  #sink: BodySink | null = null;
  /** The rest of the answer is for nobody. */
  #discarded = false;

  constructor(world: ClientWorld, owner: SessionOwner) {
    this.#world = world;
    this.#owner = owner;
    this.madeMs = world.loop.nowMs;
    this.#address = `${world.endpoint.host}:${world.endpoint.port}`;
    this.#stream = world.transport.connect(world.endpoint, this);
    if (world.connectTimeoutMs > 0) world.loop.wheel.arm(this.#timer, world.connectTimeoutMs);
  }

  onConnect(): void {
    const { figures, loop } = this.#world;
    loop.tick();
    loop.wheel.cancel(this.#timer);
    if (this.status !== SessionStatus.connecting) return;
    this.status = SessionStatus.ready;
    figures.connected(loop.nowMs - this.madeMs);
    this.#owner.ready(this);
  }

  // ---- The command ---------------------------------------------------------------------------------------------------

  dispatch(attempt: Attempt): void {
    const { bytes } = (attempt.exchange as Exchange).request as Command; // of the server half
    this.status = SessionStatus.full;
    this.active = 1;
    this.#attempt = attempt;
    attempt.reused = this.served > 0;
    attempt.upstream = this;
    this.served++;
    this.#scanner.reset();
    this.#world.figures.sentBytes.add(bytes.length);
    this.#stream.write(bytes, 0, bytes.length); // nobody changes them, so they may stay lent
  }

  get deaf(): boolean {
    return this.#stream.refused;
  }

  // A command has no body.
  write(): boolean {
    return true;
  }

  end(): void {}

  abort(_failure: Failure): void {
    if (this.#attempt !== null) this.cancel(this.#attempt);
  }

  cancel(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    this.#forget();
    this.close();
  }

  discard(attempt: Attempt): void {
    if (this.#attempt !== attempt) return;
    this.#forget();
    this.#discarded = true; // `onBytes` sees whether the answer ends with what has arrived
  }

  // ---- The answer ----------------------------------------------------------------------------------------------------

  onBytes(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    const { figures, loop } = this.#world;
    loop.tick();
    figures.receivedBytes.add(end - start);
    if (this.#attempt === null) {
      this.#unexpected();
      return false;
    }
    const done = this.#scanner.scan(buffer, start, end);
    if (done === BAD) return this.#fail(causes.answerMalformed);
    if (done >= 0 && done < end) return this.#fail(causes.answerMalformed); // more than was asked for
    if (this.#sink !== null) return this.#pass(this.#sink, buffer, start, end, lendable, done >= 0);
    return this.#begin(buffer, start, end, lendable, done >= 0);
  }

  #unexpected(): void {
    if (this.status === SessionStatus.closed) return;
    this.#world.figures.unexpected();
    this.close();
  }

  // The first line says what the answer is; before that nobody is told of it.
  #begin(buffer: Buffer, start: number, end: number, lendable: boolean, done: boolean): boolean {
    const reply = this.#scanner.head;
    if (reply === null) {
      this.#begun = Buffer.concat([this.#begun, buffer.subarray(start, end)]);
      return true;
    }
    const attempt = this.#attempt as Attempt; // `onBytes` has looked
    const begun = this.#begun;
    this.#begun = Buffer.alloc(0);
    attempt.status = reply.status;
    this.#world.replied(reply);
    const sink = (attempt.owner as AttemptOwner).answered(attempt, reply);
    if (this.#attempt !== attempt) return this.#passOver(done);
    if (sink === null) {
      this.#forget();
      this.close();
      return false;
    }
    this.#sink = sink;
    if (begun.length > 0) sink.write(begun, 0, begun.length, false);
    return this.#pass(sink, buffer, start, end, lendable, done);
  }

  // Taken back while it was told of: the connection is as good as before if the answer has ended.
  #passOver(done: boolean): boolean {
    if (!this.#discarded) return false;
    this.#discarded = false;
    if (done) this.#release();
    else this.close();
    return done;
  }

  #pass(sink: BodySink, buffer: Buffer, start: number, end: number, lendable: boolean, done: boolean): boolean {
    const goOn = sink.write(buffer, start, end, lendable);
    const attempt = this.#attempt;
    if (attempt === null) return false; // cancelled by whoever it was written to
    if (!done) return goOn;
    this.#forget();
    (attempt.owner as AttemptOwner).finished(attempt);
    this.#release(); // first, because the caller's next command may follow at once
    sink.end(null);
    return true;
  }

  #release(): void {
    if (this.status === SessionStatus.draining) {
      this.close();
      return;
    }
    this.status = SessionStatus.ready;
    this.idleSinceMs = this.#world.loop.nowMs;
    this.#owner.released(this);
  }

  #forget(): void {
    this.#attempt = null;
    this.#sink = null;
    this.#begun = Buffer.alloc(0);
    this.active = 0;
  }

  #fail(cause: Cause, detail: Readonly<Record<string, string>> = {}): boolean {
    const attempt = this.#attempt as Attempt; // whoever fails has one
    const failure = new Failure(cause, `${cause.means} (endpoint ${this.#address})`, {
      endpoint: this.#address,
      reused: attempt.reused,
      ...detail,
    });
    const sink = this.#sink;
    this.#forget();
    this.close();
    if (sink === null) (attempt.owner as AttemptOwner).failed(attempt, failure);
    else {
      (attempt.owner as AttemptOwner).broke(attempt, failure);
      sink.abort(failure);
    }
    return false;
  }

  resume(): void {
    if (this.status !== SessionStatus.closed) this.#stream.resume();
  }

  pause(): void {
    if (this.status !== SessionStatus.closed) this.#stream.pause();
  }

  onWritten(): void {
    this.#world.loop.tick();
  }

  // ---- Ending --------------------------------------------------------------------------------------------------------

  drain(): void {
    if (this.#attempt === null) this.close();
    else this.status = SessionStatus.draining;
  }

  close(): void {
    if (this.status === SessionStatus.closed) return;
    if (this.#attempt !== null) {
      this.#fail(causes.reset, { phase: "closing" });
      return;
    }
    const { figures, loop } = this.#world;
    if (this.status === SessionStatus.connecting) figures.connectCancelled();
    this.status = SessionStatus.closed;
    loop.wheel.cancel(this.#timer);
    this.#stream.destroy();
    this.#owner.closed(this, null);
  }

  onEnd(): void {
    this.#world.loop.tick();
    this.#lost(null);
  }

  onClose(error: Error | null): void {
    this.#world.loop.tick();
    if (this.status === SessionStatus.connecting) this.#neverConnected(connectFailure(error, this.#address));
    else this.#lost(error);
  }

  #lost(error: Error | null): void {
    if (this.status === SessionStatus.closed) return;
    if (this.#attempt === null) this.close();
    else if (this.#sink !== null || this.#begun.length > 0) this.#fail(causes.closedEarly, { phase: "answer" });
    else if (this.#stream.refused) this.#fail(causes.unsent);
    else if (this.#attempt.reused) this.#fail(causes.stale);
    else this.#fail(error === null ? causes.closedEarly : causes.reset);
  }

  #neverConnected(failure: Failure): void {
    const { figures, loop } = this.#world;
    this.status = SessionStatus.closed;
    loop.wheel.cancel(this.#timer);
    figures.connectFailed(loop.nowMs - this.madeMs);
    this.#owner.closed(this, failure);
  }

  onTimer(): void {
    const { connectTimeoutMs, loop } = this.#world;
    loop.tick();
    if (this.status !== SessionStatus.connecting) return;
    this.#stream.destroy();
    const message = `Unable to establish connection to ${this.#address} within ${connectTimeoutMs} ms`;
    this.#neverConnected(new Failure(causes.connectTimeout, message, { endpoint: this.#address }));
  }
}
