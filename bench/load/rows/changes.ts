// How long the old truth lives on: an endpoint leaves its discovery file, a dtab entry changes under load.
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Figure, ownFigure, type Row, type RowOutcome, type Target } from "../bench.ts";
import { replaceFile, startFairlead, writeDisco, writeDiscoFile } from "../fairlead.ts";
import { failuresOf, type RunResult } from "../generator.ts";
import { readGauge } from "../gauge-client.ts";
import type { Proxy } from "../proxy.ts";
import { median, quantile } from "../statistics.ts";

const CHANGES = 40;
const PATIENCE_MS = 1500;
const QUIET_MS = 150;
const SETTLE_MS = 250;

/** Time from `sinceNs` to the last request a backend port got, once it has got none for a while. */
async function lastRequestMs(bench: Bench, port: number, sinceNs: bigint): Promise<number> {
  for (;;) {
    await sleep(QUIET_MS);
    const backend = (await bench.site.generator.backends()).find((one) => one.port === port);
    const lastMs = ((backend?.lastRequestNs ?? 0) - Number(sinceNs)) / 1e6;
    const nowMs = Number(process.hrtime.bigint() - sinceNs) / 1e6;
    if (nowMs - lastMs > QUIET_MS || nowMs > PATIENCE_MS) return Math.max(0, lastMs);
  }
}

interface Change {
  /** Makes the change number `i` and says which port must fall silent. */
  apply(i: number): number;
  /** Puts things back for the next one. */
  undo(i: number): void;
}

/** Applies the changes one after the other under the load that is running, and times each. */
async function timeChanges(bench: Bench, count: number, change: Change): Promise<number[]> {
  const timesMs: number[] = [];
  for (let i = 0; i < count; i++) {
    const sinceNs = process.hrtime.bigint();
    const port = change.apply(i);
    timesMs.push(await lastRequestMs(bench, port, sinceNs));
    change.undo(i);
    bench.progress.step(`change ${i + 1}/${count}  ${timesMs[i]!.toFixed(1)} ms`);
    await sleep(SETTLE_MS);
  }
  return timesMs;
}

function figuresOf(timesMs: readonly number[], target: Target): Figure[] {
  return [
    ownFigure("last use of the old, p50", "ms", median(timesMs)),
    { ...ownFigure("last use of the old, p99", "ms", quantile(timesMs, 0.99), target), max: Math.max(...timesMs) },
  ];
}

function failureNotes(result: RunResult): string[] {
  const failures = failuresOf(result);
  return failures > 0 ? [`${failures} of ${result.ok + failures} answers were not a correct 2xx`] : [];
}

/** Runs `body` while `plan` is under way against the proxy, then ends both. */
async function underLoad<T>(
  bench: Bench,
  proxy: Proxy,
  load: { rate: number; hosts: number; hostName: string },
  body: () => Promise<T>,
): Promise<{ value: T; result: RunResult }> {
  try {
    const plan = { target: proxy.port, connections: 32, seconds: 600, ...load };
    const result = bench.site.generator.run(plan);
    const value = await Promise.race([body(), result.then(() => Promise.reject(new Error("the load ended early")))]);
    bench.site.generator.release();
    return { value, result: await result };
  } finally {
    await proxy.stop();
  }
}

const WARM_UP_MS = 2000;

async function endpointChange(bench: Bench): Promise<RowOutcome> {
  const all = bench.site.ports.backends;
  writeDisco(bench.site, "disco-endpoint", { one0: all });
  const setup = { name: "endpoint-change", port: bench.site.ports.extra, disco: "disco-endpoint", host: "one" };
  const { proxy } = await startFairlead(bench.site, setup);
  const change: Change = {
    apply(i) {
      const leaving = all[i % all.length]!; // in range by construction
      writeDiscoFile(
        bench.site,
        "disco-endpoint",
        "one0",
        all.filter((port) => port !== leaving),
      );
      return leaving;
    },
    undo: () => writeDiscoFile(bench.site, "disco-endpoint", "one0", all),
  };
  const { value, result } = await underLoad(bench, proxy, { rate: 4000, hosts: 1, hostName: "one" }, async () => {
    await sleep(WARM_UP_MS);
    return timeChanges(bench, CHANGES, change);
  });
  return {
    figures: figuresOf(value, { must: 500, moonshot: 100 }),
    raw: { timesMs: value, result },
    notes: failureNotes(result),
  };
}

const BOUND_NAMES = 5000;
const DTAB_KEYS = `  bindingCache: { paths: 10000, trees: 10000, bounds: 10000, clients: 1000 }
  interpreter:
    kind: io.l5d.fs
    dtabFile: changing.dtab
`;

/** All names go through one entry, and that entry changes. */
const dtabTo = (version: string): string => `/version => /#/io.l5d.fs/${version} ;\n/svc/* => /version ;\n`;

async function dtabChange(bench: Bench): Promise<RowOutcome> {
  const [first, second] = bench.site.ports.backends as [number, number, number];
  const file = join(bench.site.folder, "changing.dtab");
  const gaugeFile = join(bench.site.folder, "dtab-change.gauge");
  writeDisco(bench.site, "disco-dtab", { v1: [first], v2: [second] });
  replaceFile(file, dtabTo("v1"));
  const name = "dtab-change";
  const setup = { name, port: bench.site.ports.extra, disco: "disco-dtab", dtab: "", routerKeys: DTAB_KEYS, gaugeFile };
  const { proxy } = await startFairlead(bench.site, setup);
  const change: Change = {
    apply(i) {
      replaceFile(file, dtabTo(i % 2 === 0 ? "v2" : "v1"));
      return i % 2 === 0 ? first : second;
    },
    undo: () => undefined,
  };
  const { value, result } = await underLoad(
    bench,
    proxy,
    { rate: 10_000, hosts: BOUND_NAMES, hostName: "n" },
    async () => {
      await sleep(WARM_UP_MS);
      const before = await readGauge(proxy, gaugeFile); // also starts the count of stalls
      const timesMs = await timeChanges(bench, CHANGES, change);
      return { timesMs, before, after: await readGauge(proxy, gaugeFile) };
    },
  );
  const stall = ownFigure("longest stall of the loop", "ms", value.after.delay.maxMs, { must: 5 });
  const collection = ownFigure("longest pause for garbage collection", "ms", value.after.gcMaxMs);
  return {
    figures: [...figuresOf(value.timesMs, { must: 50 }), stall, collection],
    raw: { ...value, result },
    notes: failureNotes(result),
  };
}

const seconds = (): number => WARM_UP_MS / 1000 + 2 + (CHANGES * (SETTLE_MS + 2 * QUIET_MS)) / 1000;

export const changeRows: readonly Row[] = [
  {
    name: "endpoint-change",
    says: `an endpoint leaves its discovery file: last request to it, ${CHANGES} changes at 4 000 requests/s`,
    quick: false,
    peers: false,
    seconds,
    measure: endpointChange,
  },
  {
    name: "dtab-change",
    says: `one dtab entry changes with ${BOUND_NAMES} bound names: last request by the old entry, ${CHANGES} changes at 10 000 requests/s`,
    quick: false,
    peers: false,
    seconds,
    measure: dtabChange,
  },
];
