import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyTree, commonPath } from "../../test/support/arbitrary-names.ts";
import {
  alt,
  empty,
  evaluate,
  fail,
  leaf,
  mapTree,
  type NameTree,
  neg,
  sameTree,
  showTree,
  simplify,
  union,
} from "./name-tree.ts";

const a = leaf("/a");
const b = leaf("/b");
const show = (tree: NameTree<string>) => showTree(tree, (text) => text);

describe("a name tree (finagle §1.6)", () => {
  test.each<[NameTree<string>, readonly string[] | undefined, string]>([
    [alt(a, fail, b), ["/a"], "/a | !"],
    [alt(neg, fail, b), undefined, "!"],
    [alt(neg, empty, b), [], "$ | /b"],
    [union({ weight: 1, tree: fail }, { weight: 1, tree: a }), ["/a"], "/a"],
    [union({ weight: 1, tree: empty }, { weight: 1, tree: a }), ["/a"], "$ & /a"],
    [union({ weight: 1, tree: fail }, { weight: 1, tree: fail }), undefined, "~"],
    [union({ weight: 1, tree: neg }, { weight: 1, tree: neg }), undefined, "~"],
    [union({ weight: 3, tree: empty }, { weight: 7, tree: neg }), [], "$"],
    [a, ["/a"], "/a"],
    [neg, undefined, "~"],
    [fail, undefined, "!"],
    [empty, [], "$"],
    [alt(), undefined, "~"],
    [union(), undefined, "~"],
  ])("case %#", (tree, leaves, simplified) => {
    expect(evaluate(tree)).toEqual(leaves);
    expect(show(simplify(tree))).toBe(simplified);
  });

  test("simplifying changes neither what it evaluates to nor itself when done again", () => {
    fc.assert(
      fc.property(anyTree(commonPath), (tree) => {
        const simple = simplify(tree);
        expect(evaluate(simple)).toEqual(evaluate(tree));
        expect(simplify(simple)).toEqual(simple);
      }),
    );
  });

  test("is printed with parentheses where they carry meaning", () => {
    expect(show(alt(a, alt(b, neg)))).toBe("/a | (/b | ~)");
    expect(show(alt(a, union({ weight: 2, tree: a }, { weight: 0.5, tree: b })))).toBe("/a | 2.00*/a & 0.50*/b");
    expect(show(union({ weight: 1, tree: alt(a, b) }, { weight: 1, tree: fail }))).toBe("(/a | /b) & !");
    expect(
      show(union({ weight: 3, tree: union({ weight: 1, tree: a }, { weight: 1, tree: b }) }, { weight: 1, tree: b })),
    ).toBe("3.00*(/a & /b) & /b");
  });

  test("is printed with two decimals of a weight, or exactly", () => {
    const weighted = (weight: number) => union({ weight, tree: a }, { weight: 1, tree: b });
    const exact = (weight: number) => showTree(weighted(weight), (text) => text, "exact");
    expect(show(weighted(0.001))).toBe("0.00*/a & /b");
    expect(exact(0.001)).toBe("0.001*/a & /b");
    expect(exact(1e-9)).toBe("0.000000001*/a & /b");
    expect(exact(1.5e-7)).toBe("0.00000015*/a & /b");
    expect(exact(2.5e21)).toBe("2500000000000000000000*/a & /b");
  });

  test("mapped by itself is the same tree", () => {
    fc.assert(
      fc.property(anyTree(commonPath), (tree) =>
        sameTree(
          mapTree(tree, (path) => path),
          tree,
          (x, y) => x === y,
        ),
      ),
    );
  });

  test("differs from another in shape, weight or leaf", () => {
    const same = (x: NameTree<string>, y: NameTree<string>) => sameTree(x, y, (p, q) => p === q);
    expect(same(alt(a, b), alt(leaf("/a"), leaf("/b")))).toBe(true);
    expect(same(alt(a, b), alt(a))).toBe(false);
    expect(same(alt(a, b), alt(a, neg))).toBe(false);
    expect(same(union({ weight: 1, tree: a }), union({ weight: 2, tree: a }))).toBe(false);
    expect(same(union({ weight: 1, tree: a }), alt(a))).toBe(false);
    expect(same(a, b)).toBe(false);
    expect(same(neg, fail)).toBe(false);
  });
});
