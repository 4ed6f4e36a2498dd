import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyDentry, anyDtab, anyTree, commonPath } from "../../test/support/arbitrary-names.ts";
import { type Dentry, Dtab, substitute } from "./dtab.ts";
import { alt, leaf, type NameTree, neg, showTree } from "./name-tree.ts";
import { Path, pathFrom } from "./path.ts";
import { wildcard } from "./prefix.ts";

const leafAt = (text: string): NameTree<Path> => leaf(pathFrom(text));
const rule = (prefix: Dentry["prefix"], dst: NameTree<Path>): Dentry => ({ prefix, dst });
const showing = (tree: NameTree<Path>) => showTree(tree, (path) => path.show());

/** finagle §1.4: `/s=>/x ; /s=>/y|/z ; /s/*=>/w ; /=>/r` */
const golden = Dtab.of([
  rule(["s"], leafAt("/x")),
  rule(["s"], alt(leafAt("/y"), leafAt("/z"))),
  rule(["s", wildcard], leafAt("/w")),
  rule([], leafAt("/r")),
]);

describe("Dtab.lookup (finagle §1.4)", () => {
  test.each([
    ["/s/foo/bar", "/r/s/foo/bar | /w/bar | (/y/foo/bar | /z/foo/bar) | /x/foo/bar"],
    ["/q", "/r/q"],
    ["/", "/r"],
    ["/s", "/r/s | (/y | /z) | /x"],
  ])("of %s is %s", (path, result) => {
    expect(showing(golden.lookup(pathFrom(path)))).toBe(result);
  });

  test("is neg without a matching rule", () => {
    expect(Dtab.empty.lookup(pathFrom("/s"))).toBe(neg);
    expect(Dtab.of([rule(["a", "b"], leafAt("/x"))]).lookup(pathFrom("/a"))).toBe(neg);
  });

  test("takes a segment that is a star for a name, not for a wildcard", () => {
    const dtab = Dtab.of([rule(["*"], leafAt("/star")), rule([wildcard, "end"], leafAt("/any"))]);
    expect(showing(dtab.lookup(Path.of("*")))).toBe("/star");
    expect(dtab.lookup(Path.of("x"))).toBe(neg);
    expect(dtab.show()).toBe("/\\x2a=>/star;/*/end=>/any");
  });

  test("equals trying every rule, last one first", () => {
    fc.assert(
      fc.property(
        anyDtab(anyDentry(fc.constantFrom("a", "b", "c"), anyTree(commonPath)), 12),
        commonPath,
        (dtab, path) => {
          expect(showing(dtab.lookup(path))).toBe(showing(bruteForce(dtab, path)));
        },
      ),
    );
  });

  test("is the same in one table and in the same rules split in two", () => {
    const entries = fc.array(anyDentry(fc.constantFrom("a", "b"), anyTree(commonPath)), { maxLength: 8 });
    fc.assert(
      fc.property(entries, fc.nat(8), commonPath, (all, cut, path) => {
        const split = Dtab.of(all.slice(0, cut)).concat(Dtab.of(all.slice(cut)));
        expect(showing(split.lookup(path))).toBe(showing(Dtab.of(all).lookup(path)));
        expect(split.entries).toEqual(all);
      }),
    );
  });

  test("finds its way in a thousand wildcards and a long path", () => {
    const deep = Dtab.of([
      rule(
        Array.from({ length: 1_000 }, () => wildcard),
        leafAt("/end"),
      ),
    ]);
    const path = Path.from(Array.from({ length: 1_001 }, () => "x"));
    expect(showing(deep.lookup(path))).toBe("/end/x");
  });
});

function bruteForce(dtab: Dtab, path: Path): NameTree<Path> {
  const found = dtab.entries.toReversed().filter(({ prefix }) => {
    return (
      prefix.length <= path.size && prefix.every((element, i) => element === wildcard || element === path.segments[i])
    );
  });
  const trees = found.map((dentry) => substitute(dentry, path));
  return trees.length > 1 ? { kind: "alt", trees } : (trees[0] ?? neg);
}

describe("Dtab", () => {
  test("is printed without blanks, and once", () => {
    expect(golden.show()).toBe("/s=>/x;/s=>/y | /z;/s/*=>/w;/=>/r");
    expect(golden.show()).toBe(JSON.parse(JSON.stringify(golden)));
    expect(Dtab.empty.show()).toBe("");
  });

  test("has a key that tells small weights apart, unlike its canonical text", () => {
    const weighted = (weight: number) => {
      const branches = [
        { weight, tree: leafAt("/a") },
        { weight: 1, tree: leafAt("/b") },
      ];
      return Dtab.of([rule(["s"], { kind: "union", branches })]);
    };
    expect(weighted(0.001).show()).toBe(weighted(0.002).show());
    expect(weighted(0.001).key()).not.toBe(weighted(0.002).key());
  });

  test("concatenated with nothing is itself", () => {
    expect(golden.concat(Dtab.empty)).toBe(golden);
    expect(Dtab.empty.concat(golden)).toBe(golden);
    expect(Dtab.of([])).toBe(Dtab.empty);
  });
});
