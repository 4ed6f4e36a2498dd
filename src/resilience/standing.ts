// @hot How one endpoint stands with its balancer: failure accrual, and gentle re-entry after it.
import { EndpointStatus } from "../core/picker.ts";
import { Accrual, type AccrualCounters, type AccrualOwner } from "./accrual/accrual.ts";
import type { EjectionCap } from "./accrual/ejection-cap.ts";
import type { AccrualPolicy } from "./accrual/policy.ts";
import type { Ramped, SlowStart } from "./slow-start.ts";

/** What the endpoints of a client have in common. */
export interface StandingShared {
  readonly counters: AccrualCounters;
  readonly cap: EjectionCap;
  readonly slowStart: SlowStart;
}

/** One object with accrual, by inheritance: balancers look at it for every endpoint they draw. */
export class Standing extends Accrual implements Ramped {
  rampedFromMs = 0;
  readonly #slowStart: SlowStart;
  #ramping = false;

  constructor(policy: AccrualPolicy, shared: StandingShared, owner: AccrualOwner) {
    super(policy, shared.counters, owner, shared.cap);
    this.#slowStart = shared.slowStart;
  }

  /** What the balancer sees at a pick: busy also while it is the turn of others. */
  status(nowMs: number, below: EndpointStatus): EndpointStatus {
    const status = this.settledStatus(nowMs, below);
    if (!this.#ramping || status !== EndpointStatus.open || !this.isRamping(nowMs)) return status;
    return this.#slowStart.holdsBack(this, nowMs) ? EndpointStatus.busy : status;
  }

  /** Begins with a small share of the picks. */
  ramp(nowMs: number): void {
    if (this.#slowStart.durationMs === 0) return;
    this.#ramping = true;
    this.rampedFromMs = nowMs;
  }

  isRamping(nowMs: number): boolean {
    if (this.#ramping && nowMs - this.rampedFromMs >= this.#slowStart.durationMs) this.#ramping = false;
    return this.#ramping;
  }

  protected override die(nowMs: number, deadMs: number): void {
    super.die(nowMs, deadMs);
    this.#slowStart.changed();
  }

  protected override revive(nowMs: number): void {
    super.revive(nowMs);
    this.ramp(nowMs);
    this.#slowStart.changed();
  }
}
