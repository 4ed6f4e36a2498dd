import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { InvariantViolation } from "../base/invariant.ts";
import { Counter } from "./metrics.ts";
import { MetricsRegistry } from "./registry.ts";

const setUp = () => {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  return { env, registry, client: (id: string) => registry.root.scope("rt", "http", "client", id) };
};

test("Scope gives the same metric for the same name", () => {
  const { registry, client } = setUp();
  client("#/fs/web").counter("requests").inc();
  client("#/fs/web").counter("requests").inc();
  expect(registry.find("rt", "http", "client", "#/fs/web", "requests")).toMatchObject({ kind: "counter", value: 2 });
  expect(client("x").stat("sizes")).toBe(client("x").stat("sizes"));
  expect(client("x").settableGauge("load")).toBe(client("x").settableGauge("load"));
});

test("Scope refuses one name for two kinds of metric", () => {
  const { client } = setUp();
  client("x").counter("requests");
  expect(() => client("x").stat("requests")).toThrow(InvariantViolation);
  expect(() => client("x").gauge("requests", () => 1)).toThrow(InvariantViolation);
});

test("Scope lets a place hold a metric and have children", () => {
  const { registry } = setUp();
  registry.root.counter("failures").add(2);
  registry.root.scope("failures").counter("proxy.timeout").inc();
  expect(registry.find("failures")).toMatchObject({ value: 2 });
  expect(registry.find("failures", "proxy.timeout")).toMatchObject({ value: 1 });
});

test("A computed gauge reads the function given last", () => {
  const { registry, client } = setUp();
  client("x").gauge("size", () => 1);
  client("x").gauge("size", () => 2);
  expect(registry.find("rt", "http", "client", "x", "size")).toMatchObject({ kind: "gauge", value: 2 });
});

test("Pruning removes everything below a scope and nothing else", () => {
  const { registry, client } = setUp();
  client("a").counter("requests").inc();
  client("a").scope("loadbalancer").counter("adds").inc();
  client("a").latency("request_latency_ms").record(1);
  client("a").gauge("size", () => 1);
  client("b").counter("requests").inc();
  registry.prune(client("a"));
  expect(registry.liveCells).toBe(1);
  expect(registry.find("rt", "http", "client", "a", "requests")).toBeNull();
  expect(registry.find("rt", "http", "client", "a", "loadbalancer", "adds")).toBeNull();
  expect(registry.find("rt", "http", "client", "b", "requests")).toMatchObject({ value: 1 });
});

test("A thousand rounds of clients that come and go leave no cell and no memory chunk behind", () => {
  const { registry, client } = setUp();
  for (let round = 0; round < 1_000; round++) {
    const scope = client(`#/fs/${round}`);
    scope.counters("requests", "success", "failures").inc(1);
    scope.counter("cancelled").inc();
    scope.latency("request_latency_ms").record(round);
    registry.prune(scope);
  }
  expect(registry.liveCells).toBe(0);
  const counter = registry.root.counter("after");
  expect(counter.cell).toBeLessThan(1024); // the first chunk
});

test("A counter held after its scope was pruned writes into the void, not into its successor", () => {
  const { registry, client } = setUp();
  const held = client("a").counter("requests");
  const scope = client("a");
  registry.prune(scope);
  const successor = client("a").counter("requests");
  held.add(100);
  scope.counter("requests").add(100);
  scope.counter("late").add(100);
  scope.settableGauge("load").set(100);
  scope.scope("deep", "down").counter("late").inc();
  expect(successor.value).toBe(0);
  expect(registry.liveCells).toBe(1);
  expect(registry.find("rt", "http", "client", "a", "late")).toBeNull();
});

test("A scope pruned twice does not take its successor along", () => {
  const { registry, client } = setUp();
  const old = client("a");
  registry.prune(old);
  client("a").counter("requests").inc();
  registry.prune(old);
  expect(registry.find("rt", "http", "client", "a", "requests")).toBeInstanceOf(Counter);
});

test("A registry without distributions sets no timer, and a disposed one has none left", () => {
  const { env, registry } = setUp();
  registry.root.counter("requests");
  expect(env.pendingTimers).toBe(0);
  registry.root.latency("request_latency_ms");
  registry.root.stat("sizes");
  expect(env.pendingTimers).toBe(1);
  env.advance(180_000);
  expect(env.pendingTimers).toBe(1);
  registry[Symbol.dispose]();
  expect(env.pendingTimers).toBe(0);
});
