import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { Outcome } from "../core/outcome.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { RequestStats } from "./request-stats.ts";
import { StatsByName } from "./stats-by-name.ts";

function setUp(maxIdle: number) {
  const registry = new MetricsRegistry(new ManualEnv());
  const stats = new StatsByName(
    (name) => registry.root.scope("service", name),
    (scope) => new RequestStats(scope),
    maxIdle,
  );
  const count = (name: string) => {
    stats.take(name).begin();
    stats.take(name).end(Outcome.success, null, 1);
    stats.give(name);
    stats.give(name);
  };
  const names = () => [...(registry.root.existing("service")?.children ?? [])].map(({ segment }) => segment);
  return { registry, stats, count, names };
}

test("StatsByName gives everybody the same statistics of a name", () => {
  const { stats } = setUp(0);
  expect(stats.take("a")).toBe(stats.take("a"));
  expect(stats.take("a")).not.toBe(stats.take("b"));
});

test("StatsByName keeps the statistics of a name while anybody uses it", () => {
  const { names, stats } = setUp(0);
  stats.take("a");
  stats.take("a");
  stats.give("a");
  expect(names()).toEqual(["a"]);
  stats.give("a");
  expect(names()).toEqual([]);
});

test("StatsByName remembers as many unused names as it may, and forgets the longest unused", () => {
  const { count, names, registry, stats } = setUp(2);
  for (const name of ["a", "b", "c"]) count(name);
  expect(names()).toEqual(["b", "c"]);
  stats.take("b");
  count("d");
  expect(names()).toEqual(["b", "c", "d"]);
  count("e");
  expect(names()).toEqual(["b", "d", "e"]);
  expect(registry.find("service", "b", "requests")).toMatchObject({ value: 1 });
});

test("StatsByName that met a hundred thousand names takes no more memory than a few of them", () => {
  const { count, registry } = setUp(10);
  for (let i = 0; i < 11; i++) count(`early-${i}`);
  const cells = registry.liveCells;
  for (let i = 0; i < 100_000; i++) count(`name-${i}`);
  expect(registry.liveCells).toBeLessThanOrEqual(cells);
});
