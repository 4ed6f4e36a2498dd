// @hot Least loaded of all (finagle §2.4): nodes in a binary heap by requests in progress.
//
// A node that comes up and is not open sinks below all that are, as if it had very many requests, and is put on a list; every pick
// looks there for nodes that have recovered. When even the top has sunk, nothing is open, and the top is used: it fails open.
import { invariant } from "../base/invariant.ts";
import type { Random } from "../base/random.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../core/picker.ts";
import type { BalancerCounters } from "./counters.ts";
import type { Group } from "./group.ts";

/** What being down weighs: more requests than there can be. */
const DOWN = 2 ** 30;

/** A node's place in the heap. */
export class HeapCell implements LoadCell {
  pending = 0;
  /** Requests in progress, and what being down weighs. */
  rank = 0;
  /** Null before the first membership and after the last. */
  heap: HeapGroup<BalancerNode> | null = null;
  node: BalancerNode | null = null;
  at = 0;

  get load(): number {
    return this.pending;
  }

  start(): void {
    this.pending++;
    this.rank++;
    if (this.heap !== null) this.heap.grown(this);
  }

  end(): void {
    this.pending--;
    this.rank--;
    if (this.heap !== null) this.heap.shrunk(this);
  }

  answered(): void {
    // It is counted, whatever it does.
  }

  left(): void {
    this.end();
  }

  weigh(): void {
    // The count is always up to date.
  }
}

export class HeapGroup<N extends BalancerNode> implements Group<N> {
  nodes: readonly N[] = [];
  readonly #random: Random;
  readonly #counters: BalancerCounters;
  /** Children of i are 2i + 1 and 2i + 2; none ranks below its parent. */
  #heap: HeapCell[] = [];
  /** Those that were found not open. */
  #down: HeapCell[] = [];

  constructor(random: Random, counters: BalancerCounters) {
    this.#random = random;
    this.#counters = counters;
  }

  // cold: with the membership
  update(nodes: readonly N[]): void {
    const cells = new Set(nodes.map((node) => this.#join(node)));
    for (const cell of this.#heap) if (!cells.has(cell) && cell.heap === this) leave(cell);
    const known = this.#heap.filter((cell) => cells.has(cell));
    for (const cell of known) cells.delete(cell);
    this.nodes = nodes;
    this.#heap = [...known, ...cells];
    this.#heap.forEach((cell, at) => (cell.at = at));
    this.#down = this.#heap.filter((cell) => cell.rank >= DOWN);
    for (let at = (this.#heap.length >> 1) - 1; at >= 0; at--) this.#sink(this.#heap[at]!);
  }

  /** The node's cell, which belongs to this group from now on. */
  #join(node: N): HeapCell {
    const { cell } = node;
    invariant(cell instanceof HeapCell, "a balancer makes the cells of its nodes");
    if (cell.heap !== this) leave(cell);
    cell.heap = this;
    cell.node = node;
    return cell;
  }

  pick(nowMs: number): N {
    this.#revive(nowMs);
    for (;;) {
      const top = this.#heap[0]!;
      const node = top.node as N; // `join` has put it there
      if (top.rank >= DOWN) {
        this.#counters.maxEffortExhausted.inc();
        return node;
      }
      if (node.status(nowMs) === EndpointStatus.open) return node;
      top.rank += DOWN;
      this.#down.push(top);
      this.#sink(top);
    }
  }

  /** A request has started on it. */
  grown(cell: HeapCell): void {
    this.#sink(cell);
  }

  /** A request has ended on it. One that is idle again changes places by chance: of idle nodes the same would always be first. */
  shrunk(cell: HeapCell): void {
    if (cell.rank === 0 && this.#heap.length > 1) this.#moveByChance(cell);
    else this.#rise(cell);
  }

  /** Nothing ranks below the cell, so that it may stand on top of anything. */
  #moveByChance(cell: HeapCell): void {
    const heap = this.#heap;
    const last = heap.length - 1;
    const filler = heap[last]!;
    if (filler !== cell) {
      this.#swap(cell, filler);
      this.#sink(filler, last);
      this.#rise(filler);
    }
    const other = heap[this.#random.int(last + 1)]!;
    if (other === cell) {
      this.#rise(cell);
      return;
    }
    this.#swap(cell, other);
    this.#rise(cell);
    this.#rise(other);
  }

  /** Those that are open again rank by their requests alone. */
  #revive(nowMs: number): void {
    const down = this.#down;
    for (let at = down.length - 1; at >= 0; at--) {
      const cell = down[at]!;
      if ((cell.node as N).status(nowMs) !== EndpointStatus.open) continue; // as in `pick`
      const filler = down.pop()!;
      if (filler !== cell) down[at] = filler;
      cell.rank -= DOWN;
      this.#rise(cell);
    }
  }

  #rise(cell: HeapCell): void {
    while (cell.at > 0) {
      const parent = this.#heap[(cell.at - 1) >> 1]!;
      if (parent.rank <= cell.rank) return;
      this.#swap(cell, parent);
    }
  }

  /** @param end the first place that is not looked at. */
  #sink(cell: HeapCell, end: number = this.#heap.length): void {
    const heap = this.#heap;
    for (let child = 2 * cell.at + 1; child < end; child = 2 * cell.at + 1) {
      const left = heap[child]!;
      const right = child + 1 < end ? heap[child + 1]! : left;
      const lower = right.rank < left.rank ? right : left;
      if (cell.rank <= lower.rank) return;
      this.#swap(cell, lower);
    }
  }

  #swap(a: HeapCell, b: HeapCell): void {
    const { at } = a;
    a.at = b.at;
    b.at = at;
    this.#heap[a.at] = a;
    this.#heap[b.at] = b;
  }
}

function leave(cell: HeapCell): void {
  cell.heap = null;
  cell.node = null;
  cell.rank = cell.pending;
}
