// Name trees: alternatives and weighted splits over names, before and after binding.

/** A tree over leaves `T`: paths before binding, bound names after. */
export type NameTree<T> = Leaf<T> | Alt<T> | Union<T> | Neg | Fail | Empty;

/** One name. */
export interface Leaf<T> {
  readonly kind: "leaf";
  readonly value: T;
}
/** Ordered failover, on `neg` only. */
export interface Alt<T> {
  readonly kind: "alt";
  readonly trees: readonly NameTree<T>[];
}
/** Weighted split. */
export interface Union<T> {
  readonly kind: "union";
  readonly branches: readonly Weighted<T>[];
}
/** "No such name": lets an enclosing alternative go on. */
export interface Neg {
  readonly kind: "neg";
}
/** "Stop": no failover. */
export interface Fail {
  readonly kind: "fail";
}
/** A name that exists and has no addresses; stops failover too. */
export interface Empty {
  readonly kind: "empty";
}

/** A branch of a union and its share. */
export interface Weighted<T> {
  readonly weight: number;
  readonly tree: NameTree<T>;
}

export const neg: Neg = { kind: "neg" };
export const fail: Fail = { kind: "fail" };
export const empty: Empty = { kind: "empty" };

export function leaf<T>(value: T): Leaf<T> {
  return { kind: "leaf", value };
}

export function alt<T>(...trees: readonly NameTree<T>[]): Alt<T> {
  return { kind: "alt", trees };
}

export function union<T>(...branches: readonly Weighted<T>[]): Union<T> {
  return { kind: "union", branches };
}

/** The same tree with every leaf value replaced. */
export function mapTree<T, U>(tree: NameTree<T>, change: (value: T) => U): NameTree<U> {
  switch (tree.kind) {
    case "leaf":
      return leaf(change(tree.value));
    case "alt":
      return { kind: "alt", trees: tree.trees.map((child) => mapTree(child, change)) };
    case "union":
      return {
        kind: "union",
        branches: tree.branches.map((b) => ({ weight: b.weight, tree: mapTree(b.tree, change) })),
      };
    default:
      return tree;
  }
}

/** The smallest tree with the same meaning: dead branches dropped, one-child results collapsed (Finagle `NameTree.simplified`). */
export function simplify<T>(tree: NameTree<T>): NameTree<T> {
  if (tree.kind === "alt") return simplifyAlt(tree);
  if (tree.kind === "union") return simplifyUnion(tree);
  return tree;
}

function simplifyAlt<T>(tree: Alt<T>): NameTree<T> {
  const kept: NameTree<T>[] = [];
  for (const child of tree.trees) {
    const simple = simplify(child);
    if (simple.kind !== "neg") kept.push(simple);
    if (simple.kind === "fail") break;
  }
  return kept.length > 1 ? { kind: "alt", trees: kept } : (kept[0] ?? neg);
}

function simplifyUnion<T>(tree: Union<T>): NameTree<T> {
  const kept = tree.branches.map((b) => ({ weight: b.weight, tree: simplify(b.tree) })).filter((b) => isUsable(b.tree));
  return kept.length > 1 ? { kind: "union", branches: kept } : (kept[0]?.tree ?? neg);
}

/** Whether a branch of a union takes part in the split. */
export function isUsable<T>(tree: NameTree<T>): boolean {
  return tree.kind !== "neg" && tree.kind !== "fail";
}

/** The leaves a request could reach, or undefined for a tree that means neg or fail. No leaves is an answer too: `empty`. */
export function evaluate<T>(tree: NameTree<T>): readonly T[] | undefined {
  return reach(simplify(tree));
}

function reach<T>(tree: NameTree<T>): readonly T[] | undefined {
  switch (tree.kind) {
    case "leaf":
      return [tree.value];
    case "empty":
      return [];
    case "alt": // simplified, so the first alternative is neither neg nor fail
      return tree.trees[0] === undefined ? undefined : reach(tree.trees[0]);
    case "union":
      return tree.branches.flatMap((b) => reach(b.tree) ?? []);
    default:
      return undefined;
  }
}

/** Whether two trees have the same shape, weights and leaves. */
export function sameTree<T>(a: NameTree<T>, b: NameTree<T>, sameLeaf: (a: T, b: T) => boolean): boolean {
  if (a === b) return true;
  if (a.kind === "leaf") return b.kind === "leaf" && sameLeaf(a.value, b.value);
  if (a.kind === "alt") {
    return b.kind === "alt" && sameItems(a.trees, b.trees, (x, y) => sameTree(x, y, sameLeaf));
  }
  if (a.kind === "union") {
    const sameBranch = (x: Weighted<T>, y: Weighted<T>) => x.weight === y.weight && sameTree(x.tree, y.tree, sameLeaf);
    return b.kind === "union" && sameItems(a.branches, b.branches, sameBranch);
  }
  return a.kind === b.kind;
}

function sameItems<I>(a: readonly I[], b: readonly I[], same: (a: I, b: I) => boolean): boolean {
  // The index is in range: both lists have the same length.
  return a.length === b.length && a.every((item, i) => same(item, b[i] as I));
}

/**
 * How weights are written. `canonical` is the text other Linkerds print: two decimals, so 0.001 becomes `0.00`. `exact` reads back as the same
 * number: use it for keys and for whatever is parsed again.
 */
export type WeightStyle = "canonical" | "exact";

/** The text of a tree. */
export function showTree<T>(
  tree: NameTree<T>,
  showLeaf: (value: T) => string,
  style: WeightStyle = "canonical",
): string {
  const show = (t: NameTree<T>): string => showTree(t, showLeaf, style);
  switch (tree.kind) {
    case "leaf":
      return showLeaf(tree.value);
    case "neg":
      return "~";
    case "fail":
      return "!";
    case "empty":
      return "$";
    case "alt":
      return tree.trees.length === 0
        ? "~"
        : tree.trees.map((t) => (t.kind === "alt" ? `(${show(t)})` : show(t))).join(" | ");
    case "union":
      return tree.branches.length === 0
        ? "~"
        : tree.branches.map((b) => showWeight(b.weight, style) + grouped(b.tree, show)).join(" & ");
  }
}

function grouped<T>(tree: NameTree<T>, show: (tree: NameTree<T>) => string): string {
  return tree.kind === "alt" || tree.kind === "union" ? `(${show(tree)})` : show(tree);
}

function showWeight(weight: number, style: WeightStyle): string {
  if (weight === 1) return "";
  return `${style === "canonical" ? weight.toFixed(2) : plainDecimal(weight)}*`;
}

/** The shortest decimal that reads back as the same number, without an exponent (the dtab grammar has none). */
function plainDecimal(value: number): string {
  const [digits = "0", exponent] = String(value).split("e");
  if (exponent === undefined) return digits;
  const [whole = "", fraction = ""] = digits.split(".");
  const shift = Number(exponent);
  if (shift < 0) return `0.${"0".repeat(-shift - 1)}${whole}${fraction}`;
  return (whole + fraction).padEnd(whole.length + shift, "0");
}
