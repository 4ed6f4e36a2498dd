// @hot `kind: io.l5d.successRateWindowed`: dead when too few requests of the last seconds succeeded (finagle §3.1).
import type { Backoff } from "../../base/backoff.ts";
import { Ewma } from "../../base/ewma.ts";
import { WindowedAdder } from "../../base/windowed-adder.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";

/** So many requests must lie in the window before anything is marked. */
const LEAST_REQUESTS = 5;
const SLICES = 5;

export class SuccessRateWindowed implements AccrualPolicy {
  readonly #required: number;
  readonly #windowMs: number;
  readonly #backoff: Backoff;
  readonly #rate: Ewma;
  readonly #requests: WindowedAdder;
  /** When it began to look, or looked anew: nothing is marked before a whole window has passed since. */
  #sinceMs: number;

  /**
   * @param required the least share of successes, 0 to 1.
   * @param windowMs the window of the average.
   * @param backoff how long it is dead each time; this endpoint's own.
   */
  constructor(required: number, windowMs: number, backoff: Backoff, nowMs: number) {
    this.#required = required;
    this.#windowMs = windowMs;
    this.#backoff = backoff;
    this.#rate = new Ewma(windowMs);
    this.#requests = new WindowedAdder(windowMs, SLICES, nowMs);
    this.#sinceMs = nowMs;
  }

  succeeded(nowMs: number): void {
    this.#requests.add(1, nowMs);
    this.#rate.update(this.#stamp(nowMs), 1);
  }

  failed(nowMs: number): number {
    this.#requests.add(1, nowMs);
    const stamp = this.#stamp(nowMs);
    this.#rate.update(stamp, 0);
    if (stamp < this.#windowMs || this.#rate.value >= this.#required) return STAY;
    return this.#requests.sum(nowMs) >= LEAST_REQUESTS ? this.#backoff.next() : STAY;
  }

  spared(): void {
    this.#backoff.reset();
  }

  revived(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#rate.reset();
    this.#requests.reset(nowMs);
    this.#backoff.reset();
  }

  // The original's stamps are whole milliseconds.
  #stamp(nowMs: number): number {
    return Math.floor(nowMs - this.#sinceMs);
  }
}
