// Three plain ways to choose, for comparison.
import { type BalancerNode, EndpointStatus } from "../../../src/core/picker.ts";
import { Rival } from "./rival.ts";

const MAX_EFFORT = 5;

/** Any one. */
export class RandomChoice<N extends BalancerNode> extends Rival<N> {
  pick(nowMs: number): N | null {
    let node: N | undefined;
    for (let effort = 0; effort < MAX_EFFORT; effort++) {
      node = this.nodes[this.random.int(this.nodes.length)];
      if (node?.status(nowMs) === EndpointStatus.open) break;
    }
    return node ?? null;
  }
}

/** One after the other; each client begins somewhere else. */
export class RoundRobin<N extends BalancerNode> extends Rival<N> {
  #next = -1;

  pick(nowMs: number): N | null {
    const count = this.nodes.length;
    if (this.#next === -1) this.#next = this.random.int(count);
    for (let tried = 0; tried < count; tried++) {
      const node = this.nodes[this.#next++ % count]!;
      if (node.status(nowMs) === EndpointStatus.open) return node;
    }
    return this.nodes[this.#next++ % count] ?? null;
  }
}

/** The one with the fewest requests in flight of all, the first such from a random place on. */
export class FewestInFlight<N extends BalancerNode> extends Rival<N> {
  pick(nowMs: number): N | null {
    const count = this.nodes.length;
    const from = this.random.int(count);
    let best: N | null = null;
    for (let n = 0; n < count; n++) {
      const node = this.nodes[(from + n) % count]!;
      if (best !== null && node.cell.pending >= best.cell.pending) continue;
      if (node.status(nowMs) !== EndpointStatus.open) continue;
      best = node;
      if (node.cell.pending === 0) break;
    }
    return best ?? this.nodes[from] ?? null;
  }
}
