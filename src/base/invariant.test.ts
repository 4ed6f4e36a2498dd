import { expect, test } from "vitest";
import { invariant, InvariantViolation } from "./invariant.ts";

test("An invariant that holds says nothing", () => {
  expect(() => invariant(true, "never shown")).not.toThrow();
});

test("A broken invariant throws with the reason we believed it", () => {
  expect(() => invariant(false, "a slot is freed once")).toThrow(new InvariantViolation("a slot is freed once"));
});
