// Chance, in streams of their own: whatever the balancer draws, the requests that come and the faults that strike stay the same.
import { type Random, seededRandom } from "../../src/base/random.ts";
import type { ServiceSpec } from "./scenario.ts";

const streams = { arrivals: 1, service: 2, faults: 3, answers: 4, health: 5, clients: 1000 } as const;

/** One stream of a seed; `n` tells streams of the same purpose apart. */
export function streamOf(seed: number, purpose: keyof typeof streams, n = 0): Random {
  return seededRandom(seed + (streams[purpose] + n) * 0x1_0000_0000);
}

/** Exponential with this mean. */
export function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random.next());
}

/** Draws how long requests take, in milliseconds. */
export function serviceTimes(spec: ServiceSpec, random: Random): () => number {
  switch (spec.kind) {
    case "uniform":
      return () => spec.minMs + (spec.maxMs - spec.minMs) * random.next();
    case "exponential":
      return () => exponential(spec.meanMs, random);
    case "lognormal":
      return () => spec.medianMs * Math.exp(spec.sigma * normal(random));
    case "bimodal":
      return () => exponential(random.next() < spec.longShare ? spec.longMeanMs : spec.meanMs, random);
  }
}

// Box and Muller, one of the two.
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
