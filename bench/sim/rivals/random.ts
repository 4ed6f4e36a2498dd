// The plainest way to choose, for comparison.
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
