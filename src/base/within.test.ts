import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { within } from "./within.ts";

test("What comes in time is what is told, a rejection too, and no timer is left", async () => {
  const { pendingTimers, timers } = new ManualEnv();
  expect(await within(timers, 100, Promise.resolve("well"), "late")).toBe("well");
  expect(await within(timers, 100, null, "late")).toBe(null);
  await expect(within(timers, 100, Promise.reject(new Error("broken")), "late")).rejects.toThrow("broken");
  expect(pendingTimers).toBe(0);
});

test("What does not come is late when its time is up, and not before", async () => {
  const env = new ManualEnv();
  const told: string[] = [];
  const waiting = within(env.timers, 100, new Promise<string>(() => undefined), "late").then((what) => told.push(what));
  env.advance(99);
  await Promise.resolve();
  expect(told).toEqual([]);
  env.advance(1);
  await waiting;
  expect(told).toEqual(["late"]);
});
