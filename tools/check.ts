// `npm run check`: everything that can be said about the code without running it, in under a minute.
import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";

interface Step {
  readonly name: string;
  /** Arguments to Node. */
  readonly command: readonly string[];
}

interface Outcome {
  readonly step: Step;
  readonly passed: boolean;
  readonly output: string;
}

/** The long ones first, so that the short ones fill the gaps. */
const steps: readonly Step[] = [
  { name: "dead code", command: ["node_modules/knip/bin/knip.js", "--no-progress"] },
  { name: "lint", command: ["node_modules/oxlint/bin/oxlint"] },
  { name: "types", command: ["node_modules/typescript/bin/tsc", "--project", "."] },
  { name: "format", command: ["node_modules/oxfmt/bin/oxfmt", "--check"] },
  { name: "docs fresh", command: ["tools/generate-docs.ts", "--check"] },
  { name: "links", command: ["tools/check-links.ts"] },
  { name: "layers", command: ["tools/check-layers.ts"] },
  { name: "lock file", command: ["tools/lock-file.ts"] },
];

/** Runs one step with its output kept, and prints its line. */
async function run(step: Step): Promise<Outcome> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, step.command, { stdio: ["ignore", "pipe", "pipe"] });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => output.push(text));
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  const passed = (await promise) === 0;
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${passed ? "ok    " : "FAILED"}  ${step.name.padEnd(10)}  ${seconds.padStart(5)} s`);
  return { step, passed, output: output.join("") };
}

/** Works through the steps with as many at a time as there are cores. */
async function runAll(): Promise<Outcome[]> {
  const waiting = [...steps];
  const outcomes: Outcome[] = [];
  const worker = async (): Promise<void> => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) outcomes.push(await run(step));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return outcomes;
}

const outcomes = await runAll();
const failed = outcomes.filter((outcome) => !outcome.passed);
for (const { step, output } of failed) console.log(`\n── ${step.name}\n${output.trimEnd()}`);
console.log(`${outcomes.length - failed.length} passed, ${failed.length} failed, 0 skipped`);
process.exitCode = failed.length === 0 ? 0 : 1;
