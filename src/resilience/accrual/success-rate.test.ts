// Golden numbers: averages computed by an independent script from the formulas of finagle §3.1.
import fc from "fast-check";
import { expect, test } from "vitest";
import { constant } from "../../base/backoff.ts";
import { seededRandom } from "../../base/random.ts";
import { ConsecutiveFailures } from "./consecutive-failures.ts";
import { accrualPolicy, accrualView } from "./kinds.ts";
import { OrElse } from "./or-else.ts";
import { type AccrualPolicy, STAY } from "./policy.ts";
import { SuccessRateWindowed } from "./success-rate-windowed.ts";
import { SuccessRate } from "./success-rate.ts";

/** What the policy says to a history of `s` and `f`, a request every so many milliseconds; `.` for a success. */
function verdicts(policy: AccrualPolicy, history: string, everyMs = 0, fromMs = 0): (number | ".")[] {
  return [...history].map((word, at) => {
    const nowMs = fromMs + at * everyMs;
    if (word === "f") return policy.failed(nowMs);
    policy.succeeded(nowMs);
    return ".";
  });
}

test("SuccessRate over 5 requests: 1, 1, 1, 0.8187, 0.6703, 0.5488, 0.6306, 0.5163, 0.4227", () => {
  const history = "sssfffsff";
  const said = (required: number) => verdicts(new SuccessRate(required, 5, constant(7)), history);
  const none = [".", ".", ".", STAY, STAY, STAY, ".", STAY, STAY];
  expect(said(0.4227)).toEqual(none);
  expect(said(0.42271)).toEqual([...none.slice(0, 8), 7]);
  expect(said(0.5162)).toEqual([...none.slice(0, 8), 7]);
  expect(said(0.5163)).toEqual([...none.slice(0, 7), 7, 7]);
  expect(said(0.5489)).toEqual([".", ".", ".", STAY, STAY, 7, ".", 7, 7]);
  expect(said(0.6704)).toEqual([".", ".", ".", STAY, 7, 7, ".", 7, 7]);
});

test("SuccessRate marks nothing before it has seen as many requests as its window, since the start and since a revival", () => {
  const policy = new SuccessRate(0.9, 4, constant(7));
  expect(verdicts(policy, "ffff")).toEqual([STAY, STAY, STAY, 7]);
  policy.revived();
  expect(verdicts(policy, "fff")).toEqual([STAY, STAY, STAY]);
  expect(verdicts(policy, "f")).toEqual([7]);
});

test("SuccessRate fed one failure in ten lives at 0.8 and dies at 0.95", () => {
  const history = "sssssssssf".repeat(50);
  expect(verdicts(new SuccessRate(0.8, 100, constant(7)), history)).not.toContain(7);
  expect(verdicts(new SuccessRate(0.95, 100, constant(7)), history)).toContain(7);
});

test("SuccessRateWindowed over 30 s: 1, 1, 0.7165, 0.6065, 0.5134, 0.4966", () => {
  const said = (required: number) => {
    const policy = new SuccessRateWindowed(required, 30_000, constant(7), 1_000);
    policy.succeeded(1_000);
    for (let n = 0; n < 3; n++) policy.succeeded(11_000);
    return [21_000, 26_000, 31_000, 32_000].map((nowMs) => policy.failed(nowMs));
  };
  expect(said(0.4965)).toEqual([STAY, STAY, STAY, STAY]);
  expect(said(0.4966)).toEqual([STAY, STAY, STAY, 7]);
  expect(said(0.5135)).toEqual([STAY, STAY, 7, 7]);
  expect(said(0.8)).toEqual([STAY, STAY, 7, 7]); // 0.6 would do before, but no whole window has passed
});

test("SuccessRateWindowed wants a whole window since the start or the last revival, and five requests in it", () => {
  const policy = new SuccessRateWindowed(0.8, 10_000, constant(7), 0);
  expect(verdicts(policy, "ffffff", 10, 9_900)).toEqual([STAY, STAY, STAY, STAY, STAY, STAY]);
  expect(policy.failed(10_000)).toBe(7);
  policy.revived(20_000);
  expect(verdicts(policy, "ffffff", 10, 29_000)).toEqual([STAY, STAY, STAY, STAY, STAY, STAY]);
  expect(policy.failed(29_999.9)).toBe(STAY);
  expect(policy.failed(30_000)).toBe(7);
  // A minute later the window is empty: four more are too few, the fifth is enough.
  expect(verdicts(policy, "fffff", 10, 90_000)).toEqual([STAY, STAY, STAY, STAY, 7]);
});

test("OrElse tells both of everything, and of two times takes the longer", () => {
  const told: string[] = [];
  const noting = (name: string, verdict: number): AccrualPolicy => ({
    succeeded: (nowMs) => void told.push(`${name} succeeded ${nowMs}`),
    failed: (nowMs) => (told.push(`${name} failed ${nowMs}`), verdict),
    spared: () => void told.push(`${name} spared`),
    revived: (nowMs) => void told.push(`${name} revived ${nowMs}`),
  });
  const verdict = (a: number, b: number) => new OrElse(noting("a", a), noting("b", b)).failed(3);
  expect([
    verdict(STAY, STAY),
    verdict(5, STAY),
    verdict(STAY, 5),
    verdict(5, 9),
    verdict(9, 5),
    verdict(0, STAY),
  ]).toEqual([STAY, 5, 5, 9, 9, 0]);
  told.length = 0;
  const both = new OrElse(noting("a", STAY), noting("b", 5));
  both.succeeded(1);
  both.failed(2);
  both.spared();
  both.revived(3);
  expect(told).toEqual([
    "a succeeded 1",
    "b succeeded 1",
    "a failed 2",
    "b failed 2",
    "a spared",
    "b spared",
    "a revived 3",
    "b revived 3",
  ]);
});

test("OrElse says what its two policies say to the same history", () => {
  const event = fc.record({ good: fc.boolean(), stepMs: fc.integer({ min: 0, max: 400 }), revived: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 200 }), (events) => {
      const pair = () =>
        [new SuccessRateWindowed(0.8, 1_000, constant(40), 0), new ConsecutiveFailures(3, constant(30))] as const;
      const [rate, count] = pair();
      const both = new OrElse(...pair());
      let nowMs = 0;
      for (const { good, revived, stepMs } of events) {
        nowMs += stepMs;
        if (revived === 0) for (const policy of [rate, count, both]) policy.revived(nowMs);
        else if (good) for (const policy of [rate, count, both]) policy.succeeded(nowMs);
        else expect(both.failed(nowMs)).toBe(Math.max(rate.failed(nowMs), count.failed()));
      }
    }),
  );
});

test("The default of today dies of five failures in a row at once, and of a low success rate after 30 s", () => {
  const spec = { kind: "fairlead.successRateOrFailures", successRate: 0.8, window: 30, failures: 5 } as const;
  const policy = () => accrualPolicy(spec, seededRandom(1), 0);
  expect(verdicts(policy(), "fffff")).toEqual([STAY, STAY, STAY, STAY, 5_000]);
  const halfBad = verdicts(policy(), "sf".repeat(400), 100);
  expect(halfBad.findIndex((verdict) => verdict === 5_000)).toBe(301); // the first failure after 30 s
  expect(verdicts(policy(), "ssssssssf".repeat(100), 100).every((verdict) => verdict === "." || verdict === STAY)).toBe(
    true,
  );
});

test("A policy that was spared begins its backoff anew and keeps its failures", () => {
  const backoff = { kind: "jittered", minMs: 10, maxMs: 1_000 } as const;
  for (const spec of [
    { kind: "io.l5d.consecutiveFailures", failures: 1, backoff },
    { kind: "io.l5d.successRate", successRate: 0.9, requests: 1, backoff },
    { kind: "fairlead.successRateOrFailures", successRate: 0.9, window: 30, failures: 1, backoff },
  ] as const) {
    const policy = accrualPolicy(spec, seededRandom(2), 0);
    for (let n = 0; n < 5; n++) {
      expect(policy.failed(0)).toBe(10);
      policy.spared();
    }
    policy.failed(0);
    expect(policy.failed(0)).toBeGreaterThan(10);
  }
});

test("The parameters of a policy are shown as they were configured", () => {
  expect(accrualView({ kind: "none" })).toEqual({ kind: "none" });
  expect(accrualView({ kind: "io.l5d.successRate", successRate: 0.9, requests: 20 })).toEqual({
    kind: "io.l5d.successRate",
    successRate: 0.9,
    requests: 20,
  });
  const backoff = { kind: "jittered", minMs: 10, maxMs: 20 } as const;
  expect(accrualView({ kind: "io.l5d.successRateWindowed", successRate: 0.9, window: 5, backoff })).toEqual({
    kind: "io.l5d.successRateWindowed",
    successRate: 0.9,
    window: 5,
    backoff: "jittered 10 20",
  });
});
