import { expect, test } from "vitest";
import { seededRandom } from "../../../src/base/random.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../../../src/core/picker.ts";
import { BestOf, MeanLatency } from "./best-of.ts";

class Node implements BalancerNode {
  weight = 1;
  ready: EndpointStatus = EndpointStatus.open;
  readonly key: string;
  readonly cell: LoadCell;

  constructor(key: string, cell: LoadCell) {
    this.key = key;
    this.cell = cell;
  }

  status(): EndpointStatus {
    return this.ready;
  }
}

function setUp(count: number, choices: number) {
  const balancer = new BestOf<Node>({ choices, answers: 20, decayMs: 10_000, maxEffort: 5 }, seededRandom(1));
  const nodes = Array.from({ length: count }, (_, n) => new Node(`n${n}`, balancer.newCell()));
  balancer.update(nodes);
  return { balancer, nodes };
}

const loadAt = (cell: LoadCell, nowMs: number): number => {
  cell.weigh(nowMs);
  return cell.load;
};

test("BestOf takes the least loaded of all when it draws as many as there are", () => {
  const { balancer, nodes } = setUp(5, 5);
  for (const node of nodes) {
    node.cell.start(0);
    node.cell.end(node.key === "n3" ? 10 : 100, 0);
  }
  for (let n = 0; n < 20; n++) expect(balancer.pick(100)?.key).toBe("n3");
});

test("BestOf draws every node, each about as often", () => {
  const { balancer, nodes } = setUp(10, 3);
  const counts = new Map(nodes.map(({ key }) => [key, 0]));
  for (let n = 0; n < 10_000; n++) {
    const { key } = balancer.pick(0)!;
    counts.set(key, counts.get(key)! + 1);
  }
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test("BestOf takes an open node rather than a better one that is dead, and a dead one when there is no other", () => {
  const { balancer, nodes } = setUp(4, 2);
  for (const node of nodes.slice(1)) node.ready = EndpointStatus.busy;
  nodes[0]!.cell.start(0);
  const picked = Array.from({ length: 200 }, () => balancer.pick(1)!.key);
  expect(picked.filter((key) => key === "n0").length).toBeGreaterThan(150);
  nodes[0]!.ready = EndpointStatus.busy;
  expect(balancer.pick(1)).not.toBeNull();
  balancer.update([]);
  expect(balancer.pick(1)).toBeNull();
});

test("MeanLatency moves to each answer by its share and falls while none come", () => {
  const cell = new MeanLatency(20, 10_000);
  cell.start(0);
  cell.end(100, 0);
  expect(loadAt(cell, 100)).toBeCloseTo(100, 9);
  cell.start(100);
  cell.end(100, 100);
  expect(loadAt(cell, 100)).toBeCloseTo(95, 9);
  expect(loadAt(cell, 10_100)).toBeCloseTo(95 / Math.E, 9);
});

test("MeanLatency counts what waits by its age once that is more than the mean", () => {
  const cell = new MeanLatency(20, 10_000);
  cell.start(0);
  cell.end(10, 0);
  cell.start(10);
  cell.start(20);
  expect(loadAt(cell, 20)).toBeCloseTo(3 * 10 * Math.exp(-10 / 10_000), 9);
  expect(loadAt(cell, 1015)).toBeCloseTo(3 * 1000, 9);
});

test("MeanLatency without history is free while idle and nearly infinite while busy", () => {
  const cell = new MeanLatency(20, 10_000);
  expect(loadAt(cell, 5)).toBe(0);
  cell.start(5);
  expect(loadAt(cell, 6)).toBeGreaterThan(1e14);
});
