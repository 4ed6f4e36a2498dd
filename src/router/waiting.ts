// @hot Exchanges that wait for a name to be bound, or for its endpoints to be known.
import { type TimerOwner, WheelTimer } from "../base/timer-wheel.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange, Keeper } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";

interface Waiter {
  readonly exchange: Exchange;
  readonly generation: number;
  readonly sinceMs: number;
}

/** A queue in order of arrival, whose members give up after a time. */
export class Waiting implements TimerOwner {
  readonly #loop: DataLoop;
  readonly #limitMs: number;
  readonly #giveUp: (ex: Exchange, failure: Failure) => void;
  readonly #timer = new WheelTimer(this);
  #waiters: Waiter[] = [];

  /** @param giveUp is called with what waited too long. */
  constructor(loop: DataLoop, limitMs: number, giveUp: (ex: Exchange, failure: Failure) => void) {
    this.#loop = loop;
    this.#limitMs = limitMs;
    this.#giveUp = giveUp;
  }

  get length(): number {
    return this.#waiters.length;
  }

  add(ex: Exchange, keeper: Keeper): void {
    ex.keeper = keeper;
    this.#waiters.push({ exchange: ex, generation: ex.generation, sinceMs: this.#loop.nowMs });
    if (!this.#timer.armed) this.#loop.wheel.arm(this.#timer, this.#limitMs);
  }

  /** The exchange no longer waits. */
  remove(ex: Exchange): void {
    ex.keeper = null;
    const at = this.#waiters.findIndex((w) => w.exchange === ex); // cold: cancelled while binding
    if (at >= 0) this.#waiters.splice(at, 1);
    if (this.#waiters.length === 0) this.#loop.wheel.cancel(this.#timer);
  }

  /** Hands everybody to `go`, in order of arrival. */
  releaseAll(go: (ex: Exchange) => void): void {
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    this.#loop.wheel.cancel(this.#timer);
    for (let i = 0; i < waiters.length; i++) {
      const { exchange, generation } = waiters[i] as Waiter;
      if (exchange.generation !== generation) continue; // it was cancelled by what went before it
      exchange.keeper = null;
      go(exchange);
    }
  }

  onTimer(): void {
    const nowMs = this.#loop.tick();
    for (;;) {
      const waiter = this.#waiters[0];
      if (waiter === undefined) break;
      const dueMs = waiter.sinceMs + this.#limitMs;
      if (dueMs > nowMs) {
        this.#loop.wheel.arm(this.#timer, dueMs - nowMs);
        break;
      }
      this.#waiters.shift();
      waiter.exchange.keeper = null;
      this.#giveUp(waiter.exchange, new Failure(causes.bindTimeout, undefined, { limitMs: this.#limitMs }));
    }
    this.#loop.scratch.flush();
  }
}
