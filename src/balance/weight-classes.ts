// @hot Nodes grouped by weight (finagle §1.11): first a class is drawn, then a node within it.
import { AliasTable } from "../base/alias-table.ts";
import type { Random } from "../base/random.ts";
import { type BalancerNode, EndpointStatus } from "../core/picker.ts";

/** Draws a class with probability proportional to weight × size. Immutable: an update makes new classes of the same nodes. */
export class WeightClasses<N extends BalancerNode> {
  /** The nodes of each class, in the order the weights first appeared. */
  readonly classes: readonly (readonly N[])[];
  readonly #table: AliasTable;

  constructor(nodes: readonly N[]) {
    const byWeight = Map.groupBy(nodes, (node) => node.weight);
    this.classes = [...byWeight.values()];
    this.#table = new AliasTable(this.classes.map((members) => members[0]!.weight * members.length));
  }

  draw(random: Random): number {
    return this.#table.pick(random);
  }
}

/** Is a node among these open to this pick? */
export function anyOpen(nodes: readonly BalancerNode[], nowMs: number): boolean {
  for (let at = 0; at < nodes.length; at++) if (nodes[at]!.status(nowMs) === EndpointStatus.open) return true;
  return false;
}

/** The best status among nodes; closed without any. */
export function bestStatus(nodes: readonly BalancerNode[], nowMs: number): EndpointStatus {
  let best: EndpointStatus = EndpointStatus.closed;
  for (let at = 0; at < nodes.length && best !== EndpointStatus.open; at++) {
    const status = nodes[at]!.settledStatus(nowMs);
    if (status > best) best = status;
  }
  return best;
}
