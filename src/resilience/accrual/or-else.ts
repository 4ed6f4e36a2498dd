// @hot Two policies for one endpoint: dead when either says so (finagle §3.1, "or else").
import type { AccrualPolicy } from "./policy.ts";

/** Both are told of everything; when both mark the endpoint, the longer time holds. */
export class OrElse implements AccrualPolicy {
  readonly #first: AccrualPolicy;
  readonly #second: AccrualPolicy;

  /** @param second has a backoff of its own. */
  constructor(first: AccrualPolicy, second: AccrualPolicy) {
    this.#first = first;
    this.#second = second;
  }

  succeeded(nowMs: number): void {
    this.#first.succeeded(nowMs);
    this.#second.succeeded(nowMs);
  }

  failed(nowMs: number): number {
    const first = this.#first.failed(nowMs);
    const second = this.#second.failed(nowMs);
    return first > second ? first : second; // `STAY` is less than any time
  }

  spared(): void {
    this.#first.spared();
    this.#second.spared();
  }

  revived(nowMs: number): void {
    this.#first.revived(nowMs);
    this.#second.revived(nowMs);
  }
}
