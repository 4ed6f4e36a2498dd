import { expect, test } from "vitest";
import { documentsOf } from "./documents.ts";
import type { Figures } from "./measure.ts";
import { timelineOf } from "./plan.ts";
import type { Report, Result } from "./result.ts";

const FIGURES: Figures = {
  offered: 7500,
  success: { all: 0.99, faulty: 0.98 },
  before: { p50Ms: 4, p99Ms: 12 },
  faulty: { p50Ms: 4, p99Ms: 300 },
  amplification: 1.01,
  doubledWrites: 0,
  crossed: 0,
  backMs: 400,
  recoveredMs: 0,
  problems: {},
  course: [1, 1, 0.9, 1],
};

function result(proxy: string, figures: Figures | null): Result {
  return { protocol: "http", scenario: "stop", proxy, figures, ...(figures === null && { problem: "not installed" }) };
}

function documents(...results: Result[]): ReadonlyMap<string, string> {
  const report: Report = {
    startedAt: "2026-11-29T01:00:00.000Z",
    commit: "abc1234",
    machine: { cpu: "a processor", cores: 2, kernel: "linux 6", memoryMB: 1000 },
    versions: { node: "v26.0.0" },
    rate: 300,
    seed: 1,
    timeline: timelineOf(25),
    warnings: ["http: a warning of the proxy"],
    results,
  };
  return documentsOf(report);
}

const page = (...results: Result[]): string => documents(...results).get("docs/resilience/scenarios.md") ?? "";

test("what a peer does better comes first", () => {
  const better = { ...FIGURES, success: { all: 1, faulty: 1 } };
  const rows = page(result("fairlead", FIGURES), result("haproxy", better), result("nginx", FIGURES))
    .split("\n")
    .filter((line) => /^\| [✗✓]/.test(line));
  expect(rows[0]).toBe("| ✗ | stop | success during the fault | 98.00 % | 100.00 % | 98.00 % |");
  expect(rows.slice(1).every((row) => row.startsWith("| ✓"))).toBe(true);
});

test("a proxy that was not measured, and one that never recovered, are said to be so", () => {
  const text = page(result("fairlead", { ...FIGURES, recoveredMs: null }), result("haproxy", null));
  expect(text).toContain("| not in the time left | not measured | – |");
});

test("crossed answers are told in the document, and their absence too", () => {
  expect(page(result("fairlead", FIGURES))).toContain("id of another request: none.");
  expect(page(result("nginx", { ...FIGURES, crossed: 2 }))).toContain("2 through nginx in http-stop");
});

test("each protocol that was measured has a picture with a panel for each proxy", () => {
  const texts = documents(result("fairlead", FIGURES), result("haproxy", FIGURES), result("nginx", null));
  expect([...texts.keys()]).toEqual(["docs/resilience/scenarios.md", "docs/resilience/http.svg"]);
  const picture = texts.get("docs/resilience/http.svg") ?? "";
  expect(picture.match(/<polygon /g)).toHaveLength(2);
  expect(picture).toContain("not measured");
});
