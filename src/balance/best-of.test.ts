import { expect, test } from "vitest";
import { Bench } from "../../test/support/balanced.ts";
import { EndpointStatus } from "../core/picker.ts";

const setUp = (choices: number) =>
  new Bench({
    kind: "fairlead.bestOf",
    choices,
    answers: 20,
    decayTimeMs: 10_000,
    maxEffort: 5,
    enableProbation: false,
  });

test("The best of as many as there are is the best of all", () => {
  const bench = setUp(9);
  const nodes = bench.fill(5);
  for (const node of nodes) {
    node.cell.start(0);
    node.cell.end(node === nodes[3] ? 10 : 100, 0);
  }
  bench.nowMs = 100;
  for (let n = 0; n < 20; n++) expect(bench.balancer.pick(bench.nowMs)).toBe(nodes[3]);
});

test("Every endpoint is drawn about as often as the others", () => {
  const bench = setUp(3);
  const nodes = bench.fill(10);
  bench.serve(10_000);
  for (const { picked } of nodes) expect(Math.abs(picked - 1000)).toBeLessThan(150);
});

test("An open endpoint is better than an idle one that is dead; of dead ones one is used all the same", () => {
  const bench = setUp(2);
  const nodes = bench.fill(4);
  for (const node of nodes.slice(1)) node.ready = EndpointStatus.busy;
  nodes[0]!.cell.start(0);
  const picks = Array.from({ length: 200 }, () => bench.balancer.pick(1));
  expect(picks.filter((node) => node === nodes[0]).length).toBeGreaterThan(150);
  nodes[0]!.ready = EndpointStatus.busy;
  expect(bench.balancer.pick(1)).not.toBeNull();
  expect(bench.read("max_effort_exhausted")).toBeGreaterThan(0);
});

test("Members may become fewer, one and none", () => {
  const bench = setUp(5);
  bench.fill(6);
  bench.serve(10);
  const [last] = bench.fill(1);
  expect(bench.start()).toBe(last);
  bench.update();
  expect(bench.balancer.pick(0)).toBeNull();
});
