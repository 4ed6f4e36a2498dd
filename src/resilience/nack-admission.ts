// @hot Fewer requests for a cluster that refuses most of them (Finagle's NackAdmissionFilter, finagle §6.2).
import type { Random } from "../base/random.ts";
import { WindowedAdder } from "../base/windowed-adder.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

/** How long answers are remembered: after this the weight of one has fallen to 1/e. */
const WINDOW_MS = 120_000;
/** Below this share of accepted requests some are dropped here. */
const THRESHOLD = 0.5;
/** Never more than this share: without answers nobody would learn that the cluster has recovered. */
const MOST_DROPPED = 0.75;
/** With fewer requests than this in the last second a refusal says too little, and counts as accepted. */
const FEWEST_REQUESTS = 5;
const RATE_WINDOW_MS = 1_000;
const RATE_SLICES = 10;

/** The admission of one client. It stands below requeues and above the balancer, so it protects all endpoints together. */
export class NackAdmission {
  readonly #requests: WindowedAdder;
  readonly #dropped: Counter;
  #accepted = 1;
  #updatedMs: number;

  /** @param scope the client's `nack_admission_control`. */
  constructor(scope: Scope, nowMs: number) {
    this.#requests = new WindowedAdder(RATE_WINDOW_MS, RATE_SLICES, nowMs);
    this.#updatedMs = nowMs;
    this.#dropped = scope.counter("dropped_requests");
    scope.gauge("ema_value", () => this.#accepted); // cold: once per client
  }

  /** The share of requests that were accepted lately. */
  get accepted(): number {
    return this.#accepted;
  }

  /**
   * May a request be sent? One that may not has not been processed, and is not sent elsewhere either. It belongs to the rate of
   * requests, not to the average.
   */
  admits(nowMs: number, random: Random): boolean {
    this.#requests.add(1, nowMs);
    if (this.#accepted >= THRESHOLD || random.next() >= this.#share()) return true;
    this.#dropped.inc();
    return false;
  }

  /** An admitted request has ended. @param nacked the service, or every endpoint tried, refused to work on it. */
  record(nowMs: number, nacked: boolean): void {
    const elapsedMs = nowMs - this.#updatedMs;
    if (elapsedMs <= 0) return;
    this.#updatedMs = nowMs;
    const sample = nacked && this.#requests.sum(nowMs) >= FEWEST_REQUESTS ? 0 : 1;
    this.#accepted += (1 - Math.exp(-elapsedMs / WINDOW_MS)) * (sample - this.#accepted);
  }

  #share(): number {
    return Math.min(MOST_DROPPED, 1 - this.#accepted / THRESHOLD);
  }
}
