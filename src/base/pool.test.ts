import { expect, test } from "vitest";
import { LateUse, poisonReleased } from "../../test/support/poison.ts";
import { Pool } from "./pool.ts";

class Cup {
  generation = 0;
  contents = "";

  reset(): void {
    this.generation++;
    this.contents = "";
  }

  fill(): void {
    this.contents = "tea";
  }
}

test("Pool hands out again what came back last, emptied", () => {
  const pool = new Pool(() => new Cup());
  const first = pool.take();
  first.fill();
  pool.give(first);
  expect(pool.take()).toBe(first);
  expect(first.contents).toBe("");
  expect(pool.take()).not.toBe(first);
});

test("Pool counts what is in use", () => {
  const pool = new Pool(() => new Cup());
  const cups = [pool.take(), pool.take()];
  expect(pool.inUse).toBe(2);
  for (const cup of cups) pool.give(cup);
  expect(pool.inUse).toBe(0);
});

test("Pool keeps no more than it was told to", () => {
  let made = 0;
  const pool = new Pool(() => (made++, new Cup()), 1);
  const cups = [pool.take(), pool.take()];
  for (const cup of cups) pool.give(cup);
  pool.take();
  pool.take();
  expect(made).toBe(3);
});

test("Pool that poisons makes every late use loud, but for the generation, and never hands out again", () => {
  const told: string[] = [];
  const pool = new Pool(() => new Cup());
  poisonReleased(pool, (use) => told.push(use.message));
  const cup = pool.take();
  pool.give(cup);
  expect(cup.generation).toBe(1);
  expect(() => cup.contents).toThrow(LateUse);
  expect(() => (cup.contents = "milk")).toThrow(LateUse);
  expect(() => cup.fill()).toThrow("using fill of a Cup after its release");
  expect(() => pool.give(cup)).toThrow(LateUse);
  expect(pool.take() === cup).toBe(false);
  expect(told).toHaveLength(4);
});
