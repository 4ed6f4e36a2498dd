// Metrics as those read them who export or show them: a tree of readings, whether it lies here or was put together from several threads.
import type { Bounds } from "./bounds.ts";
import type { Summary } from "./summary.ts";

/** A number at the moment of reading. */
export interface NumberReading {
  readonly kind: "counter" | "gauge";
  readonly value: number;
}

/** A distribution at the moment of reading. */
export interface Distribution {
  readonly kind: "stat";
  readonly bounds: Bounds;
  readonly totalCount: number;
  readonly totalSum: number;
  countsByBound(): number[];
  /** Of the last one to two windows. */
  snapshot(): Summary;
}

export type Reading = NumberReading | Distribution;

/** A place in the tree. */
export interface MetricsTree {
  readonly segment: string;
  readonly metric: Reading | null;
  readonly children: Iterable<MetricsTree>;
  readonly hasChildren: boolean;
  existing(segment: string): MetricsTree | undefined;
}

/** The reading at a place, if there is one. */
export function readingAt(root: MetricsTree, ...segments: readonly string[]): Reading | null {
  let place: MetricsTree | undefined = root;
  for (const segment of segments) place = place?.existing(segment);
  return place?.metric ?? null;
}
