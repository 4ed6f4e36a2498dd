// How a limit follows what requests meet.
import type { Outcome } from "../core/outcome.ts";

/** The limit of one client, moved by the ends of its requests. */
export interface LimitLaw {
  /** So many may be in progress; a whole number's worth counts. */
  readonly limit: number;
  /**
   * A request has ended.
   * @param inFlight how many were in progress, this one included.
   * @param full requests were refused since the law was last told.
   */
  ended(nowMs: number, startedMs: number, outcome: Outcome, inFlight: number, full: boolean): void;
}
