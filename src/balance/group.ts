// The endpoints of one weight, and how one of them is chosen. Every kind of balancer is a kind of group (finagle §1.11, §2.1).
import type { BalancerNode, LoadCell } from "../core/picker.ts";

export interface Group<N extends BalancerNode> {
  readonly nodes: readonly N[];
  /** Replaces the members. Nodes that stay are the same objects; none are left when the group is given up. */
  update(nodes: readonly N[]): void;
  /** A member, as ready as could be found; only of a group with members. Whoever picks calls `start` of the node's cell at once. */
  pick(nowMs: number): N;
}

/** A way to balance. */
export interface Kind<N extends BalancerNode, G extends Group<N> = Group<N>> {
  newCell(): LoadCell;
  newGroup(): G;
}
