// Explaining a name: walks the same way as the binder does, but into every alternative, and keeps what made each step.
import type { Activity } from "../core/activity.ts";
import { type Dentry, type Dtab } from "../core/dtab.ts";
import type { BoundName } from "../core/endpoint.ts";
import { leaf, type NameTree, showTree } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { showPrefix } from "../core/prefix.ts";
import { collect, Constant, type Var } from "../core/var.ts";
import { type Delegation, outcomeOf, type Step } from "./delegation.ts";
import { Effort } from "./effort.ts";
import { explainedLeaf } from "./explained-leaf.ts";
import { inside, MAX_EXPLAINED, type Place, start, stepped } from "./limits.ts";
import { ask, type NamerTable } from "./namer-table.ts";
import type { Transformer } from "./transformers/transformer.ts";

type Explained = Var<Delegation>;

/** What made a step. */
type Origin = Omit<Step, "path">;

/** A step that is being explained. */
interface Here {
  readonly path: Path;
  readonly made: Origin;
}

/** Where a tree of names came from. */
interface Written {
  /** What made it, and thereby the steps its names are. */
  readonly origin: Origin;
  /** What its paths go on with. */
  readonly suffix: Path;
  readonly place: Place;
}

/** Explains one path. The explanation is live and may have pending parts at first: see `isSettled`. */
export class Explainer {
  readonly #namers: NamerTable;
  readonly #dtab: Dtab;
  readonly #path: Path;
  readonly #transformer: Transformer | undefined;
  readonly #effort: Effort;

  /** @param transformer changes the names after they were bound. */
  constructor(namers: NamerTable, dtab: Dtab, path: Path, transformer?: Transformer) {
    this.#namers = namers;
    this.#dtab = dtab;
    this.#path = path;
    this.#transformer = transformer;
    this.#effort = new Effort(path, MAX_EXPLAINED);
  }

  explain(): Explained {
    const explained = this.#lookup({ path: this.#path, made: {} }, start);
    return this.#transformer === undefined ? explained : explained.flatMap((tree) => this.#ended(tree));
  }

  /** What transformers make of "no such name" and the like, once that is the answer. */
  #ended(tree: Delegation): Explained {
    const outcome = outcomeOf(tree);
    if (outcome !== "neg" && outcome !== "fail" && outcome !== "empty") return constant(tree);
    const result = this.#transformer?.transform({ kind: outcome });
    return result?.kind === "leaf" ? explainedLeaf({ path: this.#path.show() }, result.value, tree) : constant(tree);
  }

  #leaf(here: Here, name: BoundName): Explained {
    const tree = this.#transformer?.transform(leaf(name)) ?? leaf(name);
    if (tree.kind === "leaf") return explainedLeaf(step(here), tree.value);
    const type = tree.kind === "fail" || tree.kind === "empty" ? tree.kind : "neg"; // no transformer makes groups of a name
    return constant({ type, ...step(here) });
  }

  #lookup(here: Here, place: Place): Explained {
    const matches = this.#dtab.matches(here.path);
    const problem = this.#effort.lookup(here.path, place) ?? this.#effort.split(matches.length, place);
    if (problem !== undefined) return broken(here, problem);
    const next = stepped(place);
    const [only] = matches;
    if (only === undefined) return this.#ask(here, next, () => constant({ type: "neg", ...step(here) }));
    if (matches.length > 1)
      return alternatives(
        here,
        matches.flatMap((dentry) => this.#choices(here.path, dentry, next)),
      );
    if (only.dst.kind !== "neg") return this.#onlyRule(here, only, next);
    return this.#ask(here, next, () => wrapped(here, constant({ type: "neg", path: "~", ...rule(only) })));
  }

  /** The one rule that matches. Alternatives or a union on its right side are not another step. */
  #onlyRule(here: Here, dentry: Dentry, place: Place): Explained {
    const tree = this.#tree(here, dentry.dst, written(dentry, here.path, place));
    return dentry.dst.kind === "alt" || dentry.dst.kind === "union" ? tree : wrapped(here, tree);
  }

  /** What one of several matching rules adds to the alternatives: those on its own right side are just more of them. */
  #choices(path: Path, dentry: Dentry, place: Place): readonly Explained[] {
    const from = written(dentry, path, inside(place));
    const trees = dentry.dst.kind === "alt" ? dentry.dst.trees : [dentry.dst];
    return trees.map((tree) => this.#tree({ path, made: from.origin }, tree, from));
  }

  #tree(here: Here, tree: NamedTree, from: Written): Explained {
    switch (tree.kind) {
      case "leaf": {
        const made = from.origin;
        if (tree.value instanceof Path) return this.#lookup({ path: tree.value.concat(from.suffix), made }, from.place);
        return this.#leaf({ path: here.path, made }, tree.value);
      }
      case "alt":
        return this.#group(here, tree.trees, from, (trees) => ({ type: "alt", ...step(here), alt: trees }));
      case "union": {
        const weighted = (child: Delegation, i: number) => ({ weight: tree.branches[i]?.weight ?? 1, tree: child });
        const children = tree.branches.map((branch) => branch.tree);
        return this.#group(here, children, from, (trees) => ({
          type: "union",
          ...step(here),
          union: trees.map(weighted),
        }));
      }
      default:
        return constant({ type: tree.kind, path: asWritten(tree, here.path, from.origin), ...from.origin });
    }
  }

  #group(
    here: Here,
    trees: readonly NamedTree[],
    from: Written,
    join: (trees: readonly Delegation[]) => Delegation,
  ): Explained {
    const problem = this.#effort.split(trees.length, from.place);
    if (problem !== undefined) return broken(here, problem);
    const below = { path: here.path, made: from.origin };
    const deeper = { ...from, place: inside(from.place) };
    return collect(trees.map((child) => this.#tree(below, child, deeper))).map(join);
  }

  /** The namers, when the dtab says exactly neg; `unknown` if they know nothing either. */
  #ask(here: Here, place: Place, unknown: () => Explained): Explained {
    const namers = this.#namers.matching(here.path);
    if (namers.length > 0) return this.#askFrom(namers, 0, here, place, unknown);
    return this.#answer(here, this.#namers.unmatched(here.path), here.made, place, unknown);
  }

  #askFrom(namers: readonly Namer[], index: number, here: Here, place: Place, unknown: () => Explained): Explained {
    const namer = namers[index];
    if (namer === undefined) return unknown();
    const next = () => this.#askFrom(namers, index + 1, here, place, unknown);
    return this.#answer(here, ask(namer, here.path), { namer: namer.prefix.show() }, place, next);
  }

  #answer(here: Here, answer: Activity<NamedTree>, by: Origin, place: Place, onNeg: () => Explained): Explained {
    return this.#effort.watched(answer).states.flatMap((state): Explained => {
      if (state.at === "pending") return constant({ type: "pending", ...step(here) });
      if (state.at === "failed") return broken(here, state.message);
      const tree = state.value;
      if (tree.kind === "neg") return onNeg();
      const origin = leadsOn(tree) ? by : here.made;
      const explained = this.#tree(here, tree, { origin, suffix: Path.root, place });
      return tree.kind === "leaf" && leadsOn(tree) ? wrapped(here, explained) : explained;
    });
  }
}

/** Whether a namer's answer leads to further steps, which it then made; otherwise it ends the step it was asked at. */
function leadsOn(tree: NamedTree): boolean {
  return tree.kind === "alt" || tree.kind === "union" || (tree.kind === "leaf" && tree.value instanceof Path);
}

function constant(tree: Delegation): Explained {
  return new Constant(tree);
}

function step({ path, made }: Here): Step {
  return { path: path.show(), ...made };
}

function rule({ prefix, dst }: Dentry): Origin {
  return { dentry: { prefix: showPrefix(prefix), dst: showTree(dst, (path) => path.show()) } };
}

function written(dentry: Dentry, path: Path, place: Place): Written {
  return { origin: rule(dentry), suffix: path.drop(dentry.prefix.length), place };
}

/** `!` and `~` that stand in a rule are shown as written; what a namer says is shown as the name it was asked for. */
function asWritten(tree: NameTree<unknown>, path: Path, origin: Origin): string {
  if (path.segments[0] === "$" || origin.dentry === undefined) return path.show();
  if (tree.kind === "fail") return "!";
  return tree.kind === "neg" ? "~" : path.show();
}

function broken(here: Here, message: string): Explained {
  return constant({ type: "exception", ...step(here), message });
}

function wrapped(here: Here, inner: Explained): Explained {
  return inner.map((tree) => ({ type: "delegate", ...step(here), delegate: tree }));
}

function alternatives(here: Here, branches: readonly Explained[]): Explained {
  return collect(branches).map((trees) => ({ type: "alt", ...step(here), alt: trees }));
}
