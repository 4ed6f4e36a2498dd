// How the process itself is doing, in place of the original's `jvm/*`. Gauges cost nothing until somebody reads them; the one
// distribution costs a timer that fires once a second.
import { performance } from "node:perf_hooks";
import type { Env } from "../base/env.ts";
import type { DescriptorFigures } from "../core/byte-stream.ts";
import { isExhaustion } from "../core/exhaustion.ts";
import type { Scope } from "./registry.ts";

const LAG_PERIOD_MS = 1000;

/** Registers the figures of the process below `scope`; disposing stops the measuring of lag. */
export function processMetrics(scope: Scope, env: Env, descriptors?: DescriptorFigures): Disposable {
  const startedMs = env.clock.nowMs();
  scope.gauge("uptime_ms", () => Math.round(env.clock.nowMs() - startedMs));
  const cpu = scope.scope("cpu");
  cpu.gauge("user_ms", () => process.cpuUsage().user / 1000);
  cpu.gauge("system_ms", () => process.cpuUsage().system / 1000);
  memoryGauges(scope.scope("memory"));
  if (descriptors !== undefined) descriptorGauges(scope.scope("descriptors"), descriptors);
  return eventLoop(scope.scope("event_loop"), env);
}

function memoryGauges(scope: Scope): void {
  scope.gauge(
    "rss_bytes",
    lasting(() => process.memoryUsage.rss()),
  );
  scope.gauge(
    "heap_used_bytes",
    lasting(() => process.memoryUsage().heapUsed),
  );
  scope.gauge(
    "heap_total_bytes",
    lasting(() => process.memoryUsage().heapTotal),
  );
  scope.gauge(
    "external_bytes",
    lasting(() => process.memoryUsage().external),
  );
}

/** Node opens a file to read them. Without a descriptor left the last figure stands: others that are read with it are wanted most then. */
function lasting(read: () => number): () => number {
  let last = 0;
  return () => {
    try {
      last = read();
    } catch (error) {
      if (!(error instanceof Error) || !isExhaustion(error)) throw error;
    }
    return last;
  };
}

function descriptorGauges(scope: Scope, figures: DescriptorFigures): void {
  if (figures.limit !== Number.POSITIVE_INFINITY) scope.gauge("limit", () => figures.limit);
  scope.gauge("connections", () => figures.sockets);
  scope.gauge("turned_away", () => figures.turnedAway);
  scope.gauge("failures", () => figures.failures);
}

// Lag is how much later than asked for a timer runs: what a request waits for when something keeps the loop busy.
function eventLoop(scope: Scope, { clock, timers }: Env): Disposable {
  scope.gauge("active_ms", () => performance.eventLoopUtilization().active);
  scope.gauge("idle_ms", () => performance.eventLoopUtilization().idle);
  const lag = scope.latency("lag_ms");
  let dueMs = clock.nowMs() + LAG_PERIOD_MS;
  return timers.every(LAG_PERIOD_MS, () => {
    const nowMs = clock.nowMs();
    lag.record(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + LAG_PERIOD_MS;
  });
}
