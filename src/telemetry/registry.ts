// All metrics of a process as a tree of scopes. Made and read in the slow world; counted in the fast one (`metrics`, `histogram`).
import type { Env } from "../base/env.ts";
import { invariant } from "../base/invariant.ts";
import { type Bounds, COUNTS, TIMES } from "./bounds.ts";
import { CellStore } from "./cells.ts";
import { Histogram } from "./histogram.ts";
import { Counter, CounterGroup, Gauge } from "./metrics.ts";
import type { MetricDoc } from "./names.ts";
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
}

export type Metric = Counter | Gauge | PullGauge | Histogram;

/** What scopes share. */
interface Owner {
  readonly cells: CellStore;
  readonly windows: WindowClock;
  /** Where places that were released are kept for now; null when they are pruned at once. */
  released: Set<Scope> | null;
}

/**
 * A place in the tree. Its children have one segment more; a place may hold a metric and have children
 * (`failures`, `failures/<cause>`). A segment may contain slashes: a client's id or a service's path is one segment, which is
 * how exporters find the labels. Asking twice for the same name gives the same metric.
 */
export class Scope {
  readonly segment: string;
  #metric: Metric | null = null;
  #group: CounterGroup | null = null;
  #children: Map<string, Scope> | null = null;
  #pruned = false;
  /** How many have said that they count here. */
  #holders = 0;
  readonly #parent: Scope | null;
  readonly #owner: Owner;

  constructor(segment: string, parent: Scope | null, owner: Owner) {
    this.segment = segment;
    this.#parent = parent;
    this.#owner = owner;
  }

  get metric(): Metric | null {
    return this.#metric;
  }

  /** Live: scopes that come and go while someone walks are seen or not, never twice. */
  get children(): Iterable<Scope> {
    return this.#children === null ? [] : this.#children.values();
  }

  get hasChildren(): boolean {
    return this.#children !== null && this.#children.size > 0;
  }

  /** The place one segment below, if it exists. */
  existing(segment: string): Scope | undefined {
    return this.#children?.get(segment);
  }

  /** The place below this one, made when new. */
  scope(...segments: readonly string[]): Scope {
    return segments.reduce<Scope>((place, segment) => place.#child(segment), this);
  }

  /** A number that only grows. */
  counter(name: string): Counter {
    const place = this.#child(name);
    const metric = (place.#metric ??= new Counter(this.#owner.cells, this.#owner.cells.allocate(1)));
    invariant(metric instanceof Counter, `metric "${name}" is a counter everywhere`);
    if (place.#pruned) metric.retire();
    return metric;
  }

  /** Counters of this place that are counted together. Whoever asks again asks for the same names. */
  counters(...names: readonly string[]): CounterGroup {
    const group = (this.#group ??= this.#newGroup(names));
    invariant(group.counters.length === names.length, `the counters of "${this.segment}" are the same everywhere`);
    return group;
  }

  #newGroup(names: readonly string[]): CounterGroup {
    const group = new CounterGroup(this.#owner.cells, names.length);
    for (const [i, name] of names.entries()) {
      const place = this.#child(name);
      invariant(place.#metric === null, `metric "${name}" is counted in a group`);
      place.#metric = group.counters[i]!; // one for each name
    }
    if (this.#pruned) group.retire();
    return group;
  }

  /** A number its owner sets. */
  settableGauge(name: string): Gauge {
    const place = this.#child(name);
    const metric = (place.#metric ??= new Gauge(this.#owner.cells, this.#owner.cells.allocate(1)));
    invariant(metric instanceof Gauge, `metric "${name}" is a settable gauge everywhere`);
    if (place.#pruned) metric.retire();
    return metric;
  }

  /** A number computed when read. The last function given for a name counts. */
  gauge(name: string, read: () => number): void {
    const metric = (this.#child(name).#metric ??= new PullGauge(read));
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
    if (this.#parent?.existing(this.segment) === this) this.#parent.#drop(this.segment);
    this.#retire();
  }

  #drop(segment: string): void {
    this.#children?.delete(segment);
  }

  #retire(): void {
    this.#pruned = true;
    const metric = this.#metric;
    if (metric !== null && !(metric instanceof PullGauge)) metric.retire();
    this.#metric = null;
    this.#group?.retire();
    this.#group = null;
    for (const child of this.children) child.#retire();
    this.#children?.clear();
  }

  #histogram(name: string, bounds: Bounds): Histogram {
    this.#owner.windows.run();
    const place = this.#child(name);
    const metric = (place.#metric ??= new Histogram(this.#owner.cells, this.#owner.windows, bounds));
    invariant(metric instanceof Histogram, `metric "${name}" is a distribution everywhere`);
    if (place.#pruned) metric.retire();
    return metric;
  }

  #child(segment: string): Scope {
    const known = this.#children?.get(segment);
    if (known !== undefined) return known;
    const child = new Scope(segment, this, this.#owner);
    child.#pruned = this.#pruned;
    if (!this.#pruned) (this.#children ??= new Map()).set(segment, child);
    return child;
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

  /** Cells in use by metrics that exist. */
  get liveCells(): number {
    return this.#cells.live;
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
    let place: Scope | undefined = this.root;
    for (const segment of segments) place = place?.existing(segment);
    return place?.metric ?? null;
  }

  /** Stops the clock of the histograms' windows. */
  [Symbol.dispose](): void {
    this.#windows[Symbol.dispose]();
  }
}
