import { expect, test } from "vitest";
import type { Window } from "../bench.ts";
import { callsIn } from "./gauges.ts";
import { dtabOf } from "./lookup.ts";
import { ratios } from "./traffic.ts";

const window = (proxy: string, round: number, cpuUsPerRequest: number): Window =>
  // Only what the ratio looks at; the rest of a window plays no part in it.
  ({ proxy, round, cpuUsPerRequest }) as Window;

test("ratios divides within a round, so that a slow round of the box cancels out", () => {
  const windows = [
    window("nginx", 1, 10),
    window("fairlead", 1, 11),
    window("fairlead", 2, 22),
    window("nginx", 2, 20),
    window("nginx", 3, 10),
    window("fairlead", 3, 12),
  ];
  expect(ratios(windows, "fairlead", "nginx")).toEqual({ median: 1.1, min: 1.1, max: 1.2 });
});

test("callsIn reads the total of a strace summary, with and without a column of errors", () => {
  const line = "100.00    0.123456           3     41234       123 total\n";
  expect(callsIn(`% time  seconds  usecs/call  calls  errors  syscall\n${line}`)).toBe(41234);
  expect(callsIn("100.00    0.000000           0        29           total\n")).toBe(29);
  expect(callsIn("nothing")).toBeNaN();
});

test("dtabOf has exactly as many entries as asked for, no two for the same prefix", () => {
  for (const size of [10, 10_000]) {
    const prefixes = dtabOf(size)
      .split("\n")
      .map((line) => line.split(" => ")[0]);
    expect(prefixes).toHaveLength(size);
    expect(new Set(prefixes).size).toBe(size);
  }
});
