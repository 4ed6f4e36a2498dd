// @hot A group that draws until it has found an open node (finagle §2.1).
//
// It draws up to `maxEffort` times, then looks at all its nodes anew, draws once more and uses what that gives: it fails open.
import { type BalancerNode, EndpointStatus } from "../core/picker.ts";
import type { BalancerCounters } from "./counters.ts";
import type { Group } from "./group.ts";

export abstract class DrawingGroup<N extends BalancerNode> implements Group<N> {
  protected readonly counters: BalancerCounters;
  readonly #maxEffort: number;
  #looked = false;
  /** Status of the node drawn last, as it was when drawn: it may be another one when asked again. */
  protected drawn: EndpointStatus = EndpointStatus.closed;

  /** @param maxEffort draws before a pick gives up looking for an open node; at least 1. */
  constructor(maxEffort: number, counters: BalancerCounters) {
    this.#maxEffort = maxEffort;
    this.counters = counters;
  }

  abstract readonly nodes: readonly N[];

  abstract update(nodes: readonly N[]): void;

  /** One try; sets `drawn`. */
  protected abstract draw(nowMs: number): N;

  /** Is what `look` found no longer so? */
  protected stale(_nowMs: number): boolean {
    return false;
  }

  /** Looks at the status of every node, in groups that remember it. */
  protected look(_nowMs: number): void {
    // What is read at each draw needs no other look.
  }

  /** The next pick looks first. */
  protected changed(): void {
    this.#looked = false;
  }

  // The original looks after a pick whether it is stale, for the next one; at the beginning of that one there is more to see.
  pick(nowMs: number): N {
    if (!this.#looked) {
      this.#looked = true;
      this.look(nowMs);
    } else if (this.stale(nowMs)) this.#lookAgain(nowMs);
    for (let effort = 0; effort < this.#maxEffort; effort++) {
      const node = this.draw(nowMs);
      if (this.drawn === EndpointStatus.open) return node;
    }
    this.counters.maxEffortExhausted.inc();
    this.#lookAgain(nowMs);
    return this.failOpen(nowMs);
  }

  /** The node to use, whatever its status. */
  protected failOpen(nowMs: number): N {
    return this.draw(nowMs);
  }

  #lookAgain(nowMs: number): void {
    this.counters.rebuilds.inc();
    this.look(nowMs);
  }

  /** The readier of two, noted as drawn; null when they are equally ready. */
  protected readier(a: N, b: N, nowMs: number): N | null {
    const statusA = a.status(nowMs);
    const statusB = b.status(nowMs);
    this.drawn = statusA > statusB ? statusA : statusB;
    if (statusA === statusB) return null;
    return statusA > statusB ? a : b;
  }

  /** The better of two: the readier, then the less loaded, then the first (finagle §2.2). */
  protected better(a: N, b: N, nowMs: number): N {
    const readier = this.readier(a, b, nowMs);
    if (readier !== null) return readier;
    a.cell.weigh(nowMs);
    b.cell.weigh(nowMs);
    const loadA = a.cell.load;
    const loadB = b.cell.load;
    if (loadA === 0 && loadB === 0) this.counters.zero.inc();
    return loadA <= loadB ? a : b;
  }

  /** The node itself, noted as drawn. */
  protected only(node: N, nowMs: number): N {
    this.drawn = node.status(nowMs);
    return node;
  }
}
