// A sheet of small charts with one legend, readable on light and on dark ground.
import type { Scale } from "./scale.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  readonly label: string;
  readonly scale: Scale;
}

export type Panel =
  | {
      readonly at: "lines";
      readonly title: string;
      readonly x: Axis;
      readonly y: Axis;
      readonly lines: readonly Line[];
    }
  | { readonly at: "bars"; readonly title: string; readonly x: Axis; readonly bars: readonly Bar[] };

export interface Sheet {
  readonly title: string;
  readonly subtitle: string;
  /** In the order of their colours, the same on all sheets. */
  readonly names: readonly string[];
  readonly columns: number;
  readonly panels: readonly Panel[];
}

const PANEL = { width: 340, height: 230, left: 56, right: 22, top: 30, bottom: 44 };
const MARGIN = 16;
const HEAD = 84;

/** Told apart by colour and by dashes. Chosen for contrast of at least 3 : 1 with the ground. */
const LIGHT = ["#0969da", "#cf222e", "#8250df", "#1a7f37", "#bf3989", "#9a6700", "#0f766e", "#57606a", "#bc4c00"];
const DARK = ["#58a6ff", "#ff7b72", "#bc8cff", "#3fb950", "#ff9bce", "#e3b341", "#2dd4bf", "#afb8c1", "#ffa657"];
const DASHES = ["", "", "", "2 2", "8 3 2 3", "6 3", "4 2", "1 3", "10 4"];

export function render(sheet: Sheet): string {
  const rows = Math.ceil(sheet.panels.length / sheet.columns);
  const width = 2 * MARGIN + sheet.columns * PANEL.width;
  const height = HEAD + rows * PANEL.height + MARGIN;
  const colours = new Map(sheet.names.map((name, n) => [name, n % LIGHT.length]));
  const panels = sheet.panels.map((panel, n) => {
    const x = MARGIN + (n % sheet.columns) * PANEL.width;
    const y = HEAD + Math.floor(n / sheet.columns) * PANEL.height;
    return `<g transform="translate(${x} ${y})">${panelOf(panel, colours)}</g>\n`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">\n`,
    `<title>${escape(sheet.title)}</title>\n<style>${style()}</style>\n`,
    `<rect class="ground" width="${width}" height="${height}"/>\n`,
    `<text class="title" x="${MARGIN}" y="28">${escape(sheet.title)}</text>\n`,
    `<text class="quiet" x="${MARGIN}" y="47">${escape(sheet.subtitle)}</text>\n`,
    legend(sheet.names, colours),
    ...panels,
    "</svg>\n",
  ].join("");
}

function style(): string {
  const strokes = (colours: readonly string[]): string =>
    colours.map((colour, n) => `.c${n}{stroke:${colour}}.f${n}{fill:${colour}}`).join("");
  const dashes = DASHES.map((dash, n) => (dash === "" ? "" : `.c${n}{stroke-dasharray:${dash}}`)).join("");
  return [
    "text{font:11px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}.title{font-size:17px;font-weight:600}",
    ".head{font-size:12.5px;font-weight:600}.quiet{fill:#59636e}.ground{fill:#fff}.grid{stroke:#d1d9e0}",
    ".axis{stroke:#818b98}.line{fill:none;stroke-width:1.8;stroke-linejoin:round}",
    strokes(LIGHT),
    dashes,
    "@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.quiet{fill:#9198a1}.ground{fill:#0d1117}.grid{stroke:#2f353d}",
    `.axis{stroke:#656c76}${strokes(DARK)}}`,
  ].join("");
}

function legend(names: readonly string[], colours: ReadonlyMap<string, number>): string {
  let x = MARGIN;
  const entries = names.map((name) => {
    const colour = colours.get(name)!;
    const entry = `<line class="line c${colour}" x1="${x}" x2="${x + 24}" y1="66" y2="66"/><text x="${x + 29}" y="70">${escape(name)}</text>`;
    x += 29 + 6.4 * name.length + 20;
    return entry;
  });
  return `<g>${entries.join("")}</g>\n`;
}

function panelOf(panel: Panel, colours: ReadonlyMap<string, number>): string {
  const head = `<text class="head" x="${PANEL.left}" y="18">${escape(panel.title)}</text>`;
  if (panel.at === "bars") return head + bars(panel.bars, panel.x, colours);
  const lines = panel.lines.map((line) => lineOf(line, panel.x.scale, panel.y.scale, colours.get(line.name)!));
  return head + xAxis(panel.x) + yAxis(panel.y) + lines.join("");
}

const right = PANEL.width - PANEL.right;
const bottom = PANEL.height - PANEL.bottom;
const across = (share: number): string => (PANEL.left + share * (right - PANEL.left)).toFixed(1);
const up = (share: number): string => (bottom - share * (bottom - PANEL.top)).toFixed(1);

function xAxis({ label, scale }: Axis): string {
  const ticks = scale.ticks.map(({ value, label: text }) => {
    const x = across(scale.at(value));
    return `<line class="grid" x1="${x}" x2="${x}" y1="${PANEL.top}" y2="${bottom}"/><text class="quiet" x="${x}" y="${bottom + 14}" text-anchor="middle">${text}</text>`;
  });
  const middle = (PANEL.left + right) / 2;
  const name = `<text class="quiet" x="${middle}" y="${bottom + 30}" text-anchor="middle">${escape(label)}</text>`;
  return `${ticks.join("")}<line class="axis" x1="${PANEL.left}" x2="${right}" y1="${bottom}" y2="${bottom}"/>${name}`;
}

function yAxis({ label, scale }: Axis): string {
  const ticks = scale.ticks.map(({ value, label: text }) => {
    const y = up(scale.at(value));
    return `<line class="grid" x1="${PANEL.left}" x2="${right}" y1="${y}" y2="${y}"/><text class="quiet" x="${PANEL.left - 5}" y="${(Number(y) + 4).toFixed(1)}" text-anchor="end">${text}</text>`;
  });
  const middle = (PANEL.top + bottom) / 2;
  const name = `<text class="quiet" transform="translate(11 ${middle}) rotate(-90)" text-anchor="middle">${escape(label)}</text>`;
  return ticks.join("") + name;
}

/** What is infinite ends the line. */
function lineOf({ points }: Line, x: Scale, y: Scale, colour: number): string {
  const drawn = points.filter(([, value]) => Number.isFinite(value));
  const places = drawn.map(([at, value]) => `${across(x.at(at))},${up(Math.max(0, Math.min(1, y.at(value))))}`);
  return `<polyline class="line c${colour}" points="${places.join(" ")}"/>`;
}

function bars(all: readonly Bar[], axis: Axis, colours: ReadonlyMap<string, number>): string {
  const step = (bottom - PANEL.top) / all.length;
  const drawn = all.map(({ name, value, label }, n) => {
    const top = PANEL.top + n * step;
    const end = across(Math.max(0, Math.min(1, axis.scale.at(value))));
    const width = (Number(end) - PANEL.left).toFixed(1);
    const inside = Number(end) > right - 60;
    const place = inside
      ? `x="${(Number(end) - 5).toFixed(1)}" text-anchor="end" class="on"`
      : `x="${(Number(end) + 5).toFixed(1)}"`;
    return [
      `<rect class="f${colours.get(name)!}" opacity="0.55" x="${PANEL.left}" y="${(top + step * 0.15).toFixed(1)}" width="${width}" height="${(step * 0.7).toFixed(1)}"/>`,
      `<text ${place} y="${(top + step / 2 + 4).toFixed(1)}">${escape(label)}</text>`,
      `<text class="quiet" x="${PANEL.left - 5}" y="${(top + step / 2 + 4).toFixed(1)}" text-anchor="end">${escape(name)}</text>`,
    ].join("");
  });
  return xAxis(axis) + drawn.join("");
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
