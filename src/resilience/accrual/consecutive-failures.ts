// @hot `kind: io.l5d.consecutiveFailures`: dead after so many failures in a row.
import type { Backoff } from "../../base/backoff.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";

export class ConsecutiveFailures implements AccrualPolicy {
  readonly #limit: number;
  readonly #backoff: Backoff;
  #failures = 0;

  /**
   * @param limit failures in a row that mark the endpoint dead; a failed probe is one more and marks it again.
   * @param backoff how long it is dead each time; this endpoint's own.
   */
  constructor(limit: number, backoff: Backoff) {
    this.#limit = limit;
    this.#backoff = backoff;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  failed(): number {
    this.#failures++;
    return this.#failures >= this.#limit ? this.#backoff.next() : STAY;
  }

  spared(): void {
    this.#backoff.reset();
  }

  revived(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }
}
