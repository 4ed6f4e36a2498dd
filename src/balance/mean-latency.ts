// @hot The load of one endpoint by how long a success takes on the whole: the mean of the last answers, or the age of what is waiting.
import type { LoadCell } from "../core/picker.ts";

/** As with `PeakEwma`: an endpoint without history is asked at most once at a time. */
const PENALTY = 2 ** 47 - 1;

/** Less counts as this: an endpoint that fails more often is the business of failure accrual. */
const LEAST_SUCCESS = 0.5;

/**
 * Mean latency of about the last `answers`, in milliseconds, times requests in progress, over the square of the share that did not fail fast.
 * One long answer moves it little, as it may say more of the request than of the endpoint. What is in progress counts with its mean age
 * once that is more: an endpoint that stands still is noticed before it answers. A failure that comes fast does not make the mean better; one that comes late, such as a timeout,
 * is in the mean already. Without answers the mean falls, so that who was slow once is tried again.
 */
export class MeanLatency implements LoadCell {
  pending = 0;
  load = 0;
  readonly #share: number;
  readonly #decayMs: number;
  /** The mean at `#stampMs`, the last answer; 0 before the first. */
  #meanMs = 0;
  #stampMs = 0;
  /** Share of the last answers that were no fast failures. */
  #success = 1;
  /** Sum of the times at which what is in progress started: their mean age needs no list. */
  #startsMs = 0;
  /** Of those in progress: answered, and without an age that says anything. */
  #lasting = 0;

  /** @param decayMs time without an answer after which the mean has fallen to 1/e. */
  constructor(answers: number, decayMs: number) {
    this.#share = 1 / answers;
    this.#decayMs = decayMs;
  }

  start(nowMs: number): void {
    this.pending++;
    this.#startsMs += nowMs;
  }

  end(nowMs: number, startedMs: number, failed = false): void {
    this.pending--;
    // What rounding leaves of a sum of nothing must not pile up.
    this.#startsMs = this.pending === this.#lasting ? 0 : this.#startsMs - startedMs;
    const latencyMs = Math.max(0, nowMs - startedMs);
    // What was long ago counts less, so that one answer after a long time says nearly all there is to know.
    const kept = (1 - this.#share) * this.#left(nowMs);
    const failedFast = failed && latencyMs <= this.#meanMs;
    this.#success = this.#success * kept + (failedFast ? 0 : 1 - kept);
    if (nowMs > this.#stampMs) this.#stampMs = nowMs;
    if (failedFast) return;
    this.#meanMs = this.#meanMs === 0 ? latencyMs : latencyMs + (this.#meanMs - latencyMs) * kept;
  }

  answered(nowMs: number, startedMs: number): void {
    this.end(nowMs, startedMs);
    this.pending++;
    this.#lasting++;
  }

  left(): void {
    this.pending--;
    this.#lasting--;
  }

  weigh(nowMs: number): void {
    if (this.#meanMs === 0 && this.pending !== 0) {
      this.load = PENALTY + this.pending;
      return;
    }
    const meanMs = this.#meanMs * this.#left(nowMs);
    const aging = this.pending - this.#lasting;
    const ageMs = aging === 0 ? 0 : nowMs - this.#startsMs / aging;
    const success = this.#success > LEAST_SUCCESS ? this.#success : LEAST_SUCCESS;
    this.load = ((ageMs > meanMs ? ageMs : meanMs) * (this.pending + 1)) / (success * success);
  }

  #left(nowMs: number): number {
    const elapsedMs = nowMs - this.#stampMs;
    return elapsedMs > 0 ? Math.exp(-elapsedMs / this.#decayMs) : 1;
  }
}
