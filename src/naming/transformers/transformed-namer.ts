// A namer whose names are transformed.
import { Activity, type ActivityState } from "../../core/activity.ts";
import type { BoundName } from "../../core/endpoint.ts";
import { type Leaf, neg } from "../../core/name-tree.ts";
import type { NamedTree, Namer } from "../../core/namer.ts";
import { Path } from "../../core/path.ts";
import type { BoundNames, Transformer } from "./transformer.ts";

/** Transforms what a namer has bound. Names it only leads on to (io.l5d.rewrite) are for others to bind, and pass. */
export function transformedNamer(namer: Namer, transformer: Transformer): Namer {
  return {
    prefix: namer.prefix,
    lookup: (rest) =>
      namer.lookup(rest).flatMap((tree) => {
        if (!isBound(tree)) return Activity.ok(tree);
        const result = transformer.transform(tree);
        return transformer.filters && result.kind === "leaf" ? reachable(result) : Activity.ok<NamedTree>(result);
      }),
    ...(namer.names === undefined ? {} : { names: () => namer.names?.() ?? Promise.resolve([]) }),
    ...(namer.state === undefined ? {} : { state: () => namer.state?.() }),
  };
}

function isBound(tree: NamedTree): tree is BoundNames {
  if (tree.kind === "leaf") return !(tree.value instanceof Path);
  if (tree.kind === "alt") return tree.trees.every(isBound);
  return tree.kind !== "union" || tree.branches.every((branch) => isBound(branch.tree));
}

/**
 * The name while something is left of it, else neg, so that an alternative can follow: "on this machine, or else anywhere". What is not known
 * any more changes nothing; until it is known first, the name is pending.
 */
function reachable(tree: Leaf<BoundName>): Activity<NamedTree> {
  const name = tree.value;
  if (name.kind !== "endpoints") return Activity.ok<NamedTree>(tree);
  const there: ActivityState<NamedTree> = { at: "ok", value: tree };
  const states = name.addresses.scan<ActivityState<NamedTree>>((before, { at }) => {
    if (at === "neg") return nothing;
    if (at === "bound") return there;
    return before === undefined || before === pending ? (at === "pending" ? pending : there) : before;
  });
  return new Activity(states);
}

const nothing: ActivityState<NamedTree> = { at: "ok", value: neg };
const pending: ActivityState<NamedTree> = { at: "pending" };
