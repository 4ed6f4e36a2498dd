// Binding under one dtab, which may be replaced (Finagle `Namer.bind`, Linkerd `ConfiguredNamersInterpreter`).
//
// Every path is looked up once for each place at which names come to it, and remembered while a name needs it. A change only marks what it may
// affect; `refresh` then evaluates from the top down, and no more than what is still asked for, so that nobody sees half a change.
import { sameState } from "../core/activity.ts";
import type { Dentry, Dtab } from "../core/dtab.ts";
import { type BoundName, sameBound } from "../core/endpoint.ts";
import { isUsable, leaf, type NameTree, neg, sameTree, type Union, type Weighted } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import type { DtabChange } from "./dtab-change.ts";
import { inside, MAX_BOUND, type Place, start, stepped, tooDeep, tooFar, tooMany } from "./limits.ts";
import { type Asked, Lookup, type LookupState, Root, staleness } from "./lookup.ts";
import { answerOf, type NamerTable } from "./namer-table.ts";

/** One evaluation of one look-up. */
interface Evaluation {
  readonly lookup: Lookup;
  readonly number: number;
  /** The look-ups it used, in order. */
  readonly below: Lookup[];
  /** The namers it asked, in order. */
  readonly asked: Asked[];
  weight: number;
}

/** All bindings under one dtab. Whatever is known is bound when `refresh` returns. */
export class Binder {
  readonly #namers: NamerTable;
  readonly #wake: (root: Root) => void;
  #dtab: Dtab;
  /** What the dtab has that the one before had not. */
  #change: DtabChange | null = null;
  #generation = 1;
  #evaluations = 0;
  readonly #shared = new Map<Place, Map<string, Lookup>>();

  /** @param wake called with a root that may have become something else, once until it is refreshed. It must not refresh it at once. */
  constructor(namers: NamerTable, dtab: Dtab, wake: (root: Root) => void) {
    this.#namers = namers;
    this.#dtab = dtab;
    this.#wake = wake;
  }

  /** A name to follow: refresh it at first, and whenever it is woken or the dtab is replaced. */
  begin(path: Path): Root {
    return new Root(path, start);
  }

  end(root: Root): void {
    this.#letGo(root);
  }

  /** Replaces the dtab; nobody is woken. @param change what is new in it. */
  dtabIs(dtab: Dtab, change: DtabChange): void {
    this.#dtab = dtab;
    this.#change = change;
    this.#generation++;
  }

  /** Makes the state of a look-up what it should be now. */
  refresh(lookup: Lookup): void {
    if (lookup.generation !== this.#generation) this.#check(lookup);
    if (lookup.stale === staleness.below) {
      lookup.stale = staleness.fresh;
      this.#refreshBelow(lookup);
    }
    if (lookup.stale === staleness.changed && lookup.forwards) this.#forward(lookup);
    else if (lookup.stale !== staleness.fresh) this.#evaluate(lookup);
  }

  /** What a new dtab means for a look-up: the rules that match it may be others, else those further below may have changed. */
  #check(lookup: Lookup): void {
    const isNext = lookup.generation === this.#generation - 1;
    lookup.generation = this.#generation;
    if (!isNext || this.#change === null || this.#change.touches(lookup.path)) lookup.stale = staleness.own;
    else if (lookup.stale === staleness.fresh) lookup.stale = staleness.below;
  }

  /** Until one has become something else, which marks us as changed: whether we still need the others is then to be seen. */
  #refreshBelow(lookup: Lookup): void {
    const { below } = lookup;
    if (below === null) return;
    if (below instanceof Lookup) return this.refresh(below);
    for (let i = 0; i < below.length && lookup.stale === staleness.fresh; i++) this.refresh(below[i] as Lookup); // in range
  }

  #forward(lookup: Lookup): void {
    const below = lookup.below as Lookup; // what forwards has one below
    lookup.stale = staleness.fresh;
    this.refresh(below);
    this.#became(lookup, below.state, below.weight + 1);
  }

  #evaluate(lookup: Lookup): void {
    lookup.stale = staleness.fresh;
    lookup.forwards = false;
    const evaluation = { lookup, number: ++this.#evaluations, below: [], asked: [], weight: 1 };
    const state = this.#lookup(evaluation);
    this.#hold(evaluation);
    this.#became(lookup, state, evaluation.weight);
  }

  #became(lookup: Lookup, evaluated: LookupState, weight: number): void {
    const state = weight > MAX_BOUND ? ofName(tooMany(MAX_BOUND)) : evaluated;
    const isSame = sameState(lookup.state, state, sameSource);
    if (isSame && lookup.weight === weight) return;
    if (!isSame) lookup.state = state;
    lookup.weight = weight;
    const { above } = lookup;
    if (above instanceof Set) for (const user of above) markChanged(user);
    else if (above !== null) markChanged(above);
  }

  /** Ties a look-up to what it used, and only then lets go of what it no longer uses: what both need stays. */
  #hold({ asked, below, lookup, number }: Evaluation): void {
    const old = lookup.below;
    const oldAsked = lookup.asked;
    lookup.below = below.length <= 1 ? (below[0] ?? null) : below;
    lookup.asked = asked.length === 0 ? null : asked;
    if (oldAsked !== null) for (let i = asked.length; i < oldAsked.length; i++) forget(oldAsked[i]);
    if (old instanceof Lookup) this.#release(old, lookup, number);
    else if (old !== null) for (const each of old) this.#release(each, lookup, number);
  }

  #release(below: Lookup, user: Lookup, number: number): void {
    if (below.usedBy === number) return;
    below.untieFrom(user);
    if (below.isUsed) return;
    const places = this.#shared.get(below.place);
    places?.delete(below.path.show());
    if (places?.size === 0) this.#shared.delete(below.place);
    this.#letGo(below);
  }

  #letGo(lookup: Lookup): void {
    this.#hold({ lookup, number: ++this.#evaluations, below: [], asked: [], weight: 0 });
  }

  /** One look-up: the dtab first; the namers only if it says exactly neg. */
  #lookup(e: Evaluation): LookupState {
    const { path, place } = e.lookup;
    const problem = tooFar(path, place);
    if (problem !== undefined) return ofName(problem);
    const matches = this.#dtab.matches(path);
    const [only] = matches;
    if (only === undefined || (matches.length === 1 && only.dst.kind === "neg")) return this.#ask(e);
    e.lookup.forwards = matches.length === 1 && only.dst.kind === "leaf";
    for (const dentry of matches) {
      const state = this.#rewritten(e, dentry);
      if (!isNeg(state)) return state;
    }
    return negState;
  }

  #rewritten(e: Evaluation, { dst, prefix }: Dentry): LookupState {
    const { path, place } = e.lookup;
    return this.#tree(e, dst, path.drop(prefix.length), stepped(place));
  }

  /** The namers of a path, each asked only if the one before knows exactly nothing. */
  #ask(e: Evaluation): LookupState {
    const { asked, path, place } = e.lookup;
    const namers = this.#namers.matching(path);
    if (namers.length === 0) return this.#named(e, { state: this.#namers.unmatched(path).sample(), observation: null });
    for (const [i, namer] of namers.entries()) {
      const answer = asked?.[i] ?? this.#question(e.lookup, namer);
      e.asked.push(answer);
      if (!isNeg(answer.state)) return answer.state.at === "ok" ? ... : answer.state;
    }
    return negState;
  }
}
