import { expect, test } from "vitest";
import type { Window } from "../bench.ts";
import { ratios } from "../rounds.ts";
import { callsIn } from "./gauges.ts";
import { latencyRows } from "./latency.ts";
import { dtabOf } from "./lookup.ts";
import { busierShare, takenIn } from "./two-workers.ts";

const slice = (proxy: string, round: number, cpuUs: number, ok: number): Window =>
  // Only what costs are made of; the rest of a window plays no part in them.
  ({ proxy, round, proxyCpuNs: cpuUs * 1000 * ok, ok }) as Window;

test("ratios divides within a round, so that a slow round of the box cancels out", () => {
  const windows = [
    slice("nginx", 1, 10, 100),
    slice("fairlead", 1, 11, 100),
    slice("fairlead", 2, 22, 50),
    slice("nginx", 2, 20, 50),
    slice("nginx", 3, 10, 100),
    slice("fairlead", 3, 12, 100),
  ];
  expect(ratios(windows, "fairlead", "nginx")).toEqual({ median: 1.1, min: 1.1, max: 1.2 });
});

test("ratios weighs the slices of a round by the requests they hold", () => {
  const windows = [slice("nginx", 1, 10, 300), slice("nginx", 1, 20, 100), slice("fairlead", 1, 25, 400)];
  expect(ratios(windows, "fairlead", "nginx").median).toBe(2);
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

test("takenIn reads the counters of one server and refuses a page without them", () => {
  const metrics = {
    "rt/http/server/127.0.0.1/18032/requests": 70,
    "rt/http/server/127.0.0.1/18032/connects": 8,
    "rt/http/client/#/io.l5d.fs/svc0/connects": 3,
  };
  expect(takenIn(metrics, "http", 18032)).toEqual({ requests: 70, connects: 8 });
  expect(() => takenIn(metrics, "h2", 18032)).toThrow("no requests of the server on port 18032");
});

test("busierShare counts only what came between two readings", () => {
  const before = [
    { requests: 1000, connects: 10 },
    { requests: 0, connects: 0 },
  ];
  const after = [
    { requests: 1030, connects: 10 },
    { requests: 10, connects: 8 },
  ];
  expect(busierShare(before, after, "requests")).toBe(75);
  expect(busierShare(before, after, "connects")).toBe(100);
});

test("latencyRows ask both protocols for the same rates", () => {
  const namesOf = (family: string): string[] =>
    latencyRows.filter((row) => row.family === family).map(({ name }) => name.replace("h2-", ""));
  expect(namesOf("h2")).toEqual(namesOf("h1"));
  expect(namesOf("h1")).toContain("open-loop-10k");
});
