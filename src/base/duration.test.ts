import { expect, test } from "vitest";
import { formatDuration } from "./duration.ts";

test.each([
  [0, "0 ms"],
  [0.34, "340 µs"],
  [0.0004, "0.4 µs"],
  [1, "1 ms"],
  [12.3456, "12.3 ms"],
  [999.6, "1 s"],
  [1500, "1.5 s"],
  [59_949, "59.9 s"],
  [59_950, "1 min"],
  [60_000, "1 min"],
  [125_000, "2 min 5 s"],
  [3_599_600, "1 h"],
  [3_600_000, "1 h"],
  [5_400_000, "1 h 30 min"],
  [86_399_000, "24 h"],
  [93_600_000, "1 d 2 h"],
  [-1500, "-1.5 s"],
  [Number.POSITIVE_INFINITY, "for ever"],
  [Number.NaN, "unknown"],
])("A length of %s ms reads %s", (ms, text) => {
  expect(formatDuration(ms)).toBe(text);
});
