// How much a test does: little in `npm test`, much when it is asked for.

/** Set to a number of seconds, each fuzz test runs that long, from a seed of its own. */
const fuzzSeconds = Number(process.env["FAIRLEAD_FUZZ_SECONDS"] ?? "0");
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
