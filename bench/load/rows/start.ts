// From spawn to the first request that came through.
import { type Bench, ownFigure, type Row } from "../bench.ts";
import { hasDist, startFairlead } from "../fairlead.ts";
import { spread } from "../statistics.ts";

const WARM_STARTS = 2; // they fill the compile cache; it is written on a normal exit only

async function startTimes(bench: Bench, dist: boolean, times: number): Promise<number[]> {
  const timesMs: number[] = [];
  for (let i = 0; i < WARM_STARTS + times; i++) {
    const setup = { name: "start", port: bench.site.ports.extra, dist };
    const { proxy, firstMs } = await startFairlead(bench.site, setup);
    await proxy.stop();
    if (i >= WARM_STARTS) timesMs.push(firstMs);
    bench.progress.step(`${dist ? "dist" : "source"} ${firstMs.toFixed(0)} ms`);
  }
  return timesMs;
}

const row: Row = {
  name: "start",
  says: "process start to first proxied request, compile cache warm, one core",
  quick: false,
  peers: false,
  seconds: (bench) => (bench.options.quick ? 5 : 15),
  async measure(bench) {
    const times = bench.options.quick ? 5 : 15;
    const source = await startTimes(bench, false, times);
    const dist = hasDist() ? await startTimes(bench, true, times) : [];
    const target = { must: 250, moonshot: 150 };
    const figures = [{ ...ownFigure("from source", "ms", 0), ...spread(source) }];
    if (dist.length > 0) figures.unshift({ ...ownFigure("from dist", "ms", 0, target), ...spread(dist) });
    return {
      figures,
      raw: { source, dist },
      notes: hasDist() ? [] : ["no dist: run `npm run build` first for the row with a target"],
    };
  },
};

export const startRows: readonly Row[] = [row];
