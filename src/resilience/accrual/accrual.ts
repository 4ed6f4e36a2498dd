// @hot Failure accrual: the health of one endpoint, judged by what real requests met (finagle §3.1).
//
//   alive     ── the policy marks it ──▶ dead      ── its time is over ──▶ probing ── a request starts ──▶ probe out
//   probe out ── success ──▶ alive
//   probe out ── failure ──▶ dead, for longer, when the policy marks it again; else probing
//   probe out ── an outcome that says nothing ──▶ probing
//
// When too many others are out already, the policy is not heeded: alive stays alive, and a failed probe goes back to probing.
//
// It advises and never refuses: a dead endpoint, or one whose probe is out, reads busy, and a balancer that finds nothing better uses
// it all the same. The end of a dead period needs no timer: whoever looks after it finds the endpoint probing.
import { EndpointStatus } from "../../core/picker.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { Scope } from "../../telemetry/registry.ts";
import type { EjectionCap } from "./ejection-cap.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";

const ALIVE = 0;
const DEAD = 1;
const PROBING = 2;
const PROBE_OUT = 3;

/** What all endpoints of a client count together. */
export interface AccrualCounters {
  /** From alive to dead. */
  readonly removals: Counter;
  readonly revivals: Counter;
  /** From dead to probing. */
  readonly probes: Counter;
  /** Sum of all dead periods begun, in milliseconds. */
  readonly removedForMs: Counter;
}

/** The counters below a client's scope `failure_accrual`. */
export function accrualCounters(scope: Scope): AccrualCounters {
  return {
    removals: scope.counter("removals"),
    revivals: scope.counter("revivals"),
    probes: scope.counter("probes"),
    removedForMs: scope.counter("removed_for_ms"),
  };
}

/** Told of changes, for the log. */
export interface AccrualOwner {
  /** Dead from now on; `again` when a probe failed. */
  died(forMs: number, again: boolean): void;
  revived(): void;
}

/** Health as people read it. */
export type Health = "alive" | "dead" | "probing";

export class Accrual {
  readonly #policy: AccrualPolicy;
  readonly #counters: AccrualCounters;
  readonly #owner: AccrualOwner;
  readonly #cap: EjectionCap;
  #state = ALIVE;
  #deadUntilMs = 0;

  constructor(policy: AccrualPolicy, counters: AccrualCounters, owner: AccrualOwner, cap: EjectionCap) {
    this.#policy = policy;
    this.#counters = counters;
    this.#owner = owner;
    this.#cap = cap;
  }

  /** From its death to its revival. */
  get out(): boolean {
    return this.#state !== ALIVE;
  }

  /** What the balancer is to know: `below` is the status of what lies under accrual, sessions and their limits. */
  settledStatus(nowMs: number, below: EndpointStatus): EndpointStatus {
    if (this.#state === ALIVE) return below;
    this.#wake(nowMs);
    return this.#state === PROBING ? below : EndpointStatus.busy;
  }

  /** For pages and logs. */
  health(nowMs: number): Health {
    this.#wake(nowMs);
    return this.#state === ALIVE ? "alive" : this.#state === DEAD ? "dead" : "probing";
  }

  /** A request goes to the endpoint; a probing endpoint makes it the probe. Each `started` is followed by one of the three below. */
  started(nowMs: number): void {
    if (this.#state === ALIVE) return;
    this.#wake(nowMs);
    if (this.#state === PROBING) this.#state = PROBE_OUT;
  }

  /** The classifier calls it a success. */
  succeeded(nowMs: number): void {
    if (this.#state !== ALIVE) {
      this.#wake(nowMs);
      if (this.#state === PROBE_OUT) this.revive(nowMs);
    }
    this.#policy.succeeded(nowMs);
  }

  /** The classifier calls it a failure, or there was no answer; a failed acquisition is one too. While dead nothing more is judged. */
  failed(nowMs: number): void {
    this.#wake(nowMs);
    if (this.#state === DEAD || this.#state === PROBING) return;
    const deadMs = this.#policy.failed(nowMs);
    if (deadMs !== STAY && this.#cap.allows(this.out)) this.die(nowMs, deadMs);
    else if (this.#state === PROBE_OUT) this.#state = PROBING;
    else if (deadMs !== STAY) this.#policy.spared();
  }

  /** Another event loop has found it dead: it is not tried here either, for as long. False when it stays in use, or was out already. */
  follow(nowMs: number, deadMs: number): boolean {
    this.#wake(nowMs);
    if (this.#state !== ALIVE || !this.#cap.allows(this.out)) return false;
    this.die(nowMs, deadMs);
    return true;
  }

  /** It ended in a way that says nothing of the endpoint, such as a caller who went away: another request may be the probe. */
  ignored(nowMs: number): void {
    this.#wake(nowMs);
    if (this.#state === PROBE_OUT) this.#state = PROBING;
  }

  #wake(nowMs: number): void {
    if (this.#state !== DEAD || nowMs < this.#deadUntilMs) return;
    this.#state = PROBING;
    this.#counters.probes.inc();
  }

  protected die(nowMs: number, deadMs: number): void {
    const again = this.#state === PROBE_OUT;
    if (!again) this.#counters.removals.inc();
    this.#counters.removedForMs.add(deadMs);
    this.#state = DEAD;
    this.#deadUntilMs = nowMs + deadMs;
    this.#owner.died(deadMs, again);
  }

  protected revive(nowMs: number): void {
    this.#state = ALIVE;
    this.#counters.revivals.inc();
    this.#policy.revived(nowMs);
    this.#owner.revived();
  }
}
