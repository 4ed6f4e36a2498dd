import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { undeclaredMetrics } from "../../test/support/undeclared-metrics.ts";
import type { Attempt } from "../core/attempt.ts";
import { causes } from "../core/cause.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { type Connect, type Session, type SessionOwner, type SessionSource, SessionStatus } from "../core/session.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry, PullGauge } from "../telemetry/registry.ts";
import { FailFast, failFastCounters } from "./fail-fast.ts";

const refused = new Failure(causes.connectRefused);

class FakeSession implements Session {
  status: SessionStatus = SessionStatus.connecting;
  active = 0;
  served = 0;
  idleSinceMs = 0;
  readonly madeMs = 0;
  readonly owner: SessionOwner;

  constructor(owner: SessionOwner) {
    this.owner = owner;
  }

  connected(): void {
    this.status = SessionStatus.ready;
    this.owner.ready(this);
  }

  refused(): void {
    this.status = SessionStatus.closed;
    this.owner.closed(this, refused);
  }

  dispatch(): void {}

  drain(): void {
    this.close();
  }

  close(): void {
    if (this.status === SessionStatus.closed) return;
    this.status = SessionStatus.closed;
    this.owner.closed(this, null);
  }
}

/** Sessions that are opened when the test says so, and hear what they are told. */
class FakeSource implements SessionSource, SessionOwner {
  readonly size = 0;
  readonly idle = 0;
  readonly waiters = 0;
  hasRoom = true;
  readonly told: string[] = [];
  readonly connect: Connect;

  constructor(connect: Connect) {
    this.connect = connect;
  }

  acquire(): void {
    this.told.push("acquire");
  }

  closeIdle(): void {}

  drain(): Promise<void> {
    this.told.push("drain");
    return Promise.resolve();
  }

  ready(): void {
    this.told.push("ready");
  }

  released(): void {
    this.told.push("released");
  }

  closed(_session: Session, failure: Failure | null): void {
    this.told.push(failure === null ? "closed" : failure.cause.token);
  }
}

class Scene {
  readonly env = new ManualEnv();
  readonly loop = new DataLoop(this.env);
  readonly registry = new MetricsRegistry(this.env);
  readonly scope = this.registry.root.scope("rt", "http", "client", "x", "failfast");
  readonly log: string[] = [];
  readonly opened: FakeSession[] = [];
  alone = false;
  readonly inner: FakeSource;
  readonly failFast: FailFast;

  constructor() {
    const counters = failFastCounters(this.scope, () => [this.failFast]);
    let inner: FakeSource | undefined;
    this.failFast = new FailFast(
      (owner) => {
        const session = new FakeSession(owner);
        this.opened.push(session);
        return session;
      },
      (connect) => (inner = new FakeSource(connect)),
      "h:80",
      this.loop,
      counters,
      {
        alone: () => this.alone,
        marked: (why) => void this.log.push(`marked: ${why.cause.token}`),
        reached: (afterMs) => void this.log.push(`reached after ${afterMs}`),
      },
    );
    this.inner = inner!;
  }

  /** What the sessions get when they ask for one. */
  open(): FakeSession | string {
    const opened = this.inner.connect(this.inner);
    return opened instanceof Failure ? opened.cause.token : (opened as FakeSession);
  }

  fail(): void {
    (this.open() as FakeSession).refused();
  }

  /** Lets time pass until the next connect in the background; how long that took, to the wheel's precision. */
  untilTrial(): number {
    const from = this.opened.length;
    const fromMs = this.env.clock.nowMs();
    for (let n = 0; this.opened.length === from && n < 1_000; n++) this.env.advance(50);
    return this.env.clock.nowMs() - fromMs;
  }

  get trial(): FakeSession {
    return this.opened.at(-1)!;
  }
}

function metric(scene: Scene, name: string): number {
  const found = scene.registry.find("rt", "http", "client", "x", "failfast", name);
  if (!(found instanceof Counter || found instanceof PullGauge)) throw new Error(`no ${name}`);
  return found.value;
}

test("One failed connect marks the endpoint: it reads busy and opens nothing, until a connect of its own succeeds", () => {
  const scene = new Scene();
  expect(scene.failFast.hasRoom).toBe(true);
  scene.fail();
  expect(scene.failFast.hasRoom).toBe(false);
  expect(scene.open()).toBe("upstream.connect.fail-fast");
  expect(scene.opened).toHaveLength(1);
  expect(scene.untilTrial()).toBeGreaterThanOrEqual(1_000);
  expect([metric(scene, "is_marked_dead"), metric(scene, "unhealthy_num_tries")]).toEqual([1, 0]);
  expect(metric(scene, "unhealthy_for_ms")).toBeGreaterThanOrEqual(1_000);
  scene.trial.connected();
  expect(scene.trial.status).toBe(SessionStatus.closed);
  expect(scene.failFast.hasRoom).toBe(true);
  expect(scene.open()).toBeInstanceOf(FakeSession);
  expect(scene.inner.told).toEqual(["upstream.connect.refused"]);
  expect([metric(scene, "marked_dead"), metric(scene, "marked_available"), metric(scene, "is_marked_dead")]).toEqual([
    1, 1, 0,
  ]);
  expect(metric(scene, "unhealthy_for_ms")).toBe(0);
  expect(scene.log[0]).toBe("marked: upstream.connect.refused");
  expect(scene.log[1]).toMatch(/^reached after 1[01]\d\d$/);
  expect(undeclaredMetrics(scene.registry.root)).toEqual([]);
});

test("Connects in the background come after 1 s, then at random, and from the seventeenth wait on every 32 s", () => {
  const scene = new Scene();
  scene.fail();
  const waits = [];
  for (let n = 0; n < 20; n++) {
    waits.push(scene.untilTrial());
    scene.trial.refused();
    expect(metric(scene, "unhealthy_num_tries")).toBe(n + 1);
  }
  expect(waits[0]).toBeLessThanOrEqual(1_100);
  expect(Math.max(...waits)).toBeLessThanOrEqual(32_100);
  for (const waitMs of waits.slice(16)) expect(waitMs).toBeGreaterThanOrEqual(32_000);
  scene.untilTrial();
  scene.trial.connected();
  scene.fail();
  expect(scene.untilTrial()).toBeLessThanOrEqual(1_100);
  expect(metric(scene, "marked_dead")).toBe(2);
});

test("A connect that was under way when another failed, and succeeds, takes the mark off", () => {
  const scene = new Scene();
  const slow = scene.open() as FakeSession;
  scene.fail();
  slow.connected();
  expect(scene.failFast.hasRoom).toBe(true);
  expect(scene.inner.told).toEqual(["upstream.connect.refused", "ready"]);
  scene.env.advance(60_000);
  expect(scene.opened).toHaveLength(2);
});

test("A connect that fails while the endpoint is marked changes nothing, and neither does a session that ends", () => {
  const scene = new Scene();
  const [slow, old] = [scene.open() as FakeSession, scene.open() as FakeSession];
  old.connected();
  scene.fail();
  slow.refused();
  old.close();
  expect(metric(scene, "marked_dead")).toBe(1);
  expect(metric(scene, "unhealthy_num_tries")).toBe(0);
  expect(scene.failFast.marked).toBe(true);
});

test("The only endpoint is never marked, and one that becomes the only one is used again", () => {
  const scene = new Scene();
  scene.alone = true;
  scene.fail();
  expect(scene.failFast.marked).toBe(false);
  scene.alone = false;
  scene.fail();
  expect(scene.failFast.hasRoom).toBe(false);
  scene.alone = true;
  expect(scene.failFast.hasRoom).toBe(true);
  expect(scene.open()).toBeInstanceOf(FakeSession);
});

test("An endpoint that leaves stops connecting", async () => {
  const waiting = new Scene();
  waiting.fail();
  await waiting.failFast.drain();
  waiting.env.advance(100_000);
  expect(waiting.opened).toHaveLength(1);
  expect(waiting.loop.wheel.armed).toBe(0);
  const trying = new Scene();
  trying.fail();
  trying.untilTrial();
  await trying.failFast.drain();
  expect(trying.trial.status).toBe(SessionStatus.closed);
  trying.env.advance(100_000);
  expect(trying.opened).toHaveLength(2);
  expect(trying.loop.wheel.armed).toBe(0);
});

test("Everything else goes through to the sessions", () => {
  const { failFast, inner } = new Scene();
  failFast.acquire({} as Attempt);
  failFast.released({} as Session);
  expect(inner.told).toEqual(["acquire", "released"]);
  inner.hasRoom = false;
  expect([failFast.hasRoom, failFast.size, failFast.idle, failFast.waiters]).toEqual([false, 0, 0, 0]);
});
