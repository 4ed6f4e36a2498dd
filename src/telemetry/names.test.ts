import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { undeclaredMetrics } from "../../test/support/undeclared-metrics.ts";
import { docOf, METRICS } from "./names.ts";
import { MetricsRegistry } from "./registry.ts";

test("Every family is declared once, with a sentence", () => {
  expect(new Set(METRICS.map((metric) => metric.pattern)).size).toBe(METRICS.length);
  for (const { doc } of METRICS) expect(doc).toMatch(/^[A-Z0-9].*\.$/);
});

test("A family is found by the metric's scopes, of which one may contain slashes", () => {
  expect(docOf(["rt", "http", "client", "#/io.l5d.fs/web", "requests"])?.pattern).toBe(
    "rt/<router>/client/<bound>/requests",
  );
  expect(docOf(["rt", "http", "client", "#/io.l5d.fs/web", "service", "/svc/web", "requests"])?.pattern).toBe(
    "rt/<router>/client/<bound>/service/<path>/requests",
  );
  expect(docOf(["rt", "http", "server", "0.0.0.0/4140", "failures"])?.pattern).toBe(
    "rt/<router>/server/<address>/failures",
  );
  expect(docOf(["rt", "http", "server", "0.0.0.0/4140", "failures", "a", "b"])?.pattern).toMatch(/failures\/<cause…>$/);
  expect(docOf(["rt", "http", "server", "0.0.0.0/4140", "status", "2XX"])?.kind).toBe("counter");
  expect(docOf(["rt", "http", "server", "0.0.0.0/4140", "time", "2XX"])?.unit).toBe("ms");
});

test("A metric that nobody declared, or as another kind, is found out", () => {
  const registry = new MetricsRegistry(new ManualEnv());
  const server = registry.root.scope("rt", "http", "server", "0.0.0.0/4140");
  server.counter("requests");
  expect(undeclaredMetrics(registry.root)).toEqual([]);
  server.counter("wishes");
  server.counter("pending");
  expect(undeclaredMetrics(registry.root)).toEqual([
    "counter rt/http/server/0.0.0.0/4140/wishes",
    "counter rt/http/server/0.0.0.0/4140/pending",
  ]);
});
