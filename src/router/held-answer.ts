// @hot An answer that is held back until its end tells whether it is a failure worth another try (linkerd1 §2.2): gRPC says so in trailers.
// What comes is kept up to a size and for a time; then, or when the verdict is none that is retried, it goes to the caller as it is.
import { ByteQueue } from "../base/byte-queue.ts";
import { invariant } from "../base/invariant.ts";
import { type TimerOwner, WheelTimer } from "../base/timer-wheel.ts";
import type { BodySink, Trailers } from "../core/body.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Downstream, Exchange, Keeper } from "../core/exchange.ts";
import type { Failure } from "../core/failure.ts";
import type { MessageHead } from "../core/message-head.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

/** How much of an answer is held back, and for how long. */
export interface HoldLimits {
  readonly responseBytes: number;
  readonly timeoutMs: number;
}

/** Answers of one service that could not be held back long enough. */
export interface HoldStats {
  readonly tooLong: Counter;
  readonly timeouts: Counter;
  /** They were not held back at all: the request could not be repeated. */
  readonly requestTooLong: Counter;
}

/** The counters below a service's scope `retries`. */
export function holdStats(scope: Scope): HoldStats {
  return {
    tooLong: scope.counter("response_stream_too_long"),
    timeouts: scope.counter("classification_timeout"),
    requestTooLong: scope.counter("request_stream_too_long"),
  };
}

/** What becomes of an answer that was held back. */
export interface HoldOwner {
  /** The service's verdict is in. True when the request is sent again, and the answer is of no use. */
  retries(ex: Exchange, told: MessageHead | null): boolean;
  /** Passes the head on to the caller. */
  passes(ex: Exchange, head: MessageHead): void;
  /** The answer broke off before any of it was passed on. */
  failed(ex: Exchange): void;
}

/** One answer held back; it stands between the service and the caller until the answer is over. */
export class HeldAnswer implements BodySink, Keeper, TimerOwner {
  readonly #owner: HoldOwner;
  readonly #loop: DataLoop;
  readonly #limits: HoldLimits;
  readonly #stats: HoldStats;
  readonly #timer = new WheelTimer(this);
  readonly #bytes = new ByteQueue();
  readonly #downstream: Downstream;
  #exchange: Exchange | null;
  readonly #generation: number;
  /** Null when it has been passed on. */
  #head: MessageHead | null;

  /** @param head valid for the moment only. */
  constructor(ex: Exchange, head: MessageHead, limits: HoldLimits, stats: HoldStats, owner: HoldOwner, loop: DataLoop) {
    this.#owner = owner;
    this.#loop = loop;
    this.#limits = limits;
    this.#stats = stats;
    this.#exchange = ex;
    this.#generation = ex.generation;
    this.#downstream = ex.downstream;
    this.#head = head.kept();
    ex.keeper = this;
    loop.fine.arm(this.#timer, limits.timeoutMs);
  }

  write(buffer: Buffer, start: number, end: number, lendable: boolean): boolean {
    if (this.#exchange === null) return true;
    if (this.#head === null) return this.#downstream.write(buffer, start, end, lendable);
    if (this.#bytes.length + end - start <= this.#limits.responseBytes) {
      this.#bytes.push(buffer, start, end);
      return true;
    }
    this.#stats.tooLong.inc();
    const goOn = this.#pass();
    return this.#exchange === null ? goOn : this.#downstream.write(buffer, start, end, lendable) && goOn;
  }

  end(trailers: Trailers | null): void {
    const ex = this.#exchange;
    if (ex === null) return;
    if (this.#head !== null) {
      if (this.#owner.retries(ex, trailers)) return this.#drop();
      this.#pass();
      if (this.#exchange === null) return undefined;
    }
    this.#exchange = null;
    this.#downstream.end(trailers);
    return undefined;
  }

  abort(failure: Failure): void {
    const ex = this.#exchange;
    if (ex === null) return;
    if (this.#head === null) {
      this.#exchange = null;
      this.#downstream.abort(failure);
      return;
    }
    this.#drop();
    ex.keeper = null;
    this.#owner.failed(ex);
  }

  /** The exchange ended otherwise. */
  release(ex: Exchange): void {
    ex.keeper = null;
    this.#drop();
  }

  onTimer(): void {
    const ex = this.#exchange;
    if (ex === null || this.#head === null) return;
    invariant(ex.generation === this.#generation, "who ends an exchange releases what keeps it");
    this.#stats.timeouts.inc();
    if (!this.#pass()) ex.attempt?.upstream?.pause();
  }

  // False when the caller has enough for the moment.
  #pass(): boolean {
    const ex = this.#exchange as Exchange;
    const head = this.#head as MessageHead;
    const bytes = this.#bytes;
    this.#head = null;
    this.#loop.fine.cancel(this.#timer);
    ex.keeper = null;
    this.#owner.passes(ex, head);
    if (ex.generation !== this.#generation) {
      this.#drop(); // a filter made a failure of it
      return true;
    }
    if (bytes.length === 0) return true;
    const goOn = this.#downstream.write(bytes.buffer, bytes.start, bytes.end, false);
    bytes.clear();
    return goOn;
  }

  #drop(): void {
    this.#exchange = null;
    this.#head = null;
    this.#loop.fine.cancel(this.#timer);
    this.#bytes.clear();
  }
}
