// Gauges outside timed runs: system calls and heap bytes per request, garbage collection, stalls of the event loop.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Figure, ownFigure, type Row, type RowOutcome } from "../bench.ts";
import { versionOf } from "../compile.ts";
import { startFairlead } from "../fairlead.ts";
import { type Family, speaking } from "../families.ts";
import { readGauge } from "../gauge-client.ts";
import { failuresOf, type RunPlan } from "../generator.ts";
import { GENERATOR_CORE, start } from "../processes.ts";
import type { Proxy } from "../proxy.ts";

// ---- system calls

const ATTACH_MS = 500;

/** Calls in the summary of `strace -c`: the fourth column of the line that ends in "total". */
export function callsIn(summary: string): number {
  const total = summary.split("\n").findLast((line) => line.trimEnd().endsWith("total"));
  return Number(total?.trim().split(/\s+/)[3] ?? NaN);
}

interface CallsRow {
  readonly name: string;
  readonly says: string;
  readonly family: Family;
  readonly load: Omit<RunPlan, "target" | "seconds">;
  readonly traced: number;
  readonly must: number;
}

/** Counts the system calls of a proxy, all threads, while it answers a fixed number of requests. */
async function callsPerRequest(bench: Bench, proxy: Proxy, row: CallsRow): Promise<number> {
  const load: RunPlan = { ...row.load, target: proxy.port, seconds: 30, warmup: 5000 };
  await bench.site.generator.run({ ...load, seconds: 0.1 });
  const file = join(bench.site.folder, `strace-${row.name}-${proxy.name}.txt`);
  const attach = proxy.pids().flatMap((pid) => ["-p", String(pid)]);
  const strace = await start(["strace", "-f", "-c", "-o", file, ...attach], { core: GENERATOR_CORE });
  await sleep(ATTACH_MS);
  const result = await bench.site.generator.run({ ...load, warmup: 0, limit: row.traced });
  await new Promise((resolve) => {
    strace.child.once("exit", resolve);
    strace.child.kill("SIGINT"); // strace lets go and writes its summary
  });
  if (!existsSync(file)) throw new Error(`strace wrote no summary: ${strace.complaint()}`);
  return callsIn(readFileSync(file, "utf8")) / result.ok;
}

async function systemCalls(bench: Bench, row: CallsRow): Promise<RowOutcome> {
  if (!versionOf("strace", "--version")) return { figures: [], raw: {}, notes: ["strace is absent: not measured"] };
  const figures: Figure[] = [];
  for (const proxy of bench.family(row.family, "direct", "nginx-twin", "nghttpx-twin")) {
    const calls = await callsPerRequest(bench, proxy, row);
    const target = proxy.name === "fairlead" ? { must: row.must } : undefined;
    figures.push({ ...ownFigure("system calls per request", "", calls, target), proxy: proxy.name });
    bench.progress.step(`${proxy.name} ${calls.toFixed(2)}`);
  }
  return { figures, raw: figures, notes: [] };
}

const CALLS: readonly CallsRow[] = [
  {
    name: "syscalls-h1-c32",
    says: "system calls per request, GET 1 kB, 12 headers, 32 connections (strace -f -c, not timed)",
    family: "h1",
    load: { connections: 32 },
    traced: 10_000,
    must: 4.6,
  },
  {
    name: "syscalls-h2-c8m32",
    says: "system calls per request, gRPC unary, 8 connections × 32 streams (strace -f -c, not timed)",
    family: "h2",
    load: { connections: 8, streams: 32, ...speaking("h2") },
    traced: 50_000,
    must: 0.5,
  },
];

function toRow(row: CallsRow): Row {
  const { name, says, family } = row;
  const seconds = (bench: Bench): number => bench.family(family).length * 5;
  return { name, says, quick: false, peers: true, family, seconds, measure: (bench) => systemCalls(bench, row) };
}

// ---- heap

async function withGauge(bench: Bench, body: (proxy: Proxy, file: string) => Promise<RowOutcome>): Promise<RowOutcome> {
  const file = join(bench.site.folder, "gauge.json");
  const { proxy } = await startFairlead(bench.site, { name: "gauged", port: bench.site.ports.extra, gaugeFile: file });
  try {
    return await body(proxy, file);
  } finally {
    await proxy.stop();
  }
}

async function heapPerRequest(bench: Bench, proxy: Proxy, file: string): Promise<RowOutcome> {
  const load: RunPlan = { target: proxy.port, connections: 64, seconds: 30, limit: 100_000 };
  bench.progress.step("warming up");
  await bench.site.generator.run(load);
  const before = await readGauge(proxy, file);
  bench.progress.step("counting");
  const result = await bench.site.generator.run(load);
  const after = await readGauge(proxy, file);
  const answers = result.ok + failuresOf(result);
  const bytes = (after.allocatedBytes - before.allocatedBytes) / answers;
  return {
    figures: [
      ownFigure("heap allocated per request", "B", bytes, { must: 2000, moonshot: 500 }),
      ownFigure("garbage collection per request", "µs", ((after.gcMs - before.gcMs) * 1000) / answers),
    ],
    raw: { before, after, result },
    notes: [],
  };
}

const heap: Row = {
  name: "heap-h1-c64",
  says: "JavaScript heap allocated per request in steady state, GET 1 kB, 12 headers, 64 connections (not timed)",
  quick: true,
  peers: false,
  seconds: () => 8,
  measure: (bench) => withGauge(bench, (proxy, file) => heapPerRequest(bench, proxy, file)),
};

// ---- stalls

const SCRAPES = ["/admin/metrics.json", "/admin/metrics/prometheus"];

/** Asks for the metrics once a second, as a monitoring system does. Answers how many scrapes were good. */
async function scrape(adminPort: number, forS: number): Promise<number> {
  let good = 0;
  for (let second = 0; second < forS; second++) {
    for (const path of SCRAPES) {
      const answer = await fetch(`http://127.0.0.1:${adminPort}${path}`);
      const text = await answer.text();
      if (answer.ok && text.length > 0) good++;
    }
    await sleep(1000);
  }
  return good;
}

async function stalls(bench: Bench, proxy: Proxy, file: string): Promise<RowOutcome> {
  const forS = bench.options.quick ? 5 : 30;
  const load: RunPlan = { target: proxy.port, connections: 64, rate: 10_000, seconds: forS + 5 };
  const running = bench.site.generator.run(load);
  await sleep(2000);
  await readGauge(proxy, file); // starts the count of stalls
  bench.progress.step(`${forS} s of load and scrapes`);
  const good = await scrape(proxy.port + 1, forS);
  const { delay } = await readGauge(proxy, file);
  bench.site.generator.release();
  const result = await running;
  const notes =
    good < forS * SCRAPES.length ? [`only ${good} of ${forS * SCRAPES.length} scrapes were answered with 200`] : [];
  return {
    figures: [
      ownFigure("stall p99.99", "ms", delay.p9999Ms, { must: 20, moonshot: 10 }),
      ownFigure("longest stall", "ms", delay.maxMs),
    ],
    raw: { delay, result, good },
    notes: failuresOf(result) > 0 ? [...notes, `${failuresOf(result)} answers were not a correct 2xx`] : notes,
  };
}

const stall: Row = {
  name: "loop-stall",
  says: "stalls of the event loop at 10 000 requests/s with both metrics pages scraped every second (not timed)",
  quick: false,
  peers: false,
  seconds: (bench) => (bench.options.quick ? 12 : 40),
  measure: (bench) => withGauge(bench, (proxy, file) => stalls(bench, proxy, file)),
};

export const gaugeRows: readonly Row[] = [...CALLS.map(toRow), heap, stall];
