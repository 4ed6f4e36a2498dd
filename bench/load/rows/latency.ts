// Added latency at a fixed rate: open loop, measured from the scheduled moment, proxy minus direct of the same round.
import { type Bench, type Figure, notesOn, type Row, type Target, type Window } from "../bench.ts";
import { shuffled, spread } from "../statistics.ts";

const RATES = [1000, 5000, 10_000, 20_000];
const CONNECTIONS = 64;
const TARGETS: Readonly<Record<string, Target>> = {
  "10000 p50": { must: 250, moonshot: 200 },
  "10000 p99": { must: 1500, moonshot: 1000 },
};
const PERCENTILES = ["p50", "p99", "p999"] as const;

function windowS(bench: Bench): number {
  return bench.options.long ? 60 : bench.options.quick ? 2 : 4;
}

function contestants(bench: Bench): Bench["proxies"] {
  return bench.family("h1", "nginx-twin", "relay");
}

/** Per round: the proxy's percentile less that of the generator talking to its backend directly. */
function added(windows: readonly Window[], name: string, percentile: (typeof PERCENTILES)[number]): number[] {
  const direct = new Map(windows.filter((w) => w.proxy === "direct").map((w) => [w.round, w[percentile]]));
  const own = windows.filter((window) => window.proxy === name);
  return own.map((window) => (window[percentile] - (direct.get(window.round) ?? 0)) / 1000);
}

function figuresOf(windows: readonly Window[], rate: number): Figure[] {
  const names = [...new Set(windows.map((window) => window.proxy))].filter((name) => name !== "direct").toSorted();
  return names.flatMap((name) => {
    const cpu = windows.filter((window) => window.proxy === name).map((window) => window.cpuUsPerRequest);
    const latencies = PERCENTILES.map((percentile) => {
      const target = name === "fairlead" ? TARGETS[`${rate} ${percentile}`] : undefined;
      const figure = {
        measure: `added ${percentile}`,
        proxy: name,
        unit: "µs",
        ...spread(added(windows, name, percentile)),
      };
      return target ? { ...figure, target } : figure;
    });
    return [{ measure: "CPU per request", proxy: name, unit: "µs", ...spread(cpu) }, ...latencies];
  });
}

function toRow(rate: number): Row {
  const seconds = (bench: Bench): number => bench.options.rounds * contestants(bench).length * (windowS(bench) + 1);
  return {
    name: `open-loop-${rate / 1000}k`,
    says: `${rate} requests/s, open loop, GET 1 kB, 12 headers, ${CONNECTIONS} connections`,
    quick: rate === 10_000,
    peers: true,
    seconds,
    async measure(bench) {
      const windows: Window[] = [];
      for (let round = 1; round <= bench.options.rounds; round++) {
        for (const proxy of shuffled(contestants(bench), bench.random)) {
          const plan = { connections: CONNECTIONS, rate, warmup: rate / 2, seconds: windowS(bench) };
          const window = await bench.window(proxy, round, plan);
          windows.push(window);
          const text = `p50 ${(window.p50 / 1000).toFixed(0)} µs, p99 ${(window.p99 / 1000).toFixed(0)} µs`;
          bench.progress.step(`round ${round}/${bench.options.rounds}  ${proxy.name} ${text}`);
        }
      }
      return { figures: figuresOf(windows, rate), raw: windows, notes: notesOn(windows) };
    },
  };
}

export const latencyRows: readonly Row[] = RATES.map(toRow);
