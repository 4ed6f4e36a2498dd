// Two worker threads of one fairlead process against one event loop. All are on the proxy's core, so what is compared is the price of
// dividing the work, not what a second core would gain; and the share of connections is what would divide the load of two cores: requests
// come out more even, as the scheduler gives the thread with fewer connections half of the core all the same.
import { type Bench, type Figure, notesOn, ownFigure, type Row, type RowOutcome, type Target } from "../bench.ts";
import { SHARED_DTAB, startFairlead } from "../fairlead.ts";
import { callersOf, type Family, speaking } from "../families.ts";
import { sharesUpstream } from "../peers-http2.ts";
import type { Proxy } from "../proxy.ts";
import { costs, type Load, measureRounds, ratios, secondsOfRounds, type Slice } from "../rounds.ts";
import { spread } from "../statistics.ts";

/** 20 000 for each of the two. */
const WARM_UP = 40_000;

/** What one of the workers has got since it started. */
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

async function readMetrics(adminPort: number, worker: number): Promise<Record<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${adminPort}/admin/metrics.json?worker=${worker}`);
  return (await answer.json()) as Record<string, number>; // a flat object of numbers
}

async function startPair(bench: Bench, family: TwoRow["family"]): Promise<Pair> {
  const { extra } = bench.site.ports;
  const port = extra + 2;
  const shared = sharesUpstream(bench.site, family);
  const setup = { family, ...(shared && { dtab: SHARED_DTAB }) };
  const { proxy: one } = await startFairlead(bench.site, { ...setup, name: "one-worker", port: extra });
  try {
    const { proxy: two } = await startFairlead(bench.site, { ...setup, name: "two-workers", port, workers: 2 });
    const label = callersOf(family) === "h2" ? "h2" : "http";
    const taken = (): Promise<Taken[]> =>
      Promise.all([0, 1].map(async (worker) => takenIn(await readMetrics(port + 1, worker), label, port)));
    return { one, two, taken };
  } catch (error) {
    await one.stop();
    throw error;
  }
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
      cost("one worker", one),
      cost("two workers", two),
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
    says: `two workers on one core, against one: ${row.says}`,
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

const COST: Target = { must: 1.15, moonshot: 1.05 };

/** The kernel deals out connections by a hash of their addresses: of few of them, and in HTTP/2 there are few, one often gets most. */
export const twoWorkersRows: readonly Row[] = [
  {
    name: "h1-two-workers-c64",
    says: "GET 1 kB, 12 headers, 64 connections",
    family: "h1" as const,
    load: { connections: 64, warmup: WARM_UP },
    cost: COST,
    share: { must: 65 }, // at least 35 % for the other one
  },
  {
    name: "h2-two-workers-c8m32",
    says: "gRPC unary, 8 connections × 32 streams",
    family: "h2" as const,
    load: { ...UNARY, connections: 8, streams: 32 },
    cost: COST,
  },
  {
    name: "h2-two-workers-c32m1",
    says: "gRPC unary, 32 connections × 1 stream",
    family: "h2" as const,
    load: { ...UNARY, connections: 32, streams: 1 },
    cost: COST,
  },
].map(toRow);
