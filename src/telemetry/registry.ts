// All metrics of a process as a tree of scopes. Made and read in the slow world; counted in the fast one (`metrics`, `histogram`).
import type { Env } from "../base/env.ts";
import { invariant } from "../base/invariant.ts";
import { liveEntries, type SmallMap, sizeOf, valueAt, withEntry, withoutEntry } from "../base/small-map.ts";
import { type Bounds, COUNTS, TIMES } from "./bounds.ts";
import { CellStore } from "./cells.ts";
import { Histogram } from "./histogram.ts";
import { Counter, CounterGroup, Gauge, type GroupedCounter } from "./metrics.ts";
import type { MetricDoc } from "./names.ts";
import type { MetricsTree } from "./tree.ts";
import { WindowClock } from "./window-clock.ts";

/** A gauge that is computed when someone reads it. */
export class PullGauge {
  read: () => number;

  constructor(read: () => number) {
    this.read = read;
  }

  get kind(): "gauge" {
    return "gauge";
  }

  get value(): number {
    return this.read();
  }

  retire(): void {
    // It has nothing to give back.
  }
}

export type Metric = Counter | GroupedCounter | Gauge | PullGauge | Histogram;

/** What scopes share. */
interface Owner {
  readonly cells: CellStore;
  readonly windows: WindowClock;
  /** Where places that were released are kept for now; null when they are pruned at once. */
  released: Set<Scope> | null;
}

/** What may stand below a place: another place, or a metric alone, or the number of a counter in the place's group. */
type Below = Scope | Metric | number;

/** A place with a metric and nothing below it, for those who walk the tree: the tree itself keeps only the metric. */
class Leaf implements MetricsTree {
  readonly segment: string;
  readonly metric: Metric;
  readonly children: readonly never[] = [];
  readonly hasChildren = false;

  constructor(segment: string, metric: Metric) {
    this.segment = segment;
    this.metric = metric;
  }

  existing(): undefined {
    return undefined;
  }
}

/** A place as one who walks the tree sees it. */
export type Place = Scope | Leaf;

/**
 * A place in the tree. Its children have one segment more; a place may hold a metric and have children
 * (`failures`, `failures/<cause>`). A segment may contain slashes: a client's id or a service's path is one segment, which is
 * how exporters find the labels. Asking twice for the same name gives the same metric, of counters in a group another view of it.
 */
export class Scope implements MetricsTree {
  readonly segment: string;
  #metric: Metric | null;
  #group: CounterGroup | null = null;
  #below: SmallMap<Below> = null;
  #pruned = false;
  /** How many have said that they count here. */
  #holders = 0;
  readonly #parent: Scope | null;
  readonly #owner: Owner;

  constructor(segment: string, parent: Scope | null, owner: Owner, metric: Metric | null = null) {
    this.segment = segment;
    this.#parent = parent;
    this.#owner = owner;
    this.#metric = metric;
  }

  get metric(): Metric | null {
    return this.#metric;
  }

  /** Live: scopes that come and go while someone walks are seen or not, never twice. */
  get children(): Iterable<Place> {
    return this.#walk();
  }

  *#walk(): Generator<Place, void, undefined> {
    for (const [segment, below] of liveEntries(() => this.#below)) yield this.#placeOf(segment, below);
  }

  #placeOf(segment: string, below: Below): Place {
    return below instanceof Scope ? below : new Leaf(segment, this.#metricOf(below));
  }

  #metricOf(below: Metric | number): Metric {
    if (typeof below !== "number") return below;
    invariant(this.#group !== null, "who has counters in a group has the group");
    return this.#group.counter(below);
  }

  get hasChildren(): boolean {
    return sizeOf(this.#below) > 0;
  }

  /** The place one segment below, if it exists. */
  existing(segment: string): Place | undefined {
    const below = valueAt(this.#below, segment);
    return below === undefined ? undefined : this.#placeOf(segment, below);
  }

  /** The place below this one, made when new. */
  scope(...segments: readonly string[]): Scope {
    return segments.reduce<Scope>((place, segment) => place.#child(segment), this);
  }

  /** A number that only grows. */
  counter(name: string): Counter {
    const metric = this.#metricAt(name, () => new Counter(this.#owner.cells, this.#owner.cells.allocate(1)));
    invariant(metric instanceof Counter, `metric "${name}" is a counter by itself everywhere`);
    return metric;
  }

  /** Counters of this place that are counted together. Whoever asks again asks for the same names. */
  counters(...names: readonly string[]): CounterGroup {
    const group = (this.#group ??= this.#newGroup(names));
    invariant(group.count === names.length, `the counters of "${this.segment}" are the same everywhere`);
    return group;
  }

  #newGroup(names: readonly string[]): CounterGroup {
    const group = new CounterGroup(this.#owner.cells, names.length);
    if (this.#pruned) group.retire();
    for (const [i, name] of names.entries()) this.#countIn(group, i, name);
    return group;
  }

  #countIn(group: CounterGroup, place: number, name: string): void {
    const known = valueAt(this.#below, name);
    const metric = known instanceof Scope ? known.#metric : (known ?? null);
    invariant(metric === null, `metric "${name}" is counted in a group`);
    if (known instanceof Scope) known.#metric = group.counter(place);
    else this.#put(name, place);
  }

  /** A number its owner sets. */
  settableGauge(name: string): Gauge {
    const metric = this.#metricAt(name, () => new Gauge(this.#owner.cells, this.#owner.cells.allocate(1)));
    invariant(metric instanceof Gauge, `metric "${name}" is a settable gauge everywhere`);
    return metric;
  }

  /** A number computed when read. The last function given for a name counts. */
  gauge(name: string, read: () => number): void {
    const metric = this.#metricAt(name, () => new PullGauge(read));
    invariant(metric instanceof PullGauge, `metric "${name}" is a computed gauge everywhere`);
    metric.read = read;
  }

  /** A distribution of whole numbers: bytes, counts. */
  stat(name: string): Histogram {
    return this.#histogram(name, COUNTS);
  }

  /** A distribution of lengths of time in milliseconds, kept to the microsecond. */
  latency(name: string): Histogram {
    return this.#histogram(name, TIMES);
  }

  /** One more counts here: `release` follows once. For what may exist twice for a while, such as the clients of a router and of its successor. */
  hold(): this {
    this.#holders++;
    return this;
  }

  /** The last one that releases a place prunes it, at once or, if the registry says so, later. */
  release(): void {
    if (--this.#holders > 0) return;
    if (this.#owner.released === null) this.prune();
    else this.#owner.released.add(this);
  }

  /** Prunes it if nobody holds it. */
  pruneUnheld(): void {
    if (this.#holders <= 0) this.prune();
  }

  /**
   * Removes this place and all below it, and takes their cells back. Late writers write into the void; what is asked of a pruned
   * scope afterwards is not listed either.
   */
  prune(): void {
    const parent = this.#parent;
    if (parent !== null && valueAt(parent.#below, this.segment) === this) {
      parent.#below = withoutEntry(parent.#below, this.segment);
    }
    this.#retire();
  }

  #retire(): void {
    const below = this.#below;
    this.#pruned = true;
    this.#metric?.retire();
    this.#metric = null;
    this.#group?.retire();
    this.#group = null;
    this.#below = null;
    for (const [, entry] of liveEntries(() => below)) {
      if (entry instanceof Scope) entry.#retire();
      else if (typeof entry !== "number") entry.retire();
    }
  }

  #histogram(name: string, bounds: Bounds): Histogram {
    this.#owner.windows.run();
    const metric = this.#metricAt(name, () => new Histogram(this.#owner.cells, this.#owner.windows, bounds));
    invariant(metric instanceof Histogram, `metric "${name}" is a distribution everywhere`);
    return metric;
  }

  /** The metric of this name, made when new. */
  #metricAt(name: string, make: () => Metric): Metric {
    const known = valueAt(this.#below, name);
    if (known instanceof Scope) return (known.#metric ??= make());
    if (known !== undefined) return this.#metricOf(known);
    const metric = make();
    if (this.#pruned) metric.retire();
    else this.#put(name, metric);
    return metric;
  }

  #child(segment: string): Scope {
    const known = valueAt(this.#below, segment);
    if (known instanceof Scope) return known;
    const child = new Scope(segment, this, this.#owner, known === undefined ? null : this.#metricOf(known));
    child.#pruned = this.#pruned;
    if (!this.#pruned) this.#put(segment, child);
    return child;
  }

  #put(segment: string, below: Below): void {
    this.#below = withEntry(this.#below, segment, below);
  }
}

/** The metrics of one process. */
export class MetricsRegistry {
  readonly root: Scope;
  /** What plug-ins count, besides the catalogue in `names`. */
  readonly declared: MetricDoc[] = [];
  readonly #cells = new CellStore();
  readonly #windows: WindowClock;
  readonly #owner: Owner;

  constructor(env: Env) {
    this.#windows = new WindowClock(env);
    this.#owner = { cells: this.#cells, windows: this.#windows, released: null };
    this.root = new Scope("", null, this.#owner);
  }

  /** What `act` releases is kept in a set, for `pruneUnheld` at a later time: whoever holds it until then goes on counting where it stopped. */
  keepReleased<T>(kept: Set<Scope>, act: () => T): T {
    const before = this.#owner.released;
    this.#owner.released = kept;
    try {
      return act();
    } finally {
      this.#owner.released = before;
    }
  }

  /** Cells and buckets in use by metrics that exist. */
  get liveCells(): number {
    return this.#cells.live + this.#cells.buckets.live;
  }

  /** Sentences for metrics that are not in the catalogue; of one pattern the first counts. */
  declare(docs: readonly MetricDoc[]): void {
    for (const doc of docs) if (!this.declared.some(({ pattern }) => pattern === doc.pattern)) this.declared.push(doc);
  }

  /** Removes everything under a scope: metrics of evicted clients and services must not pile up. */
  prune(scope: Scope): void {
    scope.prune();
  }

  /** The metric of exactly this name, if there is one. */
  find(...segments: readonly string[]): Metric | null {
    let place: Place | undefined = this.root;
    for (const segment of segments) place = place?.existing(segment);
    return place?.metric ?? null;
  }

  /** Stops the clock of the histograms' windows. */
  [Symbol.dispose](): void {
    this.#windows[Symbol.dispose]();
  }
}
