// Ten runs as one line: medians, and how far the seeds lie apart.
import type { RunResult } from "./recorder.ts";
import type { PolicyName } from "./scenario.ts";

/** The figures of a run that tables show. */
export const figures = ["success", "p50Ms", "p95Ms", "p99Ms", "p999Ms", "spread", "amplification"] as const;
export type Figure = (typeof figures)[number];

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** All runs of one combination. */
export interface Row {
  readonly scenario: string;
  readonly balancer: string;
  readonly policy: PolicyName;
  readonly requests: number;
  readonly figures: Readonly<Record<Figure, Spread>>;
  /** Medians, place by place. */
  readonly curveMs: readonly number[];
  readonly successBySecond: readonly number[];
  readonly loads: readonly number[];
}

export function rowOf(scenario: string, balancer: string, policy: PolicyName, runs: readonly RunResult[]): Row {
  const entries = figures.map((figure) => [figure, spreadOf(runs.map((run) => run[figure]))]);
  return {
    scenario,
    balancer,
    policy,
    requests: median(runs.map((run) => run.requests)),
    figures: Object.fromEntries(entries) as Record<Figure, Spread>, // one for each figure
    curveMs: medians(runs.map((run) => run.curveMs)),
    successBySecond: medians(runs.map((run) => run.successBySecond)),
    loads: medians(runs.map((run) => run.loads)),
  };
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), least: Math.min(...values), most: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function medians(series: readonly (readonly number[])[]): number[] {
  return (series[0] ?? []).map((_, n) => median(series.map((values) => values[n]!)));
}
