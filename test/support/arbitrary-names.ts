// Random paths, trees and dtabs for property tests.
import fc from "fast-check";
import { type Dentry, Dtab } from "../../src/core/dtab.ts";
import { empty, fail, leaf, type NameTree, neg } from "../../src/core/name-tree.ts";
import { Path } from "../../src/core/path.ts";
import { type Prefix, wildcard } from "../../src/core/prefix.ts";

const anyByte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));

/** Any bytes, often just letters. */
export const anySegment = fc.oneof(
  fc.string({ unit: fc.constantFrom(..."abz09_:.#$%-"), minLength: 1, maxLength: 4 }),
  fc.string({ unit: anyByte, minLength: 1, maxLength: 4 }),
);

export const anyPath = fc.array(anySegment, { maxLength: 5 }).map((segments) => Path.from(segments));

/** Few different names, so that rules and paths meet. */
export const commonPath = fc
  .array(fc.constantFrom("a", "b", "c"), { maxLength: 4 })
  .map((segments) => Path.from(segments));

/** Weights the canonical text can hold: at most two decimals. */
const anyWeight = fc.oneof(
  fc.constant(1),
  fc.integer({ min: 0, max: 100_000 }).map((n) => n / 100),
);

/** Trees as the parser makes them: groups have at least two members. */
export function anyTree(
  path: fc.Arbitrary<Path>,
  weight: fc.Arbitrary<number> = anyWeight,
): fc.Arbitrary<NameTree<Path>> {
  return fc.letrec<{ tree: NameTree<Path>; simple: NameTree<Path> }>((tie) => ({
    simple: fc.oneof(
      { weight: 4, arbitrary: path.map((p) => leaf(p)) },
      fc.constant<NameTree<Path>>(neg),
      fc.constant<NameTree<Path>>(fail),
      fc.constant<NameTree<Path>>(empty),
    ),
    tree: fc.oneof(
      { maxDepth: 3, depthIdentifier: "tree" },
      tie("simple"),
      fc
        .array(tie("tree"), { minLength: 2, maxLength: 3, depthIdentifier: "tree" })
        .map((trees) => ({ kind: "alt" as const, trees })),
      fc
        .array(fc.record({ weight, tree: tie("tree") }), { minLength: 2, maxLength: 3, depthIdentifier: "tree" })
        .map((branches) => ({ kind: "union" as const, branches })),
    ),
  })).tree;
}

function anyPrefix(segment: fc.Arbitrary<string>): fc.Arbitrary<Prefix> {
  return fc.array(fc.oneof({ weight: 3, arbitrary: segment }, fc.constant(wildcard)), { maxLength: 3 });
}

export function anyDtab(entry: fc.Arbitrary<Dentry>, maxLength = 6): fc.Arbitrary<Dtab> {
  return fc.array(entry, { maxLength }).map((entries) => Dtab.of(entries));
}

export function anyDentry(segment: fc.Arbitrary<string>, tree: fc.Arbitrary<NameTree<Path>>): fc.Arbitrary<Dentry> {
  return fc.record({ prefix: anyPrefix(segment), dst: tree });
}
