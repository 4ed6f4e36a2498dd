// What a name costs that is in no cache: 20 000 names in rotation against a cache of 1 000, with a short and a long dtab.
import { type Bench, notesOn, ownFigure, type Row, type RowOutcome } from "../bench.ts";
import { startFairlead } from "../fairlead.ts";
import type { Proxy } from "../proxy.ts";
import { costs, differences, measureRounds, secondsOfRounds } from "../rounds.ts";

const NAMES = 20_000;
const SIZES = [10, 10_000] as const;
const CACHES = "  bindingCache: { paths: 1000, trees: 1000, bounds: 1000, clients: 1000 }\n";

/** One entry for all names, then one each for names spread over the rotation. All lead to one client: only the look-up differs. */
export function dtabOf(entries: number): string {
  const lines = ["/svc/* => /#/io.l5d.fs/svc0 ;"];
  const step = Math.floor(NAMES / entries);
  for (let i = 1; i < entries; i++) lines.push(`/svc/n${i * step} => /#/io.l5d.fs/svc0 ;`);
  return lines.join("\n");
}

const nameOf = (entries: number): string => `lookup-${entries}`;

async function startBoth(bench: Bench): Promise<Proxy[]> {
  const proxies: Proxy[] = [];
  for (const [i, entries] of SIZES.entries()) {
    const setup = {
      name: nameOf(entries),
      port: bench.site.ports.extra + 2 * i,
      dtab: dtabOf(entries),
      routerKeys: CACHES,
    };
    proxies.push((await startFairlead(bench.site, setup)).proxy);
  }
  return proxies;
}

async function compare(bench: Bench, proxies: readonly Proxy[]): Promise<RowOutcome> {
  const load = { connections: 64, warmup: 2 * NAMES, warmupCap: 8, hosts: NAMES, hostName: "n" };
  const windows = await measureRounds(bench, proxies, load);
  const figures = SIZES.map((size) => ({
    measure: `CPU per request, ${size} entries`,
    proxy: "fairlead",
    unit: "µs",
    ...costs(windows, nameOf(size)),
  }));
  const more = differences(windows, nameOf(SIZES[1]), nameOf(SIZES[0]));
  const difference = { ...ownFigure("10 000 entries less 10", "µs", 0, { must: 10, moonshot: 2 }), ...more };
  return { figures: [...figures, difference], raw: windows, notes: notesOn(windows) };
}

const row: Row = {
  name: "lookup-uncached",
  says: "route lookup, 10 000 dtab entries against 10, 20 000 names in rotation, caches of 1 000",
  quick: false,
  peers: false,
  seconds: (bench) => secondsOfRounds(bench, SIZES.length) + 2,
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
