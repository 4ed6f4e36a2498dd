// What the runners of our tests say, as three numbers.

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
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
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
  const broken = totals.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every((result) => result.status !== "failed"),
  );
  const counts = {
    passed: totals.numPassedTests,
    failed: totals.numFailedTests + broken.length,
    skipped: totals.numPendingTests + totals.numTodoTests,
  };
  return atLeastOneFailure(counts, status);
}

function atLeastOneFailure(counts: Counts, status: number | null): Counts {
  return status === 0 || counts.failed > 0 ? counts : { ...counts, failed: 1 };
}
