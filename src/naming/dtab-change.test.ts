import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyDentry, anyDtab, anyTree, commonPath } from "../../test/support/arbitrary-names.ts";
import { dtabFrom } from "./dtab-parser.ts";
import { DtabChange } from "./dtab-change.ts";
import { pathFrom } from "../core/path.ts";

describe("DtabChange", () => {
  test.each([
    ["/a=>/x;/b=>/y", "/a=>/x;/b=>/y", ""],
    ["", "", ""],
    ["/a=>/x;/b=>/y;/c=>/z", "/a=>/x;/b=>/other;/c=>/z", "/b /b/r"],
    ["/a=>/x", "/a=>/x;/b=>/y", "/b /b/r"],
    ["/b=>/y;/a=>/x", "/a=>/x", "/b /b/r"],
    ["/a=>1*/x & 2*/y", "/a=>1*/x & 3*/y", "/a"],
    ["/a/b=>/x", "/a/*=>/x", "/a/b /a/z"],
    ["/a=>/x;/b=>/y", "/b=>/y;/a=>/x", "/a /b /b/r"],
    ["/a=>/x", "/a=>/x;/a=>/x", "/a"],
    ["/a=>/x", "/=>/x;/a=>/x", "/ /a /z"],
  ])("from %j to %j touches %j", (before, after, touched) => {
    const change = DtabChange.between(dtabFrom(before), dtabFrom(after));
    const paths = ["/", "/a", "/a/b", "/a/z", "/b", "/b/r", "/c", "/z"];
    const found = paths.filter((path) => change.touches(pathFrom(path)));
    expect(found).toEqual(expect.arrayContaining(touched.split(" ").filter((path) => path !== "")));
    expect(found.length > 0).toBe(!change.isEmpty);
  });

  test("does not touch the names of the rules around it", () => {
    const change = DtabChange.between(dtabFrom("/a=>/x;/b=>/y;/c=>/z"), dtabFrom("/a=>/x;/b=>/other;/c=>/z"));
    expect(["/a", "/a/b", "/c", "/z", "/"].filter((path) => change.touches(pathFrom(path)))).toEqual([]);
  });

  test("does not touch the names of rules between two that are led elsewhere", () => {
    const change = DtabChange.between(dtabFrom("/a=>/x;/b=>/y;/c=>/z"), dtabFrom("/a=>/x1;/b=>/y;/c=>/z1"));
    expect(["/a", "/b", "/b/r", "/c", "/"].filter((path) => change.touches(pathFrom(path)))).toEqual(["/a", "/c"]);
  });

  test("is prepared piece by piece, and says the same before that is done", () => {
    const rules = (to: string) => dtabFrom(Array.from({ length: 500 }, (_, i) => `/svc/s${i}=>/${to}`).join(";"));
    const change = DtabChange.between(rules("x"), rules("y"));
    let pieces = 0;
    while (change.buildNext()) pieces++;
    expect(pieces).toBeGreaterThan(10);
    expect(change.touches(pathFrom("/svc/s499"))).toBe(true);
    expect(DtabChange.between(rules("x"), rules("y")).touches(pathFrom("/svc/s499"))).toBe(true);
    expect(change.touches(pathFrom("/svc/s500"))).toBe(false);
  });

  test("leaves only names untouched of which both tables say the same", () => {
    const dtab = anyDtab(anyDentry(fc.constantFrom("a", "b", "c"), anyTree(commonPath)));
    fc.assert(
      fc.property(dtab, dtab, dtab, dtab, commonPath, (head, middle, replacement, tail, path) => {
        const [before, after] = [head.concat(middle).concat(tail), head.concat(replacement).concat(tail)];
        const change = DtabChange.between(before, after);
        if (!change.touches(path)) expect(after.matches(path)).toEqual(before.matches(path));
        if (change.isEmpty) expect(after.key()).toBe(before.key());
      }),
      { numRuns: 500 },
    );
  });
});
