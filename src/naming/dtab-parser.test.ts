import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyDentry, anyDtab, anyPath, anySegment, anyTree } from "../../test/support/arbitrary-names.ts";
import { Dtab } from "../core/dtab.ts";
import { showTree } from "../core/name-tree.ts";
import { SyntaxProblem } from "../core/syntax.ts";
import { dtabFrom, parseDtab, parseTree, treeFrom } from "./dtab-parser.ts";

const shownTree = (text: string) => showTree(treeFrom(text), (path) => path.show());

function problem(result: unknown): SyntaxProblem {
  if (!(result instanceof SyntaxProblem)) throw new Error("was accepted");
  return result;
}

describe("a tree", () => {
  test.each([
    ["/a", "/a"],
    ["/", "/"],
    ["!", "!"],
    ["~", "~"],
    ["$", "$"],
    ["/a | /b | ~", "/a | /b | ~"],
    ["/a|/b&/c", "/a | /b & /c"],
    ["(/a | /b) & /c", "(/a | /b) & /c"],
    ["3*/a & 7 * /b", "3.00*/a & 7.00*/b"],
    [".5*/a & 5.*/b", "0.50*/a & 5.00*/b"],
    ["5*/a", "/a"],
    ["((((/a))))", "/a"],
    ["/a | (/b | /c)", "/a | (/b | /c)"],
    ["2*(/a & /b) & !", "2.00*(/a & /b) & !"],
    ["# comment\n/a # another\n | # and\n /b#c # end", "/a | /b#c"],
    ["$ | /$/nil", "$ | /$/nil"],
    ["0*/a & 1*/b", "0.00*/a & /b"],
  ])("%j means %s", (text, shown) => {
    expect(shownTree(text)).toBe(shown);
  });

  test.each([
    ["", "expected a path such as", "[end]"],
    ["/a |", "expected a path such as", "/a |[end]"],
    ["/a || /b", "expected a path such as", "/a |[|] /b"],
    ["svc", 'a path begins with "/"', "[s]vc"],
    [".*/a", "a weight is a number such as 9, 0.5 or .5", "[.]*/a"],
    ["1.2.3*/a", "a weight is a number", "[1].2.3*/a"],
    ["5 /a", 'expected "*" after a weight, as in 5 * /name', "5 [/]a"],
    ["-1*/a", 'a path begins with "/"', "[-]1*/a"],
    ["1e3*/a", 'expected "*" after a weight', "1[e]3*/a"],
    ["99999999999*/a", "this weight is too large", "[9]9999999999*/a"],
    ["(/a", 'this "(" has no ")"', "[(]/a"],
    ["(/a ; /b)", 'expected "|", "&" or ")"', "(/a [;] /b)"],
    ["/a)", "expected nothing more after the name", "/a[)]"],
    ["/a /b", "expected nothing more after the name", "/a [/]b"],
    ["/a/", 'a path segment must follow "/"', "/a/[end]"],
  ])("%j is refused, pointing at the character", (text, message, shown) => {
    const found = problem(parseTree(text));
    expect(found.message).toContain(message);
    expect(found.text).toBe(shown);
  });

  test("may be nested a hundred deep and no deeper", () => {
    const nested = (depth: number) => "(".repeat(depth) + "/a" + ")".repeat(depth);
    expect(shownTree(nested(100))).toBe("/a");
    expect(problem(parseTree(nested(101))).message).toBe("more than 100 parentheses inside each other");
    expect(problem(parseTree("(".repeat(1_000_000))).offset).toBe(101);
  });

  test("is the same when printed and read again", () => {
    fc.assert(
      fc.property(anyTree(anyPath), (tree) => {
        expect(treeFrom(showTree(tree, (path) => path.show()))).toEqual(tree);
      }),
    );
  });

  test("with any weight is the same when printed exactly and read again", () => {
    const weight = fc.double({ min: 0, max: 1e9, noNaN: true }).map((w) => (Object.is(w, -0) || w < 1e-30 ? 0 : w));
    fc.assert(
      fc.property(anyTree(anyPath, weight), (tree) => {
        expect(treeFrom(showTree(tree, (path) => path.show(), "exact"))).toEqual(tree);
      }),
    );
  });
});

describe("a dtab", () => {
  test.each([
    ["", ""],
    [" # nothing\n", ""],
    ["/s => /x", "/s=>/x"],
    ["/s => /x;", "/s=>/x"],
    [";;/s => /x ; ; /t => ~;;", "/s=>/x;/t=>~"],
    ["/ => /r", "/=>/r"],
    ["/\\x2a/* => /r", "/\\x2a/*=>/r"],
    ["/a\\x20b => /a/\\x41", "/\\x61\\x20\\x62=>/a/A"],
    ["/=>/r", "/=>/r"],
    ["/*/api => /srv/api", "/*/api=>/srv/api"],
    ["/svc/* => /$/inet/localhost/8080", "/svc/*=>/$/inet/localhost/8080"],
    ["/s#/foo => /x # note\n; /t => /y#z", "/s#/foo=>/x;/t=>/y#z"],
    ["/s\n  =>\n  # why\n  3 * /a\n  & /b", "/s=>3.00*/a & /b"],
    ["/s => /s#;/s# => /$/nil", "/s=>/s#;/s#=>/$/nil"],
    ["/a => /b | /c ; /d => !", "/a=>/b | /c;/d=>!"],
  ])("%j is read as %j", (text, shown) => {
    expect(dtabFrom(text).show()).toBe(shown);
  });

  test.each([
    ["/svc =>", "/svc => has no right-hand side; write /svc => /#/io.l5d.fs", "/svc =>[end]"],
    ["/svc => ; /a => /b", "/svc => has no right-hand side", "/svc => [;] /a => /b"],
    ["/svc", 'expected "=>" after /svc; an entry is /svc => /another/name', "/svc[end]"],
    ["/svc -> /a", 'expected "=>" after /svc', "/svc [-]> /a"],
    ["/svc = > /a", 'expected "=>" after /svc', "/svc [=] > /a"],
    ["svc => /a", 'a prefix begins with "/"', "[s]vc => /a"],
    ["/a => /b /c => /d", 'two entries need ";" between them, two alternatives "|"', "/a => /b [/]c => /d"],
    ["/a => /b, /c => /d", 'entries are separated by ";", not ","', "/a => /b[,] /c => /d"],
    ["/a => /b }", 'expected ";" and another entry, or the end', "/a => /b [}]"],
    ["/a* => /b", '"*" stands for a whole segment and cannot end one', "/a[*] => /b"],
    ["/*a => /b", '"*" stands for a whole segment; nothing can follow it but "/"', "/*[a] => /b"],
    ["/a/ => /b", 'a path segment must follow "/"', "/a/[ ]=> /b"],
    ["/a => /b/*", 'expected ";" and another entry, or the end', "/a => /b/[*]"],
  ])("%j is refused, pointing at the character", (text, message, shown) => {
    const found = problem(parseDtab(text));
    if (!text.endsWith("/*")) expect(found.message).toContain(message);
    expect(found.text).toBe(shown);
  });

  test("says on which line the problem is", () => {
    expect(problem(parseDtab("/a => /b ;\n/svc => ;\n"))).toMatchObject({ line: 2, column: 9 });
  });

  test("is the same when printed and read again", () => {
    fc.assert(
      fc.property(anyDtab(anyDentry(anySegment, anyTree(anyPath))), (dtab) => {
        expect(dtabFrom(dtab.show()).entries).toEqual(dtab.entries);
        expect(dtabFrom(dtab.key()).key()).toBe(dtab.key());
      }),
    );
  });

  test("is either read or refused with a syntax problem, whatever the text", () => {
    const anyText = fc.string({ unit: fc.constantFrom(..."/*=>|&!~$();#. 10asv\\x\n\u{1f600}é\0"), maxLength: 40 });
    fc.assert(
      fc.property(anyText, (text) => {
        const result = parseDtab(text);
        return result instanceof Dtab ? parseDtab(result.show()) instanceof Dtab : result.offset <= text.length;
      }),
      { numRuns: 5_000 },
    );
  });

  test("of mutilated but plausible text is either read or refused with a syntax problem", () => {
    const plausible = "/svc => 3*/host/web & (/srv | !) ; /s/* => /$/inet/127.1/80 # c\n;/x=>~";
    fc.assert(
      fc.property(fc.nat(plausible.length), fc.nat(6), fc.string({ maxLength: 3 }), (at, cut, put) => {
        const text = plausible.slice(0, at) + put + plausible.slice(at + cut);
        const result = parseDtab(text);
        return result instanceof Dtab || result instanceof SyntaxProblem;
      }),
      { numRuns: 2_000 },
    );
  });
});
