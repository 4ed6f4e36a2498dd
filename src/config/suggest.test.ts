import { expect, test } from "vitest";
import { editDistance, nearest } from "./suggest.ts";

test.for([
  ["", "abc", 3],
  ["port", "port", 0],
  ["prot", "port", 1],
  ["servrs", "servers", 1],
  ["kitten", "sitting", 3],
] as const)("from %s to %s it takes %d edits", ([one, other, edits]) => {
  expect(editDistance(one, other)).toBe(edits);
  expect(editDistance(other, one)).toBe(edits);
});

test("the nearest known name is found", () => {
  const known = ["servers", "service", "label", "dtab"];
  expect(nearest("server", known)).toBe("servers");
  expect(nearest("lable", known)).toBe("label");
  expect(nearest("d-tab", known)).toBe("dtab");
});

test("a name that resembles nothing has no nearest name", () => {
  expect(nearest("timeout", ["servers", "dtab"])).toBeNull();
  expect(nearest("ab", ["xy"])).toBeNull();
});

test("a name of absurd length is not compared at all", () => {
  const long = "a".repeat(100_000);
  expect(nearest(long, [long])).toBeNull();
});
