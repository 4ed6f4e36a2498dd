// @hot A limit in time that is exact however long it is: a coarse timer brings it near, a fine one to the point. So the fine wheel, which
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
  readonly #far = new WheelTimer(this);
  readonly #near = new WheelTimer(this);
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
    if (delayMs > NEAR_MS) this.#loop.wheel.arm(this.#far, delayMs - NEAR_MS);
    else this.#loop.fine.arm(this.#near, delayMs);
  }

  /** The limit no longer holds. */
  lift(): void {
    if (this.#keeper === null) return;
    this.#keeper = null;
    this.#loop.wheel.cancel(this.#far);
    this.#loop.fine.cancel(this.#near);
  }

  onTimer(timer: WheelTimer): void {
    const keeper = this.#keeper;
    if (keeper === null) return;
    const leftMs = this.#dueMs - this.#loop.nowMs;
    if (timer === this.#far && leftMs > 0) {
      this.#loop.fine.arm(this.#near, leftMs);
      return;
    }
    this.#keeper = null;
    keeper.timeUp(this.#subject);
  }
}
