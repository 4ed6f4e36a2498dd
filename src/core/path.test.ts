import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { anyPath, anySegment } from "../../test/support/arbitrary-names.ts";
import { parsePath, Path, pathFrom, segmentOf, showSegment } from "./path.ts";
import { SyntaxProblem } from "./syntax.ts";

function problemOf(text: string): SyntaxProblem {
  const result = parsePath(text);
  if (!(result instanceof SyntaxProblem)) throw new Error(`parsed: ${result.show()}`);
  return result;
}

describe("Path text", () => {
  test.each([
    ["/", []],
    ["/svc/users", ["svc", "users"]],
    ["/$/inet/127.1/8080", ["$", "inet", "127.1", "8080"]],
    ["/#/io.l5d.fs/a_b:c%d-e", ["#", "io.l5d.fs", "a_b:c%d-e"]],
    ["/s#/foo", ["s#", "foo"]],
    ["/a\\x2fb", ["a/b"]],
    ["/\\x61\\x2F\\x62", ["a/b"]],
    ["/\\xc3\\xa9", ["\u00c3\u00a9"]],
    ["  # a comment\n /foo  ", ["foo"]],
    ["/foo # note", ["foo"]],
  ])("%j is read as %j", (text, segments) => {
    expect(pathFrom(text).segments).toEqual(segments);
  });

  test("a segment is printed as it is, or escaped as a whole", () => {
    expect(Path.of("a/b").show()).toBe("/\\x61\\x2f\\x62");
    expect(Path.of("0azAZ_:.#$%-").show()).toBe("/0azAZ_:.#$%-");
    expect(showSegment("*")).toBe("\\x2a");
    expect(Path.root.show()).toBe("/");
  });

  test("ordinary text becomes the bytes of its UTF-8 form", () => {
    expect(Path.of(segmentOf("é")).show()).toBe("/\\xc3\\xa9");
  });

  test.each([
    ["/foo/", 'a path segment must follow "/"', "/foo/[end]"],
    ["//", 'empty path segment: write a name between the two "/"', "/[/]"],
    ["/a//b", 'a path segment must follow "/"', "/a/[/]b"],
    ["foo", 'a path begins with "/"', "[f]oo"],
    ["", 'a path begins with "/"', "[end]"],
    ["/é", '"é" cannot stand in a path as it is; write \\xc3\\xa9', "/[é]"],
    ["/ab€c", '"€" cannot stand in a path as it is; write \\xe2\\x82\\xac', "/ab[€]c"],
    ["/a\\x2", "an escape is \\x and two hexadecimal digits, such as \\x2f", "/a[\\]x2"],
    ["/a b", "expected nothing more after the path", "/a [b]"],
    ["/a\\n", "an escape is \\x and two hexadecimal digits, such as \\x2f", "/a[\\]n"],
  ])("%j is refused, pointing at the character", (text, message, shown) => {
    expect(problemOf(text)).toMatchObject({ message, text: shown });
  });

  test("a problem knows its offset, line and column", () => {
    expect(problemOf("# first\n  /a b")).toMatchObject({ offset: 13, line: 2, column: 6 });
    expect(problemOf("# first\n  /a b").show()).toBe("expected nothing more after the path: # first /a [b]");
  });

  test("a long text is quoted only around the problem", () => {
    expect(problemOf(`/${"a".repeat(500)} b${"c".repeat(500)}`).text).toMatch(/^…a{59} \[b\]c{59}…$/);
  });

  test("printing and reading again gives the same path", () => {
    fc.assert(fc.property(anyPath, (path) => pathFrom(path.show()).equals(path)));
  });

  test("any text is either a path or a syntax problem", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."/\\x2f a#\n\0\x7fé€\u{1f600}\ud800") }), (text) => {
        const result = parsePath(text);
        return result instanceof SyntaxProblem ? result.offset <= text.length : result.segments.every((s) => s !== "");
      }),
    );
  });
});

describe("Path", () => {
  test("take and drop split it anywhere", () => {
    fc.assert(
      fc.property(anyPath, fc.integer({ min: -1, max: 8 }), (path, n) =>
        path.take(n).concat(path.drop(n)).equals(path),
      ),
    );
  });

  test("begins with itself and with each of its beginnings, and with nothing longer", () => {
    fc.assert(
      fc.property(anyPath, fc.nat(8), anySegment, (path, n, more) => {
        expect(path.startsWith(path.take(n))).toBe(true);
        expect(path.startsWith(path.concat(Path.of(more)))).toBe(false);
      }),
    );
  });

  test("is equal to another of the same bytes only", () => {
    expect(pathFrom("/a/b").equals(Path.of("a", "b"))).toBe(true);
    expect(pathFrom("/a/b").equals(pathFrom("/a"))).toBe(false);
    expect(pathFrom("/a").equals(pathFrom("/a/b"))).toBe(false);
    expect(pathFrom("/a/b").equals(pathFrom("/a/c"))).toBe(false);
  });

  test("refuses segments that have no text form", () => {
    expect(() => Path.of("a", "")).toThrow(RangeError);
    expect(() => Path.of("€")).toThrow("not a path segment");
  });

  test("is its text in JSON", () => {
    expect(JSON.stringify({ path: pathFrom("/a/b") })).toBe('{"path":"/a/b"}');
  });
});
