import { expect, test } from "vitest";
import { Bench, type FakeNode } from "../../test/support/balanced.ts";
import { EndpointStatus } from "../core/picker.ts";

const setUp = (maxEffort = 5) => new Bench({ kind: "roundRobin", maxEffort, enableProbation: false });

const turns = (bench: Bench, times: number) =>
  Array.from({ length: times }, () => {
    const node = bench.start();
    bench.end(node);
    return bench.balancer.nodes.indexOf(node);
  });

test("Round robin takes one node after the other, in their order", () => {
  const bench = setUp();
  bench.fill(3);
  expect(turns(bench, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
});

test("Round robin leaves out a node from when it is found down until it is open again", () => {
  const bench = setUp();
  const [, b] = bench.fill(3) as [FakeNode, FakeNode, FakeNode];
  turns(bench, 3);
  b.ready = EndpointStatus.busy;
  expect(turns(bench, 6)).not.toContain(1);
  expect(bench.read("rebuilds")).toBe(1);
  expect(bench.read("max_effort_exhausted")).toBe(0);
  b.ready = EndpointStatus.open;
  expect(turns(bench, 6).filter((turn) => turn === 1)).toHaveLength(2);
  expect(bench.read("rebuilds")).toBe(2);
});

test("Round robin keeps the order of the open nodes and of the others", () => {
  const bench = setUp(1);
  const nodes = bench.fill(5);
  for (const n of [1, 2, 4]) nodes[n]!.ready = EndpointStatus.busy;
  expect(turns(bench, 4)).toEqual([0, 3, 0, 3]);
  for (const node of nodes) node.ready = EndpointStatus.busy;
  expect(new Set(turns(bench, 20))).toEqual(new Set([0, 1, 2, 3, 4]));
});

test("Round robin still goes round when every node is down", () => {
  const bench = setUp();
  const nodes = bench.fill(4);
  for (const node of nodes) node.ready = EndpointStatus.busy;
  turns(bench, 400);
  for (const node of nodes) expect(node.picked).toBe(100);
  expect(bench.read("max_effort_exhausted")).toBe(400);
});

test("Round robin goes on counting when the members change", () => {
  const bench = setUp();
  bench.fill(3);
  turns(bench, 5);
  bench.fill(4);
  expect(turns(bench, 4)).toEqual([1, 2, 3, 0]);
});
