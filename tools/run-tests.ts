// `npm test`: the smoke tests under plain Node, then everything else under vitest but the reliability tests, which take minutes and are
// `npm run test:reliability`; and one last line with the sum.
// Arguments go to vitest: `npm test -- src/balance` runs a part, without the smoke tests.
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Counts, lineOf, sumOf, tapCounts, vitestCounts, vitestFailures } from "./test-counts.ts";

/** Plain Node strips types and resolves imports by itself, as it does for users; vitest has its own ways and would hide a mistake. */
function smoke(): Counts {
  const files = globSync("test/smoke/*.smoke.ts");
  const run = spawnSync(process.execPath, ["--test", "--test-reporter=tap", ...files], { encoding: "utf8" });
  const counts = tapCounts(run.stdout, run.status);
  console.log(counts.failed > 0 ? `${run.stdout}${run.stderr}` : `smoke: ${lineOf(counts)}\n`);
  return counts;
}

function vitest(args: readonly string[]): Counts {
  const directory = mkdtempSync(join(tmpdir(), "fairlead-tests-"));
  const report = join(directory, "report.json");
  try {
    const options = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`, ...args];
    const run = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...options], {
      stdio: "inherit",
    });
    const text = globSync(report).map((path) => readFileSync(path, "utf8"))[0];
    for (const failure of vitestFailures(text, process.cwd())) console.log(failure);
    return vitestCounts(text, run.status);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const args = process.argv.slice(2);
const counts = sumOf(args.length > 0 ? [vitest(args)] : [smoke(), vitest(["--exclude=test/reliability/**"])]);
console.log(lineOf(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
