import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { Env } from "../base/env.ts";
import { Slices } from "./slices.ts";

const STEPS = 100;
const STEP_MS = 0.125;

/** Work of which every step takes an eighth of a millisecond. */
function work() {
  const manual = new ManualEnv();
  let nowMs = 0;
  const clock = { nowMs: () => nowMs, epochMs: () => manual.clock.epochMs() };
  const env: Env = { random: manual.random, timers: manual.timers, clock };
  const state = { left: STEPS };
  const slices = new Slices(env, () => {
    if (state.left === 0) return false;
    state.left--;
    nowMs += STEP_MS;
    return true;
  });
  return { slices, state, endTurn: () => manual.endTurn() };
}

test("Slices do half a millisecond of work in each turn of the loop, without a pause between turns", async () => {
  const { endTurn, slices, state } = work();
  let rested = false;
  slices.run();
  const done = slices.done.then(() => (rested = true));
  const lefts = [state.left];
  while (endTurn()) lefts.push(state.left);
  expect(lefts.slice(0, 3)).toEqual([96, 92, 88]);
  expect(state.left).toBe(0);
  expect(rested).toBe(false); // nobody is called in the middle of a turn
  await done;
});

test("Slices that wait for their turn are not hurried by more work, but what is first is done at once", () => {
  const { slices, state } = work();
  slices.run();
  slices.run();
  expect(state.left).toBe(96);
  let done = false;
  slices.first(() => (done = true));
  expect([done, state.left]).toEqual([true, 96]);
});

test("Slices that are disposed of do nothing more, and whoever waits for them goes on", async () => {
  const { endTurn, slices, state } = work();
  slices.run();
  const waiting = slices.done;
  slices[Symbol.dispose]();
  await waiting;
  await slices.done;
  expect([endTurn(), state.left]).toEqual([true, 96]);
  expect(endTurn()).toBe(false);
});
