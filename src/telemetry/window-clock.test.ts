import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { WindowClock } from "./window-clock.ts";

test("WindowClock moves on at the end of each window once it runs", () => {
  const env = new ManualEnv();
  env.advance(123);
  const windows = new WindowClock(env, 1_000);
  env.advance(5_000);
  expect(windows.epoch).toBe(0);
  windows.run();
  windows.run();
  expect(windows.epoch).toBe(5);
  env.advance(999);
  expect(windows.epoch).toBe(5);
  env.advance(1);
  expect(windows.epoch).toBe(6);
  expect(env.pendingTimers).toBe(1);
});

test("WindowClock waits for the rest of a window when its timer came early, and stops when disposed", () => {
  const env = new ManualEnv();
  const early: { delayMs: number; run: () => void }[] = [];
  const timers = {
    ...env.timers,
    after: (delayMs: number, run: () => void) => (early.push({ delayMs, run }), env.timers.after(1e9, run)),
  };
  const windows = new WindowClock({ clock: env.clock, timers }, 1_000);
  windows.run();
  env.advance(999);
  early[0]?.run();
  expect(windows.epoch).toBe(0);
  expect(early[1]?.delayMs).toBe(1);
  env.advance(1);
  early[1]?.run();
  expect(windows.epoch).toBe(1);
  windows[Symbol.dispose]();
});
