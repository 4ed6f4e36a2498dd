// Finds metrics that exist but have no sentence in the catalogue.
import { docOf } from "../../src/telemetry/names.ts";
import type { Place } from "../../src/telemetry/registry.ts";

/** Names, with their kind, of all metrics below `root` that the catalogue does not know, or knows as another kind. */
export function undeclaredMetrics(root: Place, above: readonly string[] = []): string[] {
  const own =
    root.metric !== null && docOf(above)?.kind !== root.metric.kind ? [`${root.metric.kind} ${above.join("/")}`] : [];
  return [...own, ...[...root.children].flatMap((child) => undeclaredMetrics(child, [...above, child.segment]))];
}
