// @hot Power of two choices (finagle §2.2): draw two nodes, take the readier one, then the less loaded one.
//
// Every status is read at the draw, so that drawing once more is all that looking at all nodes anew would do.
import type { Random } from "../base/random.ts";
import type { BalancerNode } from "../core/picker.ts";
import type { BalancerCounters } from "./counters.ts";
import { DrawingGroup } from "./drawing-group.ts";

export class P2cGroup<N extends BalancerNode> extends DrawingGroup<N> {
  nodes: readonly N[] = [];
  readonly #random: Random;

  constructor(maxEffort: number, random: Random, counters: BalancerCounters) {
    super(maxEffort, counters);
    this.#random = random;
  }

  update(nodes: readonly N[]): void {
    this.nodes = nodes;
  }

  protected draw(nowMs: number): N {
    const { nodes } = this;
    const count = nodes.length;
    if (count === 1) return this.only(nodes[0]!, nowMs);
    const first = this.#random.int(count);
    // One of the others: a number among one fewer, moved past the first.
    const second = this.#random.int(count - 1);
    return this.better(nodes[first]!, nodes[second < first ? second : second + 1]!, nowMs);
  }
}
