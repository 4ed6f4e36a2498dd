// What a look-up comes to, from its rules, its namers and the look-ups below it (finagle §1.4, §1.5).
import type { ActivityState } from "../core/activity.ts";
import type { Dentry, Dtab } from "../core/dtab.ts";
import type { BoundName } from "../core/endpoint.ts";
import { isUsable, type Leaf, type NameTree, neg, type Union, type Weighted } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { type Allowance, costOf, inside, type Place, stepped, tooDeep, tooFar, tooMany } from "./limits.ts";
import type { Asked, Lookup, LookupState } from "./lookup.ts";
import type { NamerTable } from "./namer-table.ts";

/** Where an evaluation gets what it asks for. */
export interface Surroundings {
  readonly dtab: Dtab;
  readonly namers: NamerTable;
  readonly allowance: Allowance;
  /** The look-up of `path` at `place`, fresh, and held as long as `user` is the last evaluation of its look-up. */
  lookup(path: Path, place: Place, user: Evaluation): Lookup;
  /** Asks a namer for the path of `lookup`, which is marked when the answer changes. */
  ask(namer: Namer, lookup: Lookup): Asked;
}

/** The state of a look-up that stands for more than is allowed. */
export function tooHeavy({ lookups }: Allowance): LookupState {
  return limit(tooMany(lookups));
}

const negState: LookupState = { at: "ok", value: neg };

/** One evaluation of one look-up. It looks at no more than is needed. */
export class Evaluation {
  readonly lookup: Lookup;
  readonly number: number;
  /** What it used, in order. */
  readonly below: Lookup[] = [];
  readonly asked: Asked[] = [];
  /** How many look-ups and branches the result stands for. */
  weight: number;
  /** Whether the result is whatever the only look-up below is. */
  forwards = false;
  readonly #from: Surroundings;

  /** @param number one no other evaluation has. */
  constructor(lookup: Lookup, number: number, from: Surroundings) {
    this.lookup = lookup;
    this.number = number;
    this.weight = costOf(lookup.path);
    this.#from = from;
  }

  run(): LookupState {
    const problem = tooFar(this.lookup.path, this.lookup.place);
    const state = problem === undefined ? this.#look() : limit(problem);
    return this.#isTooHeavy() ? tooHeavy(this.#from.allowance) : state;
  }

  #isTooHeavy(): boolean {
    return this.weight > this.#from.allowance.lookups;
  }

  /** The dtab first; the namers only if it says exactly neg. */
  #look(): LookupState {
    const matches = this.#from.dtab.matches(this.lookup.path);
    const [only] = matches;
    if (only === undefined || (matches.length === 1 && only.dst.kind === "neg")) return this.#ask();
    this.forwards = matches.length === 1 && only.dst.kind === "leaf";
    return firstAnswer(matches, (dentry) => this.#rewritten(dentry));
  }

  #rewritten({ dst, prefix }: Dentry): LookupState {
    const { path, place } = this.lookup;
    return this.#tree(dst, path.drop(prefix.length), stepped(place));
  }

  /** The namers of the path, each asked only if the one before knows exactly nothing. */
  #ask(): LookupState {
    const { path } = this.lookup;
    const namers = this.#from.namers.matching(path);
    if (namers.length === 0) return this.#named(this.#from.namers.unmatched(path).sample());
    for (const [i, namer] of namers.entries()) {
      const { state } = this.#answer(i, namer);
      if (!isNeg(state)) return this.#named(state);
    }
    return negState;
  }

  /** What was asked before need not be asked again: the path is still the same. */
  #answer(index: number, namer: Namer): Asked {
    const asked = this.lookup.asked?.[index] ?? this.#from.ask(namer, this.lookup);
    this.asked.push(asked);
    if (asked.observation !== null) this.weight += this.#from.allowance.perQuestion;
    return asked;
  }

  #named(answer: ActivityState<NamedTree>): LookupState {
    return answer.at === "ok" ? this.#tree(answer.value, Path.root, stepped(this.lookup.place)) : answer;
  }

  /** @param suffix what the paths in the tree go on with. */
  #tree(tree: NamedTree, suffix: Path, place: Place): LookupState {
    if (this.#isTooHeavy()) return tooHeavy(this.#from.allowance);
    switch (tree.kind) {
      case "leaf":
        if (tree.value instanceof Path) return this.#use(tree.value.concat(suffix), place);
        return { at: "ok", value: tree as Leaf<BoundName> }; // its value is no path
      case "alt":
        return this.#alternatives(tree.trees, suffix, inside(place));
      case "union":
        return this.#union(tree, suffix, inside(place));
      default:
        return { at: "ok", value: tree };
    }
  }

  #use(path: Path, place: Place): LookupState {
    const { state, weight } = this.#from.lookup(path, place, this);
    this.weight += weight;
    return state;
  }

  #alternatives(trees: readonly NamedTree[], suffix: Path, place: Place): LookupState {
    this.weight++; // one after the other, so each pays for itself
    const problem = tooDeep(place);
    if (problem !== undefined) return limit(problem);
    return firstAnswer(trees, (tree) => this.#tree(tree, suffix, place));
  }

  #union({ branches }: Union<Path | BoundName>, suffix: Path, place: Place): LookupState {
    this.weight += branches.length;
    const problem = tooDeep(place);
    if (problem !== undefined) return limit(problem);
    return joined(
      branches,
      branches.map((branch) => this.#tree(branch.tree, suffix, place)),
    );
  }
}

function limit(message: string): LookupState {
  return { at: "failed", message, limit: true };
}

function isNeg(state: ActivityState<NameTree<unknown>>): boolean {
  return state.at === "ok" && state.value.kind === "neg";
}

/** The first alternative that is not neg. Pending and failed ones are answers in this sense: they do not let the next one try. */
function firstAnswer<A>(alternatives: readonly A[], evaluate: (alternative: A) => LookupState): LookupState {
  for (const alternative of alternatives) {
    const state = evaluate(alternative);
    if (!isNeg(state)) return state;
  }
  return negState;
}

/**
 * A union of what its branches came to. While one branch is known the others do not matter: pending and failed ones are left out until they are
 * known, neg and fail ones for good. A union left with a single branch keeps the form of a union, and with it the branch's weight.
 */
function joined(written: readonly Weighted<unknown>[], states: readonly LookupState[]): LookupState {
  const branches: Weighted<BoundName>[] = [];
  let known = false;
  for (const [i, state] of states.entries()) {
    if (state.at !== "ok") continue;
    known = true;
    if (isUsable(state.value)) branches.push({ weight: written[i]?.weight ?? 1, tree: state.value });
  }
  if (known) return { at: "ok", value: branches.length > 0 ? { kind: "union", branches } : neg };
  return states.find((state) => state.at === "failed") ?? states[0] ?? negState;
}
