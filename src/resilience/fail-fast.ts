// @hot Fail fast: what a failed connect says of an endpoint (finagle §3.3). It stands between the sessions of an endpoint and what opens them.
//
//   reached ── a connect fails ──▶ marked: reads busy, and opens no sessions for requests, which fail at once
//   marked  ── a connect of our own, after 1 to 32 s, and again, or one that was under way succeeds ──▶ reached
//
// Unlike failure accrual it refuses; so it does nothing for an endpoint that is the only one.
import { type Backoff, constant, exponentialJittered, inTurn } from "../base/backoff.ts";
import { WheelTimer } from "../base/timer-wheel.ts";
import type { Attempt } from "../core/attempt.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import type { Connect, Session, SessionOwner, SessionSource } from "../core/session.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

const FIRST_MS = 1_000;
const LONGEST_MS = 32_000;
const JITTERED_TRIES = 16;

/** What all endpoints of a client count together. */
export interface FailFastCounters {
  readonly markedDead: Counter;
  readonly markedAvailable: Counter;
}

/** The counters below a client's scope `failfast`, and what its endpoints are in now. */
export function failFastCounters(scope: Scope, sources: () => readonly FailFast[]): FailFastCounters {
  const most = (read: (source: FailFast) => number) => () => Math.max(0, ...sources().map(read)); // cold: read by people
  scope.gauge(
    "unhealthy_for_ms",
    most((source) => source.unhealthyForMs),
  ); // cold: once per client
  scope.gauge(
    "unhealthy_num_tries",
    most((source) => source.tries),
  ); // cold: once per client
  scope.gauge("is_marked_dead", () => sources().filter((source) => source.marked).length); // cold: read by people
  return { markedDead: scope.counter("marked_dead"), markedAvailable: scope.counter("marked_available") };
}

/** Told of changes. */
export interface FailFastOwner {
  /** Is the endpoint the only one of its client? */
  alone(): boolean;
  marked(why: Failure): void;
  reached(afterMs: number): void;
}

/** The sessions of an endpoint, through fail fast. */
export class FailFast implements SessionSource, SessionOwner {
  readonly #connect: (owner: SessionOwner) => Session;
  readonly #inner: SessionSource & SessionOwner;
  readonly #address: string;
  readonly #loop: DataLoop;
  readonly #counters: FailFastCounters;
  readonly #owner: FailFastOwner;
  readonly #backoff: Backoff;
  readonly #timer = new WheelTimer(this);
  /** A connect of our own. */
  #trial: Session | null = null;
  #left = false;
  #markedAtMs = 0;
  marked = false;
  /** Connects of our own that failed since it was marked. */
  tries = 0;

  /**
   * @param connect opens a session for real.
   * @param inner makes the sessions that are opened through what it is given.
   */
  constructor(
    connect: (owner: SessionOwner) => Session,
    inner: (connect: Connect) => SessionSource & SessionOwner,
    address: string,
    loop: DataLoop,
    counters: FailFastCounters,
    owner: FailFastOwner,
  ) {
    this.#connect = connect;
    this.#inner = inner(() => this.#open());
    this.#address = address;
    this.#loop = loop;
    this.#counters = counters;
    this.#owner = owner;
    const jittered = exponentialJittered(FIRST_MS, LONGEST_MS, loop.random);
    this.#backoff = inTurn(jittered, JITTERED_TRIES, constant(LONGEST_MS));
  }

  get size(): number {
    return this.#inner.size;
  }

  get idle(): number {
    return this.#inner.idle;
  }

  get waiters(): number {
    return this.#inner.waiters;
  }

  get hasRoom(): boolean {
    return !this.#refuses() && this.#inner.hasRoom;
  }

  /** How long it has not been reached; 0 when it is. */
  get unhealthyForMs(): number {
    return this.marked ? this.#loop.clock.nowMs() - this.#markedAtMs : 0;
  }

  // Sessions that are open are used: it is connecting that fails.
  acquire(attempt: Attempt): void {
    this.#inner.acquire(attempt);
  }

  closeIdle(): void {
    this.#inner.closeIdle();
  }

  drain(): Promise<void> {
    this.#left = true;
    this.#loop.wheel.cancel(this.#timer);
    this.#trial?.close();
    return this.#inner.drain();
  }

  // ---- Sessions ----------------------------------------------------------------------------------------------------

  ready(session: Session): void {
    this.#reached();
    if (session === this.#trial) session.close();
    else this.#inner.ready(session);
  }

  released(session: Session): void {
    this.#inner.released(session);
  }

  closed(session: Session, failure: Failure | null): void {
    const ours = session === this.#trial;
    if (ours) this.#trial = null;
    if (failure !== null) this.#failed(failure, ours);
    if (!ours) this.#inner.closed(session, failure);
  }

  #refuses(): boolean {
    return this.marked && !this.#owner.alone();
  }

  #open(): Session | Failure {
    if (!this.#refuses()) return this.#connect(this);
    return new Failure(causes.failFast, `${causes.failFast.means} (endpoint ${this.#address})`, {
      endpoint: this.#address,
    });
  }

  // ---- States ------------------------------------------------------------------------------------------------------

  #failed(why: Failure, ours: boolean): void {
    if (this.#left) return;
    if (this.marked) {
      if (!ours) return;
      this.tries++;
    } else {
      if (this.#owner.alone() || why.ours) return;
      this.marked = true;
      this.#markedAtMs = this.#loop.nowMs;
      this.#counters.markedDead.inc();
      this.#owner.marked(why);
    }
    this.#loop.wheel.arm(this.#timer, this.#backoff.next());
  }

  #reached(): void {
    if (!this.marked) return;
    this.marked = false;
    this.tries = 0;
    this.#loop.wheel.cancel(this.#timer);
    this.#backoff.reset();
    this.#counters.markedAvailable.inc();
    this.#owner.reached(this.#loop.nowMs - this.#markedAtMs);
  }

  onTimer(): void {
    this.#loop.tick();
    this.#trial = this.#connect(this);
  }
}
