// Metrics of a plug-in: declared once with their sentences, made where its kind is used, printed into its documentation.
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter, Gauge } from "../telemetry/metrics.ts";
import type { MetricDoc } from "../telemetry/names.ts";
import type { Scope } from "../telemetry/registry.ts";

type Unit = MetricDoc["unit"];

/** One metric as it is declared. */
export interface MetricDeclaration<K extends MetricDoc["kind"] = MetricDoc["kind"]> {
  readonly kind: K;
  readonly unit: Unit;
  readonly doc: string;
}

/** The metrics of a kind, by name; names are lower case with `_`. */
export type MetricDeclarations = Readonly<Record<string, MetricDeclaration>>;

/** What a kind counts with. */
export type MetricsOf<M extends MetricDeclarations> = {
  readonly [N in keyof M]: M[N] extends MetricDeclaration<"counter">
    ? Counter
    : M[N] extends MetricDeclaration<"gauge">
      ? Gauge
      : Histogram;
};

/** A number that only grows. */
export function counter(doc: string, unit: Unit = "1"): MetricDeclaration<"counter"> {
  return { kind: "counter", unit, doc };
}

/** A number that its owner sets. */
export function gauge(doc: string, unit: Unit = "1"): MetricDeclaration<"gauge"> {
  return { kind: "gauge", unit, doc };
}

/** A distribution; with unit `ms` to the microsecond, otherwise of whole numbers. */
export function stat(doc: string, unit: Unit = "1"): MetricDeclaration<"stat"> {
  return { kind: "stat", unit, doc };
}

/** Makes them below a scope. */
export function makeMetrics<M extends MetricDeclarations>(declared: M, scope: Scope): MetricsOf<M> {
  const made = Object.entries(declared).map(([name, { kind, unit }]) => {
    if (kind === "counter") return [name, scope.counter(name)];
    if (kind === "gauge") return [name, scope.settableGauge(name)];
    return [name, unit === "ms" ? scope.latency(name) : scope.stat(name)];
  });
  return Object.fromEntries(made) as MetricsOf<M>; // one of its kind for each
}
