// @hot The random aperture (finagle §2.6): power of two choices among the first few nodes, as many as the load needs.
//
// The nodes stand in an order of their own in each process, those that were open at the last look before those that were not.
import { invariant } from "../base/invariant.ts";
import type { Random } from "../base/random.ts";
import { type BalancerNode, EndpointStatus } from "../core/picker.ts";
import { ApertureCell } from "./aperture-cell.ts";
import type { BalancerCounters } from "./counters.ts";
import { DrawingGroup } from "./drawing-group.ts";
import type { Expiry } from "./expiry.ts";
import type { LoadBand } from "./load-band.ts";

/** So often the second draw is repeated while it gives the first. */
export const REDRAWS = 5;
const READY_FIRST = [EndpointStatus.open, EndpointStatus.busy, EndpointStatus.closed] as const;

export class ApertureGroup<N extends BalancerNode> extends DrawingGroup<N> {
  nodes: readonly N[] = [];
  readonly band: LoadBand;
  readonly #random: Random;
  readonly #expiry: Expiry<N>;
  #byToken: readonly N[] = [];
  /** The aperture is the beginning of it. */
  #order: N[] = [];
  /** Status of each by token at the last look. */
  #statuses = new Uint8Array(0);
  #openCount = 0;

  constructor(maxEffort: number, random: Random, counters: BalancerCounters, band: LoadBand, expiry: Expiry<N>) {
    super(maxEffort, counters);
    this.#random = random;
    this.band = band;
    this.#expiry = expiry;
  }

  get logicalAperture(): number {
    return this.nodes.length === 0 ? 0 : this.band.aperture;
  }

  get physicalAperture(): number {
    return this.logicalAperture;
  }

  // cold: with the membership
  update(nodes: readonly N[]): void {
    this.nodes = nodes;
    this.#byToken = nodes.toSorted((a, b) => apertureCell(a).token - apertureCell(b).token);
    for (const node of nodes) apertureCell(node).join(this.band);
    this.#order = Array.from(this.#byToken);
    this.#statuses = new Uint8Array(nodes.length);
    this.band.resize(nodes.length);
    this.changed();
  }

  override pick(nowMs: number): N {
    if (this.#expiry.due(nowMs)) this.#expiry.sweep(this.#order, this.band.aperture, nowMs);
    return super.pick(nowMs);
  }

  protected draw(nowMs: number): N {
    const size = this.band.aperture;
    const first = size === 1 ? 0 : this.#random.int(size);
    const second = size === 1 ? 0 : this.#other(first, size);
    const node = this.#order[first]!;
    return first === second ? this.only(node, nowMs) : this.better(node, this.#order[second]!, nowMs);
  }

  #other(first: number, size: number): number {
    let second = this.#random.int(size);
    for (let redraw = 0; second === first && redraw < REDRAWS; redraw++) second = this.#random.int(size);
    return second;
  }

  protected override stale(nowMs: number): boolean {
    for (let at = this.#openCount; at < this.#order.length; at++) {
      if (this.#order[at]!.settledStatus(nowMs) === EndpointStatus.open) return true;
    }
    return false;
  }

  /** Orders by readiness and then by token. Each status is read once, chance aside. */
  protected override look(nowMs: number): void {
    const byToken = this.#byToken;
    const statuses = this.#statuses;
    for (let at = 0; at < byToken.length; at++) statuses[at] = byToken[at]!.settledStatus(nowMs);
    let place = 0;
    for (let step = 0; step < READY_FIRST.length; step++) {
      for (let at = 0; at < byToken.length; at++) {
        if (statuses[at] === READY_FIRST[step]) this.#order[place++] = byToken[at]!;
      }
      if (step === 0) this.#openCount = place;
    }
  }
}

/** The cell of a node under an aperture. */
export function apertureCell(node: BalancerNode): ApertureCell {
  const { cell } = node;
  invariant(cell instanceof ApertureCell, "a balancer makes the cells of its nodes");
  return cell;
}
