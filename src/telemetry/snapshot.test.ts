import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { fuzzing } from "../../test/support/long.ts";
import { gaugeOfAll } from "./gauge-sums.ts";
import { MetricsRegistry } from "./registry.ts";
import { lasting, MergedTree, type Snapshot, snapshotOf } from "./snapshot.ts";
import { type Distribution, type MetricsTree, readingAt } from "./tree.ts";

/** As another thread gets it. */
function sent(registry: MetricsRegistry): Snapshot {
  return structuredClone(snapshotOf(registry.root));
}

function numbersOf(tree: MetricsTree, above = ""): Record<string, number> {
  const name = `${above}/${tree.segment}`;
  const { metric } = tree;
  const own = metric === null || metric.kind === "stat" ? {} : { [`${metric.kind} ${name}`]: metric.value };
  return Object.assign(own, ...[...tree.children].map((child) => numbersOf(child, name))) as Record<string, number>;
}

const recordings = fc.array(
  fc.record({
    loop: fc.integer({ min: 0, max: 2 }),
    value: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.double({ min: 0, max: 100_000, noNaN: true })),
    passMs: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 130_000 })),
  }),
  { maxLength: 200 },
);

test.each(["stat", "latency"] as const)("what loops have put into a %s reads as if one had put it all in", (kind) => {
  fc.assert(
    fc.property(recordings, (all) => {
      const env = new ManualEnv();
      const loops = [0, 1, 2].map(() => new MetricsRegistry(env));
      const one = new MetricsRegistry(env);
      const place = ["rt", "http"] as const;
      const histograms = [...loops, one].map((registry) => registry.root.scope(...place)[kind]("taken"));
      for (const { loop, passMs, value } of all) {
        env.advance(passMs);
        histograms[loop]?.record(value);
        histograms[3]?.record(value);
      }
      const merged = readingAt(new MergedTree(loops.map(sent)), ...place, "taken") as Distribution;
      const expected = readingAt(one.root, ...place, "taken") as Distribution;
      expect(merged.snapshot()).toEqual(expected.snapshot());
      expect(merged.totalCount).toBe(expected.totalCount);
      expect(merged.totalSum).toBeCloseTo(expected.totalSum, 3);
      expect(merged.bounds).toBe(expected.bounds);
      if (all.length > 0) expect(merged.countsByBound()).toEqual(expected.countsByBound());
      for (const registry of [...loops, one]) registry[Symbol.dispose]();
    }),
    fuzzing(60),
  );
});

const segment = fc.constantFrom("a", "b", "c");
const counted = fc.array(
  fc.record({ path: fc.array(segment, { minLength: 1, maxLength: 3 }), by: fc.integer({ min: 0, max: 1000 }) }),
  { maxLength: 20 },
);

function treeOf(counts: readonly { readonly path: readonly string[]; readonly by: number }[]): Snapshot {
  const registry = new MetricsRegistry(new ManualEnv());
  for (const { by, path } of counts) {
    const scope = registry.root.scope(...path);
    scope.counter("counter").add(by);
    scope.settableGauge("gauge").set(by);
    if (by % 3 === 0) scope.stat("stat").record(by);
  }
  return sent(registry);
}

test("trees of any shape add up, in any order and by any steps", () => {
  fc.assert(
    fc.property(counted, counted, counted, (...all) => {
      const [a, b, c] = all.map(treeOf) as [Snapshot, Snapshot, Snapshot];
      const at = numbersOf(new MergedTree([a, b, c]));
      expect(numbersOf(new MergedTree([c, b, a]))).toEqual(at);
      expect(numbersOf(new MergedTree([new MergedTree([a, b]).plain(), c]))).toEqual(at);
      const total = all.flat().reduce((sum, { by }) => sum + by, 0);
      const counters = Object.entries(at).filter(([name]) => name.startsWith("counter "));
      expect(counters.reduce((sum, [, value]) => sum + value, 0)).toBe(total);
    }),
    fuzzing(60),
  );
});

test("of a thread that is gone counters and totals are left, not gauges, nor what its windows held", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  const scope = registry.root.scope("rt");
  scope.counter("requests").add(3);
  scope.settableGauge("pending").set(2);
  scope.latency("request_latency_ms").record(40);
  const tree = new MergedTree([lasting(sent(registry))]);
  expect(numbersOf(tree)).toEqual({ "counter //rt/requests": 3 });
  const latency = readingAt(tree, "rt", "request_latency_ms") as Distribution;
  expect(latency).toMatchObject({ totalCount: 1, totalSum: 40 });
  expect(latency.snapshot()).toMatchObject({ count: 0, max: 0, p99: 0 });
  registry[Symbol.dispose]();
});

test("gauges that tell of the same thing in every loop are not added up", () => {
  const at = (above: string, name: string) => gaugeOfAll(above, name, [3, 5]);
  expect(at("http", "pending")).toBe(8);
  expect(at("web", "pool_size")).toBe(8);
  expect(at("loadbalancer", "load")).toBe(8);
  expect(at("concurrency_limit", "limit")).toBe(8);
  expect(at("loadbalancer", "size")).toBe(5);
  expect(at("endpoints", "alive")).toBe(5);
  expect(at("algorithm", "p2c_least_loaded")).toBe(5);
  expect(at("failfast", "unhealthy_for_ms")).toBe(5);
  expect(at("health_check", "unhealthy")).toBe(5);
  expect(at("http", "originator")).toBe(5);
  expect(at("concurrency_limit", "min_rtt_ms")).toBe(5);
  expect(at("nack_admission_control", "ema_value")).toBe(3);
});

test("a distribution that has seen nothing has its name all the same", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  registry.root.scope("rt").latency("connect_latency_ms");
  const reading = readingAt(new MergedTree([sent(registry), sent(registry)]), "rt", "connect_latency_ms");
  expect(reading).toMatchObject({ kind: "stat", totalCount: 0 });
  expect((reading as Distribution).snapshot()).toMatchObject({ count: 0, p50: 0 });
  registry[Symbol.dispose]();
});
