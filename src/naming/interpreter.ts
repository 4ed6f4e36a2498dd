// The default interpreter: from a logical path to a live tree of bound names.
import { Activity, type ActivityState } from "../core/activity.ts";
import type { Dentry, Dtab } from "../core/dtab.ts";
import { substitute } from "../core/dtab.ts";
import { type BoundName, sameBound } from "../core/endpoint.ts";
import { isUsable, leaf, type NameTree, neg, sameTree, type Union, type Weighted } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { collect } from "../core/var.ts";
import { firstAnswer } from "./alternatives.ts";
import { afterLookup, type Budget, overdrawn, shared, wholeBudget } from "./budget.ts";
import { ask, type NamerTable } from "./namer-table.ts";

/** A live tree without alternatives: they have been decided. */
export type Binding = Activity<NameTree<BoundName>>;

/**
 * Binds paths by rewriting them through a dtab until namers know them (Finagle `Namer.bind`, Linkerd `ConfiguredNamersInterpreter`).
 * Whatever is known is bound before `bind(…).observe(…)` returns; later changes re-evaluate only what depends on them.
 */
export class Interpreter {
  readonly #namers: NamerTable;

  constructor(namers: NamerTable) {
    this.#namers = namers;
  }

  /** @param local the request's own rules; they come after, and so win over, those of `base`. */
  bind(base: Dtab, local: Dtab, path: Path): Binding {
    const binding = this.#path(base.concat(local), path, wholeBudget);
    return binding.fixed === undefined ? binding.distinct(sameBinding) : binding;
  }

  /** One look-up: the dtab first; the namers only if it says exactly neg. */
  #path(dtab: Dtab, path: Path, budget: Budget): Binding {
    const problem = overdrawn(budget, path);
    if (problem !== undefined) return Activity.failed(problem);
    const matches = dtab.matches(path);
    const [only] = matches;
    if (only === undefined || (matches.length === 1 && only.dst.kind === "neg"))
      return this.#ask(dtab, path, afterLookup(budget));
    if (matches.length === 1) return this.#tree(dtab, substitute(only, path), afterLookup(budget));
    return this.#matches(dtab, matches, path, shared(afterLookup(budget), matches.length));
  }

  #matches(dtab: Dtab, matches: readonly Dentry[], path: Path, each: Budget): Binding {
    // The index is in range: `firstAnswer` asks for 0 … length - 1.
    return firstAnswer(matches.length, (i) => this.#tree(dtab, substitute(matches[i] as Dentry, path), each));
  }

  /** The namers of a path, each asked only if the one before knows exactly nothing. */
  #ask(dtab: Dtab, path: Path, budget: Budget): Binding {
    const namers = this.#namers.matching(path);
    if (namers.length === 0) return this.#named(dtab, this.#namers.unmatched(path), budget);
    if (namers.length === 1) return this.#named(dtab, ask(namers[0] as Namer, path), budget); // length was just checked
    return this.#named(
      dtab,
      firstAnswer(namers.length, (i) => ask(namers[i] as Namer, path)),
      budget,
    );
  }

  #named(dtab: Dtab, answer: Activity<NamedTree>, budget: Budget): Binding {
    return answer.flatMap((tree) => this.#tree(dtab, tree, budget));
  }

  #tree(dtab: Dtab, tree: NamedTree, budget: Budget): Binding {
    switch (tree.kind) {
      case "leaf":
        return tree.value instanceof Path ? this.#path(dtab, tree.value, budget) : Activity.ok(leaf(tree.value));
      case "alt": {
        const each = shared(budget, tree.trees.length);
        return firstAnswer(tree.trees.length, (i) => this.#tree(dtab, tree.trees[i] ?? neg, each));
      }
      case "union":
        return this.#union(dtab, tree, shared(budget, tree.branches.length));
      default:
        return Activity.ok(tree);
    }
  }

  #union(dtab: Dtab, tree: Union<Path | BoundName>, each: Budget): Binding {
    const branches = tree.branches.map((branch) => this.#tree(dtab, branch.tree, each).states);
    return new Activity(collect(branches).map((states) => joined(tree.branches, states)));
  }
}

type State = ActivityState<NameTree<BoundName>>;

/**
 * A union of what its branches came to. While one branch is known the others do not matter: pending and failed ones are left out until they are
 * known, neg and fail ones for good. A union left with a single branch keeps the form of a union, and with it the branch's weight.
 */
function joined(written: readonly Weighted<unknown>[], states: readonly State[]): State {
  const branches: Weighted<BoundName>[] = [];
  let known = false;
  for (const [i, state] of states.entries()) {
    if (state.at !== "ok") continue;
    known = true;
    if (isUsable(state.value)) branches.push({ weight: written[i]?.weight ?? 1, tree: state.value });
  }
  if (known) return { at: "ok", value: branches.length > 0 ? { kind: "union", branches } : neg };
  return states.find((state) => state.at === "failed") ?? states[0] ?? { at: "ok", value: neg };
}

function sameBinding(a: NameTree<BoundName>, b: NameTree<BoundName>): boolean {
  return sameTree(a, b, sameBound);
}
