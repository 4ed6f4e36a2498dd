import fc from "fast-check";
import { expect, test } from "vitest";
import { Bench, FakeNode } from "../../test/support/balanced.ts";
import { seededRandom } from "../base/random.ts";
import { EndpointStatus } from "../core/picker.ts";

const setUp = (seed = 1) => new Bench({ kind: "heap", enableProbation: false }, seededRandom(seed));
const pendingOf = (nodes: readonly FakeNode[]) => nodes.map((node) => node.cell.pending);

test("Heap keeps requests in progress within one of each other", () => {
  const bench = setUp();
  const nodes = bench.fill(7);
  for (let n = 1; n <= 700; n++) {
    bench.start();
    expect(Math.max(...pendingOf(nodes)) - Math.min(...pendingOf(nodes))).toBeLessThanOrEqual(1);
  }
});

test("Heap spreads requests one by one over idle nodes by chance", () => {
  const bench = setUp();
  const nodes = bench.fill(8);
  bench.serve(8_000);
  for (const node of nodes) expect(Math.abs(node.picked - 1_000)).toBeLessThan(150);
});

test("Heap leaves a node that is down alone until it is open again, and then fills it up", () => {
  const bench = setUp();
  const [first, ...others] = bench.fill(4) as [FakeNode, ...FakeNode[]];
  first.ready = EndpointStatus.busy;
  for (let n = 0; n < 30; n++) bench.start();
  expect(first.cell.pending).toBe(0);
  expect(pendingOf(others)).toEqual([10, 10, 10]);
  first.ready = EndpointStatus.open;
  for (let n = 0; n < 10; n++) bench.start();
  expect(first.cell.pending).toBe(10);
});

test("Heap with every node down uses the least loaded one", () => {
  const bench = setUp();
  const nodes = bench.fill(3);
  for (const node of nodes) node.ready = EndpointStatus.busy;
  for (let n = 0; n < 30; n++) bench.start();
  expect(pendingOf(nodes)).toEqual([10, 10, 10]);
  expect(bench.read("max_effort_exhausted")).toBe(30);
});

test("Heap picks a least loaded open node whatever happened before, or a least loaded one when none is open", () => {
  const step = fc.oneof(
    fc.constant({ at: "start" } as const),
    fc.record({ at: fc.constant("end" as const), which: fc.nat(1_000) }),
    fc.record({ at: fc.constant("flip" as const), which: fc.nat(1_000), ready: fc.constantFrom(0, 1, 2) }),
    fc.record({ at: fc.constant("update" as const), keys: fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const bench = setUp(seed);
      let nodes = bench.fill(4);
      const running: FakeNode[] = [];
      for (const each of steps) {
        if (each.at === "start") {
          const open = nodes.filter((node) => node.ready === EndpointStatus.open);
          const least = Math.min(...pendingOf(open.length > 0 ? open : nodes));
          const node = bench.start();
          running.push(node);
          expect(nodes).toContain(node);
          expect(node.cell.pending).toBe(least + 1);
          if (open.length > 0) expect(open).toContain(node);
        } else if (each.at === "end") {
          const [node] = running.splice(each.which % Math.max(1, running.length), 1);
          if (node !== undefined) bench.end(node);
        } else if (each.at === "flip") nodes[each.which % nodes.length]!.ready = each.ready;
        else nodes = bench.update(...new Set(each.keys.map((key) => `h:${key}`)));
      }
      for (const node of running) bench.end(node);
      expect(new Set(pendingOf(nodes))).toEqual(new Set([0]));
    }),
  );
});

test("A heap takes over a node that changes its weight, with its requests", () => {
  const bench = setUp();
  const [a, b] = bench.fill(2) as [FakeNode, FakeNode];
  for (let n = 0; n < 6; n++) bench.start();
  b.weight = 2;
  bench.fill(2);
  expect(bench.balancer.census(0)).toMatchObject({ load: 6, weightClasses: 2 });
  for (const node of [a, b]) for (let n = 0; n < 3; n++) bench.end(node);
  bench.serve(3_000);
  expect(b.picked / a.picked).toBeGreaterThan(1.8);
  expect(b.picked / a.picked).toBeLessThan(2.2);
});

test("A heap takes no node whose cell it has not made", () => {
  const bench = setUp();
  const foreign = new FakeNode(
    "h:1",
    new Bench({ kind: "p2c", maxEffort: 5, enableProbation: false }).balancer.newCell(),
  );
  expect(() => bench.balancer.update([foreign])).toThrow("makes the cells");
});
