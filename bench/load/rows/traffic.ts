// Rows that compare CPU per request at saturation: closed loop, all proxies in every round, ratios within a round.
import { type Bench, type Figure, notesOn, type Row, type RowOutcome, type Target, type Window } from "../bench.ts";
import type { Family } from "../families.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds } from "../rounds.ts";

/** One line of a table of such rows. */
export interface TrafficRow {
  readonly name: string;
  readonly says: string;
  /** Default: HTTP/1.1. */
  readonly family?: Family;
  readonly load: Load;
  readonly against: Readonly<Partial<Record<"nginx" | "nghttpx" | "haproxy" | "envoy", Target>>>;
  /** Default: CPU per request. */
  readonly measure?: string;
  readonly quick?: boolean;
}

const WARM_UP = 20_000;
/** Of the headline rows of both protocols. */
export const ENVOY: Target = { must: 0.6, moonshot: 0.35 };
const SMALL = { nginx: { must: 1.3, moonshot: 1 }, haproxy: { must: 1.1, moonshot: 0.8 }, envoy: ENVOY };
const FRESH = { nginx: { must: 1.7, moonshot: 1.3 } };
const BODIES_64K = { nginx: { must: 1, moonshot: 0.6 } };
const BODIES_1M = { nginx: { must: 1, moonshot: 0.55 } };
const KB_64 = 65_536;
const MB = 1_048_576;

/** Small messages: 20 000 requests of warm-up, whatever the rate. */
function small(name: string, says: string, connections: number, load: Partial<Load> = {}, quick = false): TrafficRow {
  return { name, says, load: { connections, warmup: WARM_UP, ...load }, against: SMALL, quick };
}

const TABLE: readonly TrafficRow[] = [
  small("h1-100b-c32", "GET, 5 headers, 100 B, 32 connections", 32, { headers: 5, answer: 100 }),
  small("h1-1k-c64", "GET, 12 headers, 1 kB, 64 connections", 64, {}, true),
  small("h1-1k-c1", "GET, 12 headers, 1 kB, 1 connection", 1),
  small("h1-1k-c256", "GET, 12 headers, 1 kB, 256 connections", 256),
  small("h1-1k-40headers-c64", "GET, 40 headers, 1 kB, 64 connections", 64, { headers: 40 }),
  small("h1-post-1k-c32", "POST 1 kB, answer 1 kB, 32 connections", 32, { upload: 1024 }),
  small("h1-chunked-1k-c32", "GET, chunked answer of 1 kB, 32 connections", 32, { chunked: 1 }),
  {
    name: "h1-64k-down",
    says: "answers of 64 kB, 32 connections",
    load: { connections: 32, warmup: 4000, answer: KB_64 },
    against: BODIES_64K,
  },
  {
    name: "h1-64k-up",
    says: "POST of 64 kB, 32 connections",
    load: { connections: 32, warmup: 4000, upload: KB_64, answer: 100 },
    against: BODIES_64K,
  },
  {
    name: "h1-1m-down",
    says: "answers of 1 MB, 16 connections",
    load: { connections: 16, warmup: 400, answer: MB },
    against: BODIES_1M,
    quick: true,
  },
  {
    name: "h1-1m-up",
    says: "POST of 1 MB, 16 connections",
    load: { connections: 16, warmup: 400, upload: MB, answer: 100 },
    against: BODIES_1M,
  },
  {
    name: "h1-conn-per-request",
    says: "GET 1 kB, 12 headers, a new connection for each, 32 at once",
    load: { connections: 32, warmup: WARM_UP, fresh: 1 },
    against: FRESH,
    quick: true,
  },
];

const CPU = "CPU per request";

function figuresOf(row: TrafficRow, windows: readonly Window[]): Figure[] {
  const names = [...new Set(windows.map((window) => window.proxy))].toSorted();
  const measure = row.measure ?? CPU;
  const figures: Figure[] = names.map((name) => ({ measure, proxy: name, unit: "µs", ...costs(windows, name) }));
  for (const ours of names.filter((name) => name === "fairlead" || name === "base")) {
    for (const peer of names.filter((name) => name !== ours && name !== "relay" && name !== "fairlead")) {
      const target = ours === "fairlead" ? row.against[peer as keyof TrafficRow["against"]] : undefined;
      const ratio = { measure, proxy: ours, over: peer, unit: "×", ...ratios(windows, ours, peer) };
      figures.push(target ? { ...ratio, target } : ratio);
    }
  }
  return figures;
}

/** The row that measures a line of a table. */
export function toRow(row: TrafficRow): Row {
  return {
    name: row.name,
    says: row.says,
    quick: row.quick ?? false,
    peers: true,
    family: row.family ?? "h1",
    seconds: (bench) => secondsOfRounds(bench, contestants(bench, row).length),
    measure: (bench) => compare(bench, row),
  };
}

/** The relay opens an upstream connection for each downstream one, so with fresh connections it is no floor. */
function contestants(bench: Bench, row: TrafficRow): Bench["proxies"] {
  const without = ["direct", "nginx-twin", "nghttpx-twin", ...(row.load.fresh ? ["relay"] : [])];
  return bench.family(row.family ?? "h1", ...without);
}

async function compare(bench: Bench, row: TrafficRow): Promise<RowOutcome> {
  const windows = await measureRounds(bench, contestants(bench, row), row.load);
  return { figures: figuresOf(row, windows), raw: windows, notes: notesOn(windows) };
}

const CALIBRATION_TOLERANCE = 0.04;

/** A peer against its equal: what differs here differs by chance. */
export function calibration(peer: string, family: Family, load: Load): Row {
  const twin = `${peer}-twin`;
  return {
    name: `${peer}-${peer}`,
    says: `${peer} against an equal ${peer}: 1.00 ± 0.04, or the box cannot be trusted today`,
    quick: true,
    peers: true,
    family,
    seconds: (bench) => secondsOfRounds(bench, 2),
    async measure(bench) {
      const pair = bench.family(family).filter((proxy) => proxy.name === peer || proxy.name === twin);
      if (pair.length < 2) return { figures: [], raw: [], notes: [`${peer} is absent: nothing to calibrate with`] };
      const windows = await measureRounds(bench, pair, load);
      const ratio = ratios(windows, twin, peer);
      const off = Math.abs(ratio.median - 1) > CALIBRATION_TOLERANCE;
      const notes = off ? [`the two differ by more than ${CALIBRATION_TOLERANCE * 100} %: do not quote this run`] : [];
      const figure = { measure: CPU, proxy: twin, over: peer, unit: "×", ...ratio };
      return { figures: [figure], raw: windows, notes: [...notes, ...notesOn(windows)] };
    },
  };
}

export const trafficRows: readonly Row[] = [
  calibration("nginx", "h1", { connections: 64, warmup: WARM_UP }),
  ...TABLE.map(toRow),
];
