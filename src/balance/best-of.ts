// @hot The best of several drawn nodes: the readiest, then the one with the lowest load. More draws find a better one, at a cost that
// grows with the draws and not with the fleet.
import type { Random } from "../base/random.ts";
import type { BalancerNode, EndpointStatus } from "../core/picker.ts";
import type { BalancerCounters } from "./counters.ts";
import { DrawingGroup } from "./drawing-group.ts";

export class BestOfGroup<N extends BalancerNode> extends DrawingGroup<N> {
  nodes: readonly N[] = [];
  readonly #choices: number;
  readonly #random: Random;
  /** All positions in `nodes`, in an order that each draw shuffles on: so none is drawn twice. */
  #order: number[] = [];

  /** @param choices how many nodes are drawn for a try; at least 1. */
  constructor(choices: number, maxEffort: number, random: Random, counters: BalancerCounters) {
    super(maxEffort, counters);
    this.#choices = choices;
    this.#random = random;
  }

  // cold: the membership changes rarely
  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    this.#order = Array.from(nodes.keys());
  }

  protected draw(nowMs: number): N {
    let best = this.#take(0);
    let bestStatus: EndpointStatus = best.status(nowMs);
    best.cell.weigh(nowMs);
    const draws = Math.min(this.#choices, this.nodes.length);
    for (let n = 1; n < draws; n++) {
      const node = this.#take(n);
      const status = node.status(nowMs);
      if (status < bestStatus) continue;
      node.cell.weigh(nowMs);
      if (status === bestStatus && node.cell.load >= best.cell.load) continue;
      best = node;
      bestStatus = status;
    }
    this.drawn = bestStatus;
    return best;
  }

  /** One that is not among the first `n` of the order becomes the next of them. */
  #take(n: number): N {
    const order = this.#order;
    const from = n + this.#random.int(order.length - n);
    const taken = order[from]!;
    order[from] = order[n]!;
    order[n] = taken;
    return this.nodes[taken]!;
  }
}
