// Finagle's simulation "slow middle" (finagle §11.1): ten endpoints, one of which takes ten times as long for a while.
import { expect, test } from "vitest";
import { Bench, type FakeNode } from "../../test/support/balanced.ts";
import { seededRandom } from "../base/random.ts";
import type { BalancerSpec } from "./balancer.ts";

const ENDPOINTS = 10;
const REQUESTS_PER_MS = 1.25;
const LATENCY_MS = 167;
const SLOW = { fromMs: 15_000, toMs: 45_000, factor: 10 };

/** The 99th percentile of the latencies of requests that began while one endpoint was slow. */
function slowTail(spec: BalancerSpec): number {
  const bench = new Bench(spec, seededRandom(11));
  const random = seededRandom(12);
  const [slow] = bench.fill(ENDPOINTS);
  const ending = new Map<number, { node: FakeNode; startedMs: number }[]>();
  const latencies: number[] = [];
  for (let due = 0; bench.nowMs < SLOW.toMs; bench.nowMs++) {
    for (const { node, startedMs } of ending.get(bench.nowMs) ?? []) node.cell.end(bench.nowMs, startedMs);
    ending.delete(bench.nowMs);
    for (due += REQUESTS_PER_MS; due >= 1; due--) {
      const node = bench.start();
      const late = node === slow && bench.nowMs >= SLOW.fromMs;
      const latencyMs = Math.round(LATENCY_MS * (0.8 + 0.4 * random.next()) * (late ? SLOW.factor : 1));
      if (bench.nowMs >= SLOW.fromMs) latencies.push(latencyMs);
      const endsMs = bench.nowMs + latencyMs;
      const others = ending.get(endsMs) ?? [];
      others.push({ node, startedMs: bench.nowMs });
      ending.set(endsMs, others);
    }
  }
  latencies.sort((a, b) => a - b);
  return latencies[Math.floor(latencies.length * 0.99)]!;
}

test("With one slow endpoint the tail is short by latency, longer by requests in progress, longest in turn", () => {
  const common = { maxEffort: 5, enableProbation: false };
  const ewma = slowTail({ kind: "ewma", ...common, decayTimeMs: 10_000 });
  const leastLoaded = slowTail({ kind: "p2c", ...common });
  const heap = slowTail({ kind: "heap", enableProbation: false });
  const bestOf = slowTail({ kind: "fairlead.bestOf", ...common, choices: 5, answers: 20, decayTimeMs: 10_000 });
  const inTurn = slowTail({ kind: "roundRobin", ...common });
  for (const byLatency of [ewma, bestOf]) expect(byLatency).toBeLessThan(2 * LATENCY_MS);
  for (const byRequests of [leastLoaded, heap]) {
    expect(byRequests).toBeGreaterThan(ewma);
    expect(inTurn).toBeGreaterThan(byRequests);
  }
});
