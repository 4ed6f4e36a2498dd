// Preloaded into a fairlead under test by `--import`, never by fairlead itself: on SIGUSR2 writes what V8 and the
// event loop have to say to the file named by BENCH_GAUGE_FILE. Not used in timed runs.
import { renameSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { isMainThread } from "node:worker_threads";

/** One reading. Delay is over the time since the previous reading; the rest counts from the start. */
export interface GaugeReading {
  readonly allocatedBytes: number;
  readonly gcMs: number;
  readonly gcCount: number;
  /** The longest pause for garbage collection since the previous reading. */
  readonly gcMaxMs: number;
  /** How much later than planned a 1 ms timer fired: the stall of the loop. */
  readonly delay: { readonly p50Ms: number; readonly p99Ms: number; readonly p9999Ms: number; readonly maxMs: number };
}

const RESOLUTION_MS = 1;
const file = process.env["BENCH_GAUGE_FILE"];

if (file && isMainThread) install(file);

function install(path: string): void {
  const gc = { ms: 0, count: 0, maxMs: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      gc.ms += entry.duration;
      gc.count++;
      gc.maxMs = Math.max(gc.maxMs, entry.duration);
    }
  }).observe({ entryTypes: ["gc"] });
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const late = (percentile: number): number => Math.max(0, delay.percentile(percentile) / 1e6 - RESOLUTION_MS);
  process.on("SIGUSR2", () => {
    const reading: GaugeReading = {
      // Newer than the declarations of @types/node.
      allocatedBytes: (getHeapStatistics() as unknown as { total_allocated_bytes: number }).total_allocated_bytes,
      gcMs: gc.ms,
      gcCount: gc.count,
      gcMaxMs: gc.maxMs,
      delay: {
        p50Ms: late(50),
        p99Ms: late(99),
        p9999Ms: late(99.99),
        maxMs: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
      },
    };
    delay.reset();
    gc.maxMs = 0;
    writeFileSync(`${path}.new`, JSON.stringify(reading));
    renameSync(`${path}.new`, path);
  });
}
