// One binding of one path (Finagle `Namer.bind`, Linkerd `ConfiguredNamersInterpreter`).
import { Activity, type ActivityState } from "../core/activity.ts";
import type { Dentry, Dtab } from "../core/dtab.ts";
import { type BoundName, sameBound } from "../core/endpoint.ts";
import { isUsable, leaf, type NameTree, neg, sameTree, type Union, type Weighted } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { collect } from "../core/var.ts";
import { firstAnswer } from "./alternatives.ts";
import { Effort, inside, MAX_BOUND, type Place, start, stepped } from "./effort.ts";
import { ask, type NamerTable } from "./namer-table.ts";

type Binding = Activity<NameTree<BoundName>>;
type State = ActivityState<NameTree<BoundName>>;

/** Whatever is known is bound before `bind(…).observe(…)` returns; later changes re-evaluate only what depends on them. */
export class Binder {
  readonly #namers: NamerTable;
  readonly #dtab: Dtab;
  readonly #path: Path;
  readonly #effort: Effort;

  constructor(namers: NamerTable, dtab: Dtab, path: Path) {
    this.#namers = namers;
    this.#dtab = dtab;
    this.#path = path;
    this.#effort = new Effort(path, MAX_BOUND);
  }

  bind(): Binding {
    const binding = this.#lookup(this.#path, start);
    return binding.fixed === undefined ? binding.distinct(sameBinding) : binding;
  }

  /** One look-up: the dtab first; the namers only if it says exactly neg. */
  #lookup(path: Path, place: Place): Binding {
    const problem = this.#effort.lookup(path, place);
    if (problem !== undefined) return Activity.failed(problem);
    const matches = this.#dtab.matches(path);
    const next = stepped(place);
    const [only] = matches;
    if (only === undefined || (matches.length === 1 && only.dst.kind === "neg")) return this.#ask(path, next);
    if (matches.length === 1) return this.#rewritten(only, path, next);
    // The index is in range: `firstAnswer` asks for 0 … length - 1.
    return firstAnswer(matches.length, (i) => this.#rewritten(matches[i] as Dentry, path, next));
  }

  #rewritten(dentry: Dentry, path: Path, place: Place): Binding {
    return this.#tree(dentry.dst, path.drop(dentry.prefix.length), place);
  }

  /** The namers of a path, each asked only if the one before knows exactly nothing. */
  #ask(path: Path, place: Place): Binding {
    const namers = this.#namers.matching(path);
    const [only] = namers;
    if (only === undefined) return this.#named(this.#namers.unmatched(path), place);
    if (namers.length === 1) return this.#named(ask(only, path), place);
    return this.#named(
      firstAnswer(namers.length, (i) => ask(namers[i] as Namer, path)),
      place,
    ); // in range, as above
  }

  #named(answer: Activity<NamedTree>, place: Place): Binding {
    return this.#effort.watched(answer).flatMap((tree) => this.#tree(tree, Path.root, place));
  }

  /** @param suffix what the paths in the tree go on with. */
  #tree(tree: NamedTree, suffix: Path, place: Place): Binding {
    switch (tree.kind) {
      case "leaf":
        return tree.value instanceof Path
          ? this.#lookup(tree.value.concat(suffix), place)
          : Activity.ok(leaf(tree.value));
      case "alt":
        return this.#alternatives(tree.trees, suffix, inside(place));
      case "union":
        return this.#union(tree, suffix, inside(place));
      default:
        return Activity.ok(tree);
    }
  }

  #alternatives(trees: readonly NamedTree[], suffix: Path, place: Place): Binding {
    const problem = this.#effort.split(1, place); // one after the other, so each pays for itself
    if (problem !== undefined) return Activity.failed(problem);
    return firstAnswer(trees.length, (i) => this.#tree(trees[i] ?? neg, suffix, place));
  }

  #union(tree: Union<Path | BoundName>, suffix: Path, place: Place): Binding {
    const problem = this.#effort.split(tree.branches.length, place);
    if (problem !== undefined) return Activity.failed(problem);
    const branches = tree.branches.map((branch) => this.#tree(branch.tree, suffix, place).states);
    return new Activity(collect(branches).map((states) => joined(tree.branches, states)));
  }
}

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
