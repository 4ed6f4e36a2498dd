import { expect, test } from "vitest";
import { lineOf, sumOf, tapCounts, vitestCounts, vitestFailures } from "./test-counts.ts";

const report = (failed: number, files: { status: string; assertionResults: { status: string }[] }[]): string =>
  JSON.stringify({
    numPassedTests: 7,
    numFailedTests: failed,
    numPendingTests: 1,
    numTodoTests: 1,
    testResults: files,
  });

test("vitestCounts adds pending and planned tests to the skipped ones", () => {
  expect(vitestCounts(report(0, []), 0)).toEqual({ passed: 7, failed: 0, skipped: 2 });
});

test("vitestCounts counts a file that failed as a whole as a failure", () => {
  const files = [
    { status: "failed", assertionResults: [] },
    { status: "failed", assertionResults: [{ status: "skipped" }] },
    { status: "failed", assertionResults: [{ status: "passed" }, { status: "failed" }] },
    { status: "passed", assertionResults: [{ status: "passed" }] },
  ];
  expect(vitestCounts(report(1, files), 1).failed).toBe(3);
});

test("A run that failed never counts as clean", () => {
  expect(vitestCounts(report(0, []), 1).failed).toBe(1);
  expect(vitestCounts(undefined, 0).failed).toBe(1);
  expect(tapCounts("# pass 3\n# fail 0\n", null).failed).toBe(1);
});

test("tapCounts reads the totals at the end of the output", () => {
  const tap = "ok 1 - # pass 99\n1..6\n# tests 6\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n";
  expect(tapCounts(tap, 1)).toEqual({ passed: 3, failed: 2, skipped: 1 });
});

test("Suites add up to one line", () => {
  const counts = [1, 2].map((n) => ({ passed: n, failed: n * 10, skipped: n * 100 }));
  expect(lineOf(sumOf(counts))).toBe("3 passed, 30 failed, 300 skipped");
});

test("vitestFailures names tests and files that failed, with the first lines of their reasons", () => {
  const passed = { fullName: "fine", status: "passed", failureMessages: [] };
  const failed = {
    fullName: "adds up",
    status: "failed",
    failureMessages: ["\u001b[31mexpected 1\u001b[39m\nto be 2"],
  };
  const files = [
    { name: "/home/src/sum.test.ts", status: "failed", message: "", assertionResults: [passed, failed] },
    { name: "/home/src/lost.test.ts", status: "failed", message: "cannot be loaded", assertionResults: [] },
    { name: "/home/src/fine.test.ts", status: "passed", message: "", assertionResults: [passed] },
  ];
  expect(vitestFailures(report(1, files), "/home")).toEqual([
    "   FAILED   src/sum.test.ts: adds up\n            expected 1\n            to be 2",
    "   FAILED   src/lost.test.ts\n            cannot be loaded",
  ]);
  expect(vitestFailures(report(0, []), "/home")).toEqual([]);
  expect(vitestFailures(undefined, "/home")).toEqual(["   FAILED   vitest: ended without a report"]);
});
