// The accepted connections of one server: how many there are, and how they leave.
import type { Listener } from "../../core/byte-stream.ts";
import type { Failure } from "../../core/failure.ts";

/** One accepted connection, as its server sees it. */
export interface Leaving {
  /**
   * Lets what is under way finish, then closes; the caller is told with the next answer, where the protocol has no other way of saying it.
   * @param patienceMs closes nothing that is idle before it has been quiet for so long: a request may be under way to us.
   */
  drain(patienceMs: number): void;
  /** Ends everything with a failure, at once. */
  abandon(failure: Failure): void;
}

/** A set of connections that can be drained. */
export class Connections<C extends Leaving> implements Iterable<C> {
  readonly #all = new Set<C>();
  /** No further connection shall be taken. */
  draining = false;
  #leaving = false;
  /** Whoever waits for the last connection waits for this. */
  #drained: PromiseWithResolvers<void> | null = null;

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#all[Symbol.iterator]();
  }

  add(connection: C): void {
    this.#all.add(connection);
    if (this.#leaving) connection.drain(Number.POSITIVE_INFINITY);
  }

  gone(connection: C): void {
    this.#all.delete(connection);
    if (this.#all.size === 0) this.#drained?.resolve();
  }

  /**
   * Stops accepting, lets every exchange finish, and resolves when the last connection is closed.
   * @param patienceMs see `Leaving.drain`; 0 closes at once whatever is idle.
   */
  async drain(listener: Listener | null, patienceMs = 0): Promise<void> {
    await listener?.close(); // what waits in its queue is still accepted, and belongs to those who are to go
    this.draining = true;
    if (this.#all.size === 0) return;
    this.#drained ??= Promise.withResolvers<void>();
    this.#ask(patienceMs);
    await this.#drained.promise;
  }

  /** Asks every connection to go with its next answer, those that are accepted later too; closes nothing. */
  leave(): void {
    this.#ask(Number.POSITIVE_INFINITY);
  }

  #ask(patienceMs: number): void {
    this.#leaving = true;
    for (const connection of [...this.#all]) connection.drain(patienceMs);
  }

  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void {
    for (const connection of [...this.#all]) connection.abandon(failure);
  }
}
