import { expect, test } from "vitest";
import { Problems } from "./problems.ts";

test("A problem is told once when it begins, again when it is another, and once when it is over.", () => {
  const told: string[] = [];
  const problems = new Problems(
    (problem) => void told.push(problem),
    (file) => void told.push(`${file} is well`),
  );
  problems.are("a", undefined);
  problems.are("a", "line 1");
  problems.are("a", "line 1");
  problems.are("b", "line 7");
  problems.are("a", "line 2");
  problems.are("a", undefined);
  problems.are("a", undefined);
  expect(told).toEqual(["line 1", "line 7", "line 2", "a is well"]);
});
