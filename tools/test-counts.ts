// What the runners of our tests say, as three numbers, and what failed by name.
import { relative } from "node:path";
import { stripVTControlCharacters } from "node:util";

/** How many tests ended how. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The last line of every suite; .ci/run adds these lines up. */
export function lineOf(counts: Counts): string {
  return `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
}

/** The counts of several suites together. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum = (of: (counts: Counts) => number): number => all.reduce((total, counts) => total + of(counts), 0);
  return { passed: sum((c) => c.passed), failed: sum((c) => c.failed), skipped: sum((c) => c.skipped) };
}

/**
 * Reads the totals at the end of `node --test --test-reporter=tap`.
 * @param status the runner's exit code; a run that failed without naming a failed test counts as one.
 */
export function tapCounts(tap: string, status: number | null): Counts {
  const total = (word: string): number => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(tap)?.[1] ?? 0);
  const failed = total("fail") + total("cancelled");
  return atLeastOneFailure({ passed: total("pass"), failed, skipped: total("skipped") + total("todo") }, status);
}

/** The part of vitest's JSON report that we read. */
interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Why the file failed as a whole; empty when it did not. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/**
 * Reads vitest's JSON report. A file that failed as a whole, while loading or in a hook, counts as one failure.
 * @param report its text, or undefined when vitest ended without one.
 * @param status the runner's exit code; a run that failed without naming a failed test counts as one.
 */
export function vitestCounts(report: string | undefined, status: number | null): Counts {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const totals = JSON.parse(report) as VitestReport; // written by the vitest that the lock file names
  const broken = totals.testResults.filter(brokeAsAWhole);
  const counts = {
    passed: totals.numPassedTests,
    failed: totals.numFailedTests + broken.length,
    skipped: totals.numPendingTests + totals.numTodoTests,
  };
  return atLeastOneFailure(counts, status);
}

type VitestFile = VitestReport["testResults"][number];

function brokeAsAWhole(file: VitestFile): boolean {
  return file.status === "failed" && file.assertionResults.every((result) => result.status !== "failed");
}

/** Lines of a failure's reason that are worth repeating. */
const REASON_LINES = 6;

/**
 * What failed according to vitest's JSON report, a text each: the file, the test, and below them, indented, the first lines of the reason. The
 * form is that of test/interop/report.ts, so that .ci/run can repeat all failures at its end.
 */
export function vitestFailures(report: string | undefined, root: string): string[] {
  if (report === undefined) return ["   FAILED   vitest: ended without a report"];
  return (JSON.parse(report) as VitestReport).testResults.flatMap((file) => {
    const name = relative(root, file.name);
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    const texts = failed.map((result) => failureText(`${name}: ${result.fullName}`, result.failureMessages.join("\n")));
    return brokeAsAWhole(file) ? [failureText(name, file.message)] : texts;
  });
}

function failureText(name: string, reason: string): string {
  const lines = stripVTControlCharacters(reason).split("\n").slice(0, REASON_LINES);
  return [`   FAILED   ${name}`, ...lines.map((line) => `            ${line}`)].join("\n");
}

function atLeastOneFailure(counts: Counts, status: number | null): Counts {
  return status === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}
