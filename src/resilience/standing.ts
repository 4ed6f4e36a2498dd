// @hot How one endpoint stands with its balancer: failure accrual, what health checks say, and gentle re-entry after either.
import { EndpointStatus } from "../core/picker.ts";
import { Accrual, type AccrualCounters, type AccrualOwner, type Health } from "./accrual/accrual.ts";
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
  /** Taken out by health checks. */
  unhealthy = false;
  readonly #cap: EjectionCap;
  readonly #slowStart: SlowStart;
  #ramping = false;

  constructor(policy: AccrualPolicy, shared: StandingShared, owner: AccrualOwner) {
    super(policy, shared.counters, owner, shared.cap);
    this.#cap = shared.cap;
    this.#slowStart = shared.slowStart;
  }

  override get out(): boolean {
    return this.unhealthy || super.out;
  }

  override health(nowMs: number): Health {
    const health = super.health(nowMs);
    return this.unhealthy ? "dead" : health;
  }

  override settledStatus(nowMs: number, below: EndpointStatus): EndpointStatus {
    const status = super.settledStatus(nowMs, below);
    return this.unhealthy && status === EndpointStatus.open ? EndpointStatus.busy : status;
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

  /** Health checks take it out; false when it stays in use because too many are out. */
  fail(): boolean {
    if (!this.#cap.allows(this.out)) return false;
    this.unhealthy = true;
    this.#ramping = false;
    this.#slowStart.changed();
    return true;
  }

  /** Health checks are content again. */
  recover(nowMs: number): void {
    this.unhealthy = false;
    if (!this.out) this.ramp(nowMs); // else its revival is the beginning
    this.#slowStart.changed();
  }

  isRamping(nowMs: number): boolean {
    if (this.#ramping && nowMs - this.rampedFromMs >= this.#slowStart.durationMs) this.#ramping = false;
    return this.#ramping;
  }

  protected override die(nowMs: number, deadMs: number): void {
    super.die(nowMs, deadMs);
    this.#ramping = false;
    this.#slowStart.changed();
  }

  protected override revive(nowMs: number): void {
    super.revive(nowMs);
    this.ramp(nowMs);
    this.#slowStart.changed();
  }
}
