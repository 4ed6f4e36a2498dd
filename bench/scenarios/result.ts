// What is kept of the scenarios.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../load/fairlead.ts";
import type { machineOf } from "../load/results.ts";
import type { Figures } from "./measure.ts";
import type { Protocol, Timeline } from "./plan.ts";

/** One proxy in one scenario. `figures` is null when it could not be measured. */
export interface Result {
  readonly protocol: Protocol;
  readonly scenario: string;
  readonly proxy: string;
  readonly figures: Figures | null;
  /** Share of a core that other programs of the box used meanwhile. */
  readonly foreignShare?: number;
  /** Why it could not. */
  readonly problem?: string;
}

/** All of it, as it lies in bench/results. */
export interface Report {
  readonly startedAt: string;
  readonly commit: string;
  readonly machine: ReturnType<typeof machineOf>;
  readonly versions: Readonly<Record<string, string>>;
  readonly rate: number;
  readonly seed: number;
  readonly timeline: Timeline;
  /** What fairlead says of its configuration. */
  readonly warnings: readonly string[];
  readonly results: readonly Result[];
}

const KEPT = join(ROOT, "bench/results/scenarios.json");

export function keep(report: Report): void {
  writeFileSync(KEPT, `${JSON.stringify(report).replaceAll('{"protocol":', '\n{"protocol":')}\n`); // one run per line
}

/** What was kept last; undefined when nothing was. */
export function kept(): Report | undefined {
  try {
    return JSON.parse(readFileSync(KEPT, "utf8")) as Report; // written by `keep`
  } catch {
    return undefined;
  }
}
