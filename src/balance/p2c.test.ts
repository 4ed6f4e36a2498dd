import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeNode as Node, scripted } from "../../test/support/balanced.ts";
import { ManualEnv } from "../../test/support/manual-env.ts";
import type { Random } from "../base/random.ts";
import { seededRandom } from "../base/random.ts";
import { type Balancer, EndpointStatus, type LoadCell } from "../core/picker.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { balancerCounters } from "./counters.ts";
import { LeastLoaded, PeakEwma } from "./load.ts";
import { P2cGroup } from "./p2c.ts";
import { WeightedBalancer } from "./weighted-balancer.ts";

function setUp(random: Random = seededRandom(12345), maxEffort = 5, newCell: () => LoadCell = () => new LeastLoaded()) {
  const counters = balancerCounters(new MetricsRegistry(new ManualEnv()).root);
  const kind = { newCell, newGroup: () => new P2cGroup<Node>(maxEffort, random, counters) };
  const probation = { enabled: false, left: () => undefined };
  return { counters, balancer: new WeightedBalancer<Node>(kind, probation, random, counters) };
}

const nodesOf = (count: number, cell?: () => LoadCell) =>
  Array.from({ length: count }, (_, n) => new Node(`10.0.0.${n}:80`, cell?.() ?? new LeastLoaded()));

function pickMany(balancer: Balancer<Node>, times: number): void {
  for (let n = 0; n < times; n++) {
    const node = balancer.pick(0);
    if (node !== null) node.picked++;
  }
}

test("P2C without members picks nothing", () => {
  expect(setUp().balancer.pick(0)).toBeNull();
  expect(setUp().balancer.status(0)).toBe(EndpointStatus.closed);
});

test("P2C with one member picks it, ready or not", () => {
  const { balancer, counters } = setUp();
  const [node] = nodesOf(1) as [Node];
  balancer.update([node]);
  expect(balancer.pick(0)).toBe(node);
  node.ready = EndpointStatus.busy;
  expect(balancer.pick(0)).toBe(node);
  expect(counters.maxEffortExhausted.value).toBe(1);
});

test("P2C draws the second node from the others", () => {
  const [a, b, c] = nodesOf(3) as [Node, Node, Node];
  a.cell.start(0);
  const pickWith = (first: number, second: number) => {
    const { balancer } = setUp(scripted(first, second));
    balancer.update([a, b, c]);
    return balancer.pick(0);
  };
  expect(pickWith(0, 0)).toBe(b);
  expect(pickWith(0, 1)).toBe(c);
  expect(pickWith(1, 0)).toBe(b);
  expect(pickWith(1, 1)).toBe(b);
  expect(pickWith(2, 1)).toBe(c);
});

test("P2C prefers the readier node whatever the loads, then the less loaded, then the first drawn", () => {
  const [a, b] = nodesOf(2) as [Node, Node];
  const pick = () => {
    const { balancer, counters } = setUp(scripted(0, 0));
    balancer.update([a, b]);
    return { node: balancer.pick(0), zero: counters.zero.value };
  };
  expect(pick()).toEqual({ node: a, zero: 1 });
  b.ready = EndpointStatus.open;
  a.ready = EndpointStatus.busy;
  for (let n = 0; n < 10; n++) b.cell.start(0);
  expect(pick()).toEqual({ node: b, zero: 0 });
  a.ready = EndpointStatus.open;
  expect(pick()).toEqual({ node: a, zero: 0 });
  for (let n = 0; n < 10; n++) a.cell.start(0);
  expect(pick()).toEqual({ node: a, zero: 0 });
  a.cell.start(0);
  expect(pick()).toEqual({ node: b, zero: 0 });
});

test("P2C spreads 100 000 requests in progress evenly over 100 nodes", () => {
  const { balancer } = setUp();
  const nodes = nodesOf(100);
  balancer.update(nodes);
  for (let n = 0; n < 100_000; n++) balancer.pick(0)?.cell.start(0);
  for (const node of nodes) expect(Math.abs(node.cell.pending - 1_000)).toBeLessThanOrEqual(10);
});

test("P2C gives a node that revives late about two draws in a hundred until it has caught up", () => {
  const { balancer } = setUp();
  const nodes = nodesOf(100);
  const late = nodes[0] as Node;
  balancer.update(nodes);
  late.ready = EndpointStatus.busy;
  for (let n = 0; n < 100_000; n++) balancer.pick(0)?.cell.start(0);
  expect(late.cell.pending).toBe(0);
  late.ready = EndpointStatus.open;
  for (let n = 0; n < 50_000; n++) balancer.pick(0)?.cell.start(0);
  expect(late.cell.pending / 50_000).toBeCloseTo(0.02, 2);
  for (let n = 0; n < 50_000; n++) balancer.pick(0)?.cell.start(0);
  expect(late.cell.pending).toBeGreaterThan(1_900);
  expect(late.cell.pending).toBeLessThan(2_010);
});

test("P2C asks an endpoint without history once at a time, while others answer", () => {
  const newCell = () => new PeakEwma(10_000);
  const { balancer } = setUp(seededRandom(5), 5, newCell);
  const nodes = nodesOf(5, newCell);
  balancer.update(nodes);
  const unknown = nodes[0] as Node;
  for (const node of nodes.slice(1)) {
    node.cell.start(0);
    node.cell.end(10, 0);
  }
  for (let n = 0; n < 1_000; n++) balancer.pick(20)?.cell.start(20);
  expect(unknown.cell.pending).toBe(1);
});

test("P2C by peak EWMA keeps half as many requests on a node of twice the latency", () => {
  const newCell = () => new PeakEwma(150);
  const { balancer } = setUp(seededRandom(12345), 5, newCell);
  const nodes = nodesOf(10, newCell);
  const slow = nodes[9] as Node;
  const ending = new Map<number, Node[]>();
  const pending = { slow: 0, others: 0 };
  balancer.update(nodes);
  for (let tick = 0; tick < 2_000; tick++) {
    for (const node of ending.get(tick) ?? []) node.cell.end(tick, tick - (node === slow ? 10 : 5));
    ending.delete(tick);
    for (let request = 0; request < 50; request++) {
      const node = balancer.pick(tick) as Node;
      const endsAt = tick + (node === slow ? 10 : 5);
      node.cell.start(tick);
      ending.set(endsAt, [...(ending.get(endsAt) ?? []), node]);
    }
    for (const node of nodes) pending[node === slow ? "slow" : "others"] += node.cell.pending;
  }
  expect(pending.slow / (pending.others / 9)).toBeGreaterThan(0.45);
  expect(pending.slow / (pending.others / 9)).toBeLessThan(0.55);
});

test.each([
  [0.2, 1],
  [0.5, 1],
  [0.5, 2],
  [0.5, 5],
  [0.8, 3],
  [0.8, 5],
  [0.9, 5],
])(
  "P2C with %s of the nodes unhealthy fails open after %i draws as often as chance wants it",
  (unhealthy, maxEffort) => {
    const { balancer, counters } = setUp(seededRandom(99), maxEffort);
    const nodes = nodesOf(1_000);
    for (const node of nodes.slice(0, unhealthy * 1_000)) node.ready = EndpointStatus.busy;
    balancer.update(nodes);
    pickMany(balancer, 50_000);
    expect(Math.abs(counters.maxEffortExhausted.value / 50_000 - unhealthy ** (2 * maxEffort))).toBeLessThan(0.01);
    expect(counters.rebuilds.value).toBe(counters.maxEffortExhausted.value);
  },
);

test("P2C still sends when every endpoint is dead", () => {
  const { balancer, counters } = setUp();
  const nodes = nodesOf(3);
  for (const node of nodes) node.ready = EndpointStatus.busy;
  balancer.update(nodes);
  pickMany(balancer, 3_000);
  for (const node of nodes) expect(node.picked).toBeGreaterThan(800);
  expect(counters.maxEffortExhausted.value).toBe(3_000);
});

test("P2C chooses a weight class in proportion to weight times size", () => {
  const { balancer } = setUp();
  const nodes = nodesOf(6);
  nodes.forEach((node, n) => (node.weight = n < 4 ? 1 : 0.5));
  balancer.update(nodes);
  pickMany(balancer, 50_000);
  for (const node of nodes) expect(node.picked / 50_000).toBeCloseTo(node.weight / 5, 2);
});

test("P2C sends nothing to weight zero unless nothing else is ready", () => {
  const { balancer, counters } = setUp();
  const nodes = nodesOf(3);
  const spare = nodes[0] as Node;
  spare.weight = 0;
  balancer.update(nodes);
  pickMany(balancer, 1_000);
  expect(spare.picked).toBe(0);
  expect(counters.busyWeightClasses.value).toBe(0);
  for (const node of nodes.slice(1)) node.ready = EndpointStatus.busy;
  pickMany(balancer, 1_000);
  expect(spare.picked).toBe(1_000);
  expect(counters.busyWeightClasses.value).toBe(1_000);
  expect(counters.maxEffortExhausted.value).toBe(0);
  spare.ready = EndpointStatus.closed;
  pickMany(balancer, 1_000);
  expect(spare.picked).toBe(1_000);
});

test("P2C spreads evenly over members whose weights are all zero", () => {
  const { balancer } = setUp();
  const nodes = nodesOf(2);
  for (const node of nodes) node.weight = 0;
  balancer.update(nodes);
  pickMany(balancer, 2_000);
  for (const node of nodes) expect(node.picked).toBeGreaterThan(900);
});

test("An update keeps the nodes that stay, takes over their weights, returns those that left, and counts", () => {
  const { balancer, counters } = setUp();
  const [a, b, c] = nodesOf(3) as [Node, Node, Node];
  expect(balancer.update([a, b])).toEqual([]);
  a.cell.start(0);
  const again = new Node(a.key, new LeastLoaded());
  again.weight = 3;
  expect(balancer.update([again, c, new Node(c.key, new LeastLoaded())])).toEqual([b]);
  expect(balancer.nodes).toEqual([a, c]);
  expect(balancer.get(a.key)).toBe(a);
  expect(a).toMatchObject({ weight: 3, cell: { pending: 1 } });
  expect(balancer.get(b.key)).toBeUndefined();
  expect([counters.adds.value, counters.removes.value, counters.updates.value]).toEqual([3, 1, 2]);
});

test("A census counts nodes by status, load and weight", () => {
  const { balancer } = setUp();
  const [a, b, c] = nodesOf(3) as [Node, Node, Node];
  balancer.update([a, b, c]);
  b.ready = EndpointStatus.busy;
  c.ready = EndpointStatus.closed;
  a.cell.start(0);
  a.weight = 4;
  expect(balancer.census(0)).toEqual({
    size: 3,
    available: 1,
    busy: 1,
    closed: 1,
    load: 1,
    meanWeight: 2,
    weightClasses: 2,
  });
  expect(balancer.status(0)).toBe(EndpointStatus.open);
  a.ready = EndpointStatus.closed;
  expect(balancer.status(0)).toBe(EndpointStatus.busy);
});

test("A pick is always a member, and open whenever all members of its class are", () => {
  const member = fc.record({ key: fc.nat(8), weight: fc.constantFrom(0, 0.5, 1, 2), ready: fc.constantFrom(0, 1, 2) });
  fc.assert(
    fc.property(fc.array(fc.array(member, { maxLength: 8 }), { maxLength: 6 }), fc.integer(), (updates, seed) => {
      const { balancer } = setUp(seededRandom(seed));
      for (const members of updates) {
        balancer.update(
          members.map(({ key, weight, ready }) =>
            Object.assign(balancer.get(`h:${key}`) ?? new Node(`h:${key}`, new LeastLoaded()), { weight, ready }),
          ),
        );
        expect(new Set(balancer.nodes.map((node) => node.key))).toEqual(new Set(members.map(({ key }) => `h:${key}`)));
        for (let n = 0; n < 20; n++) {
          const node = balancer.pick(0);
          if (members.length === 0) expect(node).toBeNull();
          else expect(balancer.nodes).toContain(node);
          if (balancer.nodes.every((each) => each.ready === EndpointStatus.open) && node !== null)
            expect(node.ready).toBe(EndpointStatus.open);
        }
      }
    }),
  );
});
