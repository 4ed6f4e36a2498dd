// Rounds at saturation: every proxy in every round, in slices taken in turns, so that what slows the box for a
// second slows all of them.
import type { Bench, Window } from "./bench.ts";
import type { RunPlan } from "./generator.ts";
import type { Proxy } from "./proxy.ts";
import { type Spread, shuffled, spread } from "./statistics.ts";

export type Load = Omit<RunPlan, "target" | "watch" | "seconds">;

/** A round's window per proxy is cut into so many slices; only the first is preceded by the full warm-up. */
const SLICES = 5;
const LATER_WARM_UP_SHARE = 0.1;

/** Measures one slice. */
export type Slice = (proxy: Proxy, round: number, plan: Load & { readonly seconds: number }) => Promise<Window>;

/** Measures all proxies; each slice is one entry, in a new random order each time. */
export async function measureRounds(
  bench: Bench,
  proxies: readonly Proxy[],
  load: Load,
  measure: Slice = (proxy, round, plan) => bench.window(proxy, round, plan),
): Promise<Window[]> {
  const windows: Window[] = [];
  for (let round = 1; round <= bench.options.rounds; round++) {
    for (let slice = 0; slice < SLICES; slice++) {
      const share = slice === 0 ? 1 : LATER_WARM_UP_SHARE;
      const plan = { ...load, warmup: Math.ceil((load.warmup ?? 0) * share), seconds: bench.windowS / SLICES };
      for (const proxy of shuffled(proxies, bench.random)) windows.push(await measure(proxy, round, plan));
    }
    const costs = proxies.map((proxy) => `${proxy.name} ${costOf(windows, proxy.name, round).toFixed(2)} µs`);
    bench.progress.step(`round ${round}/${bench.options.rounds}  ${costs.join("  ")}`);
  }
  return windows;
}

/** Rough length of that, in seconds. */
export function secondsOfRounds(bench: Bench, proxies: number): number {
  const warmUpS = 0.7;
  const handlingS = 0.04;
  return bench.options.rounds * proxies * (bench.windowS + warmUpS + SLICES * handlingS);
}

/** CPU µs per request of a proxy in a round, over all its slices. NaN when it was not measured. */
function costOf(windows: readonly Window[], proxy: string, round: number): number {
  const slices = windows.filter((window) => window.proxy === proxy && window.round === round);
  const cpuNs = slices.reduce((sum, slice) => sum + slice.proxyCpuNs, 0);
  return cpuNs / 1000 / slices.reduce((sum, slice) => sum + slice.ok, 0);
}

function roundsOf(windows: readonly Window[]): number[] {
  return [...new Set(windows.map((window) => window.round))];
}

/** A proxy's cost over the rounds. */
export function costs(windows: readonly Window[], proxy: string): Spread {
  return spread(roundsOf(windows).map((round) => costOf(windows, proxy, round)));
}

/** Median and range of the ratios taken within each round. */
export function ratios(windows: readonly Window[], ours: string, peer: string): Spread {
  return spread(roundsOf(windows).map((round) => costOf(windows, ours, round) / costOf(windows, peer, round)));
}

/** Median and range of the differences taken within each round, in µs. */
export function differences(windows: readonly Window[], more: string, less: string): Spread {
  return spread(roundsOf(windows).map((round) => costOf(windows, more, round) - costOf(windows, less, round)));
}
