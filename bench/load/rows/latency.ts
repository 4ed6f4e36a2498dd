// Added latency at a fixed rate: open loop, measured from the scheduled moment, proxy minus direct of the same round.
import { type Bench, type Figure, notesOn, type Row, type Target, type Window } from "../bench.ts";
import { speaking } from "../families.ts";
import { shuffled, spread } from "../statistics.ts";

const RATES = [1000, 5000, 10_000, 20_000];

/** Callers of the two protocols: as many as at saturation, so that no moment finds all of them busy but in a stall. */
const CALLERS = {
  h1: { prefix: "open-loop", says: "GET 1 kB, 12 headers, 64 connections", load: { connections: 64 } },
  h2: {
    prefix: "h2-open-loop",
    says: "gRPC unary, 8 connections that take turns, up to 32 streams on each",
    load: { connections: 8, streams: 32, ...speaking("h2") },
  },
} as const;
type Protocol = keyof typeof CALLERS;

/** Above this Envoy would be beyond half of what it can do, and its latency that of a queue. */
const ENVOY_UP_TO = 10_000;
const ENVOY_LEFT_OUT = `Envoy is left out above ${ENVOY_UP_TO} requests/s, more than half of what it can do on one core`;
const TARGETS: Readonly<Record<string, Target>> = {
  "10000 p50": { must: 250, moonshot: 200 },
  "10000 p99": { must: 1500, moonshot: 1000 },
};
const PERCENTILES = ["p50", "p99", "p999"] as const;

function windowS(bench: Bench): number {
  return bench.options.long ? 60 : bench.options.quick ? 2 : 4;
}

function contestants(bench: Bench, protocol: Protocol, rate: number): Bench["proxies"] {
  return bench.family(protocol, "nginx-twin", "nghttpx-twin", "relay", ...(rate > ENVOY_UP_TO ? ["envoy"] : []));
}

function leftOut(bench: Bench, protocol: Protocol, rate: number): string[] {
  const isThere = bench.family(protocol).some((one) => one.name === "envoy");
  return isThere && rate > ENVOY_UP_TO ? [ENVOY_LEFT_OUT] : [];
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

function toRow(protocol: Protocol, rate: number): Row {
  const { prefix, says, load } = CALLERS[protocol];
  return {
    name: `${prefix}-${rate / 1000}k`,
    says: `${rate} requests/s, open loop, ${says}`,
    quick: rate === 10_000,
    peers: true,
    family: protocol,
    seconds: (bench) => bench.options.rounds * contestants(bench, protocol, rate).length * (windowS(bench) + 1),
    async measure(bench) {
      const windows: Window[] = [];
      for (let round = 1; round <= bench.options.rounds; round++) {
        for (const proxy of shuffled(contestants(bench, protocol, rate), bench.random)) {
          const plan = { ...load, rate, warmup: rate / 2, seconds: windowS(bench) };
          const window = await bench.window(proxy, round, plan);
          windows.push(window);
          const text = `p50 ${(window.p50 / 1000).toFixed(0)} µs, p99 ${(window.p99 / 1000).toFixed(0)} µs`;
          bench.progress.step(`round ${round}/${bench.options.rounds}  ${proxy.name} ${text}`);
        }
      }
      return {
        figures: figuresOf(windows, rate),
        raw: windows,
        notes: [...notesOn(windows), ...leftOut(bench, protocol, rate)],
      };
    },
  };
}

export const latencyRows: readonly Row[] = (["h1", "h2"] as const).flatMap((protocol) =>
  RATES.map((rate) => toRow(protocol, rate)),
);
