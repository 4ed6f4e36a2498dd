// The figures as pictures.
import { POLICY_BALANCER } from "./campaign.ts";
import { curveShares } from "./recorder.ts";
import { type Scenario, policyNames } from "./scenario.ts";
import type { Row } from "./summary.ts";
import { linear, logarithmic, nines } from "./svg/scale.ts";
import { type Panel, render } from "./svg/sheet.ts";

export interface Results {
  readonly scenarios: readonly Scenario[];
  readonly balancers: readonly string[];
  readonly seeds: readonly number[];
  readonly rows: readonly Row[];
}

const COLUMNS = 3;

/** Pictures by file name. */
export function plots(results: Results): Map<string, string> {
  const { scenarios, balancers, seeds } = results;
  const told = seeds.length === 1 ? "One seed" : `Median of ${seeds.length} seeds`;
  const sheet = { names: balancers, columns: COLUMNS };
  return new Map([
    [
      "latency.svg",
      render({
        ...sheet,
        title: "Latency by balancer",
        subtitle: `${told}. Failed requests count as never answered: a line ends where they begin.`,
        panels: scenarios.map((scenario) => latencyPanel(scenario, rowsOf(results, scenario))),
      }),
    ],
    [
      "success.svg",
      render({
        ...sheet,
        title: "Success over time by balancer",
        subtitle: `${told}, requests by the second they came in. Scenarios in which some balancer fails one in a thousand.`,
        panels: scenarios
          .filter((scenario) => fails(results, scenario))
          .map((scenario) => successPanel(scenario.title, rowsOf(results, scenario), (row) => row.balancer)),
      }),
    ],
    [
      "spread.svg",
      render({
        ...sheet,
        title: "Load per instance by balancer",
        subtitle: `${told}. Instances in order of the attempts they got; 1 is the mean.`,
        panels: scenarios.map((scenario) => spreadPanel(scenario, rowsOf(results, scenario))),
      }),
    ],
    [
      "policies.svg",
      render({
        names: policyNames,
        columns: COLUMNS,
        title: "What repeating requests costs and brings",
        subtitle: `${told}, balancer ${POLICY_BALANCER}. What the sets of policies hold is said below.`,
        panels: scenarios
          .filter(({ comparesPolicies }) => comparesPolicies)
          .flatMap((scenario) => policyPanels(results, scenario)),
      }),
    ],
  ]);
}

/** The rows that compare balancers. */
export function rowsOf({ rows }: Results, scenario: Scenario): Row[] {
  return rows.filter((row) => row.scenario === scenario.name && row.policy === scenario.policy);
}

/** The rows that compare sets of policies, in their order. */
export function policyRowsOf({ rows }: Results, scenario: Scenario, balancer: string): Row[] {
  return policyNames.flatMap((policy) =>
    rows.filter((row) => row.scenario === scenario.name && row.policy === policy && row.balancer === balancer),
  );
}

function fails(results: Results, scenario: Scenario): boolean {
  return rowsOf(results, scenario).some((row) => row.figures.success.median < 0.999);
}

function latencyPanel(scenario: Scenario, rows: readonly Row[]): Panel {
  const all = rows.flatMap((row) => row.curveMs.filter(Number.isFinite));
  return {
    at: "lines",
    title: scenario.title,
    x: { label: "percentile", scale: nines(0.5, 0.999) },
    y: { label: "ms", scale: logarithmic(Math.min(...all) * 0.9, Math.max(...all) * 1.1) },
    lines: rows.map((row) => ({
      name: row.balancer,
      points: row.curveMs.map((value, n) => [curveShares[n]!, value] as const),
    })),
  };
}

function successPanel(title: string, rows: readonly Row[], nameOf: (row: Row) => string): Panel {
  const seconds = Math.max(...rows.map((row) => row.successBySecond.length));
  const least = Math.min(...rows.flatMap((row) => row.successBySecond));
  return {
    at: "lines",
    title,
    x: { label: "s", scale: linear(0, seconds) },
    y: { label: "success %", scale: linear(Math.max(0, 100 * least - 1), 100) },
    lines: rows.map((row) => ({
      name: nameOf(row),
      points: row.successBySecond.map((value, second) => [second + 0.5, 100 * value] as const),
    })),
  };
}

function spreadPanel(scenario: Scenario, rows: readonly Row[]): Panel {
  const most = Math.max(...rows.map((row) => row.loads[0]!));
  const { count } = scenario.instances;
  return {
    at: "lines",
    title: scenario.title,
    x: { label: "instances, busiest first", scale: linear(1, count) },
    y: { label: "attempts ÷ mean", scale: linear(0, most * 1.05) },
    lines: rows.map((row) => ({ name: row.balancer, points: thinned(row.loads) })),
  };
}

/** At most two hundred points. */
function thinned(loads: readonly number[]): (readonly [number, number])[] {
  const step = Math.max(1, Math.floor(loads.length / 200));
  return loads.map((load, n) => [n + 1, load] as const).filter((_, n) => n % step === 0 || n === loads.length - 1);
}

function policyPanels(results: Results, scenario: Scenario): Panel[] {
  const rows = policyRowsOf(results, scenario, POLICY_BALANCER);
  const most = Math.max(...rows.map((row) => row.figures.amplification.median));
  const failed = rows.map((row) => 100 * (1 - row.figures.success.median));
  return [
    successPanel(scenario.title, rows, (row) => row.policy),
    {
      at: "bars",
      title: "Failed requests",
      x: { label: "%", scale: linear(0, Math.max(0.1, ...failed)) },
      bars: rows.map((row, n) => ({ name: row.policy, value: failed[n]!, label: failed[n]!.toFixed(2) })),
    },
    {
      at: "bars",
      title: "Retry amplification",
      x: { label: "attempts per request", scale: linear(0, Math.max(1.25, most)) },
      bars: rows.map((row) => ({
        name: row.policy,
        value: row.figures.amplification.median,
        label: row.figures.amplification.median.toFixed(3),
      })),
    },
  ];
}
