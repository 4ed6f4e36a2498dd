// Success over time as small multiples: a row for each scenario, a column for each proxy. Readable on light and on dark pages.
import { COURSE_STEP_MS, type Figures } from "./measure.ts";
import { type Protocol, SCENARIOS } from "./plan.ts";
import { KINDS } from "./proxies/kinds.ts";
import type { Report } from "./result.ts";

const PANEL = { width: 240, height: 54 } as const;
const GAP = { x: 18, y: 20 } as const;
const LEFT = 92;
const TOP = 56;
const BOTTOM = 34;
const SCALE_WIDTH = 40;
/** A scenario with all backends down touches the floor; elsewhere what matters lies above this. */
const GRID = [0, 0.5, 1];

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .quiet { fill: #59636e; font-size: 11px; }
  .name { font-weight: 600; }
  .fault { fill: #d29922; fill-opacity: .18; }
  .grid { stroke: #8c959f; stroke-opacity: .35; stroke-width: 1; }
  .area { fill-opacity: .25; stroke-width: 1.6; stroke-linejoin: round; }
  .ours { fill: #0969da; stroke: #0969da; }
  .theirs { fill: #6e7781; stroke: #6e7781; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .fault { fill: #d29922; fill-opacity: .25; }
    .ours { fill: #58a6ff; stroke: #58a6ff; }
    .theirs { fill: #b1bac4; stroke: #b1bac4; }
  }`;

/** Where a panel lies, and how its values become places. */
interface Panel {
  readonly x: number;
  readonly y: number;
  readonly across: (ms: number) => number;
  readonly up: (share: number) => number;
}

function panelAt(column: number, row: number, endMs: number): Panel {
  const x = LEFT + SCALE_WIDTH + column * (PANEL.width + GAP.x);
  const y = TOP + row * (PANEL.height + GAP.y);
  const across = (ms: number): number => round(x + (ms / endMs) * PANEL.width);
  return { x, y, across, up: (share) => round(y + (1 - share) * PANEL.height) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function text(x: number, y: number, words: string, attributes = ""): string {
  return `<text x="${x}" y="${y}" ${attributes}>${words}</text>`;
}

function areaOf({ across, up }: Panel, { course }: Figures): string {
  const points = course.flatMap((share, i) => [
    `${across(i * COURSE_STEP_MS)},${up(share)}`,
    `${across((i + 1) * COURSE_STEP_MS)},${up(share)}`,
  ]);
  return points.join(" ");
}

function drawPanel(panel: Panel, report: Report, figures: Figures | null | undefined, ours: boolean): string[] {
  const { faultMs, mendedMs } = report.timeline;
  const { across, up, x, y } = panel;
  const right = x + PANEL.width;
  const fault = `<rect class="fault" x="${across(faultMs)}" y="${y}" width="${round(across(mendedMs) - across(faultMs))}" height="${PANEL.height}"/>`;
  const grid = GRID.map((share) => `<line class="grid" x1="${x}" x2="${right}" y1="${up(share)}" y2="${up(share)}"/>`);
  if (!figures) return [fault, ...grid, text(x + PANEL.width / 2, up(0.4), "not measured", 'text-anchor="middle"')];
  const line = areaOf(panel, figures);
  const floor = `${right},${up(0)} ${x},${up(0)}`;
  const name = ours ? "ours" : "theirs";
  return [
    fault,
    ...grid,
    `<polygon class="area ${name}" stroke="none" points="${line} ${floor}"/>`,
    `<polyline class="area ${name}" style="fill:none" points="${line}"/>`,
    text(
      across((faultMs + mendedMs) / 2),
      up(0.12),
      `${(figures.success.faulty * 100).toFixed(1)} %`,
      'text-anchor="middle"',
    ),
  ];
}

function scaleOf(panel: Panel): string[] {
  return GRID.map((share) =>
    text(panel.x - 6, panel.up(share) + 4, `${share * 100} %`, 'class="quiet" text-anchor="end"'),
  );
}

/** The picture of one protocol. */
export function chartOf(report: Report, protocol: Protocol): string {
  const { endMs, faultMs, mendedMs } = report.timeline;
  const rows = SCENARIOS.filter(({ name }) =>
    report.results.some((one) => one.protocol === protocol && one.scenario === name),
  );
  const width = LEFT + SCALE_WIDTH + KINDS.length * (PANEL.width + GAP.x);
  const height = TOP + rows.length * (PANEL.height + GAP.y) + BOTTOM;
  const panels = rows.flatMap(({ name: scenario }, row) => {
    const first = panelAt(0, row, endMs);
    const label = text(10, first.up(0.5) + 4, scenario, 'class="name"');
    const drawn = KINDS.flatMap(({ name: proxy }, column) => {
      const result = report.results.find(
        (one) => one.protocol === protocol && one.scenario === scenario && one.proxy === proxy,
      );
      return drawPanel(panelAt(column, row, endMs), report, result?.figures, column === 0);
    });
    return [label, ...scaleOf(first), ...drawn];
  });
  const heads = KINDS.map(({ title }, column) => text(panelAt(column, 0, endMs).x, TOP - 12, title, 'class="name"'));
  const anchor = (ms: number): string => (ms === 0 ? "start" : ms === endMs ? "end" : "middle");
  const axis = KINDS.flatMap((_, column) => {
    const panel = panelAt(column, rows.length - 1, endMs);
    return [0, faultMs, mendedMs, endMs].map((ms) =>
      text(
        panel.across(ms),
        panel.y + PANEL.height + 16,
        `${ms / 1000} s`,
        `class="quiet" text-anchor="${anchor(ms)}"`,
      ),
    );
  });
  const title = `Share of requests answered well, ${protocol === "grpc" ? "gRPC" : "HTTP/1.1"}, three hops, ${report.rate} requests/s`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${STYLE}\n</style>`,
    text(10, 20, title, 'class="name"'),
    text(10, TOP - 12, "scenario", 'class="quiet"'),
    ...heads,
    ...panels,
    ...axis,
    text(10, height - 6, "Shaded: the time of the fault, with the share answered well during it.", 'class="quiet"'),
    "</svg>",
    "",
  ].join("\n");
}
