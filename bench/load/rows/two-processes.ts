// Two fairlead processes that share a port (SO_REUSEPORT) against one: two event loops without worker threads, which do not exist
// yet. All are on the proxy's core, so what is compared is the price of dividing the work, not what a second core would gain; and the
// share of connections is what would divide the load of two cores: requests come out more even, as the scheduler gives the process
// with fewer connections half of the core all the same.
import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Figure, notesOn, ownFigure, type Row, type RowOutcome, type Target } from "../bench.ts";
import { SHARED_DTAB, startFairlead } from "../fairlead.ts";
import { callersOf, type Family, speaking } from "../families.ts";
import { sharesUpstream } from "../peers-http2.ts";
import { Proxy } from "../proxy.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds, type Slice } from "../rounds.ts";
import { spread } from "../statistics.ts";

const STARTS_WITHIN_MS = 15_000;
/** 20 000 for each of the two. */
const WARM_UP = 40_000;

/** What one of the processes has got since it started. */
export interface Taken {
  readonly requests: number;
  readonly connects: number;
}

interface TwoRow {
  readonly name: string;
  readonly says: string;
  readonly family: Family & ("h1" | "h2");
  readonly load: Load;
  /** Of the CPU time of both over that of one, and of the busier one's share of connections in percent. */
  readonly cost?: Target;
  readonly share?: Target;
}

interface Pair {
  readonly one: Proxy;
  readonly two: Proxy;
  /** What each of the two has taken. */
  taken(): Promise<Taken[]>;
}

/** The counters of the server on a port, of a page of metrics. Throws when they are not there: a share of nothing would look even. */
export function takenIn(metrics: Readonly<Record<string, number>>, label: string, port: number): Taken {
  const read = (name: string): number => {
    const value = metrics[`rt/${label}/server/127.0.0.1/${port}/${name}`];
    if (value === undefined) throw new Error(`the metrics have no ${name} of the server on port ${port}`);
    return value;
  };
  return { requests: read("requests"), connects: read("connects") };
}

/** The larger of the two parts of what came in between, in percent: 50 is even, 100 leaves one idle. */
export function busierShare(before: readonly Taken[], after: readonly Taken[], of: keyof Taken): number {
  const parts = after.map((now, i) => now[of] - (before[i]?.[of] ?? 0));
  return (100 * Math.max(...parts)) / parts.reduce((sum, part) => sum + part, 0);
}

async function readMetrics(adminPort: number): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/admin/metrics.json`);
  return (await answer.json()) as Record<string, number>; // a flat object of numbers
}

/** Each answers on its own admin port; on the shared port either may. */
async function untilReady(adminPort: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < STARTS_WITHIN_MS; waitedMs += 20) {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/admin/ping`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(20);
  }
  throw new Error(`the process with admin port ${adminPort} did not start within ${STARTS_WITHIN_MS / 1000} s`);
}

async function startPair(bench: Bench, family: TwoRow["family"]): Promise<Pair> {
  const { extra } = bench.site.ports;
  const port = extra + 2;
  const adminPorts = [extra + 3, extra + 4];
  const shared = sharesUpstream(bench.site, family);
  const setup = { family, ...(shared && { dtab: SHARED_DTAB }) };
  const started: Proxy[] = [];
  try {
    started.push((await startFairlead(bench.site, { ...setup, name: "one-process", port: extra })).proxy);
    for (const [i, adminPort] of adminPorts.entries()) {
      const own = { name: `process-${i + 1}-of-2`, port, adminPort, reusePort: true };
      started.push((await startFairlead(bench.site, { ...setup, ...own })).proxy);
      await untilReady(adminPort);
    }
  } catch (error) {
    await Promise.all(started.map((proxy) => proxy.stop()));
    throw error;
  }
  const [one, first, second] = started as [Proxy, Proxy, Proxy]; // three were pushed
  const label = callersOf(family) === "h2" ? "h2" : "http";
  const taken = (): Promise<Taken[]> =>
    Promise.all(adminPorts.map(async (adminPort) => takenIn(await readMetrics(adminPort), label, port)));
  return { one, two: Proxy.together("two-processes", [first, second]), taken };
}

interface Shares {
  readonly requests: number;
  readonly connects: number;
}

async function compare(bench: Bench, row: TwoRow, { one, two, taken }: Pair): Promise<RowOutcome> {
  const shares: Shares[] = [];
  const measure: Slice = async (proxy, round, plan) => {
    const before = await taken();
    const window = await bench.window(proxy, round, plan);
    const after = await taken();
    const of = (what: keyof Taken): number => busierShare(before, after, what);
    if (proxy === two) shares.push({ requests: of("requests"), connects: of("connects") });
    return window;
  };
  const windows = await measureRounds(bench, [one, two], row.load, measure);
  const cost = (measured: string, proxy: Proxy): Figure => ({
    ...ownFigure(`CPU per request, ${measured}`, "µs", 0),
    ...costs(windows, proxy.name),
  });
  const share = (what: keyof Taken, text: string, target?: Target): Figure => ({
    ...ownFigure(`share of ${text} of the busier one`, "%", 0, target),
    ...spread(shares.map((one) => one[what])),
  });
  const ratio = {
    ...ownFigure("CPU per request, two ÷ one", "×", 0, row.cost),
    ...ratios(windows, two.name, one.name),
  };
  return {
    figures: [
      cost("one process", one),
      cost("two processes", two),
      ratio,
      share("connects", "connections", row.share),
      share("requests", "requests"),
    ],
    raw: { windows, shares },
    notes: notesOn(windows),
  };
}

function toRow(row: TwoRow): Row {
  return {
    name: row.name,
    says: `two processes sharing the port and the core, against one process: ${row.says}`,
    quick: false,
    peers: false,
    seconds: (bench) => secondsOfRounds(bench, 2) + 3,
    async measure(bench) {
      const pair = await startPair(bench, row.family);
      try {
        return await compare(bench, row, pair);
      } finally {
        await Promise.all([pair.one.stop(), pair.two.stop()]);
      }
    },
  };
}

const UNARY = { warmup: WARM_UP, ...speaking("h2") };

/** The kernel deals out connections by a hash of their addresses: of few of them, and in HTTP/2 there are few, one often gets most. */
export const twoProcessesRows: readonly Row[] = [
  {
    name: "h1-two-processes-c64",
    says: "GET 1 kB, 12 headers, 64 connections",
    family: "h1" as const,
    load: { connections: 64, warmup: WARM_UP },
    cost: { must: 1.15, moonshot: 1.05 },
    share: { must: 65 }, // at least 35 % for the other one
  },
  {
    name: "h2-two-processes-c8m32",
    says: "gRPC unary, 8 connections × 32 streams",
    family: "h2" as const,
    load: { ...UNARY, connections: 8, streams: 32 },
  },
  {
    name: "h2-two-processes-c32m1",
    says: "gRPC unary, 32 connections × 1 stream",
    family: "h2" as const,
    load: { ...UNARY, connections: 32, streams: 1 },
  },
].map(toRow);
