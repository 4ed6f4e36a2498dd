// Binding under one dtab, which may be replaced (Finagle `Namer.bind`, Linkerd `ConfiguredNamersInterpreter`).
//
// Every path is looked up once for each place at which names come to it, and kept while a name needs it. A change only marks what it may affect;
// `refresh` then evaluates from the top down, and only what is still asked for, so that nobody sees half a change.
import { sameState } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import { type BoundName, sameBound } from "../core/endpoint.ts";
import { type NameTree, sameTree } from "../core/name-tree.ts";
import type { Namer } from "../core/namer.ts";
import type { Path } from "../core/path.ts";
import type { DtabChange } from "./dtab-change.ts";
import { Evaluation, type Surroundings, tooHeavy } from "./evaluation.ts";
import { type Allowance, costOf, type Place } from "./limits.ts";
import { type Asked, Lookup, type LookupState, Root, stale } from "./lookup.ts";
import { ask, type NamerTable } from "./namer-table.ts";

/** All look-ups under one dtab. A name is a root: refreshed at first, whenever it is woken, and when the dtab was replaced. */
export class Binder implements Surroundings {
  readonly namers: NamerTable;
  readonly allowance: Allowance;
  readonly #woken: () => void;
  #dtab: Dtab;
  /** What the dtab has that the one before had not. */
  #change: DtabChange | null = null;
  #generation = 1;
  #evaluations = 0;
  readonly #shared = new Map<Place, Map<string, Lookup>>();

  /** @param woken called after all roots that a change may affect have been woken. */
  constructor(namers: NamerTable, allowance: Allowance, dtab: Dtab, woken: () => void) {
    this.namers = namers;
    this.allowance = allowance;
    this.#dtab = dtab;
    this.#woken = woken;
  }

  get dtab(): Dtab {
    return this.#dtab;
  }

  /** Replaces the dtab; nobody is woken. @param change what is new in it. */
  replace(dtab: Dtab, change: DtabChange): void {
    this.#dtab = dtab;
    this.#change = change;
    this.#generation++;
  }

  /** Makes the state of a look-up what it should be at the moment. */
  refresh(lookup: Lookup): void {
    if (lookup.generation !== this.#generation) this.#check(lookup);
    if (lookup.stale === stale.below) this.#refreshBelow(lookup);
    if (lookup.stale === 0) return;
    if (lookup.forwards && (lookup.stale & stale.own) === 0) this.#forward(lookup);
    else this.#evaluate(lookup);
  }

  /** Lets go of everything a root needed. */
  end(root: Root): void {
    this.#letGo(root);
  }

  lookup(path: Path, place: Place, user: Evaluation): Lookup {
    const lookup = this.#at(path, place);
    if (lookup.usedBy === user.number) {
      this.refresh(lookup); // used a second time: should it be another now, the evaluation has to be repeated
      return lookup;
    }
    lookup.usedBy = user.number;
    lookup.tieTo(user.lookup);
    user.below.push(lookup);
    this.#refreshFor(user.lookup, lookup);
    return lookup;
  }

  ask(namer: Namer, lookup: Lookup): Asked {
    const answer = ask(namer, lookup.path);
    const asked: Asked = { state: answer.fixed ?? { at: "pending" }, observation: null };
    if (answer.fixed !== undefined) return asked;
    asked.observation = answer.observe((state) => {
      asked.state = state;
      if (asked.observation !== null) this.#answered(lookup);
    });
    return asked;
  }

  #at(path: Path, place: Place): Lookup {
    let paths = this.#shared.get(place);
    if (paths === undefined) this.#shared.set(place, (paths = new Map()));
    let lookup = paths.get(path.show());
    if (lookup === undefined) paths.set(path.show(), (lookup = new Lookup(path, place)));
    return lookup;
  }

  #answered(lookup: Lookup): void {
    mark(lookup, stale.own);
    this.#woken();
  }

  /** What a new dtab means for a look-up: the rules that match it may be others; if not, something below may have changed. */
  #check(lookup: Lookup): void {
    const follows = lookup.generation === this.#generation - 1;
    lookup.generation = this.#generation;
    if (!follows || this.#change === null || this.#change.touches(lookup.path) || this.#isGivenUp(lookup))
      lookup.stale |= stale.own;
    else if (lookup.stale === 0) lookup.stale = stale.below;
  }

  /** Goes on until one has become another, which marks us as changed: whether the rest is still needed is then to be seen. */
  #refreshBelow(lookup: Lookup): void {
    lookup.stale = 0;
    const { below } = lookup;
    if (below instanceof Lookup) this.refresh(below);
    else if (below !== null)
      for (let i = 0; i < below.length && lookup.stale === 0; i++) this.refresh(below[i] as Lookup); // in range
  }

  /** Refreshes what `user` is about to use, which therefore need not be told that it changed. */
  #refreshFor(user: Lookup, lookup: Lookup): void {
    const before = user.stale;
    this.refresh(lookup);
    if ((before & stale.changed) === 0) user.stale &= ~stale.changed;
  }

  #forward(lookup: Lookup): void {
    lookup.stale = 0;
    const below = lookup.below as Lookup; // what forwards has exactly one below
    this.#refreshFor(lookup, below);
    const weight = below.weight + costOf(lookup.path);
    this.#became(lookup, weight > this.allowance.lookups ? tooHeavy(this.allowance) : below.state, weight);
  }

  #evaluate(lookup: Lookup): void {
    lookup.stale = 0;
    const evaluation = new Evaluation(lookup, ++this.#evaluations, this);
    const state = evaluation.run();
    lookup.forwards = evaluation.forwards;
    this.#hold(evaluation);
    this.#became(lookup, state, evaluation.weight);
    if (!this.#isGivenUp(lookup)) return;
    // What led here would cost too much to keep. Whatever discovery says, it is asked again only under another dtab.
    lookup.forwards = false;
    this.#letGo(lookup);
  }

  /** Has it come to more than is allowed to those who need not be trusted? */
  #isGivenUp({ weight }: Lookup): boolean {
    return this.allowance.perQuestion > 0 && weight > this.allowance.lookups;
  }

  #became(lookup: Lookup, state: LookupState, weight: number): void {
    const same = sameState(lookup.state, state, sameTrees);
    if (same && lookup.weight === weight) return;
    if (!same) lookup.state = state;
    lookup.weight = weight;
    lookup.markAbove();
  }

  /** Lets go of what the last evaluation no longer used; what it took over from the one before was never let go. */
  #hold({ asked, below, lookup, number }: Evaluation): void {
    const [oldBelow, oldAsked] = [lookup.below, lookup.asked];
    lookup.below = below.length > 1 ? below : (below[0] ?? null);
    lookup.asked = asked.length > 0 ? asked : null;
    for (let i = asked.length; i < (oldAsked?.length ?? 0); i++) oldAsked?.[i]?.observation?.[Symbol.dispose]();
    if (oldBelow instanceof Lookup) this.#release(oldBelow, lookup, number);
    else if (oldBelow !== null) for (const each of oldBelow) this.#release(each, lookup, number);
  }

  #release(lookup: Lookup, user: Lookup, number: number): void {
    if (lookup.usedBy === number) return;
    lookup.untieFrom(user);
    if (lookup.above !== null) return;
    const paths = this.#shared.get(lookup.place);
    paths?.delete(lookup.path.show());
    if (paths?.size === 0) this.#shared.delete(lookup.place);
    this.#letGo(lookup);
  }

  #letGo(lookup: Lookup): void {
    this.#hold(new Evaluation(lookup, ++this.#evaluations, this)); // one that used nothing
  }
}

/** Everything that is stale has woken its roots already; the others learn it now, and all between. */
function mark(lookup: Lookup, as: number): void {
  const before = lookup.stale;
  lookup.stale |= as;
  if (before !== 0) return;
  if (lookup instanceof Root) lookup.woken();
  const { above } = lookup;
  if (above instanceof Set) for (const user of above) mark(user, stale.below);
  else if (above !== null) mark(above, stale.below);
}

function sameTrees(a: NameTree<BoundName>, b: NameTree<BoundName>): boolean {
  return sameTree(a, b, sameSource);
}

/** The same name from the same source: equal names may get their addresses from different ones. */
function sameSource(a: BoundName, b: BoundName): boolean {
  if (a === b || !sameBound(a, b)) return a === b;
  return a.kind !== "endpoints" || b.kind !== "endpoints" || a.addresses === b.addresses;
}
