// @hot Gives up the sessions of endpoints that an aperture no longer uses (finagle §2.6).
import type { BalancerNode } from "../core/picker.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { ApertureCell } from "./aperture-cell.ts";

/** How long an endpoint outside of the aperture may lie idle, in smoothing windows. */
const WINDOWS = 10;

/** What the groups of one balancer share. */
export interface ExpiryOwner<N extends BalancerNode> {
  readonly expired: Counter;
  /** The sessions of this node may go. */
  expire(node: N): void;
}

/** One group's. It looks round while picking, twice in the time that a node may lie idle: no timer, nothing to stop. */
export class Expiry<N extends BalancerNode> {
  readonly #idleMs: number;
  readonly #owner: ExpiryOwner<N>;
  #dueMs = 0;

  constructor(smoothWindowMs: number, owner: ExpiryOwner<N>) {
    this.#idleMs = WINDOWS * smoothWindowMs;
    this.#owner = owner;
  }

  due(nowMs: number): boolean {
    return nowMs >= this.#dueMs;
  }

  /** @param from the first of the nodes outside of the aperture. */
  // cold: twice in ten windows
  sweep(nodes: readonly N[], from: number, nowMs: number): void {
    this.#dueMs = nowMs + this.#idleMs / 2;
    for (const node of nodes.slice(from)) {
      const cell = node.cell as ApertureCell; // checked when it joined
      if (!cell.used || cell.pending > 0 || nowMs - cell.idleSinceMs < this.#idleMs) continue;
      cell.used = false;
      this.#owner.expired.inc();
      this.#owner.expire(node);
    }
  }
}
