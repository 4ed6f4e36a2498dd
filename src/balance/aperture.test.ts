import { expect, test } from "vitest";
import { Bench, type FakeNode } from "../../test/support/balanced.ts";
import { seededRandom } from "../base/random.ts";
import { EndpointStatus } from "../core/picker.ts";
import type { BalancerSpec } from "./balancer.ts";

type Aperture = Extract<BalancerSpec, { kind: "aperture" }>;
const defaults: Aperture = {
  kind: "aperture",
  maxEffort: 5,
  enableProbation: false,
  smoothWindowMs: 5_000,
  lowLoad: 0.5,
  highLoad: 2,
  minAperture: 1,
  minDeterministicAperture: 12,
};

const setUp = (given: Partial<Aperture> = {}, seed = 1) => new Bench({ ...defaults, ...given }, seededRandom(seed));
const usedOf = (nodes: readonly FakeNode[]) => nodes.filter((node) => node.picked > 0);

test("An aperture without load uses as many endpoints as it must", () => {
  for (const minAperture of [1, 3]) {
    const bench = setUp({ minAperture });
    const nodes = bench.fill(20);
    bench.serve(500);
    expect(usedOf(nodes)).toHaveLength(minAperture);
    expect(["logical_aperture", "physical_aperture"].map((name) => bench.read(name))).toEqual([
      minAperture,
      minAperture,
    ]);
  }
});

test("An aperture follows the load up and down, and keeps what is on one endpoint within its band", () => {
  const bench = setUp();
  const nodes = bench.fill(20);
  const running: FakeNode[] = [];
  const pass = (inProgress: number) => {
    for (let n = 0; n < 4_000; n++) {
      bench.nowMs += 10;
      if (running.length < inProgress) running.push(bench.start());
      else bench.end(running.shift() as FakeNode);
    }
    return bench.read("logical_aperture") as number;
  };
  const busy = pass(16);
  expect(busy).toBeGreaterThanOrEqual(8);
  expect(busy).toBeLessThan(20);
  expect(bench.read("loadband/offered_load_ema")).toBeGreaterThan(14);
  expect(pass(200)).toBe(20);
  expect(usedOf(nodes)).toHaveLength(20);
  while (running.length > 1) bench.end(running.shift() as FakeNode);
  expect(pass(1)).toBeLessThan(4);
  expect(bench.read("loadband/widen")).toBeGreaterThanOrEqual(19);
  expect(bench.read("loadband/narrow")).toBeGreaterThanOrEqual(16);
});

test("Processes use different endpoints, each the same all the time", () => {
  const first = new Set<string>();
  for (let seed = 1; seed <= 30; seed++) {
    const bench = setUp({}, seed);
    bench.fill(10);
    const used = bench.start();
    bench.end(used);
    first.add(used.key);
    const nodes = bench.fill(12);
    used.picked = 0;
    bench.serve(50);
    // Unless a new one stands before it.
    if (used.picked === 0) expect(nodes.indexOf(usedOf(nodes)[0] as FakeNode)).toBeGreaterThan(9);
    else expect(usedOf(nodes)).toEqual([used]);
  }
  expect(first.size).toBeGreaterThan(5);
});

test("An aperture turns to others when its endpoints are down, and back when they are up again", () => {
  const bench = setUp({ minAperture: 2 });
  const nodes = bench.fill(6);
  bench.serve(100);
  const used = usedOf(nodes);
  for (const node of used) node.ready = EndpointStatus.busy;
  for (const node of nodes) node.picked = 0;
  bench.serve(100);
  expect(bench.read("max_effort_exhausted")).toBe(1);
  expect(usedOf(nodes).filter((node) => used.includes(node))).toEqual([]);
  expect(usedOf(nodes)).toHaveLength(2);
  for (const node of nodes) [node.ready, node.picked] = [EndpointStatus.open, 0];
  bench.serve(100);
  expect(usedOf(nodes)).toEqual(used);
  expect(bench.read("rebuilds")).toBe(2);
});

test("An aperture still sends when every endpoint is down", () => {
  const bench = setUp({ minAperture: 3 });
  const nodes = bench.fill(5);
  for (const node of nodes) node.ready = EndpointStatus.busy;
  bench.serve(100);
  expect(usedOf(nodes)).toHaveLength(3);
  expect(bench.read("max_effort_exhausted")).toBe(100);
});

test("An aperture looks at its order again for endpoints whose readiness flickers, and never twice at one status", () => {
  const bench = setUp({ minAperture: 2 });
  const nodes = bench.fill(10);
  const random = seededRandom(7);
  for (const node of nodes) {
    node.settledStatus = () => (random.next() < 0.5 ? EndpointStatus.open : EndpointStatus.busy);
    node.status = node.settledStatus;
  }
  bench.serve(2_000);
  expect(new Set(usedOf(nodes))).toEqual(new Set(nodes));
  expect([...bench.balancer.nodes]).toEqual(nodes);
});

test("An aperture counts the requests of endpoints that have left until they end", () => {
  const bench = setUp({ smoothWindowMs: 1 });
  bench.fill(3);
  const running = Array.from({ length: 9 }, () => bench.start());
  bench.fill(1);
  bench.nowMs = 1_000;
  const last = bench.start();
  expect(bench.read("loadband/offered_load_ema")).toBeCloseTo(10, 9);
  for (const node of [...running, last]) bench.end(node);
  bench.nowMs = 2_000;
  bench.serve(1);
  bench.nowMs = 3_000;
  bench.serve(1);
  expect(bench.read("loadband/offered_load_ema")).toBeCloseTo(1, 9);
});

test("An aperture per weight: requests move with an endpoint that changes its weight", () => {
  const bench = setUp({ smoothWindowMs: 1 });
  const [a, b] = bench.fill(2) as [FakeNode, FakeNode];
  for (let n = 0; n < 8; n++) bench.start();
  b.weight = 2;
  bench.fill(2);
  expect(bench.read("logical_aperture")).toBe(2);
  const ends = [...Array.from({ length: a.picked }, () => a), ...Array.from({ length: b.picked }, () => b)];
  bench.nowMs = 1_000;
  for (const node of ends) bench.end(node);
  bench.nowMs = 2_000;
  for (const node of [a, b]) {
    node.cell.start(bench.nowMs);
    bench.nowMs += 1_000;
    node.cell.end(bench.nowMs, 0);
    bench.nowMs += 1_000;
  }
  expect(bench.read("loadband/offered_load_ema")).toBeCloseTo(0, 9);
});

const ring = (id: number, count: number) => setUp({ peer: { id, count } });

test("A deterministic aperture uses the endpoints that its window covers, those in part in proportion", () => {
  const bench = ring(1, 4);
  const nodes = bench.fill(18);
  bench.serve(27_000);
  const used = usedOf(nodes);
  expect(used).toHaveLength(14);
  expect([bench.read("logical_aperture"), bench.read("physical_aperture")]).toEqual([12, 14]);
  const shares = used.map((node) => node.picked / 2_000).sort((a, b) => a - b);
  expect(shares[0]).toBeGreaterThan(0.45);
  expect(shares[0]).toBeLessThan(0.6);
  for (const share of shares.slice(1)) expect(Math.abs(share - 1)).toBeLessThan(0.12);
});

test("Deterministic apertures of all clients load every endpoint equally", () => {
  const total = new Map<string, number>();
  for (let id = 0; id < 10; id++) {
    const bench = ring(id, 10);
    const nodes = bench.fill(100);
    bench.serve(10_000);
    expect(usedOf(nodes)).toHaveLength(20);
    for (const { key, picked } of nodes) total.set(key, (total.get(key) ?? 0) + picked);
  }
  for (const picked of total.values()) expect(Math.abs(picked - 1_000)).toBeLessThan(200);
});

test("A deterministic aperture compares load by share", () => {
  const bench = ring(1, 4);
  const nodes = bench.fill(18);
  for (let n = 0; n < 1_350; n++) bench.start();
  const pending = usedOf(nodes)
    .map((node) => node.cell.pending)
    .sort((a, b) => a - b);
  expect(pending[0]).toBeGreaterThan(45);
  expect(pending[0]).toBeLessThan(55);
  for (const each of pending.slice(1)) expect(Math.abs(each - 100)).toBeLessThan(6);
});

test("Clients of one service show the same vector hash, in whatever order they know its endpoints", () => {
  const keys = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
  const [one, other] = [ring(0, 2), ring(1, 2)];
  one.update(...keys);
  other.update(...keys.toReversed());
  expect(one.read("vector_hash")).toBe(other.read("vector_hash"));
  other.update(...keys.slice(1));
  expect(one.read("vector_hash")).not.toBe(other.read("vector_hash"));
});

test.each([
  ["random", undefined],
  ["deterministic", { id: 1, count: 4 }],
])("Endpoints outside of a %s aperture that have been idle for ten windows expire once", (_, peer) => {
  const bench = setUp(peer === undefined ? {} : { peer });
  const nodes = bench.fill(18);
  bench.serve(400);
  const spare = nodes.find((node) => node.picked === 0) as FakeNode;
  spare.cell.start(bench.nowMs);
  bench.nowMs = 60_000;
  bench.serve(1);
  expect(bench.expired).toEqual([]);
  spare.cell.end(bench.nowMs, 0);
  bench.nowMs += 49_999;
  bench.serve(1);
  expect(bench.expired).toEqual([]);
  bench.nowMs += 25_001;
  bench.serve(1);
  bench.nowMs += 500_000;
  bench.serve(1);
  expect(bench.expired).toEqual([spare.key]);
  expect(bench.read("expired")).toBe(1);
  spare.cell.start(bench.nowMs);
  spare.cell.end(bench.nowMs, bench.nowMs);
  bench.nowMs += 100_000;
  bench.serve(1);
  expect(bench.read("expired")).toBe(2);
});
