// Explaining a name: walks the same way as the interpreter does, but into every alternative, and keeps what made each step.
import type { Activity } from "../core/activity.ts";
import { type Dentry, type Dtab } from "../core/dtab.ts";
import type { AddressState, BoundName, EndpointAddress } from "../core/endpoint.ts";
import { type NameTree, showTree } from "../core/name-tree.ts";
import type { NamedTree, Namer } from "../core/namer.ts";
import { Path } from "../core/path.ts";
import { showPrefix } from "../core/prefix.ts";
import { collect, Constant, type Var } from "../core/var.ts";
import { afterLookup, type Budget, overdrawn, shared, wholeBudget } from "./budget.ts";
import type { Delegation, ExplainedAddress, ExplainedAddresses, Step } from "./delegation.ts";
import { ask, type NamerTable } from "./namer-table.ts";

/** A live explanation of `path` under `dtab`. It may have pending parts at first: see `isSettled`. */
export function delegate(namers: NamerTable, dtab: Dtab, path: Path): Var<Delegation> {
  return new Explainer(namers, dtab).path(path, asked, wholeBudget);
}

type Explained = Var<Delegation>;

/** What made a step. */
type Origin = Omit<Step, "path">;

const asked: Origin = {};

class Explainer {
  readonly #namers: NamerTable;
  readonly #dtab: Dtab;

  constructor(namers: NamerTable, dtab: Dtab) {
    this.#namers = namers;
    this.#dtab = dtab;
  }

  path(path: Path, made: Origin, budget: Budget): Explained {
    const problem = overdrawn(budget, path);
    if (problem !== undefined) return constant({ type: "exception", ...step(path, made), message: problem });
    const matches = this.#dtab.matches(path);
    const each = shared(afterLookup(budget), matches.length);
    const [only] = matches;
    if (only === undefined) return this.#ask(path, made, each, () => constant({ type: "neg", ...step(path, made) }));
    if (matches.length > 1)
      return alternatives(
        path,
        made,
        matches.flatMap((dentry) => this.#choices(path, dentry, each)),
      );
    if (only.dst.kind !== "neg") return this.#onlyRule(path, made, only, each);
    return this.#ask(path, made, each, () => wrapped(path, made, constant({ type: "neg", ...step("~", rule(only)) })));
  }

  /** The one rule that matches. Alternatives or a union on its right side are not another step. */
  #onlyRule(path: Path, made: Origin, dentry: Dentry, budget: Budget): Explained {
    const tree = this.#tree(path, made, dentry.dst, rest(dentry, path), rule(dentry), budget);
    return dentry.dst.kind === "alt" || dentry.dst.kind === "union" ? tree : wrapped(path, made, tree);
  }

  /** What one of several matching rules adds to the alternatives: those on its own right side are just more of them. */
  #choices(path: Path, dentry: Dentry, budget: Budget): readonly Explained[] {
    const trees = dentry.dst.kind === "alt" ? dentry.dst.trees : [dentry.dst];
    const each = shared(budget, trees.length);
    return trees.map((tree) => this.#tree(path, rule(dentry), tree, rest(dentry, path), rule(dentry), each));
  }

  /**
   * A tree that `origin` made at `path`. A group (alternatives, union) is part of the step that was made by `made`; names in it are steps of
   * their own, made by `origin`, with `suffix` appended.
   */
  #tree(path: Path, made: Origin, tree: NamedTree, suffix: Path, origin: Origin, budget: Budget): Explained {
    switch (tree.kind) {
      case "leaf":
        return tree.value instanceof Path
          ? this.path(tree.value.concat(suffix), origin, budget)
          : leafOf(path, origin, tree.value);
      case "alt": {
        const each = shared(budget, tree.trees.length);
        return alternatives(
          path,
          made,
          tree.trees.map((child) => this.#tree(path, origin, child, suffix, origin, each)),
        );
      }
      case "union": {
        const each = shared(budget, tree.branches.length);
        const branches = collect(tree.branches.map((b) => this.#tree(path, origin, b.tree, suffix, origin, each)));
        const weightOf = (i: number) => tree.branches[i]?.weight ?? 1;
        const weighted = (trees: readonly Delegation[]) =>
          trees.map((child, i) => ({ weight: weightOf(i), tree: child }));
        return branches.map((trees) => ({ type: "union", ...step(path, made), union: weighted(trees) }));
      }
      default:
        return constant({ type: tree.kind, ...step(writtenAs(tree, path, origin), origin) });
    }
  }

  /** The namers, when the dtab says exactly neg; `unknown` if they know nothing either. */
  #ask(path: Path, made: Origin, budget: Budget, unknown: () => Explained): Explained {
    const namers = this.#namers.matching(path);
    if (namers.length === 0) return this.#answer(path, made, made, this.#namers.unmatched(path), budget, unknown);
    return this.#askFrom(namers, 0, path, made, budget, unknown);
  }

  #askFrom(
    namers: readonly Namer[],
    index: number,
    path: Path,
    made: Origin,
    budget: Budget,
    unknown: () => Explained,
  ): Explained {
    const namer = namers[index];
    if (namer === undefined) return unknown();
    const next = () => this.#askFrom(namers, index + 1, path, made, budget, unknown);
    return this.#answer(path, made, { namer: namer.prefix.show() }, ask(namer, path), budget, next);
  }

  #answer(
    path: Path,
    made: Origin,
    namer: Origin,
    answer: Activity<NamedTree>,
    budget: Budget,
    onNeg: () => Explained,
  ): Explained {
    return answer.states.flatMap((state): Explained => {
      if (state.at === "pending") return constant({ type: "pending", ...step(path, made) });
      if (state.at === "failed") return constant({ type: "exception", ...step(path, made), message: state.message });
      const tree = state.value;
      if (tree.kind === "neg") return onNeg();
      if (!isGroupOrPath(tree)) return this.#tree(path, made, tree, Path.root, made, budget);
      const explained = this.#tree(path, made, tree, Path.root, namer, budget);
      return tree.kind === "leaf" ? wrapped(path, made, explained) : explained;
    });
  }
}

/** Whether a namer's answer leads to further steps, which it then made; otherwise it ends the step it was asked at. */
function isGroupOrPath(tree: NamedTree): boolean {
  return tree.kind === "alt" || tree.kind === "union" || (tree.kind === "leaf" && tree.value instanceof Path);
}

function constant(tree: Delegation): Explained {
  return new Constant(tree);
}

function step(path: Path | string, made: Origin): Step {
  return { path: typeof path === "string" ? path : path.show(), ...made };
}

function rule(dentry: Dentry): Origin {
  return { dentry: { prefix: showPrefix(dentry.prefix), dst: showTree(dentry.dst, (path) => path.show()) } };
}

function rest(dentry: Dentry, path: Path): Path {
  return path.drop(dentry.prefix.length);
}

/** `!` and `~` that stand in a rule are shown as written; what a namer says is shown as the name it was asked for. */
function writtenAs(tree: NameTree<unknown>, path: Path, origin: Origin): Path | string {
  if (path.segments[0] === "$" || origin.dentry === undefined) return path;
  if (tree.kind === "fail") return "!";
  return tree.kind === "neg" ? "~" : path;
}

function wrapped(path: Path, made: Origin, inner: Explained): Explained {
  return inner.map((tree) => ({ type: "delegate", ...step(path, made), delegate: tree }));
}

function alternatives(path: Path, made: Origin, branches: readonly Explained[]): Explained {
  return collect(branches).map((trees) => ({ type: "alt", ...step(path, made), alt: trees }));
}

function leafOf(path: Path, made: Origin, name: BoundName): Explained {
  const end = { id: name.id.show(), path: name.residual.show() };
  const found = (addr: ExplainedAddresses, status?: number): Delegation => ({
    type: "leaf",
    ...step(path, made),
    bound: { addr, ...end, ...(status === undefined ? {} : { status }) },
  });
  if (name.kind === "canned") return constant(found({ type: "bound", addrs: [], meta: {} }, name.canned.status));
  return name.addresses.map((state) => found(explained(state)));
}

function explained(state: AddressState): ExplainedAddresses {
  if (state.at === "bound") return { type: "bound", addrs: state.addresses.map(addressOf), meta: {} };
  if (state.at === "failed") return { type: "failed", cause: state.message };
  return state.at === "neg" ? { type: "neg" } : { type: "pending" };
}

/** Weight is metadata here, under Finagle's name for it, and left out where it is 1. */
function addressOf({ host, port, weight, meta }: EndpointAddress): ExplainedAddress {
  return { ip: host, port, meta: weight === 1 ? meta : { ...meta, endpoint_addr_weight: weight } };
}
