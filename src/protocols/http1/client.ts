// @hot The upstream half of HTTP/1: one connection, one attempt at a time.
//
//   connecting ─► ready ─► (dispatch) full ─► ready ─► … ─► closed
//
// One object per connection, in four classes, so that what it does can be read by subject: the requests it sends (`client-requests`), what it
// reads (`client-input`), the answers in that (`client-answers`), and here its beginning, its end, and time.
import type { Attempt, AttemptOwner } from "../../core/attempt.ts";
import { type Cause, causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure, type FailureDetail } from "../../core/failure.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { type SessionOwner, SessionStatus } from "../../core/session.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import { Tunnel } from "../../core/tunnel.ts";
import { connectFailure, errorCode } from "../http/connect-failure.ts";
import { Framing } from "../http/head.ts";
import { ClientAnswers } from "./client-answers.ts";
import type { ClientContext } from "./client-context.ts";
import { Answer } from "./client-requests.ts";
import { ClientTunnel } from "./client-tunnel.ts";
import { discarded } from "./discarded.ts";
import type { TunnelOwner } from "./tunnel-end.ts";

/** One connection to an endpoint. */
export class Http1Session extends ClientAnswers implements TunnelOwner {
  constructor(context: ClientContext, owner: SessionOwner) {
    super(context, owner);
    if (context.connectTimeoutMs > 0) context.loop.wheel.arm(this.timer, context.connectTimeoutMs);
  }

  onConnect(): void {
    const { loop } = this.context;
    loop.tick();
    loop.wheel.cancel(this.timer);
    if (this.status !== SessionStatus.connecting) return;
    this.status = SessionStatus.ready;
    this.context.stats.connected(loop.nowMs - this.madeMs);
    this.owner.ready(this);
  }

  // ---- A tunnel ----------------------------------------------------------------------------------------------------

  // The connection is given away for good. Whoever passes the head on to the caller finds the tunnel in its attempt.
  protected openTunnel(attempt: Attempt, status: number, head: MessageHead): void {
    const { limits, loop, stats } = this.context;
    const ex = attempt.exchange as Exchange;
    loop.wheel.cancel(this.timer);
    this.answer = Answer.tunnel;
    // cold: once per tunnel
    const parts = {
      stream: this.stream,
      writer: this.writer,
      loop,
      receivedBytes: stats.receivedBytes,
      owner: this,
      broken: causes.tunnelBroken,
      stalled: causes.tunnelStalled,
      writeStallTimeoutMs: limits.writeStallTimeoutMs,
    };
    const tunnel = new ClientTunnel(parts, () => this.forget()); // cold: as above
    this.tunnel = tunnel;
    attempt.upstream = tunnel;
    attempt.status = status;
    ex.tunnel = Tunnel.open;
    const sink = (attempt.owner as AttemptOwner).answered(attempt, head);
    if (this.attempt !== attempt) return; // taken back meanwhile
    if (sink === null) tunnel.discard();
    else tunnel.join(ex.downstream);
  }

  // What the service has sent right behind its 101.
  protected pastSwitch(buffer: Buffer, start: number, end: number, lendable: boolean): number {
    if (!(this.tunnel as ClientTunnel).take(buffer, start, end, lendable)) this.full = true; // the tunnel has stopped reading
    return end;
  }

  tunnelOver(failure: Failure | null): void {
    const attempt = this.attempt as Attempt;
    this.attempt = null;
    this.active = 0;
    attempt.failure = failure;
    (attempt.owner as AttemptOwner).finished(attempt);
  }

  tunnelClosed(): void {
    this.status = SessionStatus.closed;
    this.owner.closed(this, null);
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  drain(): void {
    if (this.attempt === null || this.attempt === discarded) this.close();
    else this.status = SessionStatus.draining;
  }

  close(): void {
    if (this.status === SessionStatus.closed) return undefined;
    if (this.tunnel !== null) return this.tunnel.breakOff(new Failure(causes.tunnelBroken)); // cold: hard shutdown only
    if (this.attempt !== null) return this.fail(causes.reset, { phase: "closing" }); // cold: hard shutdown only
    if (this.status === SessionStatus.connecting) this.context.stats.connectCancelled();
    this.status = SessionStatus.closed;
    this.context.loop.wheel.cancel(this.timer);
    this.writer.abandon();
    this.stream.destroy();
    this.owner.closed(this, null);
    return undefined;
  }

  onEnd(): void {
    this.context.loop.tick();
    this.ended = true;
    if (this.attempt === null) return this.close();
    if (this.full || this.stash !== null) return undefined; // first what has arrived must be taken
    return this.peerEnded();
  }

  protected peerEnded(): void {
    if (this.answer === Answer.body && this.framing === Framing.untilClose) return this.finish(null, false);
    if (this.answer === Answer.ending) return undefined;
    return this.#lost(null);
  }

  onClose(error: Error | null): void {
    this.context.loop.tick();
    this.writer.written();
    if (this.status === SessionStatus.connecting) return this.#neverConnected(error);
    if (this.status === SessionStatus.closed) return undefined;
    if (this.attempt === null) return this.close();
    this.ended = true;
    if (this.answer === Answer.ending) return undefined; // all is here, and the caller takes the last of it
    if (error === null && this.framing === Framing.untilClose && this.answer === Answer.body && this.stash === null) {
      return this.finish(null, false);
    }
    return this.#lost(error);
  }

  #neverConnected(error: Error | null): void {
    this.status = SessionStatus.closed;
    this.context.loop.wheel.cancel(this.timer);
    const failure = connectFailure(error, this.context.address);
    this.context.stats.connectFailed(this.context.loop.nowMs - this.madeMs);
    this.owner.closed(this, failure);
  }

  // ---- The end of an attempt that fails ----------------------------------------------------------------------------

  // The connection is gone in the middle of an attempt. What is known decides whether the request may be sent again.
  #lost(error: Error | null): void {
    const code = errorCode(error);
    const detail: FailureDetail = code === "" ? {} : { error: code };
    const timedOut = timeoutCause(error, "upstream");
    if (timedOut !== null && !this.isUnsent()) return this.fail(timedOut);
    if (this.answer >= Answer.body) return this.fail(causes.answerTruncated, detail);
    if (this.head !== null) return this.fail(causes.answerTruncated, { ...detail, phase: "head" }); // cold: failures only
    if (this.isUnsent()) return this.fail(causes.unsent, detail);
    if (this.attempt?.reused === true && this.interim === 0) return this.fail(causes.stale, detail);
    return this.fail(error === null ? causes.closedEarly : causes.reset, detail);
  }

  protected fail(cause: Cause, detail?: FailureDetail): void {
    this.#failWith(new Failure(cause, this.#sentence(cause), { ...this.#where(), ...detail })); // cold: failures only
  }

  #sentence(cause: Cause): string {
    return `${cause.means} (endpoint ${this.context.address})`;
  }

  #where(): FailureDetail {
    return { endpoint: this.context.address, reused: this.attempt?.reused ?? false };
  }

  #failWith(failure: Failure): void {
    const attempt = this.attempt;
    if (attempt === null) return this.close();
    const answering = this.answer >= Answer.body;
    const owner = attempt.owner as AttemptOwner;
    const sink = this.sink;
    this.forget();
    this.close();
    if (!answering) owner.failed(attempt, failure);
    else {
      owner.broke(attempt, failure);
      sink?.abort(failure);
    }
    return undefined;
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  onTimer(): void {
    const { limits, loop } = this.context;
    const nowMs = loop.tick();
    if (this.status === SessionStatus.connecting) this.#connectTimedOut();
    else if (this.late || this.attempt === discarded) this.close();
    else if (this.answer === Answer.head) this.fail(causes.answerHeadTimeout);
    else if (this.attempt !== null) {
      const dueMs = this.progressMs + limits.bodyIdleTimeoutMs;
      if (this.full) this.watchProgress(); // the caller is slow, not the service; its own timer watches it
      else if (nowMs < dueMs) loop.wheel.arm(this.timer, dueMs - nowMs);
      else this.fail(causes.answerStalled);
    }
    loop.scratch.flush();
  }

  #connectTimedOut(): void {
    const { address, connectTimeoutMs, stats } = this.context;
    this.status = SessionStatus.closed;
    this.stream.destroy();
    stats.connectFailed(connectTimeoutMs);
    const message = `Unable to establish connection to ${address} within ${connectTimeoutMs} ms`;
    this.owner.closed(this, new Failure(causes.connectTimeout, message, { endpoint: address }));
  }
}
