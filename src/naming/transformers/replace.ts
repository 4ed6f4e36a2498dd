// io.l5d.replace and io.l5d.const: one fixed path in place of whatever a name was bound to.
import type { BoundName } from "../../core/endpoint.ts";
import { mapTree } from "../../core/name-tree.ts";
import type { Path } from "../../core/path.ts";
import { type BoundNames, memoised, type Transformer } from "./transformer.ts";

/** Puts the path in place of each bound name; neg, fail and empty stay. @param path what the path is bound to. */
export function replaceTransformer(prefix: Path, path: BoundNames): Transformer {
  const replaced = memoised((from: BoundName) => named("io.l5d.replace", prefix, path, from));
  return { filters: false, transform: memoised((tree) => flatMapTree(tree, replaced)) };
}

/** Whatever a name was bound to, and also if there is no such name, it is the path. */
export function constTransformer(prefix: Path, path: BoundNames): Transformer {
  const kind = "io.l5d.const";
  const made = named(kind, prefix, path);
  const replaced = memoised((from: BoundName) => named(kind, prefix, path, from));
  return { filters: false, transform: (tree) => (tree.kind === "leaf" ? replaced(tree.value) : made) };
}

function named(by: string, prefix: Path, path: BoundNames, from?: BoundName): BoundNames {
  const transformed = from === undefined ? { by } : { by, from };
  return mapTree(path, (name) => ({ ...name, id: prefix.concat(name.id), transformed }));
}

function flatMapTree(tree: BoundNames, change: (name: BoundName) => BoundNames): BoundNames {
  if (tree.kind === "leaf") return change(tree.value);
  if (tree.kind === "alt") return { kind: "alt", trees: tree.trees.map((child) => flatMapTree(child, change)) };
  if (tree.kind !== "union") return tree;
  return {
    kind: "union",
    branches: tree.branches.map((branch) => ({ weight: branch.weight, tree: flatMapTree(branch.tree, change) })),
  };
}
