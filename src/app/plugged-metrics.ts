// What the kinds of plug-ins count, as the catalogue has it: where it is, and what it means.
import type { MetricDeclarations } from "../plugin/metrics.ts";
import type { MetricDoc } from "../telemetry/names.ts";
import type { Extensions } from "./extensions.ts";

interface Counting {
  readonly metrics: MetricDeclarations;
}

/** All metrics of all kinds. */
export function metricsOf(extensions: Extensions): readonly MetricDoc[] {
  const { accruals, filters, identifiers, namers, protocols } = extensions;
  const ofProtocols = [...protocols.values()].flatMap((protocol) => Object.entries(protocol.identifiers));
  return [
    ...below("rt/<router>", "identifier", [...identifiers, ...ofProtocols]),
    ...below("rt/<router>", "filter", filters),
    ...below("rt/<router>", "protocol", protocols),
    ...below("rt/<router>/client/<bound>", "failure_accrual", accruals),
    ...below("namer/<prefix>", null, namers),
  ];
}

function below(
  entity: string,
  scope: string | null,
  kinds: Iterable<readonly [string, Counting]>,
): readonly MetricDoc[] {
  return [...kinds].flatMap(([kind, counting]) => metricsOfKind(entity, scope, kind, counting));
}

/** The metrics of one kind. */
function metricsOfKind(
  entity: string,
  scope: string | null,
  kind: string,
  { metrics }: Counting,
): readonly MetricDoc[] {
  const place = [entity, ...(scope === null ? [] : [scope]), kind].join("/");
  const stem = [...(scope === null ? [] : [scope]), kind.replaceAll(/[^A-Za-z0-9]/g, "_")].join("_");
  return Object.entries(metrics).map(([name, metric]) => ({
    pattern: `${place}/${name}`,
    ...metric,
    as: `${stem}_${withoutUnit(name, metric.unit)}`,
  }));
}

function withoutUnit(name: string, unit: MetricDoc["unit"]): string {
  return unit !== "1" && name.endsWith(`_${unit}`) ? name.slice(0, -unit.length - 1) : name;
}
