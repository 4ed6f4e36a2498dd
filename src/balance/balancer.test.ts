import fc from "fast-check";
import { expect, test } from "vitest";
import { Bench, FakeNode } from "../../test/support/balanced.ts";
import { seededRandom } from "../base/random.ts";
import { EndpointStatus, type LoadCell } from "../core/picker.ts";
import { type BalancerSpec, follow } from "./balancer.ts";
import { LeastLoaded, PeakEwma } from "./load.ts";

const common = { maxEffort: 5, enableProbation: false };
const band = { smoothWindowMs: 5_000, lowLoad: 0.5, highLoad: 2, minAperture: 1, minDeterministicAperture: 12 };
const specs = {
  p2c: { kind: "p2c", ...common },
  ewma: { kind: "ewma", ...common, decayTimeMs: 10_000 },
  aperture: { kind: "aperture", ...common, ...band },
  ring: { kind: "aperture", ...common, ...band, peer: { id: 1, count: 3 } },
  heap: { kind: "heap", enableProbation: false },
  roundRobin: { kind: "roundRobin", ...common },
} satisfies Record<string, BalancerSpec>;
const each = Object.entries(specs) as [string, BalancerSpec][];

const make = ({ key }: { key: string }, cell: LoadCell) => new FakeNode(key, cell);

test("A balancer's kind decides what its nodes are compared by", () => {
  expect(new Bench(specs.p2c).balancer.newCell()).toBeInstanceOf(LeastLoaded);
  expect(new Bench(specs.ewma).balancer.newCell()).toBeInstanceOf(PeakEwma);
});

test("A balancer follows discovery: it makes nodes once, moves weights and returns who left", () => {
  const { balancer } = new Bench(specs.p2c);
  let made = 0;
  const counted = (member: { key: string }, cell: LoadCell) => {
    made++;
    return make(member, cell);
  };
  follow(
    balancer,
    [
      { key: "a:1", weight: 1 },
      { key: "b:1", weight: 1 },
      { key: "b:1", weight: 9 },
    ],
    counted,
  );
  const [a, b] = balancer.nodes;
  expect(
    follow(
      balancer,
      [
        { key: "a:1", weight: 0.5 },
        { key: "c:1", weight: 1 },
      ],
      counted,
    ),
  ).toEqual([b]);
  expect(balancer.get("a:1")).toBe(a);
  expect(a?.weight).toBe(0.5);
  expect(made).toBe(3);
});

test.each(each)("The metrics of %s are declared and read its state", (_, spec) => {
  const bench = new Bench(spec);
  follow(
    bench.balancer,
    [
      { key: "a:1", weight: 1 },
      { key: "b:1", weight: 2 },
    ],
    make,
  );
  bench.balancer.pick(0)?.cell.start(0);
  expect(bench.undeclared()).toEqual([]);
  expect(
    ["size", "available", "busy", "closed", "load", "meanweight", "num_weight_classes", "adds", "updates"].map((name) =>
      bench.read(name),
    ),
  ).toEqual([2, 2, 0, 0, 1, 1.5, 2, 2, 1]);
});

test.each([
  ["p2c", "p2c_least_loaded"],
  ["ewma", "p2c_peak_ewma"],
  ["aperture", "aperture_least_loaded"],
  ["ring", "aperture_least_loaded"],
  ["heap", "heap_least_loaded"],
  ["roundRobin", "round_robin"],
] as const)("%s says by a gauge that its algorithm is %s", (kind, algorithm) => {
  expect(new Bench(specs[kind]).read(`algorithm/${algorithm}`)).toBe(1);
});

test.each(each)("%s without members picks nothing, with one member picks it, ready or not", (_, spec) => {
  const bench = new Bench(spec);
  expect(bench.balancer.pick(0)).toBeNull();
  expect(bench.balancer.status(0)).toBe(EndpointStatus.closed);
  const [only] = bench.fill(1) as [FakeNode];
  expect(bench.start()).toBe(only);
  only.ready = EndpointStatus.closed;
  expect(bench.start()).toBe(only);
  bench.update();
  expect(bench.balancer.pick(0)).toBeNull();
});

test.each(each)("%s is fair to nodes under equal load", (_, spec) => {
  const bench = new Bench(spec);
  // No more nodes than a ring of three clients gives each of them in full.
  const nodes = bench.fill(6);
  const running: FakeNode[] = [];
  for (let n = 0; n < 24_000; n++) {
    bench.nowMs += 1;
    if (n === 12_000) for (const node of nodes) node.picked = 0;
    running.push(bench.start());
    // Enough in progress for an aperture to be as wide as can be.
    if (running.length > 30) bench.end(running.shift() as FakeNode);
  }
  for (const node of nodes) expect(Math.abs(node.picked - 2_000)).toBeLessThan(200);
});

test.each(each)(
  "%s divides requests among weights by weight times number, and reaches weight zero only in need",
  (_, spec) => {
    const bench = new Bench(spec);
    const nodes = bench.fill(6);
    nodes.forEach((node, n) => (node.weight = n === 5 ? 0 : n < 3 ? 1 : 0.25));
    bench.fill(6);
    bench.serve(7_000);
    const [heavy = 0, light = 0] = [nodes.slice(0, 3), nodes.slice(3, 5)].map((some) =>
      some.reduce((sum, node) => sum + node.picked, 0),
    );
    expect(Math.abs(heavy - 6_000)).toBeLessThan(200);
    expect(Math.abs(light - 1_000)).toBeLessThan(200);
    expect(nodes[5]?.picked).toBe(0);
    for (const node of nodes.slice(0, 5)) node.ready = EndpointStatus.busy;
    bench.serve(10);
    expect(nodes[5]?.picked).toBe(10);
  },
);

test.each(each)(
  "%s picks members only, reaches open ones, and counts no request twice, whatever happens",
  (_, spec) => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.constant({ at: "start" } as const) },
      { weight: 5, arbitrary: fc.record({ at: fc.constant("end" as const), which: fc.nat(1_000) }) },
      fc.record({ at: fc.constant("flip" as const), which: fc.nat(1_000), ready: fc.constantFrom(0, 1, 2) }),
      fc.record({
        at: fc.constant("update" as const),
        members: fc.uniqueArray(fc.record({ key: fc.nat(20), weight: fc.constantFrom(0, 0.5, 1) }), {
          selector: ({ key }) => key,
          maxLength: 16,
        }),
      }),
      fc.record({ at: fc.constant("wait" as const), ms: fc.nat(100_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), fc.integer(), (steps, seed) => {
        const bench = new Bench(spec, seededRandom(seed));
        let nodes = bench.fill(5);
        const known = new Set(nodes);
        const running: FakeNode[] = [];
        for (const now of steps) {
          if (now.at === "start" && nodes.length > 0) {
            const node = bench.start();
            expect(nodes).toContain(node);
            running.push(node);
          } else if (now.at === "end" && running.length > 0) {
            const [node] = running.splice(now.which % running.length, 1);
            bench.end(node as FakeNode);
          } else if (now.at === "flip" && nodes.length > 0) nodes[now.which % nodes.length]!.ready = now.ready;
          else if (now.at === "update") {
            follow(
              bench.balancer,
              now.members.map(({ key, weight }) => ({ key: `10.0.0.${key}:80`, weight })),
              make,
            );
            nodes = [...bench.balancer.nodes];
            for (const node of nodes) known.add(node);
          } else if (now.at === "wait") bench.nowMs += now.ms;
        }
        for (const node of running) bench.end(node);
        for (const node of known) expect(node.cell.pending).toBe(0);
        expect(bench.balancer.census(bench.nowMs).load).toBe(0);
        for (const node of nodes) node.ready = EndpointStatus.open;
        if (nodes.length > 0) expect(bench.start().ready).toBe(EndpointStatus.open);
      }),
      { numRuns: 60 },
    );
  },
);

test.each(each)("%s goes on among members whose readiness is another one at every look", (_, spec) => {
  const bench = new Bench({ ...spec, enableProbation: true });
  const nodes = bench.fill(12);
  const random = seededRandom(3);
  for (const node of nodes) node.status = () => random.int(3) as EndpointStatus;
  for (let n = 0; n < 500; n++) {
    const running = Array.from({ length: 40 }, () => bench.start());
    bench.nowMs += 1_000;
    for (const node of running) bench.end(node);
  }
  for (const node of nodes) expect(node.picked).toBeGreaterThan(500);
  bench.fill(6);
  for (let n = 0; n < 50; n++) expect(bench.balancer.nodes).toContain(bench.start());
  // Chance alone sends nobody away.
  expect(bench.left).toEqual([]);
});

test.each(each)("With probation, %s keeps what discovery removed while it is open, and no longer", (_, spec) => {
  const bench = new Bench({ ...spec, enableProbation: true });
  const [a, b] = bench.fill(2) as [FakeNode, FakeNode];
  bench.start();
  expect(bench.balancer.update([a])).toEqual([]);
  expect(bench.balancer.nodes).toEqual([a, b]);
  expect([bench.read("removes"), bench.read("size")]).toEqual([0, 2]);
  b.ready = EndpointStatus.busy;
  expect(bench.start()).toBe(a);
  expect(bench.left).toEqual([b.key]);
  expect(bench.balancer.nodes).toEqual([a]);
  expect(bench.balancer.get(b.key)).toBeUndefined();
  expect([bench.read("removes"), bench.read("size")]).toEqual([1, 1]);
});

test.each(each)("With probation, %s keeps a node that discovery names again for good", (_, spec) => {
  const bench = new Bench({ ...spec, enableProbation: true });
  const [a, b] = bench.fill(2) as [FakeNode, FakeNode];
  bench.balancer.update([]);
  bench.balancer.update([b, a]);
  a.ready = EndpointStatus.busy;
  bench.serve(20);
  expect(bench.left).toEqual([]);
  expect(bench.balancer.nodes).toEqual([b, a]);
  expect([bench.read("adds"), bench.read("removes")]).toEqual([2, 0]);
});
