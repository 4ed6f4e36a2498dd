// The accepted connections of one server: how many there are, and how they leave.
import type { Listener } from "../../core/byte-stream.ts";
import type { Failure } from "../../core/failure.ts";

/** One accepted connection, as its server sees it. */
interface Leaving {
  /**
   * Lets what is under way finish, then closes.
   * @param gently tells the caller with the next answer, where the protocol has no other way of saying it, and closes nothing that is idle:
   * a request may be under way to us.
   */
  drain(gently: boolean): void;
  /** Ends everything with a failure, at once. */
  abandon(failure: Failure): void;
}

/** A set of connections that can be drained. */
export class Connections<C extends Leaving> implements Iterable<C> {
  readonly #all = new Set<C>();
  /** No further connection shall be taken. */
  draining = false;
  #leaving = false;
  #drained: PromiseWithResolvers<void> | null = null;

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#all[Symbol.iterator]();
  }

  add(connection: C): void {
    this.#all.add(connection);
    if (this.#leaving) connection.drain(true);
  }

  gone(connection: C): void {
    this.#all.delete(connection);
    if (this.#all.size === 0) this.#drained?.resolve();
  }

  /** Stops accepting, lets every exchange finish, and resolves when the last connection is closed. May be asked for more than once. */
  async drain(listener: Listener | null): Promise<void> {
    this.draining = true;
    await listener?.close();
    if (this.#all.size === 0) return;
    this.#drained ??= Promise.withResolvers();
    this.leave(false);
    await this.#drained.promise;
  }

  /** Asks every connection to go; see `Leaving.drain`. Those that are accepted later are asked gently. */
  leave(gently: boolean): void {
    this.#leaving = true;
    for (const connection of [...this.#all]) connection.drain(gently);
  }

  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void {
    for (const connection of [...this.#all]) connection.abandon(failure);
  }
}
