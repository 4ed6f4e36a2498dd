// Rows as text: for the terminal and for Markdown.
import type { Figure, Row, Spread } from "./summary.ts";

interface Column {
  readonly head: string;
  cell(row: Row): string;
}

/** A latency that so many failed requests lie above that nobody was answered so late. */
export const NEVER = "–";

const inMs = (value: number): string =>
  value === Infinity ? NEVER : value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
const inPercent = (value: number): string => (100 * value).toFixed(value > 0.99 ? 3 : 2);

function column(head: string, figure: Figure, shown: (value: number) => string): Column {
  return { head, cell: (row) => withRange(row.figures[figure], shown) };
}

function withRange({ median, least, most }: Spread, shown: (value: number) => string): string {
  const [low, middle, high] = [shown(least), shown(median), shown(most)];
  return low === high ? middle : `${middle} (${low}…${high})`;
}

const figureColumns: readonly Column[] = [
  column("success %", "success", inPercent),
  column("p50 ms", "p50Ms", inMs),
  column("p95 ms", "p95Ms", inMs),
  column("p99 ms", "p99Ms", inMs),
  column("p99.9 ms", "p999Ms", inMs),
  column("busiest ÷ mean", "spread", (value) => value.toFixed(2)),
  column("attempts per request", "amplification", (value) => value.toFixed(3)),
];

const balancerColumn: Column = { head: "balancer", cell: (row) => row.balancer };
const policyColumn: Column = { head: "policies", cell: (row) => row.policy };

export function balancerTable(rows: readonly Row[]): string[][] {
  return tableOf(rows, [balancerColumn, ...figureColumns]);
}

export function policyTable(rows: readonly Row[]): string[][] {
  return tableOf(rows, [policyColumn, ...figureColumns]);
}

/** A scenario per line, a balancer per column: the 99th percentile, or the success where more than one in a hundred failed. */
export function overview(scenarios: readonly string[], balancers: readonly string[], rows: readonly Row[]): string[][] {
  const lines = scenarios.map((scenario) => {
    const cells = balancers.map((balancer) =>
      rows.find((row) => row.scenario === scenario && row.balancer === balancer),
    );
    return [scenario, ...cells.map((row) => (row === undefined ? "" : overviewCell(row)))];
  });
  return [["scenario", ...balancers], ...lines];
}

function overviewCell({ figures }: Row): string {
  const p99Ms = figures.p99Ms.median;
  return p99Ms === Infinity ? `${(100 * figures.success.median).toFixed(1)} %` : inMs(p99Ms);
}

function tableOf(rows: readonly Row[], columns: readonly Column[]): string[][] {
  return [columns.map(({ head }) => head), ...rows.map((row) => columns.map(({ cell }) => cell(row)))];
}

export function asText(table: readonly (readonly string[])[]): string {
  const widths = (table[0] ?? []).map((_, at) => Math.max(...table.map((line) => line[at]!.length)));
  const lines = table.map((line) =>
    line.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!))).join("  "),
  );
  return `${lines.join("\n")}\n`;
}

export function asMarkdown(table: readonly (readonly string[])[]): string {
  const [head = [], ...body] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(head) + line(head.map((_, at) => (at === 0 ? "---" : "--:"))) + body.map(line).join("");
}
