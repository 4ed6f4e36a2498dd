import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { Histogram } from "./histogram.ts";
import { processMetrics } from "./process-metrics.ts";
import { MetricsRegistry } from "./registry.ts";

function setUp() {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  return { env, registry, measuring: processMetrics(registry.root.scope("process"), env) };
}

const valueOf = (registry: MetricsRegistry, ...name: string[]) => {
  const metric = registry.find("process", ...name);
  return metric === null || metric instanceof Histogram ? expect.fail(`no number ${name.join("/")}`) : metric.value;
};

test("Uptime runs from the moment of registration", () => {
  const { env, registry } = setUp();
  env.advance(1234);
  expect(valueOf(registry, "uptime_ms")).toBe(1234);
});

test("Memory, processor and event loop tell of this process", () => {
  const { registry } = setUp();
  const rss = valueOf(registry, "memory", "rss_bytes");
  const heap = valueOf(registry, "memory", "heap_used_bytes");
  expect(heap).toBeGreaterThan(1_000_000);
  expect(rss).toBeGreaterThan(heap);
  expect(valueOf(registry, "memory", "heap_total_bytes")).toBeGreaterThan(heap / 2);
  expect(valueOf(registry, "memory", "external_bytes")).toBeGreaterThan(0);
  expect(valueOf(registry, "cpu", "user_ms")).toBeGreaterThan(0);
  expect(valueOf(registry, "cpu", "system_ms")).toBeGreaterThanOrEqual(0);
  expect(
    valueOf(registry, "event_loop", "active_ms") + valueOf(registry, "event_loop", "idle_ms"),
  ).toBeGreaterThanOrEqual(0);
});

test("Lag is how late the one timer runs, which ends with the measuring", () => {
  const { env, registry, measuring } = setUp();
  env.advance(3000);
  const lag = registry.find("process", "event_loop", "lag_ms");
  expect(lag instanceof Histogram && lag.snapshot()).toMatchObject({ count: 3, max: 0 });
  measuring[Symbol.dispose]();
  registry[Symbol.dispose]();
  expect(env.pendingTimers).toBe(0);
});
