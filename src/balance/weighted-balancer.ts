// @hot A balancer: its members, in one group for each weight (finagle §1.11). A pick draws a weight, then a node of that group.
//
//   named ── discovery removes it ──▶ gone                                     without probation
//   named ── discovery removes it ──▶ leaving ── not open any more ──▶ gone    with it; named again: as if nothing had been
import type { Random } from "../base/random.ts";
import { type Balancer, type BalancerNode, type Census, EndpointStatus, type LoadCell } from "../core/picker.ts";
import { censusOf } from "./census.ts";
import type { BalancerCounters } from "./counters.ts";
import type { Group, Kind } from "./group.ts";
import { anyOpen, bestStatus, WeightClasses } from "./weight-classes.ts";

/** What becomes of members that discovery no longer names. */
export interface Probation<N extends BalancerNode> {
  /** They stay while they are open. */
  readonly enabled: boolean;
  /** Told of each that left later than with an update. */
  left(node: N): void;
}

export class WeightedBalancer<N extends BalancerNode, G extends Group<N> = Group<N>> implements Balancer<N> {
  readonly #kind: Kind<N, G>;
  readonly #probation: Probation<N>;
  readonly #random: Random;
  readonly #counters: BalancerCounters;
  #byKey = new Map<string, N>();
  #nodes: readonly N[] = [];
  /** Members that discovery no longer names. */
  #leaving: readonly N[] = [];
  #weights = new WeightClasses<N>([]);
  /** One for each class, in the order of the classes. */
  #groups: readonly G[] = [];
  #byWeight = new Map<number, G>();

  constructor(kind: Kind<N, G>, probation: Probation<N>, random: Random, counters: BalancerCounters) {
    this.#kind = kind;
    this.#probation = probation;
    this.#random = random;
    this.#counters = counters;
  }

  get nodes(): readonly N[] {
    return this.#nodes;
  }

  get groups(): readonly G[] {
    return this.#groups;
  }

  newCell(): LoadCell {
    return this.#kind.newCell();
  }

  get(key: string): N | undefined {
    return this.#byKey.get(key);
  }

  // cold: the membership changes rarely
  update(nodes: readonly N[]): readonly N[] {
    const before = this.#byKey;
    const named = new Map<string, N>();
    for (const node of nodes) if (!named.has(node.key)) named.set(node.key, keep(before.get(node.key), node));
    const unnamed = Array.from(before.values()).filter((node) => !named.has(node.key));
    this.#counters.updates.inc();
    this.#counters.adds.add(named.size - (before.size - unnamed.length));
    const { enabled } = this.#probation;
    this.#setMembers([...named.values()], enabled ? unnamed : []);
    if (enabled) return [];
    this.#counters.removes.add(unnamed.length);
    return unnamed;
  }

  pick(nowMs: number): N | null {
    if (this.#leaving.length > 0) this.#dismiss(nowMs);
    const groups = this.#groups;
    if (groups.length === 1) return groups[0]!.pick(nowMs);
    return groups.length === 0 ? null : this.#chooseGroup(groups, nowMs).pick(nowMs);
  }

  status(nowMs: number): EndpointStatus {
    return bestStatus(this.#nodes, nowMs);
  }

  census(nowMs: number): Census {
    return censusOf(this.#nodes, nowMs);
  }

  /** The group drawn or, when nothing in it is open, the next one round that has something open. */
  #chooseGroup(groups: readonly G[], nowMs: number): G {
    const drawn = this.#weights.draw(this.#random);
    const first = groups[drawn]!;
    if (anyOpen(first.nodes, nowMs)) return first;
    this.#counters.busyWeightClasses.inc();
    for (let step = 1; step < groups.length; step++) {
      const next = groups[(drawn + step) % groups.length]!;
      if (anyOpen(next.nodes, nowMs)) return next;
    }
    return first;
  }

  // cold: with the membership
  #setMembers(named: readonly N[], leaving: readonly N[]): void {
    this.#nodes = leaving.length === 0 ? named : [...named, ...leaving];
    this.#leaving = leaving;
    this.#byKey = new Map(this.#nodes.map((node) => [node.key, node]));
    this.#weights = new WeightClasses(this.#nodes);
    const before = this.#byWeight;
    this.#byWeight = new Map();
    this.#groups = this.#weights.classes.map((members) => {
      const { weight } = members[0]!;
      const group = before.get(weight) ?? this.#kind.newGroup();
      this.#byWeight.set(weight, group);
      group.update(members);
      return group;
    });
    for (const [weight, group] of before) if (!this.#byWeight.has(weight)) group.update([]);
  }

  /** Lets one go that is no longer open; others are found by the next pick. */
  #dismiss(nowMs: number): void {
    const leaving = this.#leaving;
    for (let at = 0; at < leaving.length; at++) {
      const node = leaving[at]!;
      if (node.settledStatus(nowMs) !== EndpointStatus.open) {
        this.#drop(node);
        return;
      }
    }
  }

  // cold: once per endpoint that leaves
  #drop(gone: N): void {
    const named = this.#nodes.slice(0, this.#nodes.length - this.#leaving.length);
    this.#setMembers(
      named,
      this.#leaving.filter((node) => node !== gone),
    );
    this.#counters.removes.inc();
    this.#probation.left(gone);
  }
}

/** The node that was there before, with the weight it has now. */
function keep<N extends BalancerNode>(known: N | undefined, given: N): N {
  if (known === undefined) return given;
  known.weight = given.weight;
  return known;
}
