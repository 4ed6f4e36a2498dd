// Prequal (Wydrowski et al., NSDI 2024): asks instances how they are, beforehand and a few per request, and chooses among the answers.
//
// An answer is hot when it has more requests in flight than most answers lately. Of the cold ones the fastest is taken; when all are
// hot, the one with the fewest in flight. An answer is used a few times, counts up when used, and is forgotten after a second.
import type { Random } from "../../../src/base/random.ts";
import { type BalancerNode, EndpointStatus } from "../../../src/core/picker.ts";
import { Rival } from "./rival.ts";

/** As published; the pool is half of the instances when there are fewer than 32, as the rule for reuse needs it smaller than the fleet. */
const PROBES_PER_REQUEST = 3;
const POOL = 16;
const MAX_AGE_MS = 1000;
const REMOVALS_PER_REQUEST = 1;
const REUSE_DELTA = 1;
const HOT_QUANTILE = 2 ** -0.25;
const LEAST_POOL = 2;
const REMEMBERED = 128;

/** How an instance says it is. */
export interface Condition {
  readonly rif: number;
  readonly latencyMs: number;
}

/** Asks a node; hears its answer later, or never. */
export type Probe<N> = (node: N, hear: (condition: Condition) => void) => void;

interface Entry<N> {
  readonly node: N;
  readonly heardMs: number;
  readonly latencyMs: number;
  rif: number;
  usesLeft: number;
}

export class Prequal<N extends BalancerNode> extends Rival<N> {
  readonly #probe: Probe<N>;
  readonly #nowMs: () => number;
  readonly #rifs = new RecentRifs();
  #pool: Entry<N>[] = [];
  #poolSize = POOL;
  #reuse = 1;
  #dropsOldest = false;

  constructor(random: Random, nowMs: () => number, probe: Probe<N>) {
    super(random);
    this.#nowMs = nowMs;
    this.#probe = probe;
  }

  override update(nodes: readonly N[]): readonly N[] {
    const left = super.update(nodes);
    const count = nodes.length;
    this.#poolSize = Math.max(LEAST_POOL, Math.min(POOL, count >> 1));
    const inflow = (1 - this.#poolSize / count) * PROBES_PER_REQUEST - REMOVALS_PER_REQUEST;
    this.#reuse = inflow > 0 ? Math.max(1, (1 + REUSE_DELTA) / inflow) : POOL;
    this.#pool = this.#pool.filter(({ node }) => this.isMember(node));
    return left;
  }

  pick(nowMs: number): N | null {
    if (this.nodes.length === 0) return null;
    this.#pool = this.#pool.filter(({ heardMs }) => nowMs - heardMs <= MAX_AGE_MS);
    const node = this.#choose(nowMs) ?? this.#anyOpen(nowMs);
    for (let n = 0; n < REMOVALS_PER_REQUEST; n++) this.#dropOne();
    for (let n = 0; n < PROBES_PER_REQUEST; n++) this.#ask(this.nodes[this.random.int(this.nodes.length)]!);
    return node;
  }

  #ask(node: N): void {
    this.#probe(node, ({ rif, latencyMs }) => {
      if (!this.isMember(node)) return;
      this.#rifs.note(rif);
      const usesLeft = Math.floor(this.#reuse) + (this.random.next() < this.#reuse % 1 ? 1 : 0);
      this.#pool = this.#pool.filter((entry) => entry.node !== node);
      if (this.#pool.length >= this.#poolSize) this.#pool.shift();
      this.#pool.push({ node, heardMs: this.#nowMs(), latencyMs, rif, usesLeft });
    });
  }

  #choose(nowMs: number): N | null {
    if (this.#pool.length < LEAST_POOL) return null;
    const hotAbove = this.#rifs.quantile(HOT_QUANTILE);
    let best: Entry<N> | null = null;
    for (const entry of this.#pool) {
      if (entry.node.status(nowMs) !== EndpointStatus.open) continue;
      if (best === null || better(entry, best, hotAbove)) best = entry;
    }
    if (best === null) return null;
    best.rif++;
    if (--best.usesLeft === 0) this.#pool = this.#pool.filter((entry) => entry !== best);
    return best.node;
  }

  #anyOpen(nowMs: number): N {
    let node = this.nodes[this.random.int(this.nodes.length)]!;
    for (let effort = 1; effort < 5 && node.status(nowMs) !== EndpointStatus.open; effort++)
      node = this.nodes[this.random.int(this.nodes.length)]!;
    return node;
  }

  /** The oldest answer and the worst, in turn. */
  #dropOne(): void {
    this.#dropsOldest = !this.#dropsOldest;
    if (this.#dropsOldest || this.#pool.length === 0) return void this.#pool.shift();
    const hotAbove = this.#rifs.quantile(HOT_QUANTILE);
    let worst = 0;
    for (let n = 1; n < this.#pool.length; n++) if (better(this.#pool[worst]!, this.#pool[n]!, hotAbove)) worst = n;
    this.#pool.splice(worst, 1);
  }
}

function better<N>(one: Entry<N>, other: Entry<N>, hotAbove: number): boolean {
  const hot = one.rif > hotAbove;
  if (hot !== other.rif > hotAbove) return !hot;
  return hot ? one.rif < other.rif : one.latencyMs < other.latencyMs;
}

/** Requests in flight as the last answers gave them. */
class RecentRifs {
  readonly #recent = new Int32Array(REMEMBERED);
  readonly #counts: number[] = [];
  #seen = 0;

  note(rif: number): void {
    const at = this.#seen++ % REMEMBERED;
    if (this.#seen > REMEMBERED) this.#counts[this.#recent[at]!]!--;
    this.#recent[at] = rif;
    while (this.#counts.length <= rif) this.#counts.push(0);
    this.#counts[rif]!++;
  }

  quantile(share: number): number {
    let left = share * Math.min(this.#seen, REMEMBERED);
    for (let rif = 0; rif < this.#counts.length; rif++) if ((left -= this.#counts[rif]!) <= 0) return rif;
    return 0;
  }
}
