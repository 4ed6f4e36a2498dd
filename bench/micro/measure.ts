// Times one operation: nanoseconds and allocated bytes per call. Not a framework: run a file with node, read the table.

const ROUNDS = 7;

/**
 * Prints one line. `run(times)` does the operation so often and returns something that depends on all of it, so that nothing is
 * optimised away.
 */
export function measure(name: string, run: (times: number) => number, times = 2_000_000): void {
  let sink = run(times);
  const ns: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    sink += run(times);
    ns.push(Number(process.hrtime.bigint() - start) / times);
  }
  ns.sort((a, b) => a - b);
  const spread = `${format(ns[0])} – ${format(ns.at(-1))}`;
  console.log(
    `${name.padEnd(44)} ${format(ns[ROUNDS >> 1]).padStart(8)} ns   (${spread})   ${format(bytesPerCall(run))} B`,
  );
  if (Number.isNaN(sink)) console.log("not a number");
}

/** Few enough calls that no collection falls in between; the smallest of several readings. */
export function bytesPerCall(run: (times: number) => number, times = 10_000): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.memoryUsage().heapUsed;
    run(times);
    const grown = process.memoryUsage().heapUsed - before;
    if (grown >= 0) least = Math.min(least, grown / times);
  }
  return least;
}

function format(value: number | undefined): string {
  return (value ?? Number.NaN).toFixed(2);
}
