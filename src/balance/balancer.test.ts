import { expect, test } from "vitest";
import { ManualEnv } from "../../test/support/manual-env.ts";
import { undeclaredMetrics } from "../../test/support/undeclared-metrics.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../core/picker.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { createBalancer, follow } from "./balancer.ts";
import { LeastLoaded, PeakEwma } from "./load.ts";

class Node implements BalancerNode {
  readonly key: string;
  readonly cell: LoadCell;
  weight = 1;

  constructor(key: string, cell: LoadCell) {
    this.key = key;
    this.cell = cell;
  }

  status(): EndpointStatus {
    return EndpointStatus.open;
  }

  settledStatus(): EndpointStatus {
    return EndpointStatus.open;
  }
}

function setUp(kind: "p2c" | "ewma" = "p2c") {
  const env = new ManualEnv();
  const registry = new MetricsRegistry(env);
  const scope = registry.root.scope("rt", "http", "client", "#/io.l5d.fs/web", "loadbalancer");
  return { registry, scope, balancer: createBalancer<Node>({ kind, maxEffort: 5, decayTimeMs: 10_000 }, env, scope) };
}

test("A balancer's kind decides what its nodes are compared by", () => {
  expect(setUp("p2c").balancer.newCell()).toBeInstanceOf(LeastLoaded);
  expect(setUp("ewma").balancer.newCell()).toBeInstanceOf(PeakEwma);
});

test("A balancer follows discovery: it makes nodes once, moves weights and returns who left", () => {
  const { balancer } = setUp();
  let made = 0;
  const make = ({ key }: { key: string }, cell: LoadCell) => {
    made++;
    return new Node(key, cell);
  };
  follow(
    balancer,
    [
      { key: "a:1", weight: 1 },
      { key: "b:1", weight: 1 },
      { key: "b:1", weight: 9 },
    ],
    make,
  );
  const [a, b] = balancer.nodes;
  expect(
    follow(
      balancer,
      [
        { key: "a:1", weight: 0.5 },
        { key: "c:1", weight: 1 },
      ],
      make,
    ),
  ).toEqual([b]);
  expect(balancer.get("a:1")).toBe(a);
  expect(a?.weight).toBe(0.5);
  expect(made).toBe(3);
});

test("A balancer's metrics are declared and read its state", () => {
  const { balancer, registry, scope } = setUp();
  follow(
    balancer,
    [
      { key: "a:1", weight: 1 },
      { key: "b:1", weight: 2 },
    ],
    ({ key }, cell) => new Node(key, cell),
  );
  balancer.pick(0)?.cell.start(0);
  expect(undeclaredMetrics(registry.root)).toEqual([]);
  const read = (name: string) => {
    const metric = scope.existing(name)?.metric;
    return metric?.kind === "stat" ? undefined : metric?.value;
  };
  expect(
    ["size", "available", "busy", "closed", "load", "meanweight", "num_weight_classes", "adds", "updates"].map(read),
  ).toEqual([2, 2, 0, 0, 1, 1.5, 2, 2, 1]);
});
