// Name transformers: what becomes of names after they were bound (linkerd1 §5.1).
import type { BoundName } from "../../core/endpoint.ts";
import type { NameTree } from "../../core/name-tree.ts";

/** A tree of bound names, all alternatives decided or not. */
export type BoundNames = NameTree<BoundName>;

/** Makes other bound names of bound names. */
export interface Transformer {
  /** Whether it may leave a name without any of its addresses. */
  readonly filters: boolean;
  /**
   * What becomes of a tree. The same tree always becomes the same one, and the same name the same name: whoever has been told of a result
   * recognises it, so that asking again rebinds nothing.
   */
  transform(tree: BoundNames): BoundNames;
}

/** Several transformers as one, applied in order; undefined if there are none. */
export function chained(transformers: readonly Transformer[]): Transformer | undefined {
  if (transformers.length < 2) return transformers[0];
  return {
    filters: transformers.some((transformer) => transformer.filters),
    transform: (tree) => transformers.reduce((result, transformer) => transformer.transform(result), tree),
  };
}

/** A function that makes its result once for each argument, and forgets it together with the argument. */
export function memoised<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new WeakMap<K, { readonly value: V }>();
  return (key) => {
    let result = made.get(key);
    if (result === undefined) made.set(key, (result = { value: make(key) }));
    return result.value;
  };
}
