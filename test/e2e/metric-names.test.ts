import { expect, test } from "vitest";
import { memoryScene, get } from "../support/scene.ts";
import { undeclaredMetrics } from "../support/undeclared-metrics.ts";
import { METRICS, docOf } from "../../src/telemetry/names.ts";
import type { Scope } from "../../src/telemetry/registry.ts";

function names(root: Scope, above: readonly string[] = []): string[][] {
  const own = root.metric === null ? [] : [[...above]];
  return [...own, ...[...root.children].flatMap((child) => names(child, [...above, child.segment]))];
}
test("explore", async () => {
  await using s = await memoryScene();
  const c = s.connect();
  await c.ask(get());
  const root = s.proxy.linker.metrics.root;
  console.log(undeclaredMetrics(root));
  const seen = new Set(names(root).map((n) => docOf(n)?.pattern));
  console.log(METRICS.map((m) => m.pattern).filter((p) => !seen.has(p)));
  expect(1).toBe(1);
});
