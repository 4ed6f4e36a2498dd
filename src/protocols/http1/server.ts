// @hot The downstream half of HTTP/1: one connection, one exchange at a time; pipelined requests wait their turn.
//
//            ┌────────────── keep-alive ──────────────┐
//   idle ─► head ─► body ─► waiting ─► (answer sent) ─┴─► closing ─► closed
//            └── no body ───►┘
//
// One object per connection, in five classes, so that what it does can be read by subject: what it reads (`server-input`), bodies,
// answers, heads, and here its beginning, its end, and time.
import { WheelTimer } from "../../base/timer-wheel.ts";
import type { Attempt } from "../../core/attempt.ts";
import type { ByteReader, ByteStream } from "../../core/byte-stream.ts";
import { causes } from "../../core/cause.ts";
import type { Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { timeoutCause } from "../../core/stream-timeout.ts";
import type { MessageHead } from "../../core/message-head.ts";
import { HttpHead } from "../http/head.ts";
import type { ServerContext } from "./server-context.ts";
import { ServerHeads } from "./server-heads.ts";
import { State } from "./server-input.ts";
import { ServerTunnel } from "./server-tunnel.ts";
import type { OtherEnd, TunnelOwner } from "./tunnel-end.ts";
import { writeSwitchHead } from "./write-head.ts";

/** A caller that was let go may send on for so long without a pause, and for so long in all. */
const LINGER_MS = 2000;
const LONGEST_LINGER_MS = 10_000;
const CONNECTED = "HTTP/1.1 200 OK\r\nVia: 1.1 fairlead\r\n\r\n";

/** One accepted connection. */
export class Http1ServerConnection extends ServerHeads implements ByteReader, TunnelOwner {
  readonly #timer = new WheelTimer(this);
  readonly #openedMs: number;
  #draining = false;
  /** While it is to go: what it has promised to its caller holds until the next answer, or until it has been quiet for so long. */
  #patienceMs = 0;
  /** What the connection has become. */
  #tunnel: ServerTunnel | null = null;
  #closingSinceMs = 0;

  constructor(stream: ByteStream, context: ServerContext) {
    super(stream, context);
    this.#openedMs = context.loop.nowMs;
    context.stats.opened();
    this.arm();
    stream.attach(this);
  }

  // The connection goes on, but is none of ours any longer.
  protected handOver(): void {
    const { heads, loop } = this.context;
    this.state = State.closed;
    loop.wheel.cancel(this.#timer);
    const head = this.head;
    this.head = null;
    if (head !== null) heads.give(head);
    this.context.gone(this);
    if (!this.paused) return;
    this.paused = false;
    this.stream.resume();
  }

  protected keepsPromises(): boolean {
    return this.#patienceMs > 0 || !this.isLeaving();
  }

  // No request shall follow the one in progress.
  protected isLeaving(): boolean {
    const { limits, loop } = this.context;
    if (this.#draining) return true;
    return limits.lifeTimeMs > 0 && loop.nowMs - this.#openedMs >= limits.lifeTimeMs;
  }

  // ---- A tunnel ----------------------------------------------------------------------------------------------------

  // The exchange goes on, with other ends. Its attempt has the end at the service by now.
  protected openTunnel(ex: Exchange, head: MessageHead): void {
    const { admission, limits, loop, stats } = this.context;
    const attempt = ex.attempt as Attempt; // the answer came from it
    ex.status = attempt.status;
    const scratch = this.writer.begin();
    if (head instanceof HttpHead) writeSwitchHead(scratch, head, admission.clearContext);
    else scratch.appendText(CONNECTED);
    loop.wheel.cancel(this.#timer);
    // cold: once per tunnel
    const parts = {
      stream: this.stream,
      writer: this.writer,
      loop,
      receivedBytes: stats.receivedBytes,
      owner: this,
      broken: causes.clientGone,
      stalled: causes.clientStalled,
      writeStallTimeoutMs: limits.writeStallTimeoutMs,
    };
    const tunnel = new ServerTunnel(parts, this.remote, limits, this.stash, this.paused);
    this.stash = null;
    this.paused = false;
    this.#tunnel = tunnel;
    ex.downstream = tunnel;
    this.sinceMs = loop.nowMs;
    stats.tunnels?.opened();
    tunnel.join(attempt.upstream as OtherEnd);
  }

  tunnelOver(failure: Failure | null): void {
    const { loop, stats } = this.context;
    const ex = this.exchange as Exchange;
    const { receivedBytes, sentBytes } = this.#tunnel as ServerTunnel;
    ex.requestBytes = receivedBytes;
    ex.responseBytes = sentBytes;
    ex.failure = failure;
    stats.tunnels?.closed(loop.nowMs - this.sinceMs, receivedBytes, sentBytes);
    this.finish();
  }

  tunnelClosed(): void {
    this.onClose(null);
  }

  // ---- The end -----------------------------------------------------------------------------------------------------

  onWritten(): void {
    this.sinceMs = this.context.loop.tick();
    this.writer.written();
    if (this.state === State.closing) {
      this.#closingSinceMs = this.sinceMs;
      return this.arm();
    }
    const upstream = this.exchange?.attempt?.upstream;
    if (upstream !== undefined && upstream !== null) return upstream.resume();
    if (this.#draining) this.arm();
    return this.proceed();
  }

  // After an orderly exchange the connection is simply closed. When bytes of the caller may still be unread, closing would
  // send a RST that destroys the answer in flight: then FIN goes out, and what arrives is thrown away for a while.
  protected finishSending(): void {
    this.writer.flush();
    if (this.state === State.closed) return;
    if (this.orderly && this.stash === null && !this.writer.blocked) {
      this.state = State.closing;
      this.stream.destroy();
      return;
    }
    this.state = State.closing;
    this.stash = null;
    this.sinceMs = this.context.loop.nowMs;
    this.#closingSinceMs = this.sinceMs;
    this.stream.end();
    if (this.paused) {
      this.paused = false;
      this.stream.resume();
    }
    this.arm();
  }

  protected close(reset: boolean): void {
    if (this.state === State.closed) return;
    this.state = State.closing;
    this.stash = null;
    if (reset || this.writer.blocked) this.stream.destroy(reset);
    else this.finishSending();
  }

  /** Closes when the exchange in progress is over; when there is none, as soon as the connection has been quiet for so long. */
  drain(patienceMs: number): void {
    const nowMs = this.context.loop.tick();
    this.#draining = true;
    this.#patienceMs = patienceMs;
    if (this.exchange !== null || this.state > State.head || this.head !== null) return;
    if (this.writer.blocked || nowMs - this.sinceMs >= patienceMs) this.finishSending();
    else this.arm();
  }

  /** Ends the exchange in progress with a failure, and the connection. */
  abandon(failure: Failure): void {
    if (this.#tunnel !== null) return this.#tunnel.breakOff(failure);
    const ex = this.exchange;
    if (ex !== null) {
      this.keepAlive = false;
      if (ex.answered) this.#cancel(failure);
      else this.context.handler.refuse(ex, failure);
    }
    this.writer.flush();
    if (this.state !== State.closed) this.stream.destroy();
    return undefined;
  }

  onEnd(): void {
    const { loop } = this.context;
    loop.tick();
    if (this.state === State.closed) return;
    if (this.exchange !== null) this.#cancel(new Failure(causes.clientGone));
    this.state = State.closing;
    this.stash = null;
    this.sinceMs = loop.nowMs;
    this.#closingSinceMs = this.sinceMs;
    this.stream.end();
    this.arm();
  }

  onClose(error: Error | null): void {
    const { loop, stats } = this.context;
    loop.tick();
    this.state = State.closed;
    loop.wheel.cancel(this.#timer);
    if (this.exchange !== null) this.#cancel(new Failure(timeoutCause(error, "downstream") ?? causes.clientGone));
    this.writer.abandon();
    this.writer.written();
    this.stash = null;
    const head = this.head;
    this.head = null;
    if (head !== null) this.context.heads.give(head);
    stats.closed(loop.nowMs - this.#openedMs, this.requests);
    this.context.gone(this);
  }

  #cancel(failure: Failure): void {
    const ex = this.exchange as Exchange;
    this.detach();
    this.context.handler.cancelled(ex, failure);
    this.recycle(ex);
  }

  // ---- Time --------------------------------------------------------------------------------------------------------

  // One timer per connection; it looks at what the connection is waiting for only when it fires.
  onTimer(): void {
    const { loop } = this.context;
    const nowMs = loop.tick();
    const due = this.#dueMs();
    if (due > nowMs) {
      if (due !== Number.POSITIVE_INFINITY) loop.wheel.arm(this.#timer, due - nowMs);
      return;
    }
    this.#timedOut();
    loop.scratch.flush();
  }

  protected arm(): void {
    const { loop } = this.context;
    const due = this.#dueMs();
    if (due !== Number.POSITIVE_INFINITY) loop.wheel.arm(this.#timer, Math.max(0, due - loop.nowMs));
  }

  #dueMs(): number {
    const { limits } = this.context;
    if (this.writer.blocked) return after(this.stalledSinceMs, limits.writeStallTimeoutMs);
    if (this.state === State.closing) {
      return Math.min(this.sinceMs + LINGER_MS, this.#closingSinceMs + LONGEST_LINGER_MS);
    }
    if (this.head !== null && this.exchange === null) return after(this.sinceMs, limits.headerTimeoutMs);
    if (this.state === State.body && !this.full && this.sink !== null && this.isHeard(this.sink)) {
      return after(this.sinceMs, limits.bodyIdleTimeoutMs);
    }
    if (this.state === State.idle) {
      const quiet =
        this.requests === 0 ? after(this.#openedMs, limits.headerTimeoutMs) : after(this.sinceMs, limits.idleTimeoutMs);
      const patient = this.#draining ? this.sinceMs + this.#patienceMs : Number.POSITIVE_INFINITY;
      return Math.min(quiet, patient, after(this.#openedMs, limits.lifeTimeMs));
    }
    const { bodyIdleTimeoutMs, idleTimeoutMs, writeStallTimeoutMs } = limits;
    const slowest =
      this.state === State.body ? bodyIdleTimeoutMs : Math.max(bodyIdleTimeoutMs, idleTimeoutMs, writeStallTimeoutMs);
    return slowest > 0 ? this.context.loop.nowMs + slowest : Number.POSITIVE_INFINITY;
  }

  #timedOut(): void {
    if (this.writer.blocked) this.#stalled();
    else if (this.state >= State.closing) this.stream.destroy();
    else if (this.exchange !== null) this.refuseBody(causes.requestBodyTimeout);
    else if (this.head !== null) this.refuseHead(this.head, causes.requestHeadTimeout, 0);
    else this.finishSending();
  }

  #stalled(): void {
    const unsentBytes = this.stream.unsentBytes;
    if (unsentBytes < this.stalledBytes) return this.noteStall(); // slow, but not stalled
    if (this.exchange !== null) this.#cancel(new Failure(causes.clientStalled));
    this.stream.destroy(true);
    return undefined;
  }
}

function after(sinceMs: number, limitMs: number): number {
  return limitMs > 0 ? sinceMs + limitMs : Number.POSITIVE_INFINITY;
}
