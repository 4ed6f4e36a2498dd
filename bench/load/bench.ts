// What rows are given to measure with, and what they give back.
import type { Options } from "../options.ts";
import { failuresOf, type RunPlan, type RunResult } from "./generator.ts";
import type { Progress } from "./progress.ts";
import type { Family } from "./families.ts";
import type { Proxy, Site } from "./proxy.ts";
import { countForeign, waitForQuiet } from "./quiet.ts";

/** A target: at least `must`, aiming at `moonshot`. Smaller is better everywhere. */
export interface Target {
  readonly must: number;
  readonly moonshot?: number;
}

/** One figure of a row: a cell of the table, or with `over` the ratio of two. */
export interface Figure {
  readonly measure: string;
  readonly proxy: string;
  /** The figure is `proxy` divided by this other one, per round. */
  readonly over?: string;
  readonly unit: string;
  readonly median: number;
  readonly min?: number;
  readonly max?: number;
  readonly target?: Target;
}

/** A figure of fairlead alone. */
export function ownFigure(measure: string, unit: string, median: number, target?: Target): Figure {
  return { measure, proxy: "fairlead", unit, median, ...(target && { target }) };
}

/** A row's outcome. `raw` is kept in the JSON as it is. */
export interface RowOutcome {
  readonly figures: readonly Figure[];
  readonly raw: unknown;
  /** Sentences a reader of the figures must know: noise, failures, what was absent. */
  readonly notes: readonly string[];
}

/** A line of the benchmark. */
export interface Row {
  readonly name: string;
  readonly says: string;
  /** Also part of `--quick` without `--rows`. */
  readonly quick: boolean;
  /** Measures the proxies that run side by side, rather than processes of its own. */
  readonly peers: boolean;
  /** Of which kind those are. Default: HTTP/1.1. */
  readonly family?: Family;
  /** Rough length in seconds, for the estimate of the time left. */
  seconds(bench: Bench): number;
  measure(bench: Bench): Promise<RowOutcome>;
}

/** A measured window with what disturbed it. */
export interface Window extends RunResult {
  readonly proxy: string;
  readonly round: number;
  readonly cpuUsPerRequest: number;
  readonly foreignMs: number;
  readonly repeats: number;
  readonly rssAfter: number;
}

/** Foreign CPU a window may contain, in ms per second of window. */
const FOREIGN_MS_PER_S = 40;
/** Two processes that each crossed a tick of 10 ms are no disturbance. */
const FOREIGN_LEAST_MS = 20;
const MOST_REPEATS = 4;
const PATIENCE_MS = 30_000;

function isDisturbed(window: Window): boolean {
  const allowedMs = (FOREIGN_MS_PER_S * (window.endNs - window.startNs)) / 1e9;
  return window.foreignMs > Math.max(FOREIGN_LEAST_MS, allowedMs);
}

/** The running bench: site, proxies, options and the one way to measure a window. */
export class Bench {
  readonly options: Options;
  readonly site: Site;
  readonly proxies: readonly Proxy[];
  readonly random: () => number;
  readonly progress: Progress;

  constructor(options: Options, site: Site, proxies: readonly Proxy[], random: () => number, progress: Progress) {
    this.options = options;
    this.site = site;
    this.proxies = proxies;
    this.random = random;
    this.progress = progress;
  }

  /** The proxies to compare, but none of those named. */
  family(family: Family, ...without: readonly string[]): Proxy[] {
    return this.proxies.filter((one) => one.family === family && !without.includes(one.name));
  }

  /** Seconds of a closed-loop window. */
  get windowS(): number {
    return this.options.quick ? 1 : 1.5;
  }

  /** One warm-up and window against one proxy; again when foreign processes disturbed it. */
  async window(proxy: Proxy, round: number, plan: Omit<RunPlan, "target" | "watch">): Promise<Window> {
    for (let repeats = 0; ; repeats++) {
      const window = await this.#once(proxy, round, plan, repeats);
      if (!isDisturbed(window) || this.options.force || repeats === MOST_REPEATS) return window;
      this.progress.note(`${proxy.name}: ${window.foreignMs.toFixed(0)} ms of foreign CPU in the window, once more`);
      await waitForQuiet(FOREIGN_MS_PER_S / 1000, PATIENCE_MS);
    }
  }

  async #once(proxy: Proxy, round: number, plan: Omit<RunPlan, "target" | "watch">, repeats: number): Promise<Window> {
    let foreign = (): number => 0;
    const others = this.proxies.filter((one) => one !== proxy).flatMap((one) => one.pids());
    const opened = (): void => void (foreign = countForeign(others));
    const result = await this.site.generator.run({ ...plan, target: proxy.port, watch: proxy.pids() }, opened);
    return {
      ...result,
      proxy: proxy.name,
      round,
      cpuUsPerRequest: result.proxyCpuNs / 1000 / result.ok,
      foreignMs: foreign(),
      repeats,
      rssAfter: proxy.memory().rss,
    };
  }
}

/** What a reader must be told about a set of windows. */
export function notesOn(windows: readonly Window[]): string[] {
  const notes: string[] = [];
  for (const name of new Set(windows.map((window) => window.proxy))) {
    const own = windows.filter((window) => window.proxy === name);
    const failures = own.reduce((sum, window) => sum + failuresOf(window), 0);
    if (failures > 0) notes.push(`${name}: ${failures} answers were not a correct 2xx`);
    const crossings = own.reduce((sum, window) => sum + window.crossings, 0);
    if (crossings > 0) notes.push(`${name}: ${crossings} ANSWERS BELONGED TO ANOTHER REQUEST`);
  }
  const disturbed = windows.filter(isDisturbed).length;
  if (disturbed > 0) notes.push(`${disturbed} of ${windows.length} windows with foreign CPU above the limit`);
  return notes;
}
