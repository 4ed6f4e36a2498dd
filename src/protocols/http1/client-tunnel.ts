// @hot The end of a tunnel at the service.
import type { Attempt, Upstream } from "../../core/attempt.ts";
import { type Cause, causes } from "../../core/cause.ts";
import { type OtherEnd, TunnelEnd, type TunnelParts } from "./tunnel-end.ts";

/** The connection to an endpoint that has become a tunnel. How quiet it may be is for the caller's end to say. */
export class ClientTunnel extends TunnelEnd implements Upstream {
  protected readonly leads = true;
  readonly #dropped: () => void;

  /** @param dropped is called when the attempt is taken back. */
  constructor(parts: TunnelParts, dropped: () => void) {
    super(parts);
    this.#dropped = dropped;
    this.begin(null, false);
  }

  /** Both ends are there: what has come goes on, and the caller's bytes may come. */
  join(other: OtherEnd): void {
    this.other = other;
    this.resume();
    other.resume();
  }

  get deaf(): boolean {
    return this.parts.stream.refused;
  }

  cancel(_attempt: Attempt): void {
    this.discard();
  }

  discard(): void {
    if (this.over) return;
    this.drop();
    this.#dropped();
  }

  protected quietDueMs(): number {
    return Number.POSITIVE_INFINITY;
  }

  protected quietCause(): Cause {
    return causes.tunnelIdle;
  }
}
