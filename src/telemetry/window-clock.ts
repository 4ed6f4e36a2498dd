// The windows that distributions are read over.
import type { Clock } from "../base/clock.ts";
import type { Timer, Timers } from "../base/timers.ts";

/** Numbers the windows of all histograms of a process, so that recording compares one integer and reads no clock. */
export class WindowClock {
  /** The running window; changes at its end, or when someone reads. */
  epoch = 0;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #windowMs: number;
  readonly #startMs: number;
  #timer: Timer | null = null;

  constructor(env: { readonly clock: Clock; readonly timers: Timers }, windowMs = 60_000) {
    this.#clock = env.clock;
    this.#timers = env.timers;
    this.#windowMs = windowMs;
    this.#startMs = env.clock.nowMs();
  }

  /** Brings `epoch` up to date. */
  refresh(): void {
    this.epoch = Math.floor((this.#clock.nowMs() - this.#startMs) / this.#windowMs);
  }

  /** From now on `epoch` follows the clock by itself, with one timer per window. */
  run(): void {
    if (this.#timer !== null) return;
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    this.refresh();
    // A timer may be a little early by this clock; then the rest of the window is waited for again.
    const endMs = this.#startMs + (this.epoch + 1) * this.#windowMs;
    this.#timer = this.#timers.after(Math.max(1, endMs - this.#clock.nowMs()), () => this.#schedule());
  }
}
