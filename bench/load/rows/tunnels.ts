// What a message costs in a tunnel: every connection is upgraded first, then carries the requests and answers of the other rows, which the
// proxies do not read. The protocol has a name of its own: HAProxy wants a handshake in order when it is called websocket.
import { type Bench, type Figure, notesOn, type Row, type RowOutcome, type Target } from "../bench.ts";
import { startFairlead } from "../fairlead.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds } from "../rounds.ts";

const OURS = "tunnels";
const MEASURE = "CPU per message and its answer";
const TARGET: Target = { must: 1.3, moonshot: 1 };

function tunnelRow(name: string, says: string, load: Load): Row {
  return {
    name,
    says,
    quick: false,
    peers: true,
    seconds: (bench) => secondsOfRounds(bench, peers(bench).length + 1),
    measure: (bench) => compare(bench, { ...load, tunnel: 1 }),
  };
}

/** Those that pass an offer on as they are configured for the other rows. */
function peers(bench: Bench): Bench["proxies"] {
  return bench.family("h1").filter(({ name }) => name === "haproxy" || name === "relay");
}

async function compare(bench: Bench, load: Load): Promise<RowOutcome> {
  const serverKeys = "    upgrades: [bytes]\n";
  const { proxy } = await startFairlead(bench.site, { name: OURS, port: bench.site.ports.extra, serverKeys });
  try {
    const all = [proxy, ...peers(bench)];
    const windows = await measureRounds(bench, all, load);
    const figures: Figure[] = all.map(({ name }) => ({
      measure: MEASURE,
      proxy: name === OURS ? "fairlead" : name,
      unit: "µs",
      ...costs(windows, name),
    }));
    for (const { name } of peers(bench)) {
      const ratio = { measure: MEASURE, proxy: "fairlead", over: name, unit: "×", ...ratios(windows, OURS, name) };
      figures.push(name === "haproxy" ? { ...ratio, target: TARGET } : ratio);
    }
    return { figures, raw: windows, notes: notesOn(windows) };
  } finally {
    await proxy.stop();
  }
}

export const tunnelRows: readonly Row[] = [
  tunnelRow("tunnel-1k-c64", "messages of an upgraded connection: 1 kB there, 1 kB back, 64 connections", {
    connections: 64,
    warmup: 20_000,
  }),
  tunnelRow("tunnel-64k-c32", "messages of an upgraded connection: answers of 64 kB, 32 connections", {
    connections: 32,
    warmup: 4000,
    answer: 65_536,
  }),
];
