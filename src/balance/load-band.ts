// @hot How many endpoints a client needs, by the requests it has in progress (finagle §2.6).
//
//   load of one endpoint   ── at or above highLoad ──▶ one more
//   (smoothed)             ── at or below lowLoad ──▶ one fewer       one step at each start and each end of a request
import { Ewma } from "../base/ewma.ts";
import type { Counter } from "../telemetry/metrics.ts";

export interface LoadBandLimits {
  /** A load is forgotten to 1/e in this time. */
  readonly smoothWindowMs: number;
  /** Requests in progress on one endpoint. */
  readonly lowLoad: number;
  readonly highLoad: number;
  /** Fewest endpoints, unless there are fewer. */
  readonly minAperture: number;
}

export interface LoadBandCounters {
  readonly widen: Counter;
  readonly narrow: Counter;
}

export class LoadBand {
  /** Endpoints to use. */
  aperture = 1;
  /** Requests in progress, those on endpoints that have left included. */
  total = 0;
  readonly #limits: LoadBandLimits;
  readonly #counters: LoadBandCounters;
  readonly #load: Ewma;
  #least = 1;
  #most = 1;

  constructor(limits: LoadBandLimits, counters: LoadBandCounters) {
    this.#limits = limits;
    this.#counters = counters;
    this.#load = new Ewma(limits.smoothWindowMs);
  }

  /** Requests in progress, smoothed. */
  get offeredLoad(): number {
    return this.#load.value;
  }

  /** There are so many endpoints now. */
  resize(endpoints: number): void {
    this.#most = Math.max(1, endpoints);
    this.#least = Math.min(this.#limits.minAperture, this.#most);
    this.aperture = Math.min(Math.max(this.aperture, this.#least), this.#most);
  }

  /** So many requests more, or fewer, are in progress. */
  add(change: number, nowMs: number): void {
    this.total += change;
    const loadOfOne = this.#load.update(nowMs, this.total) / this.aperture;
    if (loadOfOne >= this.#limits.highLoad && this.aperture < this.#most) {
      this.aperture++;
      this.#counters.widen.inc();
    } else if (loadOfOne <= this.#limits.lowLoad && this.aperture > this.#least) {
      this.aperture--;
      this.#counters.narrow.inc();
    }
  }
}
