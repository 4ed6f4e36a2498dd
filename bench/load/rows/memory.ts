// Resident memory of a fresh fairlead: at rest, under load, with idle connections, after they left, with bulk passing.
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Figure, ownFigure, type Row, type RowOutcome, type Target } from "../bench.ts";
import { hasDist, startFairlead } from "../fairlead.ts";
import { failuresOf, type RunPlan } from "../generator.ts";
import type { Proxy } from "../proxy.ts";

const MB = 1e6;
const SAMPLE_MS = 100;
const SETTLE_MS = 3000;
const BULK_BODY = 1_048_576;

/** Pairs that a descriptor limit of 20 000 leaves room for: two per pair in the generator and in the proxy. */
const FEW_PAIRS = 1000;
const MANY_PAIRS = 9000;

interface Reading {
  readonly rss: number;
  readonly anonymous: number;
}

const figure = (measure: string, bytes: number, target?: Target): Figure =>
  ownFigure(measure, "MB", bytes / MB, target);

/** Runs a load and answers the highest RSS seen meanwhile. */
async function peakDuring(
  bench: Bench,
  proxy: Proxy,
  plan: Omit<RunPlan, "target">,
): Promise<{ peak: number; failures: number }> {
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, proxy.memory().rss)), SAMPLE_MS);
  try {
    const result = await bench.site.generator.run({ ...plan, target: proxy.port });
    return { peak: Math.max(peak, proxy.memory().rss), failures: failuresOf(result) };
  } finally {
    clearInterval(sampler);
  }
}

/** Every caller has a request in flight at once, so every caller gets an upstream connection; then all rest. */
async function holdPairs(bench: Bench, proxy: Proxy, pairs: number): Promise<{ idle: Reading; failures: number }> {
  const plan = { target: proxy.port, connections: pairs, hold: 1, barrier: pairs, hosts: 1, seconds: 60 } as const;
  const result = await bench.site.generator.run(plan);
  await sleep(SETTLE_MS);
  return { idle: proxy.memory(), failures: failuresOf(result) + (result.ok < pairs ? pairs - result.ok : 0) };
}

async function connections(bench: Bench, proxy: Proxy): Promise<{ figures: Figure[]; raw: unknown; notes: string[] }> {
  const idle = proxy.memory();
  bench.progress.step("under load");
  const load = await peakDuring(bench, proxy, {
    connections: 64,
    warmup: 20_000,
    seconds: bench.options.quick ? 2 : 10,
  });
  await sleep(SETTLE_MS);
  const before = proxy.memory();
  bench.progress.step(`${FEW_PAIRS} idle pairs`);
  const few = await holdPairs(bench, proxy, FEW_PAIRS);
  bench.site.generator.release();
  await sleep(SETTLE_MS);
  bench.progress.step(`${MANY_PAIRS} idle pairs`);
  const many = await holdPairs(bench, proxy, MANY_PAIRS);
  bench.site.generator.release();
  const afterS = bench.options.quick ? 5 : 30;
  bench.progress.step(`${afterS} s after they left`);
  await sleep(afterS * 1000);
  const after = proxy.memory();
  const perPair = (many.idle.rss - before.rss) / MANY_PAIRS;
  const failures = load.failures + few.failures + many.failures;
  return {
    figures: [
      figure("at rest, RSS", idle.rss, { must: 70, moonshot: 55 }),
      figure("at rest, anonymous part", idle.anonymous),
      figure("under load, 64 connections, peak RSS", load.peak),
      figure(`with ${FEW_PAIRS} idle pairs, RSS`, few.idle.rss),
      figure(`with ${MANY_PAIRS} idle pairs, RSS`, many.idle.rss),
      ownFigure("per idle keep-alive pair", "kB", perPair / 1000, { must: 12, moonshot: 6 }),
      figure(`${afterS} s after all left, RSS`, after.rss),
    ],
    raw: { idle, load, before, few, many, after },
    notes: failures > 0 ? [`${failures} requests of the memory rows failed`] : [],
  };
}

/** How far RSS rises while `bodies` of 1 MB pass in one direction, after ordinary traffic. */
async function growth(
  bench: Bench,
  proxy: Proxy,
  label: string,
  direction: Partial<RunPlan>,
): Promise<{ figure: Figure; failures: number }> {
  const bodies = bench.options.quick ? 200 : 1000;
  const before = proxy.memory().rss;
  const bulk = await peakDuring(bench, proxy, { connections: 16, seconds: 60, limit: bodies, ...direction });
  const grown = figure(`growth while ${bodies} MB pass ${label}`, bulk.peak - before, { must: 16, moonshot: 4 });
  return { figure: grown, failures: bulk.failures };
}

async function withFresh<T>(bench: Bench, body: (proxy: Proxy) => Promise<T>): Promise<T> {
  const setup = { name: "memory", port: bench.site.ports.extra, dist: hasDist() };
  const { proxy } = await startFairlead(bench.site, setup);
  try {
    await sleep(SETTLE_MS);
    return await body(proxy);
  } finally {
    bench.site.generator.release();
    await proxy.stop();
  }
}

async function measure(bench: Bench): Promise<RowOutcome> {
  const first = await withFresh(bench, (proxy) => connections(bench, proxy));
  const bulk = await withFresh(bench, async (proxy) => {
    await peakDuring(bench, proxy, { connections: 64, warmup: 20_000, seconds: 2 });
    bench.progress.step("bulk down");
    const down = await growth(bench, proxy, "down", { answer: BULK_BODY });
    bench.progress.step("bulk up");
    return [down, await growth(bench, proxy, "up", { upload: BULK_BODY, answer: 100 })];
  });
  const failures = bulk.reduce((sum, one) => sum + one.failures, 0);
  return {
    figures: [...first.figures, ...bulk.map((one) => one.figure)],
    raw: first.raw,
    notes: [
      hasDist()
        ? "compiled code from dist"
        : "no dist: sources were measured, which need more memory than compiled code",
      ...first.notes,
      ...(failures > 0 ? [`${failures} bulk transfers failed`] : []),
    ],
  };
}

export const memoryRows: readonly Row[] = [
  {
    name: "memory",
    says: "resident memory of a fresh process: at rest, loaded, with idle pairs, after they left, with bulk passing",
    quick: false,
    peers: false,
    seconds: (bench) => (bench.options.quick ? 40 : 85),
    measure,
  },
];
