// @hot A limit in time that is exact however long it is: the coarse wheel brings it near, the fine one to the point. So the fine wheel, which
// wakes often, runs only for what is nearly due.
import { type TimerOwner, WheelTimer } from "../base/timer-wheel.ts";
import type { DataLoop } from "./data-loop.ts";
import type { LimitKeeper } from "./limit.ts";

/** The coarse wheel is at most this late. */
const NEAR_MS = 200;

/** As `Limit`. */
export class ExactLimit<S> implements TimerOwner {
  readonly #subject: S;
  readonly #loop: DataLoop;
  readonly #timer = new WheelTimer(this);
  /** On which of the two wheels the timer is. */
  #near = false;
  #dueMs = 0;
  #keeper: LimitKeeper<S> | null = null;

  constructor(subject: S, loop: DataLoop) {
    this.#subject = subject;
    this.#loop = loop;
  }

  /** Sets the limit; `keeper` is told when it is reached. */
  set(delayMs: number, keeper: LimitKeeper<S>): void {
    this.lift();
    this.#keeper = keeper;
    this.#dueMs = this.#loop.nowMs + delayMs;
    this.#near = delayMs <= NEAR_MS;
    if (this.#near) this.#loop.fine.arm(this.#timer, delayMs);
    else this.#loop.wheel.arm(this.#timer, delayMs - NEAR_MS);
  }

  /** The limit no longer holds. */
  lift(): void {
    if (this.#keeper === null) return;
    this.#keeper = null;
    (this.#near ? this.#loop.fine : this.#loop.wheel).cancel(this.#timer);
  }

  onTimer(): void {
    const keeper = this.#keeper;
    if (keeper === null) return;
    const leftMs = this.#dueMs - this.#loop.nowMs;
    if (!this.#near && leftMs > 0) {
      this.#near = true;
      this.#loop.fine.arm(this.#timer, leftMs);
      return;
    }
    this.#keeper = null;
    keeper.timeUp(this.#subject);
  }
}
