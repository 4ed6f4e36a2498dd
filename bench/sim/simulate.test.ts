import { expect, test } from "vitest";
import { contenders } from "./balancers.ts";
import { policies } from "./policies.ts";
import type { RunResult } from "./recorder.ts";
import { parseScenario, policyNames, type Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

const base = {
  title: "T",
  doc: "D.",
  expected: "E.",
  durationMs: 5000,
  clients: 2,
  requestsPerSec: 400,
  timeoutMs: 300,
  instances: { count: 5, workers: 2 },
  service: { kind: "exponential", meanMs: 15 },
};

const scenario = (changes: object): Promise<Scenario> =>
  parseScenario("test", "test.json", JSON.stringify({ ...base, ...changes }));

const contender = (name: string) => contenders.find((one) => one.name === name)!;

/** Everything that can happen at once. */
const rough = {
  bursts: [{ fromMs: 1000, toMs: 1500, requestsPerSec: 1500 }],
  instances: { count: 5, workers: 2, crashAtQueue: 40, crashedMs: 500 },
  faults: [
    { kind: "slow", count: 1, factor: 5, fromMs: 500, toMs: 2000 },
    { kind: "pauses", first: 1, count: 2, lengthMs: 100, everyMs: 700 },
    { kind: "errors", first: 2, count: 1, share: 0.3 },
    { kind: "flaps", first: 3, count: 1, downMs: 300, upMs: 400 },
    { kind: "restarts", first: 4, count: 1, everyMs: 1000, absentMs: 500, warmMs: 800, factor: 6 },
    { kind: "refuses", count: 1, fromMs: 3000, toMs: 3500 },
  ],
};

test.for(contenders.map(({ name }) => name))(
  "A run with %s repeats exactly with its seed, and not with another",
  async (name) => {
    const once = await scenario(rough);
    const run = (seed: number): RunResult => simulate(once, contender(name), policies.retries, seed);
    expect(run(7)).toEqual(run(7));
    expect(run(7)).not.toEqual(run(8));
  },
);

test.for(policyNames)("Every request ends exactly once, with policies %s", async (policy) => {
  // `simulate` itself throws when a request is forgotten, and `inFlight` would not come to 0 if one ended twice.
  const result = simulate(await scenario(rough), contender("p2c"), policies[policy], 3);
  expect(result.requests).toBeGreaterThan(2000);
  expect(result.success).toBeGreaterThan(0.5);
  expect(result.success).toBeLessThanOrEqual(1);
  expect(result.loads.reduce((sum, load) => sum + load, 0)).toBeCloseTo(5, 9);
});

test("Discovery that changes while requests are in flight loses none of them", async () => {
  const restarts = { kind: "restarts", count: 5, everyMs: 700, absentMs: 300, warmMs: 500, factor: 4 };
  const once = await scenario({ faults: [restarts], instances: { count: 5, workers: 4 } });
  expect(simulate(once, contender("bestOf"), policies.default, 2).success).toBe(1);
});

test("All balancers get the same requests", async () => {
  const once = await scenario(rough);
  const counts = contenders.map((one) => simulate(once, one, policies.default, 5).requests);
  expect(new Set(counts).size).toBe(1);
});

test("One instance with one worker waits as M/M/1 does", async () => {
  const meanMs = 10;
  const load = 0.6;
  const once = await scenario({
    durationMs: 400_000,
    clients: 1,
    requestsPerSec: (1000 * load) / meanMs,
    timeoutMs: 100_000,
    oneWayMs: 0,
    instances: { count: 1, workers: 1 },
    service: { kind: "exponential", meanMs },
  });
  const result = simulate(once, contender("p2c"), policies.bare, 1);
  // The time in the system is exponential with mean 1/(μ−λ): 25 ms here.
  const meanInSystemMs = meanMs / (1 - load);
  expect(result.p50Ms / (meanInSystemMs * Math.LN2)).toBeCloseTo(1, 1);
  expect(result.p95Ms / (meanInSystemMs * Math.log(20))).toBeCloseTo(1, 1);
});

test("Work that an instance stands still under takes just as much longer", async () => {
  const once = await scenario({
    requestsPerSec: 5,
    clients: 1,
    timeoutMs: 5000,
    oneWayMs: 0,
    instances: { count: 1, workers: 64 },
    service: { kind: "uniform", minMs: 100, maxMs: 100 },
    faults: [{ kind: "pauses", count: 1, lengthMs: 1000, everyMs: 1 }],
  });
  const result = simulate(once, contender("p2c"), policies.bare, 2);
  expect(result.p50Ms).toBeGreaterThan(1000);
});

test("Retries never exceed what the budget allows", async () => {
  const once = await scenario({ durationMs: 20_000, faults: [{ kind: "errors", count: 5 }] });
  const result = simulate(once, contender("p2c"), policies.retries, 11);
  const { minRetriesPerSec, percentCanRetry, ttlSecs } = policies.retries.requeues!;
  // Each of the two clients has its reserve once per window, and there are two windows and a slice.
  const reserve = 2 * minRetriesPerSec * ttlSecs * (2 + 1 / 10);
  expect(result.amplification).toBeGreaterThan(1 + percentCanRetry / 2);
  expect((result.amplification - 1) * result.requests).toBeLessThanOrEqual(percentCanRetry * result.requests + reserve);
});

test("A refused connection is requeued to another instance, and the caller sees nothing of it", async () => {
  const once = await scenario({ faults: [{ kind: "refuses", count: 1 }] });
  const result = simulate(once, contender("roundRobin"), policies.default, 1);
  expect(result.success).toBe(1);
  expect(result.amplification).toBeGreaterThan(1);
  expect(simulate(once, contender("roundRobin"), policies.bare, 1).success).toBeLessThan(0.85);
});
