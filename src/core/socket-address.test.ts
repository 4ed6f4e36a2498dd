import fc from "fast-check";
import { expect, test } from "vitest";
import { addressText, isUnixPath, maxUnixPathBytes, plainAddressText, unixPathProblem } from "./socket-address.ts";

test.each([
  ["10.0.0.1", 80, "10.0.0.1:80", "10.0.0.1:80"],
  ["users.example", 80, "users.example:80", "users.example:80"],
  ["::1", 80, "[::1]:80", "::1:80"],
  ["/run/users.sock", 0, "unix:/run/users.sock", "unix:/run/users.sock"],
])("%s and %i are shown as %s, or plainly as %s", (host, port, text, plain) => {
  expect(addressText({ host, port })).toBe(text);
  expect(plainAddressText({ host, port })).toBe(plain);
});

test("A path fits the system by its bytes, not by its characters", () => {
  const most = maxUnixPathBytes();
  expect([maxUnixPathBytes("linux"), maxUnixPathBytes("darwin")]).toEqual([107, 103]);
  expect(unixPathProblem(`/${"x".repeat(most - 1)}`)).toBe(null);
  expect(unixPathProblem(`/${"x".repeat(most)}`)).toBe(
    `the path has ${most + 1} bytes, and the system takes at most ${most}`,
  );
  expect(unixPathProblem(`/${"é".repeat(60)}`)).toBe(`the path has 121 bytes, and the system takes at most ${most}`);
});

test.each([
  ["", "the path must be absolute"],
  ["run/a", "the path must be absolute"],
  ["/run/", "this is the path of a directory"],
  ["/a\0b", "a path cannot contain NUL"],
  ["@name", "abstract sockets, which have no file and no permissions, are not used here"],
])("%j is no path of a unix socket", (path, problem) => {
  expect(unixPathProblem(path)).toBe(problem);
});

test("What is in order as a path is told from every host", () => {
  fc.assert(fc.property(fc.string(), (text) => unixPathProblem(text) !== null || isUnixPath(text)));
  fc.assert(fc.property(fc.domain(), (host) => !isUnixPath(host)));
});
