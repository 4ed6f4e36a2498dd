// What a server of any version of HTTP is besides its connections: a listener, and how everything that came by it leaves.
import type { Listener } from "../../core/byte-stream.ts";
import type { Failure } from "../../core/failure.ts";
import { Connections, type Leaving } from "./connections.ts";

/** A listener and its connections. */
export class ListeningServer<C extends Leaving> {
  listener: Listener | null = null;
  protected readonly accepted = new Connections<C>();

  /** Connections open at the moment. */
  get connections(): number {
    return this.accepted.size;
  }

  gone(connection: C): void {
    this.accepted.gone(connection);
  }

  /** Stops accepting, lets every exchange finish, and resolves when the last connection is closed; see `Connections.drain`. */
  drain(patienceMs = 0): Promise<void> {
    return this.accepted.drain(this.listener, patienceMs);
  }

  /** Asks the connections there are to go with their next answer, and gives the listener away: it is not closed with this server. */
  handOver(): Listener | null {
    const { listener } = this;
    this.listener = null;
    this.accepted.leave();
    return listener;
  }

  /** As `handOver`, while the listener stays: the first part of a stop. */
  leave(): void {
    this.accepted.leave();
  }

  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void {
    this.accepted.abandon(failure);
  }
}
