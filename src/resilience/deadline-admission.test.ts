import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { Deadline } from "../core/deadline.ts";
import { Histogram } from "../telemetry/histogram.ts";
import { Counter } from "../telemetry/metrics.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { budgetMs, DeadlineAdmission, type DeadlineMode, DeadlineVerdict } from "./deadline-admission.ts";

const { serve, late, refuse } = DeadlineVerdict;
const NOW = Date.UTC(2026, 0, 1);

function setUp(mode: DeadlineMode = "enforce") {
  const registry = new MetricsRegistry(new ManualEnv());
  const admission = new DeadlineAdmission(mode, registry.root, 0);
  const place = mode === "report" ? "darkmode_deadline" : "deadline";
  const counts = () =>
    Object.fromEntries(
      ["exceeded", "rejected", "future", "expired_ms", "remaining_ms"].map((name) => {
        const metric = registry.find("admission_control", place, name);
        return [
          name,
          metric instanceof Counter ? metric.value : metric instanceof Histogram ? metric.totalCount : null,
        ];
      }),
    );
  const sum = (name: string) => (registry.find("admission_control", place, name) as Histogram).totalSum;
  return { admission, counts, sum };
}

/** A deadline by its distances from `NOW`. */
const deadline = (timestampMs: number, deadlineMs: number, restNs = 0): Deadline => ({
  timestampMs: NOW + timestampMs,
  timestampRestNs: 0,
  deadlineMs: NOW + deadlineMs,
  deadlineRestNs: restNs,
  received: true,
});

const expired = deadline(-1_000, -1);

/** Requests in time, which pay for refusals. */
function serveSome(admission: DeadlineAdmission, count: number, nowMs = 0): void {
  for (let n = 0; n < count; n++) expect(admission.judge(null, NOW, nowMs)).toBe(serve);
}

test("DeadlineAdmission refuses what is late by the wall clock, and nothing else", () => {
  const { admission, counts, sum } = setUp();
  serveSome(admission, 20);
  expect(admission.judge(deadline(-10, 90), NOW, 0)).toBe(serve);
  expect(admission.judge(deadline(-10, 0), NOW, 0)).toBe(serve);
  expect(admission.judge(deadline(-1_000, -30), NOW, 0)).toBe(refuse);
  expect(counts()).toEqual({ exceeded: 1, rejected: 1, future: 0, expired_ms: 1, remaining_ms: 2 });
  expect(sum("expired_ms")).toBe(30);
  expect(sum("remaining_ms")).toBe(90);
});

test("DeadlineAdmission refuses what was given no time, whatever the clocks say", () => {
  const { admission, counts } = setUp();
  serveSome(admission, 20);
  expect(admission.judge(deadline(500, 500), NOW, 0)).toBe(refuse);
  expect(admission.judge(deadline(500, 400), NOW, 0)).toBe(refuse);
  expect(admission.judge(deadline(500, 500, 1), NOW, 0)).toBe(serve);
  expect(counts()).toMatchObject({ exceeded: 2, rejected: 2 });
});

test("DeadlineAdmission does not judge by a clock that is more than a second ahead, and counts it", () => {
  const { admission, counts } = setUp();
  serveSome(admission, 20);
  expect(admission.judge(deadline(1_001, 500), NOW, 0)).toBe(serve);
  expect(counts()).toMatchObject({ exceeded: 0, future: 1 });
  expect(admission.judge(deadline(1_000, 500), NOW, 0)).toBe(refuse);
  expect(counts()).toMatchObject({ exceeded: 1, future: 1 });
});

test("DeadlineAdmission serves the late request it cannot afford to refuse: five that are served pay for one", () => {
  const { admission, counts } = setUp();
  expect(admission.judge(expired, NOW, 0)).toBe(late);
  serveSome(admission, 3);
  // The late one that was served has paid, too.
  expect(admission.judge(expired, NOW, 0)).toBe(late);
  expect(admission.judge(expired, NOW, 0)).toBe(refuse);
  expect(counts()).toMatchObject({ exceeded: 3, rejected: 1 });
});

test("DeadlineAdmission forgets after ten seconds what was paid", () => {
  const { admission } = setUp();
  serveSome(admission, 100);
  expect(admission.judge(expired, NOW, 8_999)).toBe(refuse);
  expect(admission.judge(expired, NOW, 10_000)).toBe(late);
});

test("DeadlineAdmission that reports counts what it would have refused, in a place of its own", () => {
  const { admission, counts } = setUp("report");
  serveSome(admission, 5);
  expect(admission.judge(expired, NOW, 0)).toBe(late);
  expect(admission.judge(expired, NOW, 0)).toBe(late);
  expect(counts()).toMatchObject({ exceeded: 2, rejected: 1, expired_ms: 2 });
});

test("DeadlineAdmission under a clock that is an hour off refuses at most a fifth in any ten seconds", () => {
  const event = fc.record({ stepMs: fc.nat(400), late: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      const { admission } = setUp();
      const history: { atMs: number; refused: boolean }[] = [];
      let nowMs = 0;
      for (const event of events) {
        nowMs += event.stepMs;
        const given = event.late ? deadline(-3_600_000, -3_599_000) : deadline(0, 1_000);
        history.push({ atMs: nowMs, refused: admission.judge(given, NOW, nowMs) === refuse });
        // Refusals outlive the requests that paid for them by up to one slice.
        const refused = history.filter(({ atMs, refused }) => refused && atMs > nowMs - 9_000).length;
        const all = history.filter(({ atMs }) => atMs > nowMs - 10_000).length;
        expect(refused).toBeLessThanOrEqual(0.2 * all);
      }
    }),
  );
});

test("budgetMs is what the caller gave, to the nanosecond, and knows no clock of ours", () => {
  expect(budgetMs(deadline(-3_600_000, -3_598_500))).toBe(1_500);
  expect(budgetMs(deadline(3_600_000, 3_601_500))).toBe(1_500);
  expect(budgetMs({ ...deadline(0, 2), timestampRestNs: 750_000, deadlineRestNs: 250_000 })).toBe(1.5);
  expect(budgetMs(deadline(10, 5))).toBe(-5);
});
