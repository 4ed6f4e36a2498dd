// An upstream connection as the pool sees it. HTTP/1.1 carries one attempt at a time, HTTP/2 as many as it has streams,
// Mux as many as it has tags; the pool needs to know no more than that.
import type { Attempt } from "./attempt.ts";
import type { Failure } from "./failure.ts";

/**
 * Can it take another attempt? `full` while it carries as many as it may: it is `ready` again when one of them ends. `draining`
 * when it takes no more, because of `drain` or of its peer (GOAWAY, stream ids used up): it closes itself after the last.
 */
export const SessionStatus = { connecting: 0, ready: 1, full: 2, draining: 3, closed: 4 } as const;
export type SessionStatus = (typeof SessionStatus)[keyof typeof SessionStatus];

/** What a session tells the pool that owns it. */
export interface SessionOwner {
  /** Connected and able to take attempts. Once, and never from within the call that makes the session. */
  ready(session: Session): void;
  /**
   * An attempt is over and there is room for another. A session that carries several says so after each of them, and whenever
   * its status changes otherwise: its peer allows more streams, or none any more. Attempts wait for what its status says now.
   */
  released(session: Session): void;
  /** Gone, told once; `failure` says why, when it never became ready. */
  closed(session: Session, failure: Failure | null): void;
}

/** Opens a session that reports to `owner`, or says why none is to be opened now. */
export type Connect = (owner: SessionOwner) => Session | Failure;

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
  /** Closes the sessions without attempts; a new one is made when needed. */
  closeIdle(): void;
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
  /** When it last became idle, which it notes before it tells `released`, and when it was made; monotonic. */
  idleSinceMs: number;
  readonly madeMs: number;
  /** Sends the attempt's request; the answer is reported to `attempt.owner`. Only when `ready`; counts `active` and sets `status`. */
  dispatch(attempt: Attempt): void;
  /** Finishes what is on it, then closes; at once when that is nothing, or when it is not connected yet. */
  drain(): void;
  /** Closes at once. */
  close(): void;
}
