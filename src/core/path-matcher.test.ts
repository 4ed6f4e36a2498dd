import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PathMatcher, PathTemplate } from "./path-matcher.ts";
import { Path, pathFrom } from "./path.ts";
import { SyntaxProblem } from "./syntax.ts";

function matcher(pattern: string): PathMatcher {
  const parsed = PathMatcher.parse(pattern);
  if (parsed instanceof SyntaxProblem) throw parsed;
  return parsed;
}

function template(text: string): PathTemplate {
  const parsed = PathTemplate.parse(text);
  if (parsed instanceof SyntaxProblem) throw parsed;
  return parsed;
}

describe("PathMatcher (linkerd1 §1.6)", () => {
  test.each<[string, string, Record<string, string> | null]>([
    ["/foo/bar", "/foo/bar", {}],
    ["/foo/bar", "/foo/bar/bas", {}],
    ["/foo/bar", "/foo/goo", null],
    ["/foo/bar", "/foo", null],
    ["/", "/anything", {}],
    ["/", "/", {}],
    ["/foo/*/*", "/foo/hi/there", {}],
    ["/foo/*", "/foo", null],
    ["/foo/{A}", "/foo/bar/bas", { A: "bar" }],
    ["/foo/{A_B-C.d:e}", "/foo/bar", { "A_B-C.d:e": "bar" }],
    ["/foo/{A}/*/{B}", "/foo/boo/bar/bas", { A: "boo", B: "bas" }],
    ["/foo/bar/{A}:http", "/foo/bar/bas:http", { A: "bas" }],
    ["/foo/{A}:http", "/foo/bar", null],
    ["/{svc}-{ver}", "/foo-bar-baz", { svc: "foo-bar", ver: "baz" }],
    ["/{a}{b}", "/xyz", { a: "xyz", b: "" }],
    ["/{a}.com/{b}", "/foo.com/80", { a: "foo", b: "80" }],
    ["/{a}.com", "/fooxcom", null],
    ["/{a}.{b}.{c}", "/www.foo.com", { a: "www", b: "foo", c: "com" }],
    ["/{a}.{b}.{c}", "/foo.com", null],
    ["/x{a}x", "/x", null],
    ["/x{a}x", "/xx", { a: "" }],
    ["/ab{a}b{b}", "/abb", { a: "", b: "" }],
    ["/ab{a}b{b}", "/ab", null],
    ["/{a}-{a}", "/1-2", { a: "2" }],
    ["/%/io.l5d.port/4141/#/io.l5d.fs/{s}", "/%/io.l5d.port/4141/#/io.l5d.fs/foo", { s: "foo" }],
    ["/a\\x2fb/{c}", "/a\\x2fb/d", { c: "d" }],
  ])("%s on %s gives %j", (pattern, path, captures) => {
    const found = matcher(pattern).match(pathFrom(path));
    expect(found === null ? null : Object.fromEntries(found)).toEqual(captures);
  });

  test("captures as the greedy regular expression of the same pattern does", () => {
    const piece = fc.constantFrom("{a}", "{b}", "{c}", "-", ".", "xy");
    const pieces = fc
      .array(piece, { minLength: 1, maxLength: 6 })
      .filter(
        (list) => new Set(list.filter((p) => p.startsWith("{"))).size === list.filter((p) => p.startsWith("{")).length,
      );
    const segment = fc.string({ unit: fc.constantFrom("-", ".", "x", "y"), minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(pieces, segment, (list, text) => {
        const source = list.map((p) => (p.startsWith("{") ? `(?<${p.slice(1, -1)}>.*)` : p.replace(".", "\\.")));
        const expected = new RegExp(`^${source.join("")}$`).exec(text);
        const found = matcher(`/${list.join("")}`).match(Path.of(text));
        expect(found === null ? null : { ...Object.fromEntries(found) }).toEqual(
          expected === null ? null : { ...expected.groups },
        );
      }),
      { numRuns: 500 },
    );
  });

  test("takes linear time on a segment made to backtrack", () => {
    const long = matcher("/{a}-{b}-{c}-{d}-{e}xx").match(Path.of(`${"-".repeat(200_000)}y`));
    expect(long).toBeNull();
  });

  test.each([
    ["foo", 'a pattern begins with "/"', "[f]oo"],
    ["/a//b", 'a segment, * or {variable} must follow "/"', "/a/[/]b"],
    ["/a/", 'a segment, * or {variable} must follow "/"', "/a/[end]"],
    ["/a*", '"*" stands for a whole segment and cannot be mixed with other text; use {variable}', "/a[*]"],
    ["/*a", "a pattern is made of segments, * and {variable}; any other character is written \\xHH", "/*[a]"],
    ["/{a", '"{" without a "}" after it', "/[{]a"],
    ["/a}", '"}" without a "{" before it', "/a[}]"],
    ["/{}", "a variable is {name}, of letters, digits and _ . : -", "/[{]}"],
    ["/a b", "a pattern is made of segments, * and {variable}; any other character is written \\xHH", "/a[ ]b"],
  ])("%j is refused, pointing at the character", (pattern, message, text) => {
    expect(PathMatcher.parse(pattern)).toMatchObject({ message, text });
  });

  test("refuses with a syntax problem and nothing else", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."/{}*a\\x2f .") }), (text) => {
        const parsed = PathMatcher.parse(text);
        return parsed instanceof SyntaxProblem || parsed.pattern === text;
      }),
    );
  });

  test("knows its variables and how much of a path it covers", () => {
    expect(matcher("/a/{x}-{y}/*/{z}")).toMatchObject({ size: 4, variables: ["x", "y", "z"] });
  });
});

describe("PathTemplate", () => {
  const captures = new Map([
    ["service", "users"],
    ["empty", ""],
  ]);

  test("fills variables into a path", () => {
    expect(template("/srv/{service}-v2/x").fill(captures)?.show()).toBe("/srv/users-v2/x");
    expect(template("/").fill(captures)?.show()).toBe("/");
  });

  test("gives no path where a segment comes out empty", () => {
    expect(template("/srv/{empty}").fill(captures)).toBeNull();
  });

  test("leaves a variable without a value as it is written", () => {
    expect(template("/srv/{other}").fill(captures)?.segments).toEqual(["srv", "{other}"]);
  });

  test("cannot have a star", () => {
    expect(PathTemplate.parse("/srv/*")).toMatchObject({ text: "/srv/[*]" });
  });
});
