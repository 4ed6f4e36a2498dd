// @hot Power of two choices (finagle §2.1–2.2): draw two nodes, take the readier one, then the less loaded one.
//
// Finding only nodes that are not open, it draws again up to `maxEffort` times and then uses what it draws last: it fails open.
// The original then rebuilds its list; ours reads every status at the pick, so that drawing once more is all a rebuild would do.
import type { Random } from "../base/random.ts";
import { type Balancer, type BalancerNode, type Census, EndpointStatus, type LoadCell } from "../core/picker.ts";
import { censusOf } from "./census.ts";
import type { BalancerCounters } from "./counters.ts";
import { anyOpen, bestStatus, WeightClasses } from "./weight-classes.ts";

export interface P2cOptions {
  /** Draws before a pick gives up looking for an open node; at least 1. */
  readonly maxEffort: number;
  /** What nodes are compared by. */
  readonly newCell: () => LoadCell;
}

export class P2cBalancer<N extends BalancerNode> implements Balancer<N> {
  readonly newCell: () => LoadCell;
  readonly #maxEffort: number;
  readonly #random: Random;
  readonly #counters: BalancerCounters;
  #byKey = new Map<string, N>();
  #nodes: readonly N[] = [];
  #weights = new WeightClasses<N>([]);
  /** All nodes when they have one weight, which is the rule. */
  #only: readonly N[] | null = null;
  /** Status of the node drawn last. */
  #drawn: EndpointStatus = EndpointStatus.closed;

  constructor(options: P2cOptions, random: Random, counters: BalancerCounters) {
    this.newCell = options.newCell;
    this.#maxEffort = options.maxEffort;
    this.#random = random;
    this.#counters = counters;
  }

  get nodes(): readonly N[] {
    return this.#nodes;
  }

  get(key: string): N | undefined {
    return this.#byKey.get(key);
  }

  // cold: the membership changes rarely
  update(nodes: readonly N[]): readonly N[] {
    const before = this.#byKey;
    const after = new Map<string, N>();
    for (const node of nodes) if (!after.has(node.key)) after.set(node.key, keep(before.get(node.key), node));
    this.#byKey = after;
    this.#nodes = Array.from(after.values());
    this.#weights = new WeightClasses(this.#nodes);
    this.#only = this.#weights.classes.length === 1 ? this.#nodes : null;
    const removed = Array.from(before.values()).filter((node) => !after.has(node.key));
    this.#counters.updates.inc();
    this.#counters.removes.add(removed.length);
    this.#counters.adds.add(after.size - (before.size - removed.length));
    return removed;
  }

  pick(nowMs: number): N | null {
    if (this.#only !== null) return this.#pickFrom(this.#only, nowMs);
    const { classes } = this.#weights;
    return classes.length === 0 ? null : this.#pickFrom(this.#chooseClass(classes, nowMs), nowMs);
  }

  status(nowMs: number): EndpointStatus {
    return bestStatus(this.#nodes, nowMs);
  }

  census(nowMs: number): Census {
    return censusOf(this.#nodes, nowMs);
  }

  /** The class drawn or, when nothing in it is open, the next one round that has something open. */
  #chooseClass(classes: readonly (readonly N[])[], nowMs: number): readonly N[] {
    const drawn = this.#weights.draw(this.#random);
    const first = classes[drawn]!;
    if (anyOpen(first, nowMs)) return first;
    this.#counters.busyWeightClasses.inc();
    for (let step = 1; step < classes.length; step++) {
      const next = classes[(drawn + step) % classes.length]!;
      if (anyOpen(next, nowMs)) return next;
    }
    return first;
  }

  #pickFrom(nodes: readonly N[], nowMs: number): N {
    for (let effort = 0; effort < this.#maxEffort; effort++) {
      const node = this.#draw(nodes, nowMs);
      if (this.#drawn === EndpointStatus.open) return node;
    }
    this.#counters.maxEffortExhausted.inc();
    this.#counters.rebuilds.inc();
    return this.#draw(nodes, nowMs);
  }

  /** The better of two different nodes. */
  #draw(nodes: readonly N[], nowMs: number): N {
    const count = nodes.length;
    const first = count === 1 ? 0 : this.#random.int(count);
    const a = nodes[first]!;
    const statusA = a.status(nowMs);
    this.#drawn = statusA;
    if (count === 1) return a;
    // One of the others: a number among one fewer, moved past the first.
    const second = this.#random.int(count - 1);
    const b = nodes[second < first ? second : second + 1]!;
    const statusB = b.status(nowMs);
    if (statusA !== statusB) {
      if (statusA > statusB) return a;
      this.#drawn = statusB;
      return b;
    }
    a.cell.weigh(nowMs);
    b.cell.weigh(nowMs);
    const loadA = a.cell.load;
    const loadB = b.cell.load;
    if (loadA === 0 && loadB === 0) this.#counters.zero.inc();
    return loadA <= loadB ? a : b;
  }
}

/** The node that was there before, with the weight it has now. */
function keep<N extends BalancerNode>(known: N | undefined, given: N): N {
  if (known === undefined) return given;
  known.weight = given.weight;
  return known;
}
