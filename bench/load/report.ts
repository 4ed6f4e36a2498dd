// Results as a Markdown table: losing rows first, targets beside the figures.
import type { Figure, RowOutcome, Target } from "./bench.ts";

/** A measured row, or one that could not be measured and why. */
export interface MeasuredRow extends RowOutcome {
  readonly name: string;
  readonly says: string;
}

/** How a figure stands: misses the must, meets it but behind a peer, meets it, reaches the moonshot, has no target. */
export type Verdict = "missed" | "behind" | "met" | "moonshot" | "none";

const MARKS: Readonly<Record<Verdict, string>> = { missed: "✗", behind: "▽", met: "✓", moonshot: "★", none: "" };
const WORST_FIRST: readonly Verdict[] = ["missed", "behind", "met", "moonshot", "none"];
const NOISE = 0.04;
const COLUMNS = ["nginx", "nghttpx", "haproxy", "envoy", "relay", "base", "fairlead"];
const PEERS = ["nginx", "nghttpx", "haproxy", "envoy"];
const HEADINGS: Readonly<Record<string, string>> = { haproxy: "HAProxy", envoy: "Envoy", relay: "kernel floor" };

export function verdictOf(figure: Figure): Verdict {
  const { target, median: value } = figure;
  if (!target) return "none";
  if (!(value <= target.must)) return "missed"; // NaN is a miss
  if (target.moonshot !== undefined && value <= target.moonshot) return "moonshot";
  return figure.over !== undefined && value > 1 + NOISE ? "behind" : "met";
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return WORST_FIRST.find((one) => verdicts.includes(one)) ?? "none";
}

/** Three significant digits, and no more behind the point than help. */
function digits(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  return size >= 100 ? value.toFixed(0) : size >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function cell(figure: Figure | undefined): string {
  if (!figure) return "";
  const unit = figure.unit === "×" || figure.unit === "" ? "" : ` ${figure.unit}`;
  const range = figure.over && figure.min !== undefined ? ` [${digits(figure.min)}–${digits(figure.max ?? NaN)}]` : "";
  return `${digits(figure.median)}${unit}${range}`;
}

interface TableLine {
  readonly row: string;
  readonly measure: string;
  readonly figures: readonly Figure[];
  readonly verdict: Verdict;
}

function linesOf(row: MeasuredRow): TableLine[] {
  const measures = [...new Set(row.figures.map((figure) => figure.measure))];
  return measures.map((measure) => {
    const figures = row.figures.filter((figure) => figure.measure === measure);
    return { row: row.name, measure, figures, verdict: worst(figures.map(verdictOf)) };
  });
}

function targetsOf(line: TableLine, which: keyof Target): string {
  const withTarget = line.figures.filter((figure) => figure.target?.[which] !== undefined);
  return withTarget.map((figure) => `≤ ${figure.target?.[which]}`).join("; ");
}

function ratioOver(line: TableLine, peer: string): string {
  return cell(line.figures.find((figure) => figure.proxy === "fairlead" && figure.over === peer));
}

function tableLine(line: TableLine, columns: readonly string[]): string {
  const values = columns.map((name) => cell(line.figures.find((figure) => figure.proxy === name && !figure.over)));
  const ratios = PEERS.filter((peer) => columns.includes(peer)).map((peer) => ratioOver(line, peer));
  const cells = [MARKS[line.verdict], line.row, line.measure, ...values, ...ratios];
  return `| ${[...cells, targetsOf(line, "must"), targetsOf(line, "moonshot")].join(" | ")} |`;
}

const LEGEND =
  "✗ misses the must · ▽ meets it but costs more than the peer · ✓ meets it · ★ reaches the moonshot. " +
  "Medians of rounds; ratios are medians of per-round ratios with their range; less is better everywhere.";

function isCalibration(row: string): boolean {
  const [one, other] = row.split("-");
  return one === other;
}

/** The table alone. Rows that lose come first, in the order of how badly. */
export function table(rows: readonly MeasuredRow[], which: "all" | "those with a target" = "all"): string {
  const all = rows.filter((row) => !isCalibration(row.name)).flatMap(linesOf);
  const lines = which === "all" ? all : all.filter(({ figures }) => figures.some(({ target }) => target !== undefined));
  const appears = (name: string): boolean =>
    lines.some((line) => line.figures.some((figure) => figure.proxy === name || figure.over === name));
  const columns = COLUMNS.filter(appears);
  const headings = [
    "",
    "row",
    "measure",
    ...columns.map((name) => HEADINGS[name] ?? name),
    ...PEERS.filter((peer) => columns.includes(peer)).map((peer) => `÷ ${HEADINGS[peer] ?? peer}`),
    "must",
    "moonshot",
  ];
  const sorted = WORST_FIRST.flatMap((verdict) => lines.filter((line) => line.verdict === verdict));
  return [
    `| ${headings.join(" | ")} |`,
    `|${headings.map(() => "---").join("|")}|`,
    ...sorted.map((line) => tableLine(line, columns)),
    "",
    LEGEND,
  ].join("\n");
}

/** Everything a reader needs besides the table. */
export function notes(rows: readonly MeasuredRow[]): string {
  return rows.flatMap((row) => row.notes.map((note) => `- ${row.name}: ${note}`)).join("\n");
}

/** One line for the terminal when a row is done. */
export function summary(row: MeasuredRow): string {
  const lines = linesOf(row).map((line) => {
    const values = line.figures.map((figure) => {
      const name = figure.over ? `${figure.proxy} ÷ ${figure.over}` : figure.proxy;
      const target = figure.target ? ` ${MARKS[verdictOf(figure)]} (≤ ${figure.target.must})` : "";
      return `${name} ${cell(figure)}${target}`;
    });
    return `    ${line.measure}: ${values.join("  ·  ")}`;
  });
  return [row.name, ...lines, ...row.notes.map((note) => `    ! ${note}`)].join("\n");
}

/** What peers against themselves gave, for the header of a report. */
export function calibrationOf(rows: readonly MeasuredRow[]): string {
  const measured = rows.filter((row) => isCalibration(row.name) && row.figures.length > 0);
  const texts = measured.map((row) => `${row.name.split("-")[0]} against itself: ${cell(row.figures[0])}`);
  return texts.length > 0 ? texts.join("; ") : "no peer was compared with itself";
}

/** Replaces the text between two markers. Throws when they are not there: a silent no-op would leave old figures. */
export function replaceBetween(text: string, begin: string, end: string, inner: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the text has no ${begin} … ${end}`);
  return `${text.slice(0, from + begin.length)}\n${inner}\n${text.slice(to)}`;
}
