// Preloaded into a fairlead under test by `--import`: notes how long turns of the event loop take, by the clock and by what the main thread
// was given of a core. On SIGUSR2 it writes the longest since the last time to the file named by BENCH_TURNS_FILE.
import { renameSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

/** The longest turns since the previous reading: how much later than planned a 1 ms timer fired. */
export interface TurnsReading {
  readonly longestMs: number;
  /** The same, but never more than the thread's CPU time: what it spent itself, whoever else ran on its core. */
  readonly longestOwnMs: number;
}

const PERIOD_MS = 1;
const file = process.env["BENCH_TURNS_FILE"];

if (file && isMainThread) install(file);

function install(path: string): void {
  let [atMs, cpuMs] = [performance.now(), usedMs()];
  let [longestMs, longestOwnMs] = [0, 0];
  setInterval(() => {
    const [nowMs, nowCpuMs] = [performance.now(), usedMs()];
    const lateMs = nowMs - atMs - PERIOD_MS;
    longestMs = Math.max(longestMs, lateMs);
    longestOwnMs = Math.max(longestOwnMs, Math.min(lateMs, nowCpuMs - cpuMs));
    [atMs, cpuMs] = [nowMs, nowCpuMs];
  }, PERIOD_MS).unref();
  process.on("SIGUSR2", () => {
    const reading: TurnsReading = { longestMs, longestOwnMs };
    [longestMs, longestOwnMs] = [0, 0];
    writeFileSync(`${path}.new`, JSON.stringify(reading));
    renameSync(`${path}.new`, path);
  });
}

function usedMs(): number {
  const { system, user } = process.threadCpuUsage();
  return (system + user) / 1000;
}
