// @hot A limit in time on an exchange or an attempt: one wheel timer, made once per pooled object.
import { type TimerOwner, type TimerWheel, WheelTimer } from "../base/timer-wheel.ts";

/** Told when the time is up. */
export interface LimitKeeper<S> {
  timeUp(subject: S): void;
}

/** One limit of one subject. */
export class Limit<S> implements TimerOwner {
  readonly #subject: S;
  readonly #wheel: TimerWheel;
  readonly #timer = new WheelTimer(this);
  #keeper: LimitKeeper<S> | null = null;

  /** @param wheel how exact it is. */
  constructor(subject: S, wheel: TimerWheel) {
    this.#subject = subject;
    this.#wheel = wheel;
  }

  /** Sets the limit; `keeper` is told when it is reached. */
  set(delayMs: number, keeper: LimitKeeper<S>): void {
    this.#keeper = keeper;
    this.#wheel.arm(this.#timer, delayMs);
  }

  /** The limit no longer holds. */
  lift(): void {
    if (this.#keeper === null) return;
    this.#keeper = null;
    this.#wheel.cancel(this.#timer);
  }

  onTimer(): void {
    const keeper = this.#keeper;
    this.#keeper = null;
    if (keeper !== null) keeper.timeUp(this.#subject);
  }
}
