// The best of several drawn nodes, by how long answers take lately and how many requests are in flight. A proposal for the product.
//
// Three things differ from `ewma`. Five are drawn instead of two. Latency is a mean of about twenty answers, not the latest peak: one
// long answer says more of its request than of the instance. And requests that wait for an answer count by their age, so that an
// instance that stands still is noticed before it answers.
import type { Random } from "../../../src/base/random.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../../../src/core/picker.ts";
import { Rival } from "./rival.ts";

export interface BestOfSpec {
  /** How many nodes are drawn for a pick. */
  readonly choices: number;
  /** About how many answers the mean is of. */
  readonly answers: number;
  /** After this long without an answer the mean has fallen to 1/e, so that a node that was slow once is tried again. */
  readonly decayMs: number;
  /** Draws before a pick gives up looking for an open node. */
  readonly maxEffort: number;
}

export class BestOf<N extends BalancerNode> extends Rival<N> {
  readonly #spec: BestOfSpec;
  /** Positions in `nodes`; the first few are shuffled at each draw. */
  #order: number[] = [];
  #best: N | null = null;
  #bestStatus: EndpointStatus = EndpointStatus.closed;

  constructor(spec: BestOfSpec, random: Random) {
    super(random);
    this.#spec = spec;
  }

  override newCell(): LoadCell {
    return new MeanLatency(this.#spec.answers, this.#spec.decayMs);
  }

  override update(nodes: readonly N[]): readonly N[] {
    this.#order = nodes.map((_, at) => at);
    return super.update(nodes);
  }

  pick(nowMs: number): N | null {
    for (let effort = 0; effort < this.#spec.maxEffort; effort++) {
      this.#draw(nowMs);
      if (this.#bestStatus === EndpointStatus.open) break;
    }
    return this.#best;
  }

  #draw(nowMs: number): void {
    const order = this.#order;
    this.#best = null;
    for (let n = 0; n < this.#spec.choices && n < order.length; n++) {
      const drawn = n + this.random.int(order.length - n);
      const at = order[drawn]!;
      order[drawn] = order[n]!;
      order[n] = at;
      this.#consider(this.nodes[at]!, nowMs);
    }
  }

  #consider(node: N, nowMs: number): void {
    const best = this.#best;
    const status = node.status(nowMs);
    if (best !== null && status < this.#bestStatus) return;
    node.cell.weigh(nowMs);
    if (best !== null && status === this.#bestStatus && node.cell.load >= best.cell.load) return;
    this.#best = node;
    this.#bestStatus = status;
  }
}

/** As `PeakEwma` has it: a node without history is asked once at a time. */
const UNKNOWN = 2 ** 47;

/** The mean latency of the last answers, or the mean age of what is waiting when that is more, times requests in flight. */
export class MeanLatency implements LoadCell {
  pending = 0;
  load = 0;
  readonly #share: number;
  readonly #decayMs: number;
  #meanMs = 0;
  /** When the last answer came. */
  #stampMs = 0;
  /** Sum of the moments at which what is in flight was started: their mean age takes no list. */
  #startedMs = 0;

  constructor(answers: number, decayMs: number) {
    this.#share = 1 / answers;
    this.#decayMs = decayMs;
  }

  start(nowMs: number): void {
    this.pending++;
    this.#startedMs += nowMs;
  }

  end(nowMs: number, startedMs: number): void {
    this.pending--;
    this.#startedMs = this.pending === 0 ? 0 : this.#startedMs - startedMs;
    const latencyMs = Math.max(0, nowMs - startedMs);
    const meanMs = this.#meanAt(nowMs);
    this.#meanMs = this.#meanMs === 0 ? latencyMs : meanMs + (latencyMs - meanMs) * this.#share;
    this.#stampMs = nowMs;
  }

  weigh(nowMs: number): void {
    const ageMs = this.pending === 0 ? 0 : nowMs - this.#startedMs / this.pending;
    const known = this.#meanMs > 0 || this.pending === 0;
    this.load = known ? Math.max(this.#meanAt(nowMs), ageMs) * (this.pending + 1) : UNKNOWN + this.pending;
  }

  #meanAt(nowMs: number): number {
    return this.#meanMs * Math.exp((this.#stampMs - nowMs) / this.#decayMs);
  }
}
