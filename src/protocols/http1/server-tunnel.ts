// @hot The end of a tunnel at the caller. It looks after the whole: all bytes pass here.
import { type Cause, causes } from "../../core/cause.ts";
import type { Downstream, Exchange } from "../../core/exchange.ts";
import type { Failure } from "../../core/failure.ts";
import { type OtherEnd, TunnelEnd, type TunnelParts } from "./tunnel-end.ts";

/** How long a tunnel may be quiet, ms; 0 = for ever. */
interface QuietLimits {
  readonly tunnelIdleTimeoutMs: number;
  readonly tunnelHalfClosedTimeoutMs: number;
}

/** The connection of a caller that has become a tunnel. */
export class ServerTunnel extends TunnelEnd implements Downstream {
  readonly remote: string;
  readonly requestPassed = true;
  protected readonly leads = false;
  readonly #limits: QuietLimits;

  /** @param held what the caller has sent ahead. @param paused it is not read any further. */
  constructor(parts: TunnelParts, remote: string, limits: QuietLimits, held: Buffer | null, paused: boolean) {
    super(parts);
    this.remote = remote;
    this.#limits = limits;
    this.begin(held, paused);
  }

  /** Whose bytes it sends, and who gets its own; they wait until that end says so. */
  join(other: OtherEnd): void {
    this.other = other;
  }

  protected quietDueMs(): number {
    const { tunnelHalfClosedTimeoutMs, tunnelIdleTimeoutMs } = this.#limits;
    const idleMs = tunnelIdleTimeoutMs > 0 ? tunnelIdleTimeoutMs : Number.POSITIVE_INFINITY;
    const half = this.#halfClosed() && tunnelHalfClosedTimeoutMs > 0;
    return this.movedMs + (half ? Math.min(idleMs, tunnelHalfClosedTimeoutMs) : idleMs);
  }

  protected quietCause(): Cause {
    return this.#halfClosed() ? causes.tunnelHalfClosed : causes.tunnelIdle;
  }

  #halfClosed(): boolean {
    return this.peerFinished !== this.finished;
  }

  // An exchange that was answered is told of nothing but its end.

  fail(_ex: Exchange, failure: Failure): void {
    this.breakOff(failure);
  }

  inform(): void {}

  answer(): void {}

  canned(): void {}

  canReplay(): boolean {
    return false;
  }
}
