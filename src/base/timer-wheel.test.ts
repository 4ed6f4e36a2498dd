import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { type TimerOwner, TimerWheel, WheelTimer } from "./timer-wheel.ts";

const TICK_MS = 50;

/** Notes when each of its timers fired, then does what the test wants. */
class Recorder implements TimerOwner {
  readonly fired: { readonly timer: WheelTimer; readonly atMs: number }[] = [];
  readonly #env: ManualEnv;
  then: (timer: WheelTimer) => void = () => undefined;

  constructor(env: ManualEnv) {
    this.#env = env;
  }

  onTimer(timer: WheelTimer): void {
    this.fired.push({ timer, atMs: this.#env.clock.nowMs() });
    this.then(timer);
  }
}

function setUp(slots = 8) {
  const env = new ManualEnv();
  const owner = new Recorder(env);
  return { env, owner, wheel: new TimerWheel(env, TICK_MS, slots), timer: new WheelTimer(owner) };
}

test("TimerWheel fires a timer once, not early and at most two ticks late", () => {
  const { env, owner, wheel, timer } = setUp();
  env.advance(7);
  wheel.arm(timer, 120);
  expect(timer.armed).toBe(true);
  env.advance(119);
  expect(owner.fired).toEqual([]);
  env.advance(101);
  expect(owner.fired).toHaveLength(1);
  expect(timer.armed).toBe(false);
  env.advance(10_000);
  expect(owner.fired).toHaveLength(1);
});

test("TimerWheel does not fire a cancelled timer, whether fresh or placed", () => {
  const { env, owner, wheel, timer } = setUp();
  const other = new WheelTimer(owner);
  wheel.arm(timer, 100);
  wheel.cancel(timer);
  wheel.arm(other, 400);
  env.advance(300);
  wheel.cancel(other);
  wheel.cancel(other);
  expect(wheel.armed).toBe(0);
  env.advance(10_000);
  expect(owner.fired).toEqual([]);
});

test("TimerWheel counts a re-armed timer's delay from the last arming", () => {
  const { env, owner, wheel, timer } = setUp();
  for (let round = 0; round < 20; round++) {
    wheel.arm(timer, 500);
    env.advance(300);
  }
  expect(owner.fired).toEqual([]);
  expect(wheel.armed).toBe(1);
  env.advance(300);
  expect(owner.fired).toHaveLength(1);
});

test("TimerWheel keeps delays that are many turns of the wheel long", () => {
  const { env, owner, wheel, timer } = setUp();
  const sixHoursMs = 6 * 3_600_000;
  wheel.arm(timer, sixHoursMs);
  env.advance(sixHoursMs - 1);
  expect(owner.fired).toEqual([]);
  env.advance(1 + 2 * TICK_MS);
  expect(owner.fired).toHaveLength(1);
});

test("TimerWheel does not fire early when the event loop was blocked before the arming", () => {
  const { owner, wheel, timer, env } = setUp();
  const early = new WheelTimer(owner);
  wheel.arm(early, 100);
  wheel.advance(40);
  // The loop is busy until 900; a callback that runs before the wheel's own timer arms for 100 ms.
  wheel.arm(timer, 100);
  wheel.advance(900);
  expect(owner.fired.map((f) => f.timer)).toEqual([early]);
  wheel.advance(999);
  expect(owner.fired).toHaveLength(1);
  wheel.advance(1_000);
  expect(owner.fired.map((f) => f.timer)).toEqual([early, timer]);
  expect(env.pendingTimers).toBe(0);
});

test("TimerWheel fires everything due after a jump of several turns", () => {
  const { owner, wheel } = setUp();
  const timers = [100, 500, 900, 5_000].map((delayMs) => {
    const timer = new WheelTimer(owner);
    wheel.arm(timer, delayMs);
    return timer;
  });
  wheel.advance(0);
  wheel.advance(3_000);
  expect(new Set(owner.fired.map((f) => f.timer))).toEqual(new Set(timers.slice(0, 3)));
  wheel.advance(5_000);
  expect(owner.fired).toHaveLength(4);
});

test("TimerWheel lets an owner re-arm the timer that fires and cancel another that is due in the same tick", () => {
  const { env, owner, wheel, timer } = setUp();
  const victim = new WheelTimer(owner);
  wheel.arm(timer, 100);
  wheel.arm(victim, 100);
  owner.then = () => {
    wheel.cancel(victim);
    if (owner.fired.length < 3) wheel.arm(timer, 0);
  };
  env.advance(1_000);
  expect(owner.fired.map((f) => f.timer)).toEqual([timer, timer, timer]);
  expect(wheel.armed).toBe(0);
});

test("TimerWheel fires the rest at the next tick when an owner throws", () => {
  const { owner, wheel, timer } = setUp();
  const next = new WheelTimer(owner);
  wheel.arm(timer, 50);
  wheel.arm(next, 50);
  owner.then = (fired) => {
    if (fired === timer) throw new Error("owner failed");
  };
  wheel.advance(0);
  expect(() => wheel.advance(50)).toThrow("owner failed");
  wheel.advance(100);
  expect(owner.fired.map((f) => f.timer)).toEqual([timer, next]);
  expect(wheel.armed).toBe(0);
});

test("TimerWheel wakes the process only while something is armed", () => {
  const { env, wheel, timer } = setUp();
  expect(env.pendingTimers).toBe(0);
  wheel.arm(timer, 200);
  expect(env.pendingTimers).toBe(1);
  env.advance(1_000);
  expect(env.pendingTimers).toBe(0);
  wheel.arm(timer, 200);
  wheel.cancel(timer);
  env.advance(TICK_MS);
  expect(env.pendingTimers).toBe(0);
  wheel.arm(timer, 10_000);
  wheel[Symbol.dispose]();
  expect(env.pendingTimers).toBe(0);
});

test("TimerWheel agrees with a plain list of deadlines, whatever is armed, cancelled and re-armed", () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 5 }),
    act: fc.constantFrom("arm", "arm", "cancel", "wait"),
    delayMs: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 3_000 })),
    waitMs: fc.integer({ min: 0, max: 400 }),
    rearm: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { env, owner, wheel } = setUp(16);
      const timers = Array.from({ length: 6 }, () => new WheelTimer(owner));
      const promised = new Map<WheelTimer, number>();
      let rearm = false;
      const arm = (timer: WheelTimer, delayMs: number) => {
        promised.set(timer, env.clock.nowMs() + delayMs);
        wheel.arm(timer, delayMs);
      };
      owner.then = (timer) => {
        const dueMs = promised.get(timer) ?? Number.POSITIVE_INFINITY;
        expect(env.clock.nowMs()).toBeGreaterThanOrEqual(dueMs);
        expect(env.clock.nowMs()).toBeLessThanOrEqual(dueMs + 2 * TICK_MS);
        promised.delete(timer);
        if (rearm) arm(timer, 130);
      };
      for (const { id, act, delayMs, waitMs, rearm: wanted } of steps) {
        const timer = timers[id] ?? new WheelTimer(owner);
        rearm = wanted;
        if (act === "arm") arm(timer, delayMs);
        if (act === "cancel") {
          wheel.cancel(timer);
          promised.delete(timer);
        }
        if (act === "wait") env.advance(waitMs);
        expect(wheel.armed).toBe(promised.size);
        for (const dueMs of promised.values()) expect(dueMs).toBeGreaterThan(env.clock.nowMs() - 2 * TICK_MS - 1);
      }
      rearm = false;
      env.advance(3_000 + 2 * TICK_MS);
      expect(promised.size).toBe(0);
      expect(env.pendingTimers).toBe(0);
    }),
    { numRuns: 300 },
  );
});
