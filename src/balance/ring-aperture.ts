// @hot The deterministic aperture (finagle §2.7): power of two choices among the endpoints that this client's window covers on the
// ring, each as often as it is covered. All clients together then use all endpoints equally. It does not follow the load.
import { AliasTable } from "../base/alias-table.ts";
import type { Random } from "../base/random.ts";
import type { BalancerNode } from "../core/picker.ts";
import { inAddressOrder } from "./address-order.ts";
import { apertureCell, REDRAWS } from "./aperture.ts";
import type { BalancerCounters } from "./counters.ts";
import { DrawingGroup } from "./drawing-group.ts";
import type { Expiry } from "./expiry.ts";
import { covers, type Peer } from "./ring.ts";

export class RingApertureGroup<N extends BalancerNode> extends DrawingGroup<N> {
  nodes: readonly N[] = [];
  logicalAperture = 0;
  physicalAperture = 0;
  readonly #peer: Peer;
  readonly #minAperture: number;
  readonly #random: Random;
  readonly #expiry: Expiry<N>;
  /** Those covered before those not. */
  #order: readonly N[] = [];
  /** How much of each is covered, in the same order. */
  #shares = new Float64Array(0);
  #table = new AliasTable([]);

  constructor(
    peer: Peer,
    minAperture: number,
    maxEffort: number,
    random: Random,
    counters: BalancerCounters,
    expiry: Expiry<N>,
  ) {
    super(maxEffort, counters);
    this.#peer = peer;
    this.#minAperture = minAperture;
    this.#random = random;
    this.#expiry = expiry;
  }

  // cold: with the membership
  update(nodes: readonly N[]): void {
    for (const node of nodes) apertureCell(node);
    this.nodes = nodes;
    this.logicalAperture = Math.min(this.#minAperture, nodes.length);
    const shares = covers(this.#peer, nodes.length, this.logicalAperture);
    const ring = inAddressOrder(nodes).map((node, at) => ({ node, share: shares[at]! }));
    const covered = ring.filter(({ share }) => share > 0);
    this.physicalAperture = covered.length;
    this.#order = [...covered, ...ring.filter(({ share }) => share === 0)].map(({ node }) => node);
    this.#shares = Float64Array.from(covered, ({ share }) => share);
    this.#table = new AliasTable(Array.from(this.#shares));
  }

  override pick(nowMs: number): N {
    if (this.#expiry.due(nowMs)) this.#expiry.sweep(this.#order, this.physicalAperture, nowMs);
    return super.pick(nowMs);
  }

  protected draw(nowMs: number): N {
    const first = this.#table.pick(this.#random);
    let second = this.#table.pick(this.#random);
    for (let redraw = 0; second === first && redraw < REDRAWS; redraw++) second = this.#table.pick(this.#random);
    const a = this.#order[first]!;
    if (first === second) return this.only(a, nowMs);
    const b = this.#order[second]!;
    const readier = this.readier(a, b, nowMs);
    if (readier !== null) return readier;
    const loadA = a.cell.load / this.#shares[first]!;
    const loadB = b.cell.load / this.#shares[second]!;
    if (loadA === 0 && loadB === 0) this.counters.zero.inc();
    return loadA <= loadB ? a : b;
  }
}
