// @hot The sessions of an endpoint that is checked: the checks end with them, when the endpoint leaves or the proxy stops.
import type { Attempt } from "../../core/attempt.ts";
import type { SessionSource } from "../../core/session.ts";
import type { HealthCheck } from "./health-check.ts";

export class CheckedSource implements SessionSource {
  readonly #inner: SessionSource;
  readonly #check: HealthCheck;

  constructor(inner: SessionSource, check: HealthCheck) {
    this.#inner = inner;
    this.#check = check;
  }

  get size(): number {
    return this.#inner.size;
  }

  get idle(): number {
    return this.#inner.idle;
  }

  get waiters(): number {
    return this.#inner.waiters;
  }

  get hasRoom(): boolean {
    return this.#inner.hasRoom;
  }

  acquire(attempt: Attempt): void {
    this.#inner.acquire(attempt);
  }

  closeIdle(): void {
    this.#inner.closeIdle();
  }

  drain(): Promise<void> {
    this.#check.stop();
    return this.#inner.drain();
  }
}
