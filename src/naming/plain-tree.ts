// A bound tree as the plain values that cross the thread border.
import type { BoundTree } from "../core/border.ts";
import type { BoundName, EndpointsName } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";

/** A bound tree, its plain form, and the names in it that have addresses. */
export class PlainTree {
  readonly written: NameTree<BoundName>;
  readonly plain: BoundTree;
  readonly names: readonly EndpointsName[];

  constructor(written: NameTree<BoundName>) {
    const names: EndpointsName[] = [];
    this.written = written;
    this.plain = plainOf(written, names);
    this.names = names;
  }

  /** The name of this id; the last one, if several have it. */
  find(id: string): EndpointsName | undefined {
    return this.names.findLast((name) => name.id.show() === id);
  }
}

function plainOf(tree: NameTree<BoundName>, names: EndpointsName[]): BoundTree {
  switch (tree.kind) {
    case "leaf":
      return plainLeaf(tree.value, names);
    case "union": {
      const branches = tree.branches.map((b) => ({ weight: b.weight, tree: plainOf(b.tree, names) }));
      return { type: "union", branches };
    }
    case "alt": // decided by the interpreter; one that got here is its own first answer
      return plainOf(tree.trees[0] ?? { kind: "neg" }, names);
    default:
      return { type: tree.kind };
  }
}

function plainLeaf(name: BoundName, names: EndpointsName[]): BoundTree {
  const id = name.id.show();
  const residual = name.residual.size === 0 ? "" : name.residual.show();
  if (name.kind === "canned") return { type: "leaf", id, residual, canned: name.canned.status };
  names.push(name);
  return { type: "leaf", id, residual, canned: 0 };
}
