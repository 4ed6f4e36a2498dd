// @hot `kind: io.l5d.successRate`: dead when too few of the last requests succeeded (finagle §3.1).
import type { Backoff } from "../../base/backoff.ts";
import { Ewma } from "../../base/ewma.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";

export class SuccessRate implements AccrualPolicy {
  readonly #required: number;
  readonly #requests: number;
  readonly #backoff: Backoff;
  readonly #rate: Ewma;
  #seen = 0;

  /**
   * @param required the least share of successes, 0 to 1.
   * @param requests the window of the average; before so many nothing is marked.
   * @param backoff how long it is dead each time; this endpoint's own.
   */
  constructor(required: number, requests: number, backoff: Backoff) {
    this.#required = required;
    this.#requests = requests;
    this.#backoff = backoff;
    this.#rate = new Ewma(requests);
  }

  succeeded(): void {
    this.#rate.update(++this.#seen, 1);
  }

  failed(): number {
    this.#rate.update(++this.#seen, 0);
    return this.#seen >= this.#requests && this.#rate.value < this.#required ? this.#backoff.next() : STAY;
  }

  spared(): void {
    this.#backoff.reset();
  }

  revived(): void {
    this.#seen = 0;
    this.#rate.reset();
    this.#backoff.reset();
  }
}
