// @hot The connections to one endpoint (linkerd1 §6.4). Idle ones are used last-in first-out, so that the surplus ages and
// can be closed; attempts that find none wait first-in first-out.
import { Ring } from "../base/ring.ts";
import { WheelTimer } from "../base/timer-wheel.ts";
import type { Attempt, AttemptOwner } from "../core/attempt.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { type Connect, type Session, type SessionOwner, type SessionSource, SessionStatus } from "../core/session.ts";
import { Tunnel } from "../core/tunnel.ts";

/** Bounds of a pool (`hostConnectionPool`, `clientSession`); 0 ms = no limit. */
export interface PoolLimits {
  readonly minSize: number;
  readonly maxSize: number;
  readonly maxWaiters: number;
  /** How long a connection above `minSize` may lie idle. */
  readonly idleTimeMs: number;
  /** The same for every connection (`clientSession.idleTimeMs`). */
  readonly sessionIdleMs: number;
  /** Age after which a connection is not used again. */
  readonly sessionLifeMs: number;
}

/** Counted events; the gauges read the pool itself. */
export interface PoolStats {
  waited(): void;
  tooManyWaiters(): void;
  closed(ageMs: number): void;
}

/** After descriptors ran out, another session is tried so much later, if somebody still waits. */
const AGAIN_MS = 500;

/** All sessions to one endpoint. */
export class SessionPool implements SessionOwner, SessionSource {
  readonly #connect: Connect;
  readonly #loop: DataLoop;
  readonly #limits: PoolLimits;
  readonly #stats: PoolStats;
  readonly #idle: Session[] = [];
  readonly #all = new Set<Session>();
  readonly #waiting = new Ring<Attempt>();
  readonly #timer = new WheelTimer(this);
  #wakesAtMs = 0;
  readonly #connecting = new Set<Session>();
  /** An unbounded pool always has room; balancers ask that of every endpoint they draw. */
  readonly #unbounded: boolean;
  /** Sessions that are being opened for one attempt alone. */
  readonly #reserved = new Map<Session, Attempt>();
  #draining = false;
  #drained: (() => void) | null = null;

  /** @param connect opens a session; it reports to the pool given. */
  constructor(connect: Connect, loop: DataLoop, limits: PoolLimits, stats: PoolStats) {
    this.#connect = connect;
    this.#loop = loop;
    this.#limits = limits;
    this.#unbounded = limits.maxSize === Number.POSITIVE_INFINITY;
    this.#stats = stats;
  }

  get size(): number {
    return this.#all.size;
  }

  get idle(): number {
    return this.#idle.length;
  }

  get waiters(): number {
    return this.#waiting.length;
  }

  /** Can it take another attempt without refusing it? */
  get hasRoom(): boolean {
    if (this.#unbounded || this.#idle.length > 0 || this.#all.size < this.#limits.maxSize) return true;
    return this.#waiting.length < this.#limits.maxWaiters;
  }

  /** Gives the attempt to a session, now or when one is ready; otherwise fails it. */
  acquire(attempt: Attempt): void {
    if (attempt.exchange?.tunnel === Tunnel.direct) return this.#openFor(attempt);
    let session = this.#idle.pop();
    while (session !== undefined && this.#tooOld(session)) {
      session.close();
      session = this.#idle.pop();
    }
    if (session !== undefined) return session.dispatch(attempt);
    if (this.#draining) return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.endpointLeft)); // cold: it left just now
    const mayConnect = this.#all.size < this.#limits.maxSize;
    if (!mayConnect && this.#waiting.length >= this.#limits.maxWaiters) {
      this.#stats.tooManyWaiters();
      return (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.poolWaiters));
    }
    if (mayConnect && this.#connecting.size <= this.#waiting.length) {
      const refusal = this.#open();
      if (refusal !== null) return (attempt.owner as AttemptOwner).failed(attempt, refusal);
    } else this.#stats.waited();
    attempt.waitingIn = this;
    this.#waiting.push(attempt);
    return undefined;
  }

  // A tunnel begins at the beginning of a connection: on one that was used before, the service would take its bytes for a request.
  #openFor(attempt: Attempt): void {
    const owner = attempt.owner as AttemptOwner;
    if (this.#draining) return owner.failed(attempt, new Failure(causes.endpointLeft)); // cold: it left just now
    if (this.#all.size >= this.#limits.maxSize) this.#idle[0]?.close();
    if (this.#all.size >= this.#limits.maxSize) {
      this.#stats.tooManyWaiters();
      return owner.failed(attempt, new Failure(causes.poolWaiters));
    }
    const opened = this.#connect(this);
    if (opened instanceof Failure) return owner.failed(attempt, opened);
    this.#all.add(opened);
    this.#reserved.set(opened, attempt);
    attempt.waitingIn = this;
    return undefined;
  }

  /** The attempt no longer waits. */
  abandon(attempt: Attempt): void {
    attempt.waitingIn = null;
    if (attempt.exchange?.tunnel === Tunnel.direct) this.#giveUp(attempt);
    else this.#waiting.remove(attempt);
  }

  #giveUp(attempt: Attempt): void {
    const reserved = Array.from(this.#reserved.keys()); // cold: tunnels only
    for (let i = 0; i < reserved.length; i++) {
      const session = reserved[i] as Session;
      if (this.#reserved.get(session) !== attempt) continue;
      this.#reserved.delete(session);
      this.#connecting.add(session);
      session.close();
    }
  }

  ready(session: Session): void {
    const attempt = this.#reserved.get(session);
    if (attempt !== undefined) {
      this.#reserved.delete(session);
      attempt.waitingIn = null;
      return session.dispatch(attempt);
    }
    this.#connecting.delete(session);
    this.#offer(session);
    return undefined;
  }

  released(session: Session): void {
    if (this.#draining || this.#tooOld(session)) session.close();
    else this.#offer(session);
  }

  closed(session: Session, failure: Failure | null): void {
    if (!this.#all.delete(session)) return;
    const attempt = this.#reserved.get(session);
    if (attempt !== undefined) return this.#neverReady(session, attempt, failure);
    if (!this.#connecting.delete(session)) this.#stats.closed(this.#loop.nowMs - session.madeMs);
    const at = this.#idle.indexOf(session);
    if (at >= 0) this.#idle.splice(at, 1);
    if (failure?.ours === true) this.#ranOut(failure);
    else {
      if (failure !== null) this.#failWaiting(failure);
      if (!this.#draining) this.#openForWaiting();
    }
    this.#checkDrained();
    return undefined;
  }

  #neverReady(session: Session, attempt: Attempt, failure: Failure | null): void {
    this.#reserved.delete(session);
    attempt.waitingIn = null;
    (attempt.owner as AttemptOwner).failed(attempt, failure ?? new Failure(causes.endpointLeft));
    if (!this.#draining) this.#openForWaiting(); // there is room again
    this.#checkDrained();
  }

  // There are no descriptors for another session: those that wait are served by the sessions there are, or by nobody.
  #ranOut(failure: Failure): void {
    while (this.#all.size === 0 && this.#waiting.length > 0) this.#failWaiting(failure); // cold: the proxy is ill
    if (this.#waiting.length === 0) return;
    const dueMs = this.#loop.nowMs + AGAIN_MS;
    if (!this.#timer.armed || dueMs < this.#wakesAtMs) this.#wakeAt(dueMs);
  }

  /** Takes no more attempts; fails those that wait, closes what is idle, and the rest when it is done. Resolves when all are closed. */
  drain(): Promise<void> {
    this.#draining = true;
    const done = new Promise<void>((resolve) => (this.#drained = resolve)); // cold: shutdown and removal only
    const sessions = Array.from(this.#all);
    for (let i = 0; i < sessions.length; i++) (sessions[i] as Session).drain();
    while (this.#waiting.length > 0) this.#failWaiting(new Failure(causes.endpointLeft)); // cold: as above
    this.#loop.wheel.cancel(this.#timer);
    this.#checkDrained();
    return done;
  }

  closeIdle(): void {
    const idle = Array.from(this.#idle); // cold: when an endpoint falls out of use
    for (let i = 0; i < idle.length; i++) (idle[i] as Session).close();
  }

  /** Closes everything at once. */
  close(): void {
    this.#draining = true;
    this.#loop.wheel.cancel(this.#timer);
    const sessions = Array.from(this.#all);
    for (let i = 0; i < sessions.length; i++) (sessions[i] as Session).close();
  }

  #offer(session: Session): void {
    if (session.status !== SessionStatus.ready) return;
    const attempt = this.#waiting.shift();
    if (attempt !== undefined) {
      attempt.waitingIn = null;
      session.dispatch(attempt);
      return;
    }
    if (this.#draining) {
      session.close();
      return;
    }
    session.idleSinceMs = this.#loop.nowMs;
    this.#idle.push(session);
    this.#watch(session);
  }

  #open(): Failure | null {
    const opened = this.#connect(this);
    if (opened instanceof Failure) return opened;
    this.#connecting.add(opened);
    this.#all.add(opened);
    return null;
  }

  // One attempt per failed connect: the others wait for connections of their own.
  #failWaiting(failure: Failure): void {
    const attempt = this.#waiting.shift();
    if (attempt === undefined) return;
    attempt.waitingIn = null;
    (attempt.owner as AttemptOwner).failed(attempt, failure);
  }

  #openForWaiting(): void {
    while (this.#connecting.size < this.#waiting.length && this.#all.size < this.#limits.maxSize) {
      const refusal = this.#open();
      if (refusal !== null) this.#failWaiting(refusal);
    }
  }

  #checkDrained(): void {
    if (!this.#draining || this.#all.size > 0 || this.#drained === null) return;
    const drained = this.#drained;
    this.#drained = null;
    drained();
  }

  #tooOld(session: Session): boolean {
    const { sessionLifeMs } = this.#limits;
    return sessionLifeMs > 0 && this.#loop.nowMs - session.madeMs >= sessionLifeMs;
  }

  // ---- Idle sessions -----------------------------------------------------------------------------------------------

  /** How long a session may lie idle at the moment; Infinity when for ever. */
  #patienceMs(): number {
    const { idleTimeMs, minSize, sessionIdleMs } = this.#limits;
    const surplus = idleTimeMs > 0 && this.#all.size > minSize ? idleTimeMs : Number.POSITIVE_INFINITY;
    return sessionIdleMs > 0 ? Math.min(surplus, sessionIdleMs) : surplus;
  }

  #dueMs(session: Session): number {
    const { sessionLifeMs } = this.#limits;
    const idle = session.idleSinceMs + this.#patienceMs();
    return sessionLifeMs > 0 ? Math.min(idle, session.madeMs + sessionLifeMs) : idle;
  }

  // Without a life time the session that became idle last is due last.
  #watch(session: Session): void {
    if (this.#timer.armed && this.#limits.sessionLifeMs === 0) return;
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
    const idle = Array.from(this.#idle); // cold: at most once per idle time
    for (let i = 0; i < idle.length; i++) {
      const session = idle[i] as Session;
      if (this.#dueMs(session) <= nowMs) session.close();
    }
    let dueMs = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.#idle.length; i++) dueMs = Math.min(dueMs, this.#dueMs(this.#idle[i] as Session));
    this.#wakeAt(dueMs);
    this.#openForWaiting(); // what could not be opened before
  }
}
