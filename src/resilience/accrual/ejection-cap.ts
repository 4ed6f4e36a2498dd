// How many endpoints of a client may be out of use at once: with fewer left, the rest would break under the load of all.
import type { Counter } from "../../telemetry/metrics.ts";

/** An endpoint's standing, as far as others ask. */
export interface Ejectable {
  /** Taken out and not back yet: dead or being probed. */
  readonly out: boolean;
}

/** Asked before an endpoint is taken out. */
export interface EjectionCap {
  /** May one more be out, or when `already` it is, stay so? */
  allows(already: boolean): boolean;
}

/** All may be out. */
export const noCap: EjectionCap = { allows: () => true };

/** Looks at all endpoints when asked, which is rare: so nothing has to be kept up to date when they come and go. */
export class EjectionLimit implements EjectionCap {
  readonly #maxPercent: number;
  readonly #members: () => readonly { readonly accrual: Ejectable }[];
  readonly #capped: Counter;

  /**
   * @param maxPercent share of the members that may be out; one may always be.
   * @param capped counts the refusals.
   */
  constructor(maxPercent: number, members: () => readonly { readonly accrual: Ejectable }[], capped: Counter) {
    this.#maxPercent = maxPercent;
    this.#members = members;
    this.#capped = capped;
  }

  allows(already: boolean): boolean {
    if (this.#maxPercent >= 100) return true;
    const members = this.#members();
    let out = already ? 0 : 1;
    for (const { accrual } of members) if (accrual.out) out++;
    if (out <= Math.max(1, Math.floor((members.length * this.#maxPercent) / 100))) return true;
    this.#capped.inc();
    return false;
  }
}
