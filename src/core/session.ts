// An upstream connection as the pool sees it. HTTP/1.1 carries one attempt at a time, HTTP/2 as many as it has streams,
// Mux as many as it has tags; the pool needs to know no more than that.
import type { Attempt } from "./attempt.ts";
import type { Failure } from "./failure.ts";

/** Can it take another attempt? */
export const SessionStatus = { connecting: 0, ready: 1, full: 2, draining: 3, closed: 4 } as const;
export type SessionStatus = (typeof SessionStatus)[keyof typeof SessionStatus];

/** What a session tells the pool that owns it. */
export interface SessionOwner {
  /** Connected and able to take attempts. */
  ready(session: Session): void;
  /** An attempt is over and there is room for another. */
  released(session: Session): void;
  /** Gone; `failure` says why, when it never became ready. */
  closed(session: Session, failure: Failure | null): void;
}

/**
 * The sessions to one endpoint, as its stack sees them. HTTP/1.1 has a pool of them, HTTP/2 and Mux share one; what they
 * have in common is this.
 */
export interface SessionSource {
  /** Sessions open or opening. */
  readonly size: number;
  /** Sessions that could take an attempt at once. */
  readonly idle: number;
  /** Attempts that wait for a session. */
  readonly waiters: number;
  /** Can it take another attempt without refusing it? */
  readonly hasRoom: boolean;
  /** Gives the attempt to a session, now or when one is ready; otherwise fails it. */
  acquire(attempt: Attempt): void;
  /** Takes no more attempts; closes what is idle, and the rest when it is done. */
  drain(): Promise<void>;
}

/** One upstream connection. */
export interface Session {
  status: SessionStatus;
  /** Attempts on it at the moment. */
  active: number;
  /** Attempts it has carried, to tell a fresh connection from a reused one. */
  served: number;
  /** When it last became idle, and when it was made; monotonic. */
  idleSinceMs: number;
  readonly madeMs: number;
  /** Sends the attempt's request; the answer is reported to `attempt.owner`. Only when `ready`. */
  dispatch(attempt: Attempt): void;
  /** Finishes what is on it, then closes. */
  drain(): void;
  /** Closes at once. */
  close(): void;
}
