// @hot One node after the other (finagle §2.5), among those that were open at the last look; among the others when none was.
import { type BalancerNode, EndpointStatus } from "../core/picker.ts";
import { DrawingGroup } from "./drawing-group.ts";

const MAX_TURN = 0x3fffffff;

export class RoundRobinGroup<N extends BalancerNode> extends DrawingGroup<N> {
  nodes: readonly N[] = [];
  /** The nodes that were open, then the others; each part in the order of the nodes. */
  #order: N[] = [];
  #openCount = 0;
  #turn = 0;
  /** Of picks that found nothing open. */
  #blindTurn = 0;
  /** A node that was open at the last look has been drawn and was not. */
  #sawDown = false;

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    this.#order = Array.from(nodes);
    this.changed();
  }

  protected draw(nowMs: number): N {
    const count = this.#openCount > 0 ? this.#openCount : this.#order.length;
    const node = this.#order[this.#turn % count]!;
    this.#turn = (this.#turn + 1) & MAX_TURN;
    this.only(node, nowMs);
    if (this.drawn !== EndpointStatus.open && node.settledStatus(nowMs) !== EndpointStatus.open) this.#sawDown = true;
    return node;
  }

  // With a turn of its own: each of these picks draws maxEffort times in vain, which may be a multiple of the number of nodes, so
  // that the last draw would always give the same one.
  protected override failOpen(nowMs: number): N {
    if (this.#openCount > 0) return this.draw(nowMs);
    this.#blindTurn = (this.#blindTurn + 1) & MAX_TURN;
    return this.only(this.#order[this.#blindTurn % this.#order.length]!, nowMs);
  }

  protected override stale(nowMs: number): boolean {
    if (this.#sawDown) return true;
    for (let at = this.#openCount; at < this.#order.length; at++) {
      if (this.#order[at]!.settledStatus(nowMs) === EndpointStatus.open) return true;
    }
    return false;
  }

  /** Parts the open from the others. The others come to the end in reverse, and are turned round. */
  protected override look(nowMs: number): void {
    const { nodes } = this;
    const order = this.#order;
    let open = 0;
    let others = nodes.length;
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at]!;
      if (node.settledStatus(nowMs) === EndpointStatus.open) order[open++] = node;
      else order[--others] = node;
    }
    for (let low = open, high = nodes.length - 1; low < high; low++, high--) {
      const node = order[low]!;
      order[low] = order[high]!;
      order[high] = node;
    }
    this.#openCount = open;
    this.#sawDown = false;
  }
}
