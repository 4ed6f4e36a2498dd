// Sessions that carry many attempts: who gets which, when one is opened, and what becomes of those that wait.
// Long, because the property at the end plays with the same fake session and scene as the sentences before it.
import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { Attempt, type AttemptOwner } from "../core/attempt.ts";
import { type Cause, causes } from "../core/cause.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { type Session, type SessionOwner, SessionStatus } from "../core/session.ts";
import { MultiplexedSessions } from "./multiplexed.ts";

/** A session whose peer is the test. */
class FakeSession implements Session {
  status: SessionStatus = SessionStatus.connecting;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs: number;
  readonly carried: Attempt[] = [];
  readonly #owner: SessionOwner;
  readonly #loop: DataLoop;
  /** The peer's limit. */
  streams: number;
  /** Will the connection break under the next attempt? */
  brittle = false;

  constructor(owner: SessionOwner, loop: DataLoop, streams: number) {
    this.#owner = owner;
    this.#loop = loop;
    this.streams = streams;
    this.madeMs = loop.nowMs;
  }

  get active(): number {
    return this.carried.length;
  }

  dispatch(attempt: Attempt): void {
    if (this.status !== SessionStatus.ready) throw new Error(`dispatched to a session of status ${this.status}`);
    this.carried.push(attempt);
    this.served++;
    this.#settle();
    if (this.brittle) this.close();
  }

  connected(): void {
    this.status = SessionStatus.ready;
    this.#settle();
    this.#owner.ready(this);
  }

  refused(failure: Failure | null = new Failure(causes.connectRefused)): void {
    this.status = SessionStatus.closed;
    this.#owner.closed(this, failure);
  }

  /** The oldest attempt on it is over. */
  finish(attempt = this.carried[0]): void {
    if (attempt === undefined) return;
    this.carried.splice(this.carried.indexOf(attempt), 1);
    if (this.carried.length === 0) this.idleSinceMs = this.#loop.nowMs;
    this.#settle();
    (attempt.owner as AttemptOwner).finished(attempt);
    this.#owner.released(this);
    if (this.status === SessionStatus.draining && this.carried.length === 0) this.close();
  }

  /** The peer allows so many streams from now on. */
  allow(streams: number): void {
    this.streams = streams;
    this.#settle();
    this.#owner.released(this);
  }

  /** The peer takes no more. */
  goAway(): void {
    this.status = SessionStatus.draining;
    this.#owner.released(this);
    if (this.carried.length === 0) this.close();
  }

  drain(): void {
    if (this.status >= SessionStatus.draining) return;
    if (this.carried.length === 0) this.close();
    else this.status = SessionStatus.draining;
  }

  close(): void {
    if (this.status === SessionStatus.closed) return;
    this.status = SessionStatus.closed;
    this.#owner.closed(this, null);
    for (const attempt of this.carried.splice(0)) {
      (attempt.owner as AttemptOwner).failed(attempt, new Failure(causes.reset));
    }
  }

  #settle(): void {
    if (this.status !== SessionStatus.ready && this.status !== SessionStatus.full) return;
    this.status = this.carried.length < this.streams ? SessionStatus.ready : SessionStatus.full;
  }
}

/** One endpoint's sessions, with everybody around them. */
class Scene implements AttemptOwner {
  readonly env = new ManualEnv();
  readonly loop = new DataLoop(this.env);
  readonly opened: FakeSession[] = [];
  readonly failures: [Attempt, Cause][] = [];
  readonly finishedOnes: Attempt[] = [];
  readonly agesMs: number[] = [];
  waited = 0;
  /** What the layer above does when an attempt fails. */
  onFailed: (attempt: Attempt) => void = () => undefined;
  readonly source: MultiplexedSessions;

  constructor({ maxConnections = 1, idleTimeMs = 0, sessionLifeMs = 0, streams = 100 } = {}) {
    const connect = (owner: SessionOwner) => {
      const session = new FakeSession(owner, this.loop, streams);
      this.opened.push(session);
      return session;
    };
    const limits = { maxConnections, idleTimeMs, sessionLifeMs };
    this.source = new MultiplexedSessions(connect, this.loop, limits, {
      waited: () => void this.waited++,
      tooManyWaiters: () => undefined,
      closed: (ageMs) => void this.agesMs.push(ageMs),
    });
  }

  answered(): null {
    return null;
  }

  broke(): void {}

  finished(attempt: Attempt): void {
    this.finishedOnes.push(attempt);
  }

  failed(attempt: Attempt, failure: Failure): void {
    this.failures.push([attempt, failure.cause]);
    this.onFailed(attempt);
  }

  ask(): Attempt {
    const attempt = new Attempt();
    attempt.owner = this;
    this.source.acquire(attempt);
    return attempt;
  }

  asks(count: number): Attempt[] {
    return Array.from({ length: count }, () => this.ask());
  }

  /** The n-th session opened. */
  session(n: number): FakeSession {
    return this.opened[n] as FakeSession;
  }

  /** Asks until there are so many sessions, each full but the last. */
  openSessions(count: number): void {
    while (this.opened.length < count) {
      const before = this.opened.length;
      while (this.opened.length === before) this.ask();
      this.session(before).connected();
    }
  }

  get statuses(): SessionStatus[] {
    return this.opened.map(({ status }) => status);
  }

  /** What each session carries. */
  get carried(): number[] {
    return this.opened.map(({ active }) => active);
  }
}

const { closed, connecting, draining, full, ready } = SessionStatus;

test("MultiplexedSessions without attempts are closed on request, and opened again when needed", () => {
  const s = new Scene({ maxConnections: 2, streams: 1 });
  s.openSessions(2);
  s.session(1).finish();
  s.source.closeIdle();
  expect(s.statuses).toEqual([full, closed]);
  s.session(0).finish();
  s.source.closeIdle();
  expect(s.statuses).toEqual([closed, closed]);
  s.ask();
  expect(s.statuses).toEqual([closed, closed, connecting]);
  s.source.closeIdle();
  s.session(2).connected();
  expect(s.carried).toEqual([0, 0, 1]);
  expect(s.failures).toEqual([]);
});

test("MultiplexedSessions opens one connection for all that wait, and gives it to them in order of arrival", () => {
  const scene = new Scene({ maxConnections: 10 });
  const attempts = scene.asks(5);
  expect(scene.opened).toHaveLength(1);
  expect(scene.source.waiters).toBe(5);
  expect(attempts.map(({ waitingIn }) => waitingIn)).toEqual(attempts.map(() => scene.source));
  scene.session(0).connected();
  expect(scene.session(0).carried).toEqual(attempts);
  expect(attempts.map(({ waitingIn }) => waitingIn)).toEqual(attempts.map(() => null));
  expect(scene.source.waiters).toBe(0);
  expect(scene.ask().waitingIn).toBeNull();
  expect(scene.carried).toEqual([6]);
});

test("MultiplexedSessions counts as waiting whoever did not open the connection", () => {
  const scene = new Scene();
  scene.asks(3);
  expect(scene.waited).toBe(2);
  scene.session(0).connected();
  scene.ask();
  expect(scene.waited).toBe(2);
});

test("MultiplexedSessions opens a second connection when the first is full, and a third when more wait than that takes", () => {
  const scene = new Scene({ maxConnections: 3, streams: 2 });
  scene.asks(2);
  scene.session(0).connected();
  expect(scene.opened).toHaveLength(1);
  scene.asks(4);
  expect(scene.opened).toHaveLength(2);
  scene.session(1).connected();
  expect(scene.carried).toEqual([2, 2, 0]);
  scene.session(2).connected();
  expect(scene.carried).toEqual([2, 2, 2]);
  scene.asks(2);
  expect(scene.opened).toHaveLength(3);
  expect(scene.source).toMatchObject({ size: 3, idle: 0, waiters: 2, hasRoom: true });
});

test("MultiplexedSessions gives room that comes free to the one that has waited longest", () => {
  const scene = new Scene({ streams: 2 });
  scene.asks(2);
  scene.session(0).connected();
  const [third, fourth] = scene.asks(2);
  scene.session(0).finish();
  expect(scene.session(0).carried[1]).toBe(third);
  expect(scene.source.waiters).toBe(1);
  scene.session(0).finish();
  expect(scene.session(0).carried[1]).toBe(fourth);
});

test("MultiplexedSessions serves those that wait when the peer allows more streams", () => {
  const scene = new Scene({ streams: 1 });
  scene.asks(4);
  scene.session(0).connected();
  expect(scene.carried).toEqual([1]);
  scene.session(0).allow(3);
  expect(scene.carried).toEqual([3]);
  expect(scene.source.waiters).toBe(1);
});

test("MultiplexedSessions lets nobody overtake those that wait, not even when room comes free in between", () => {
  const scene = new Scene({ streams: 2 });
  scene.ask();
  scene.session(0).connected();
  const [second, third] = scene.asks(2);
  scene.finished = () => {
    scene.finished = () => undefined;
    scene.ask(); // the session is ready already, and has not told so yet
  };
  scene.session(0).finish();
  expect(scene.session(0).carried).toEqual([second, third]);
  expect(scene.source.waiters).toBe(1);
});

test("MultiplexedSessions lets nobody overtake while a new session is given to those that wait", () => {
  const scene = new Scene({ maxConnections: 2 });
  const [first, second] = scene.asks(2);
  const session = scene.session(0);
  const dispatch = session.dispatch.bind(session);
  let third: Attempt | undefined;
  session.dispatch = (attempt) => {
    dispatch(attempt);
    third ??= scene.ask();
  };
  session.connected();
  expect(session.carried).toEqual([first, second, third]);
  expect(scene.opened).toHaveLength(1);
});

test("MultiplexedSessions prefers the oldest session with room, so that the surplus falls idle", () => {
  const scene = new Scene({ maxConnections: 2, streams: 2 });
  scene.asks(2);
  scene.session(0).connected();
  scene.env.advance(10);
  scene.loop.tick();
  scene.ask();
  scene.session(1).connected();
  scene.session(0).finish();
  scene.ask();
  expect(scene.carried).toEqual([2, 1]);
  scene.ask();
  expect(scene.carried).toEqual([2, 2]);
  scene.session(1).finish();
  scene.session(0).finish();
  scene.ask();
  expect(scene.carried).toEqual([2, 1]);
});

test("MultiplexedSessions fails all that wait with the failure of the one connection they waited for", () => {
  const scene = new Scene({ maxConnections: 10 });
  const attempts = scene.asks(3);
  scene.session(0).refused();
  expect(scene.failures).toEqual(attempts.map((attempt) => [attempt, causes.connectRefused]));
  expect(attempts.map(({ waitingIn }) => waitingIn)).toEqual([null, null, null]);
  expect(scene.source).toMatchObject({ size: 0, waiters: 0 });
  expect(scene.opened).toHaveLength(1);
  expect(scene.agesMs).toEqual([]);
});

test("MultiplexedSessions keeps attempts waiting for a full session when a second connection fails, and does not try again unasked", () => {
  const scene = new Scene({ maxConnections: 2, streams: 1 });
  scene.ask();
  scene.session(0).connected();
  const waiting = scene.ask();
  scene.session(1).refused();
  expect(scene.failures).toEqual([]);
  expect(scene.opened).toHaveLength(2);
  scene.ask();
  expect(scene.opened).toHaveLength(3);
  scene.session(2).refused();
  scene.session(0).finish();
  expect(scene.session(0).carried).toEqual([waiting]);
  expect(scene.opened).toHaveLength(4);
});

test("MultiplexedSessions lets an attempt that fails ask again at once: it waits for another connection", () => {
  const scene = new Scene();
  const attempts = scene.asks(3);
  scene.onFailed = (attempt) => scene.source.acquire(attempt);
  scene.session(0).refused();
  expect(scene.failures.map(([attempt]) => attempt)).toEqual(attempts);
  expect(scene.opened).toHaveLength(2);
  expect(scene.source.waiters).toBe(3);
  scene.session(1).connected();
  expect(scene.session(1).carried).toEqual(attempts);
});

test("MultiplexedSessions does not fail an attempt that another one's failure took back, even if it asks again", () => {
  const scene = new Scene();
  const [first, second, third] = scene.asks(3) as [Attempt, Attempt, Attempt];
  scene.onFailed = (attempt) => {
    if (attempt !== first) return;
    second.waitingIn?.abandon(second);
    third.waitingIn?.abandon(third);
    scene.source.acquire(third);
  };
  scene.session(0).refused();
  expect(scene.failures.map(([attempt]) => attempt)).toEqual([first]);
  scene.session(1).connected();
  expect(scene.session(1).carried).toEqual([third]);
});

test("MultiplexedSessions survives being drained by an attempt that fails: the others fail once", async () => {
  const scene = new Scene();
  const attempts = scene.asks(3);
  const drains: Promise<void>[] = [];
  scene.onFailed = () => void (drains.length === 0 && drains.push(scene.source.drain()));
  scene.session(0).refused();
  await Promise.all(drains);
  expect(scene.failures.map(([attempt]) => attempt)).toEqual(attempts);
});

test("MultiplexedSessions goes on with another connection when one breaks under the first attempt it is given", () => {
  const scene = new Scene();
  const [first, second] = scene.asks(2) as [Attempt, Attempt];
  scene.session(0).brittle = true;
  scene.onFailed = (attempt) => scene.source.acquire(attempt);
  scene.session(0).connected();
  expect(scene.failures).toEqual([[first, causes.reset]]);
  expect(scene.statuses).toEqual([closed, connecting]);
  scene.session(1).connected();
  expect(scene.session(1).carried).toEqual([second, first]);
});

test("MultiplexedSessions does not ask again and again a peer that allows no streams", () => {
  const scene = new Scene({ maxConnections: 10, streams: 0 });
  const attempt = scene.ask();
  scene.session(0).connected();
  expect(scene.statuses).toEqual([full]);
  expect(scene.source.waiters).toBe(1);
  scene.session(0).goAway();
  expect(scene.failures).toEqual([[attempt, causes.unsent]]);
  expect(scene.opened).toHaveLength(1);
});

test("MultiplexedSessions opens no connection in place of one that is gone until an attempt asks", () => {
  const scene = new Scene();
  scene.ask();
  scene.session(0).connected();
  scene.env.advance(70);
  scene.loop.tick();
  scene.session(0).close();
  expect(scene.source).toMatchObject({ size: 0, idle: 0 });
  expect(scene.agesMs).toEqual([70]);
  expect(scene.opened).toHaveLength(1);
  scene.ask();
  expect(scene.opened).toHaveLength(2);
});

test("MultiplexedSessions opens another connection beside a draining one, whose streams may last for hours", () => {
  const scene = new Scene();
  scene.ask();
  scene.session(0).connected();
  scene.session(0).goAway();
  expect(scene.opened).toHaveLength(1);
  scene.ask();
  expect(scene.statuses).toEqual([draining, connecting]);
  scene.session(1).connected();
  expect(scene.carried).toEqual([1, 1]);
  expect(scene.source).toMatchObject({ size: 2, idle: 1 });
  scene.session(0).finish();
  expect(scene.statuses).toEqual([closed, ready]);
});

test("MultiplexedSessions opens another connection for those that wait when the full one drains or closes", () => {
  for (const leave of [(session: FakeSession) => session.goAway(), (session: FakeSession) => session.close()]) {
    const scene = new Scene({ streams: 1 });
    scene.ask();
    scene.session(0).connected();
    const waiting = scene.ask();
    leave(scene.session(0));
    expect(scene.opened).toHaveLength(2);
    scene.session(1).connected();
    expect(scene.session(1).carried).toEqual([waiting]);
  }
});

test("MultiplexedSessions forgets an attempt that is abandoned; the connection stays for the next", () => {
  const scene = new Scene();
  const [first, second] = scene.asks(2) as [Attempt, Attempt];
  scene.source.abandon(first);
  expect(first.waitingIn).toBeNull();
  scene.source.abandon(second);
  scene.session(0).connected();
  expect(scene.carried).toEqual([0]);
  expect(scene.source.idle).toBe(1);
  scene.ask();
  expect(scene.carried).toEqual([1]);
});

test("MultiplexedSessions.drain fails those that wait, finishes what is on the way, and resolves when all is closed", async () => {
  const scene = new Scene({ maxConnections: 2, streams: 1, sessionLifeMs: 60_000 });
  scene.ask();
  scene.session(0).connected();
  const waiting = scene.ask();
  let resolved = false;
  const drained = scene.source.drain().then(() => (resolved = true));
  expect(scene.failures).toEqual([[waiting, causes.endpointLeft]]);
  expect(scene.statuses).toEqual([draining, closed]);
  const late = scene.ask();
  expect(scene.failures.at(-1)).toEqual([late, causes.endpointLeft]);
  scene.env.advance(100);
  expect(scene.env.pendingTimers).toBe(0);
  await Promise.resolve();
  expect(resolved).toBe(false);
  scene.session(0).finish();
  await drained;
  await scene.source.drain();
  expect(scene.source.size).toBe(0);
});

test("MultiplexedSessions.drain takes no more attempts for a session that is ready", async () => {
  const scene = new Scene();
  scene.ask();
  scene.session(0).connected();
  scene.session(0).finish();
  const drained = scene.source.drain();
  const attempt = scene.ask();
  expect(scene.failures).toEqual([[attempt, causes.endpointLeft]]);
  await drained;
});

test("MultiplexedSessions closes a session that lies idle for idleTimeMs, and no busy one", () => {
  const scene = new Scene({ idleTimeMs: 1000 });
  scene.ask();
  scene.session(0).connected();
  scene.env.advance(5000);
  expect(scene.statuses).toEqual([ready]);
  scene.session(0).finish();
  scene.env.advance(900);
  expect(scene.statuses).toEqual([ready]);
  scene.ask();
  scene.env.advance(50);
  scene.session(0).finish();
  scene.env.advance(900);
  expect(scene.statuses).toEqual([ready]);
  scene.env.advance(250);
  expect(scene.statuses).toEqual([closed]);
  scene.env.advance(100);
  expect(scene.env.pendingTimers).toBe(0);
});

test("MultiplexedSessions closes a session that was never used like any other that is idle", () => {
  const scene = new Scene({ idleTimeMs: 1000 });
  scene.source.abandon(scene.ask());
  scene.env.advance(500);
  scene.loop.tick();
  scene.session(0).connected();
  scene.env.advance(900);
  expect(scene.statuses).toEqual([ready]);
  scene.env.advance(250);
  expect(scene.statuses).toEqual([closed]);
});

test("MultiplexedSessions closes the younger of two sessions when one is enough", () => {
  const scene = new Scene({ maxConnections: 2, streams: 1, idleTimeMs: 1000 });
  scene.openSessions(2);
  scene.session(0).finish();
  scene.session(1).finish();
  for (let i = 0; i < 20; i++) {
    scene.ask();
    scene.env.advance(100);
    scene.session(0).finish();
  }
  expect(scene.statuses).toEqual([ready, closed]);
});

test("MultiplexedSessions drains a session older than sessionLifeMs, and opens another when asked", () => {
  const scene = new Scene({ sessionLifeMs: 1000 });
  scene.ask();
  scene.session(0).connected();
  scene.env.advance(1100);
  expect(scene.statuses).toEqual([draining]);
  scene.ask();
  expect(scene.statuses).toEqual([draining, connecting]);
  scene.session(1).connected();
  expect(scene.carried).toEqual([1, 1]);
  scene.session(1).finish();
  scene.env.advance(1150);
  expect(scene.statuses).toEqual([draining, closed]);
});

test("MultiplexedSessions opens another connection for those that wait when the full one grows too old", () => {
  const scene = new Scene({ streams: 1, sessionLifeMs: 1000 });
  scene.ask();
  scene.session(0).connected();
  scene.env.advance(500);
  const waiting = scene.ask();
  scene.env.advance(600);
  scene.session(1).connected();
  expect(scene.session(1).carried).toEqual([waiting]);
});

test("MultiplexedSessions heeds whichever comes first, idle or life time", () => {
  const limits = { idleTimeMs: 1000, sessionLifeMs: 10_000 };
  for (const { idleTimeMs, sessionLifeMs } of [limits, { idleTimeMs: 10_000, sessionLifeMs: 1000 }]) {
    const scene = new Scene({ idleTimeMs, sessionLifeMs });
    scene.ask();
    scene.session(0).connected();
    scene.session(0).finish();
    scene.env.advance(950);
    expect(scene.statuses).toEqual([ready]);
    scene.env.advance(200);
    expect(scene.statuses).toEqual([closed]);
  }
});

test("MultiplexedSessions leaves a connecting session to its connect timeout", () => {
  const scene = new Scene({ maxConnections: 2, streams: 1, idleTimeMs: 500, sessionLifeMs: 1000 });
  scene.ask();
  scene.session(0).connected();
  scene.env.advance(900);
  scene.loop.tick();
  scene.ask();
  scene.env.advance(200);
  expect(scene.statuses).toEqual([draining, connecting]);
});

test("MultiplexedSessions watches nothing once all sessions are closed", () => {
  const scene = new Scene({ idleTimeMs: 60_000 });
  scene.ask();
  scene.session(0).connected();
  scene.session(0).finish();
  scene.session(0).close();
  scene.env.advance(100);
  expect(scene.env.pendingTimers).toBe(0);
});

test("MultiplexedSessions arms no timer without limits", () => {
  const scene = new Scene();
  scene.ask();
  scene.session(0).connected();
  scene.session(0).finish();
  expect(scene.env.pendingTimers).toBe(0);
});

const someSession = fc.nat({ max: 20 });
const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ at: fc.constant("ask" as const) }) },
  { weight: 3, arbitrary: fc.record({ at: fc.constant("connect" as const), n: someSession }) },
  { weight: 4, arbitrary: fc.record({ at: fc.constant("finish" as const), n: someSession }) },
  {
    weight: 2,
    arbitrary: fc.record({ at: fc.constant("allow" as const), n: someSession, streams: fc.nat({ max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      at: fc.constantFrom("goAway" as const, "close" as const, "crack" as const),
      n: someSession,
    }),
  },
  { weight: 2, arbitrary: fc.record({ at: fc.constant("refuse" as const), n: someSession }) },
  { weight: 1, arbitrary: fc.record({ at: fc.constant("abandon" as const), n: someSession }) },
  { weight: 1, arbitrary: fc.record({ at: fc.constant("pass" as const), ms: fc.nat({ max: 1500 }) }) },
  { weight: 1, arbitrary: fc.record({ at: fc.constant("requeue" as const), times: fc.nat({ max: 3 }) }) },
);
type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

/** Plays events on a scene and keeps the books. */
class Game {
  readonly scene: Scene;
  readonly asked: Attempt[] = [];
  readonly abandoned = new Set<Attempt>();
  /** So many failures are answered by asking again, from within. */
  requeues = 0;
  readonly #over = new Set<Attempt>();

  constructor(limits: ConstructorParameters<typeof Scene>[0]) {
    this.scene = new Scene(limits);
    this.scene.onFailed = (attempt) => {
      this.#end(attempt);
      if (this.requeues-- > 0) this.ask();
    };
    this.scene.finished = (attempt) => this.#end(attempt);
  }

  #end(attempt: Attempt): void {
    expect(this.#over.has(attempt)).toBe(false);
    expect(this.abandoned.has(attempt)).toBe(false);
    expect(attempt.waitingIn).toBeNull();
    this.#over.add(attempt);
  }

  ask(): void {
    const attempt = new Attempt();
    attempt.owner = this.scene;
    this.asked.push(attempt);
    this.scene.source.acquire(attempt);
  }

  play(move: Event): void {
    if (move.at === "ask") this.ask();
    else if (move.at === "pass") this.#pass(move.ms);
    else if (move.at === "requeue") this.requeues = move.times;
    else if (move.at === "abandon") this.#abandon(move.n);
    else if (move.at === "connect") this.#pick(move.n, isConnecting)?.connected();
    else if (move.at === "refuse") this.#pick(move.n, isConnecting)?.refused();
    else if (move.at === "finish") this.#pick(move.n, ({ active }) => active > 0)?.finish();
    else if (move.at === "allow") this.#pick(move.n, isOpen)?.allow(move.streams);
    else if (move.at === "goAway") this.#pick(move.n, isOpen)?.goAway();
    else if (move.at === "close") this.#pick(move.n, isOpen)?.close();
    else this.#crack(move.n);
  }

  #pass(ms: number): void {
    this.scene.env.advance(ms);
    this.scene.loop.tick();
  }

  #abandon(n: number): void {
    const waiting = this.asked.filter(({ waitingIn }) => waitingIn !== null);
    const attempt = waiting[n % waiting.length];
    if (attempt === undefined) return;
    this.scene.source.abandon(attempt);
    this.abandoned.add(attempt);
  }

  #crack(n: number): void {
    const session = this.#pick(n, ({ status }) => status <= full);
    if (session !== undefined) session.brittle = true;
  }

  #pick(n: number, fits: (session: FakeSession) => boolean): FakeSession | undefined {
    const fitting = this.scene.opened.filter(fits);
    return fitting[n % fitting.length];
  }

  /** What holds between any two events. */
  check(maxConnections: number): void {
    const { opened, source } = this.scene;
    const carried = opened.flatMap((session) => session.carried);
    const waiting = this.asked.filter(({ waitingIn }) => waitingIn !== null);
    for (const attempt of this.asked) {
      const places = [waiting, carried].map((those) => those.filter((one) => one === attempt).length);
      const over = this.#over.has(attempt) || this.abandoned.has(attempt) ? 1 : 0;
      expect([...places, over].reduce((sum, count) => sum + count)).toBe(1);
    }
    expect(source.waiters).toBe(waiting.length);
    expect(source.size).toBe(opened.filter(({ status }) => status !== closed).length);
    expect(source.idle).toBe(opened.filter(({ status }) => status === ready).length);
    if (waiting.length > 0) expect(source.idle).toBe(0);
    expect(opened.filter(({ status }) => status <= full).length).toBeLessThanOrEqual(maxConnections);
    expect(opened.filter(isConnecting).length).toBeLessThanOrEqual(1);
    if (waiting.length > 0) expect(opened.some(({ status }) => status <= full)).toBe(true); // somebody will come
  }
}

const isConnecting = ({ status }: FakeSession) => status === connecting;
const isOpen = ({ status }: FakeSession) => status === ready || status === full;

test("MultiplexedSessions has every attempt dispatched, failed or waiting, whatever happens", async () => {
  const limits = fc.record({
    maxConnections: fc.integer({ min: 1, max: 4 }),
    streams: fc.nat({ max: 3 }),
    idleTimeMs: fc.constantFrom(0, 300),
    sessionLifeMs: fc.constantFrom(0, 2000),
  });
  await fc.assert(
    fc.asyncProperty(
      limits,
      fc.array(event, { maxLength: 80 }),
      fc.nat({ max: 3 }),
      async (limits, moves, requeues) => {
        const game = new Game(limits);
        for (const move of moves) {
          game.play(move);
          game.check(limits.maxConnections);
        }
        game.requeues = requeues;
        const drained = game.scene.source.drain();
        game.check(limits.maxConnections);
        expect(game.scene.source.waiters).toBe(0);
        for (const session of game.scene.opened) while (session.active > 0) session.finish();
        await drained;
        game.check(limits.maxConnections);
        expect(game.scene.source.size).toBe(0);
        game.scene.env.advance(200);
        expect(game.scene.env.pendingTimers).toBe(0);
      },
    ),
    { numRuns: 1000 },
  );
});
