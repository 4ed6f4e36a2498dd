import { expect, test } from "vitest";
import { MAX_PATH_LENGTH, PathPattern, patternProblem } from "./path-pattern.ts";

const never = (pattern: string): void => expect.fail(`${pattern} is slow`);

test("A pattern matches the whole of a path or not at all", () => {
  const matches = (pattern: string, path: string) => new PathPattern(pattern).matches(path, never);
  expect(matches("/admin/.*", "/admin/ping")).toBe(true);
  expect(matches("/admin", "/admin/ping")).toBe(false);
  expect(matches("/ping", "/admin/ping")).toBe(false);
  expect(matches("/a|/b", "/b")).toBe(true);
  expect(matches("/a|/b", "/b/c")).toBe(false);
  expect(matches("/A", "/a")).toBe(false);
  expect(matches("/.*", "/a\n")).toBe(false);
  expect(matches("/\"\\\\'`\\u0061", "/\"\\'`a")).toBe(true); // nothing in it is taken for code
});

test.for([
  ["(", /Unterminated group/],
  ["/a)|(/b", /Unmatched/],
  ["(?i)/a", /Invalid group/],
  ["/a*+", /Nothing to repeat/],
  ["\\A/a\\z", /JavaScript has no \\A/],
  ["/\\p{Lower}+", /JavaScript has no \\p/],
  ["\\Q/a.b\\E", /JavaScript has no \\Q/],
  ["/[a-z&&[^b]]", /JavaScript has no && in a class/],
] as const)("%s is no pattern", ([text, problem]) => {
  expect(patternProblem(text)).toMatch(problem);
});

test.for(["/namer_state/.*", "\\/a\\.b\\d+", "/a&&b", "\\\\A", "/(?:a|b)[^&]"])("%s is a pattern", (text) => {
  expect(patternProblem(text)).toBeNull();
});

test("A pattern that takes too long over a path is interrupted, told of once, and not tried again", () => {
  const slow: string[] = [];
  const pattern = new PathPattern("(/a+)+");
  expect(pattern.matches("/aa/a", never)).toBe(true);
  const catastrophe = new PathPattern("/(a+)+");
  const path = `/${"a".repeat(60)}!`;
  for (const asked of [path, path, "/a"]) {
    expect(catastrophe.matches(asked, (text) => void slow.push(text))).toBeNull();
  }
  expect(slow).toEqual(["/(a+)+"]);
});

test("A path of enormous length is not looked at", () => {
  expect(new PathPattern(".*").matches("/".repeat(MAX_PATH_LENGTH + 1), never)).toBeNull();
  expect(new PathPattern(".*").matches("/".repeat(MAX_PATH_LENGTH), never)).toBe(true);
});
