// How much a test does: little in `npm test`, much when it is asked for.

/** With `npm run test:fuzz` each fuzz test runs so many seconds, from a seed of its own. */
const USUAL_FUZZ_SECONDS = process.env["npm_lifecycle_event"] === "test:fuzz" ? 20 : 0;
const fuzzSeconds = Number(process.env["FAIRLEAD_FUZZ_SECONDS"] ?? USUAL_FUZZ_SECONDS);
const long = process.env["FAIRLEAD_LONG"] === "1";

/** `usual`, or `most` when `FAIRLEAD_LONG=1`. */
export function sized(usual: number, most: number): number {
  return long ? most : usual;
}

/** Longest a fuzz test may take, for vitest. */
export const fuzzLimitMs = 30_000 + fuzzSeconds * 1000;

/** How fast-check runs: a fixed number of cases from a fixed seed, or new cases until the time is over. It prints the seed of a failure. */
export function fuzzing(runs: number): { numRuns: number; seed?: number; interruptAfterTimeLimit?: number } {
  if (fuzzSeconds === 0) return { numRuns: runs, seed: 20_261 };
  return { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: fuzzSeconds * 1000 };
}
