// The kinds of traffic that are compared, each with proxies of its own: a peer appears once in each that it can play.
import type { RunPlan } from "./generator.ts";

/**
 * `h1` and `h2`: the same protocol on both sides; `h2-h1` and `h1-h2`: from one to the other; `h2-groups`: as `h2`, with a
 * group of upstream servers, and so with connections, for each of the 100 names rather than one for all.
 */
export type Family = "h1" | "h2" | "h2-groups" | "h2-h1" | "h1-h2";

/** What callers speak. */
export const callersOf = (family: Family): "h1" | "h2" => (family === "h1" || family === "h1-h2" ? "h1" : "h2");

/** What the servers are spoken to in. */
export const serversOf = (family: Family): "h1" | "h2" => (family === "h1" || family === "h2-h1" ? "h1" : "h2");

/** The keys of a run that make its requests ones of this family: gRPC where both sides can carry it. */
export function speaking(family: Family): Partial<RunPlan> {
  if (callersOf(family) === "h1") return {};
  return serversOf(family) === "h1" ? { http2: 1 } : { http2: 1, grpc: 1, upload: 105, answer: 100 };
}
