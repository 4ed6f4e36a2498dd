// The figures of the scenarios as a table: what fairlead loses comes first.
import type { Figures } from "./measure.ts";
import { type Protocol, SCENARIOS } from "./plan.ts";
import { KINDS } from "./proxies/kinds.ts";
import type { Report, Result } from "./result.ts";

/** One figure that is compared. */
interface Measure {
  readonly name: string;
  readonly of: (figures: Figures) => number | null;
  readonly text: (value: number, figures: Figures) => string;
  /** What a missing value means. */
  readonly never: string;
  readonly more: "better" | "worse";
  /** Less than this is not better. */
  readonly least?: number;
  /** A difference that says nothing, on a box that others use too: at least so much, or this share. */
  readonly noise: { readonly least: number; readonly share: number };
}

const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
const seconds = (value: number): string => `${(value / 1000).toFixed(1)} s`;

const MEASURES: readonly Measure[] = [
  {
    name: "success during the fault",
    of: ({ success }) => success.faulty,
    text: percent,
    never: "–",
    more: "better",
    noise: { least: 0.002, share: 0 },
  },
  {
    name: "p99 before the fault → during it",
    of: ({ faulty }) => faulty.p99Ms,
    text: (value, { before }) => `${before.p99Ms.toFixed(0)} → ${value.toFixed(0)} ms`,
    never: "–",
    more: "worse",
    noise: { least: 10, share: 0.25 },
  },
  {
    name: "backends' requests per request",
    of: ({ amplification }) => amplification,
    least: 1,
    text: (value) => `${value.toFixed(2)} ×`,
    never: "–",
    more: "worse",
    noise: { least: 0.02, share: 0 },
  },
  {
    name: "writes seen twice",
    of: ({ doubledWrites }) => doubledWrites,
    text: String,
    never: "–",
    more: "worse",
    noise: { least: 0, share: 0 },
  },
  {
    name: "99 % again, from the fault's begin",
    of: ({ backMs }) => backMs,
    text: seconds,
    never: "not while it lasted",
    more: "worse",
    noise: { least: 500, share: 0.25 },
  },
  {
    name: "all well again, from its end",
    of: ({ recoveredMs }) => recoveredMs,
    text: seconds,
    never: "not in the time left",
    more: "worse",
    noise: { least: 500, share: 0.25 },
  },
];

const COLUMNS: readonly string[] = KINDS.map(({ name }) => name);

/** One scenario and one figure, of all proxies. */
interface Line {
  readonly scenario: string;
  readonly measure: Measure;
  readonly results: readonly (Result | undefined)[];
  /** A peer does better. */
  readonly lost: boolean;
}

/** Figures that mean less the larger they are, whatever the measure; "never" is the worst. */
function cost(measure: Measure, figures: Figures): number {
  const value = Math.max(measure.of(figures) ?? Infinity, measure.least ?? -Infinity);
  return measure.more === "better" ? -value : value;
}

function losesTo(measure: Measure, ours: Figures, theirs: Figures): boolean {
  const [mine, other] = [cost(measure, ours), cost(measure, theirs)];
  return mine > other + Math.max(measure.noise.least, Math.abs(other) * measure.noise.share);
}

function linesOf(report: Report, protocol: Protocol): Line[] {
  return SCENARIOS.flatMap(({ name }) => {
    const results = COLUMNS.map((proxy) =>
      report.results.find((one) => one.protocol === protocol && one.scenario === name && one.proxy === proxy),
    );
    if (results.every((result) => result === undefined)) return [];
    const ours = results[0]?.figures;
    const theirs = results.slice(1).flatMap((result) => result?.figures ?? []);
    return MEASURES.map((measure) => ({
      scenario: name,
      measure,
      results,
      lost: ours ? theirs.some((figures) => losesTo(measure, ours, figures)) : true,
    }));
  });
}

function cell(measure: Measure, result: Result | undefined): string {
  if (result === undefined) return "–";
  if (result.figures === null) return "not measured";
  const value = measure.of(result.figures);
  return value === null ? measure.never : measure.text(value, result.figures);
}

/** The table of one protocol; empty when nothing of it was measured. */
export function tableOf(report: Report, protocol: Protocol): string {
  const lines = linesOf(report, protocol);
  if (lines.length === 0) return "";
  const sorted = [...lines.filter(({ lost }) => lost), ...lines.filter(({ lost }) => !lost)];
  return [
    `| | scenario | figure | ${KINDS.map(({ title }) => title).join(" | ")} |`,
    `|---|---|---|${KINDS.map(() => "---").join("|")}|`,
    ...sorted.map(({ lost, measure, results, scenario }) => {
      const cells = results.map((result) => cell(measure, result));
      return `| ${[lost ? "✗" : "✓", scenario, measure.name, ...cells].join(" | ")} |`;
    }),
  ].join("\n");
}

/** How many figures of a protocol a peer does better in, and how many there are. */
export function lossesOf(report: Report, protocol: Protocol): { lost: number; all: number } {
  const lines = linesOf(report, protocol);
  return { lost: lines.filter(({ lost }) => lost).length, all: lines.length };
}

/** One run in a line, for the terminal. */
export function lineOf({ figures, foreignShare, problem, protocol, proxy, scenario }: Result): string {
  const name = `${protocol}-${scenario}`.padEnd(15) + proxy.padEnd(9);
  if (figures === null) return `${name} not measured: ${problem}`;
  const { amplification, backMs, before, crossed, doubledWrites, faulty, recoveredMs, success } = figures;
  const time = (ms: number | null): string => (ms === null ? "never" : seconds(ms));
  const parts = [
    `${percent(success.faulty)} (${percent(success.all)} of all)`,
    `p99 ${before.p99Ms} → ${faulty.p99Ms} ms`,
    `${amplification.toFixed(2)} ×`,
    `back ${time(backMs)}, recovered ${time(recoveredMs)}`,
    `others ${foreignShare}`,
    ...(doubledWrites > 0 ? [`${doubledWrites} writes seen twice`] : []),
    ...(crossed > 0 ? [`${crossed} ANSWERS CROSSED`] : []),
    ...Object.entries(figures.problems).map(([what, count]) => `${count} × ${what}`),
  ];
  return `${name} ${parts.join(" · ")}`;
}
