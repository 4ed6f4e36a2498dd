// Bounds in bytes, counts and time that one HTTP/1 connection is held to.
import type { HeadLimits } from "./codec/parse-head.ts";

/** Timers of a connection; 0 switches one off. */
export interface ConnectionTimers {
  /** From the first byte of a head to its end. */
  readonly headerTimeoutMs: number;
  /** Without progress of a body. */
  readonly bodyIdleTimeoutMs: number;
  /** Without the peer taking a byte of what was sent. */
  readonly writeStallTimeoutMs: number;
  /** Without a byte in either direction of a tunnel, and without one from the end of it that has not finished. */
  readonly tunnelIdleTimeoutMs: number;
  readonly tunnelHalfClosedTimeoutMs: number;
  /** Between requests. */
  readonly idleTimeoutMs: number;
  /** Age after which a connection is not used for a further request. */
  readonly lifeTimeMs: number;
}

/** All bounds of one connection. */
export interface Http1Limits extends ConnectionTimers {
  readonly head: HeadLimits;
  /** Cap on the value of a generated `l5d-err`. */
  readonly maxErrBytes: number;
}
