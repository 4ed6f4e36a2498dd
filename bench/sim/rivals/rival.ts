// Balancers that only the simulator has share their membership.
import { censusOf } from "../../../src/balance/census.ts";
import { bestStatus } from "../../../src/balance/weight-classes.ts";
import { LeastLoaded } from "../../../src/balance/load.ts";
import type { Random } from "../../../src/base/random.ts";
import type { Balancer, BalancerNode, Census, EndpointStatus, LoadCell } from "../../../src/core/picker.ts";

export abstract class Rival<N extends BalancerNode> implements Balancer<N> {
  nodes: readonly N[] = [];
  protected byKey = new Map<string, N>();
  protected readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  abstract pick(nowMs: number): N | null;

  newCell(): LoadCell {
    return new LeastLoaded();
  }

  get(key: string): N | undefined {
    return this.byKey.get(key);
  }

  update(nodes: readonly N[]): readonly N[] {
    const before = this.nodes;
    this.nodes = nodes;
    this.byKey = new Map(nodes.map((node) => [node.key, node]));
    return before.filter((node) => !this.isMember(node));
  }

  protected isMember(node: N): boolean {
    return this.byKey.get(node.key) === node;
  }

  status(nowMs: number): EndpointStatus {
    return bestStatus(this.nodes, nowMs);
  }

  census(nowMs: number): Census {
    return censusOf(this.nodes, nowMs);
  }
}
