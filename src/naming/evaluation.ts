// What a look-up comes to, from what those below it are (finagle §1.4, §1.5).
import type { Dentry, Dtab } from "../core/dtab.ts";
import type { BoundName } from "../core/endpoint.ts";
import { isUsable, type NameTree, neg, type Union, type Weighted } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { inside, MAX_BOUND, type Place, stepped, tooDeep, tooFar, tooMany } from "./limits.ts";
import type { Asked, Lookup, LookupState } from "./lookup.ts";
import type { NamerTable } from "./namer-table.ts";

/** Where an evaluation gets what it asks for. */
export interface Surroundings {
  readonly dtab: Dtab;
  readonly namers: NamerTable;
  /** The look-up of `path` at `place`, fresh, and held as long as the evaluation that `asks` is the last one of its look-up. */
  lookup(path: Path, place: Place, asks: Evaluation): Lookup;
  /** Asks a namer for the path of `lookup`, who is marked when the answer changes. */
  ask(namer: Namer, lookup: Lookup): Asked;
}

const negState: LookupState = { at: "ok", value: neg };

/** One evaluation of one look-up. Looks below only as far as is needed. */
export class Evaluation {
  readonly lookup: Lookup;
  readonly number: number;
  /** What was used, in order. */
  readonly below: Lookup[] = [];
  readonly asked: Asked[] = [];
  /** How many look-ups and branches the result stands for. */
  weight = 1;
  /** Whether the result is that of the only look-up below. */
  forwards = false;
  readonly #from: Surroundings;

  /** @param number another for every evaluation. */
  constructor(lookup: Lookup, number: number, from: Surroundings) {
    this.lookup = lookup;
    this.number = number;
    this.#from = from;
  }

  run(): LookupState {
    const problem = tooFar(this.lookup.path, this.lookup.place);
    return problem === undefined ? heavy(this.weight) ?? this.#look() : limit(problem);
  }

  /** The dtab first; the namers only if it says exactly neg. */
  #look(): LookupState {
    const matches = this.#from.dtab.matches(this.lookup.path);
    const [only] = matches;
    if (only === undefined || (matches.length === 1 && only.dst.kind === "neg")) return this.#ask();
    if (matches.length === 1) this.forwards = only.dst.kind === "leaf";
    let state = negState;
    for (let i = 0; i < matches.length && isNeg(state); i++) state = this.#rewritten(matches[i] as Dentry); // in range
    return state;
  }

  #rewritten({ dst, prefix }: Dentry): LookupState {
    const { path, place } = this.lookup;
    return this.#tree(dst, path.drop(prefix.length), stepped(place));
  }

  /** The namers of the path, each asked only if the one before knows exactly nothing. */
  #ask(): LookupState {
    const { path, place } = this.lookup;
    const namers = this.#from.namers.matching(path);
    let answer = namers.length === 0 ? this.#from.namers.unmatched(path).sample() : negState;
    ...
  }
}
