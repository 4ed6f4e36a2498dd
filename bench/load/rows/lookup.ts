// What a name costs that is in no cache: 20 000 names in rotation against a cache of 1 000, with a short and a long dtab.
import { type Bench, notesOn, ownFigure, type Row, type RowOutcome, type Window } from "../bench.ts";
import { startFairlead } from "../fairlead.ts";
import type { Proxy } from "../proxy.ts";
import { shuffled, spread } from "../statistics.ts";

const NAMES = 20_000;
const SIZES = [10, 10_000] as const;
const SERVICES_BEHIND = 10;
const CACHES = "  bindingCache: { paths: 1000, trees: 1000, bounds: 1000, clients: 1000 }\n";

/** One entry for all names, then one each for names spread over the whole rotation. */
export function dtabOf(entries: number): string {
  const lines = ["/svc/* => /#/io.l5d.fs/svc0 ;"];
  const step = Math.floor(NAMES / entries);
  for (let i = 1; i < entries; i++) lines.push(`/svc/n${i * step} => /#/io.l5d.fs/svc${i % SERVICES_BEHIND} ;`);
  return lines.join("\n");
}

async function startBoth(bench: Bench): Promise<Proxy[]> {
  const proxies: Proxy[] = [];
  for (const [i, entries] of SIZES.entries()) {
    const setup = {
      name: `lookup-${entries}`,
      port: bench.site.ports.extra + 2 * i,
      dtab: dtabOf(entries),
      routerKeys: CACHES,
    };
    proxies.push((await startFairlead(bench.site, setup)).proxy);
  }
  return proxies;
}

async function compare(bench: Bench, proxies: readonly Proxy[]): Promise<RowOutcome> {
  const windows: Window[] = [];
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (const proxy of shuffled(proxies, bench.random)) {
      const plan = {
        connections: 64,
        warmup: 2 * NAMES,
        warmupCap: 8,
        hosts: NAMES,
        hostName: "n",
        seconds: bench.windowS,
      };
      const window = await bench.window(proxy, round, plan);
      windows.push(window);
      bench.progress.step(
        `round ${round}/${bench.options.rounds}  ${proxy.name} ${window.cpuUsPerRequest.toFixed(2)} µs`,
      );
    }
  }
  const costs = SIZES.map((size) =>
    windows.filter((w) => w.proxy === `lookup-${size}`).toSorted((a, b) => a.round - b.round),
  );
  const more = costs[1]!.map((window, i) => window.cpuUsPerRequest - costs[0]![i]!.cpuUsPerRequest); // one window each per round
  const figures = SIZES.map((size, i) => ({
    measure: `CPU per request, ${size} entries`,
    proxy: "fairlead",
    unit: "µs",
    ...spread(costs[i]!.map((window) => window.cpuUsPerRequest)),
  }));
  const difference = { ...ownFigure("10 000 entries less 10", "µs", 0, { must: 10, moonshot: 2 }), ...spread(more) };
  return { figures: [...figures, difference], raw: windows, notes: notesOn(windows) };
}

const row: Row = {
  name: "lookup-uncached",
  says: "route lookup, 10 000 dtab entries against 10, 20 000 names in rotation, caches of 1 000",
  quick: false,
  peers: false,
  seconds: (bench) => bench.options.rounds * SIZES.length * (bench.windowS + 2) + 2,
  async measure(bench) {
    const proxies = await startBoth(bench);
    try {
      return await compare(bench, proxies);
    } finally {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
    }
  },
};

export const lookupRows: readonly Row[] = [row];
