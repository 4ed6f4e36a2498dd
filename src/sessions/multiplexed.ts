// @hot The connections to one endpoint of a protocol that carries many attempts on each (HTTP/2, Mux). One is enough until its
// peer's stream limit is reached; the oldest that has room is used, so that the surplus falls idle and can be closed.
//
//   connecting ─► ready ◄─► full ─► draining ─► closed        the state is the session's own; nothing here repeats it
//
// Attempts wait first-in first-out, and only while no session is ready.
import { Ring } from "../base/ring.ts";
import { WheelTimer } from "../base/timer-wheel.ts";
import type { Attempt, AttemptOwner } from "../core/attempt.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { type Connect, type Session, type SessionOwner, type SessionSource, SessionStatus } from "../core/session.ts";
import type { PoolStats } from "./pool.ts";

/** Bounds of the sessions to one endpoint; 0 ms = no limit. */
export interface MultiplexedLimits {
  /**
   * Sessions that take attempts, or will. Draining ones come on top: they may carry a stream for hours, and nobody should
   * wait for the end of it to get a connection.
   */
  readonly maxConnections: number;
  /** How long a session may lie without attempts. */
  readonly idleTimeMs: number;
  /** Age from which a session takes no more attempts. */
  readonly sessionLifeMs: number;
}

/** All sessions to one endpoint. */
export class MultiplexedSessions implements SessionOwner, SessionSource {
  readonly #connect: Connect;
  readonly #loop: DataLoop;
  readonly #limits: MultiplexedLimits;
  readonly #stats: PoolStats;
  /** From the oldest to the youngest. */
  readonly #all: Session[] = [];
  /** The one that most probably is ready; null while anybody waits, so that nobody overtakes them. */
  #current: Session | null = null;
  #connecting: Session | null = null;
  readonly #waiting = new Ring<Attempt>();
  /** Those that are just being failed: what they ask for meanwhile waits for another connection, and must not be failed with them. */
  readonly #failing = new Ring<Attempt>();
  readonly #timer = new WheelTimer(this);
  #wakesAtMs = Number.POSITIVE_INFINITY;
  #draining: PromiseWithResolvers<void> | null = null;

  /** @param connect opens a session, which reports to the owner given, but not before it has been returned. */
  constructor(connect: Connect, loop: DataLoop, limits: MultiplexedLimits, stats: PoolStats) {
    this.#connect = connect;
    this.#loop = loop;
    this.#limits = limits;
    this.#stats = stats;
  }

  /** Sessions open or opening, those that drain too. */
  get size(): number {
    return this.#all.length;
  }

  /** Sessions that have room. */
  get idle(): number {
    let ready = 0;
    for (let i = 0; i < this.#all.length; i++) if ((this.#all[i] as Session).status === SessionStatus.ready) ready++;
    return ready;
  }

  get waiters(): number {
    return this.#waiting.length;
  }

  /**
   * Always: what finds no room waits, and is not refused. How many streams a peer allows is known only once it is connected,
   * so a bound here would be a guess; the balancer's load and the deadlines of those that wait are the bound.
   */
  get hasRoom(): boolean {
    return true;
  }

  acquire(attempt: Attempt): void {
    const session = this.#current;
    if (session !== null && session.status === SessionStatus.ready) session.dispatch(attempt);
    else this.#acquireElsewhere(attempt);
  }

  #acquireElsewhere(attempt: Attempt): void {
    if (this.#draining !== null) {
      (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.endpointLeft)); // cold: it left just now
      return;
    }
    const session = this.#oldestReady();
    if (session !== null && this.#waiting.length === 0) {
      this.#current = session;
      session.dispatch(attempt);
      return;
    }
    this.#current = null;
    attempt.waitingIn = this;
    this.#waiting.push(attempt);
    // One that is ready while others wait is about to serve them; a connection is not needed yet.
    if (session !== null || !this.#openForWaiting()) this.#stats.waited();
  }

  /** The attempt no longer waits. */
  abandon(attempt: Attempt): void {
    attempt.waitingIn = null;
    if (!this.#waiting.remove(attempt)) this.#failing.remove(attempt);
  }

  ready(session: Session): void {
    if (session === this.#connecting) this.#connecting = null;
    session.idleSinceMs = this.#loop.nowMs;
    this.#serve(session);
    this.#watch(session);
    if (session.served > 0) this.#openForWaiting();
  }

  released(session: Session): void {
    this.#serve(session);
    if (session.active === 0) this.#watch(session);
    if (session.served > 0) this.#openForWaiting();
  }

  closed(session: Session, failure: Failure | null): void {
    const at = this.#all.indexOf(session);
    if (at < 0) return;
    this.#all.splice(at, 1);
    if (session === this.#current) this.#current = null;
    if (this.#all.length === 0) this.#loop.wheel.cancel(this.#timer);
    if (session === this.#connecting) this.#connecting = null;
    else this.#stats.closed(this.#loop.nowMs - session.madeMs);
    if (session.served > 0) this.#openForWaiting();
    else this.#cameToNothing(failure);
    this.#checkDrained();
  }

  /** Takes no more attempts; fails those that wait; every session finishes what is on it. Resolves when all are closed. */
  drain(): Promise<void> {
    const draining = (this.#draining ??= Promise.withResolvers<void>()); // cold: shutdown and removal only
    this.#current = null;
    this.#loop.wheel.cancel(this.#timer);
    this.#failWaiting(new Failure(causes.endpointLeft)); // cold: as above
    const sessions = Array.from(this.#all);
    for (let i = 0; i < sessions.length; i++) (sessions[i] as Session).drain();
    this.#checkDrained();
    return draining.promise;
  }

  closeIdle(): void {
    const sessions = Array.from(this.#all); // cold: when an endpoint falls out of use
    for (let i = 0; i < sessions.length; i++) {
      const session = sessions[i] as Session;
      if (session.status === SessionStatus.ready && session.active === 0) session.drain();
    }
  }

  // Gives it those that wait while it has room.
  #serve(session: Session): void {
    while (session.status === SessionStatus.ready) {
      const attempt = this.#waiting.shift();
      if (attempt === undefined) {
        this.#prefer(session);
        return;
      }
      attempt.waitingIn = null;
      session.dispatch(attempt);
    }
  }

  #prefer(session: Session): void {
    const current = this.#current;
    if (current === session) return;
    if (current === null || current.status !== SessionStatus.ready || session.madeMs < current.madeMs) {
      this.#current = session;
    }
  }

  #oldestReady(): Session | null {
    for (let i = 0; i < this.#all.length; i++) {
      const session = this.#all[i] as Session;
      if (session.status === SessionStatus.ready) return session;
    }
    return null;
  }

  // One at a time: how many of those that wait it will take shows when it is ready. False when they go on waiting for others.
  #openForWaiting(): boolean {
    if (this.#waiting.length === 0 || this.#connecting !== null || this.#draining !== null) return false;
    if (this.#taking() >= this.#limits.maxConnections) return false;
    const opened = this.#connect(this);
    if (opened instanceof Failure) {
      if (this.#taking() > 0) return false;
      this.#failWaiting(opened);
      return true;
    }
    this.#connecting = opened;
    this.#all.push(opened);
    return true;
  }

  /** Sessions that take attempts, or will. */
  #taking(): number {
    let taking = 0;
    for (let i = 0; i < this.#all.length; i++) if (takes(this.#all[i] as Session)) taking++;
    return taking;
  }

  // It never connected, or its peer allowed not one stream: nothing says that the next would do better, so none is opened
  // here, or such an endpoint would be asked in a loop. With another session those that wait are as well off as before: its
  // streams end. Without one they waited for nothing else.
  #cameToNothing(failure: Failure | null): void {
    if (this.#waiting.length === 0 || this.#taking() > 0) return;
    this.#failWaiting(failure ?? new Failure(causes.unsent)); // cold: failures only
  }

  // One that fails may ask again at once, take others back, or drain the source, which fails the rest in its turn.
  #failWaiting(failure: Failure): void {
    const failing = this.#failing;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) failing.push(next);
    for (let next = failing.shift(); next !== undefined; next = failing.shift()) {
      next.waitingIn = null;
      (next.owner as AttemptOwner).failed(next, failure);
    }
  }

  #checkDrained(): void {
    if (this.#all.length === 0) this.#draining?.resolve();
  }

  // ---- Idle and old sessions ---------------------------------------------------------------------------------------

  /** When it is to be drained as things stand; Infinity when never. */
  #dueMs(session: Session): number {
    const { idleTimeMs, sessionLifeMs } = this.#limits;
    if (session.status === SessionStatus.connecting || !takes(session)) return Number.POSITIVE_INFINITY;
    const lifeMs = sessionLifeMs > 0 ? session.madeMs + sessionLifeMs : Number.POSITIVE_INFINITY;
    if (idleTimeMs === 0 || session.active > 0) return lifeMs;
    return Math.min(lifeMs, session.idleSinceMs + idleTimeMs);
  }

  #watch(session: Session): void {
    const dueMs = this.#dueMs(session);
    if (!this.#timer.armed || dueMs < this.#wakesAtMs) this.#wakeAt(dueMs);
  }

  #wakeAt(dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#wakesAtMs = dueMs;
    this.#loop.wheel.arm(this.#timer, Math.max(0, dueMs - this.#loop.nowMs));
  }

  onTimer(): void {
    const nowMs = this.#loop.tick();
    const sessions = Array.from(this.#all); // cold: about once per idle time
    for (let i = 0; i < sessions.length; i++) {
      const session = sessions[i] as Session;
      if (this.#dueMs(session) <= nowMs) session.drain();
    }
    let dueMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#all.length; i++) dueMs = Math.min(dueMs, this.#dueMs(this.#all[i] as Session));
    this.#wakeAt(dueMs);
    this.#openForWaiting();
  }
}

/** It takes attempts, or will: now, when connected, or when a stream ends. */
function takes(session: Session): boolean {
  return session.status <= SessionStatus.full;
}
