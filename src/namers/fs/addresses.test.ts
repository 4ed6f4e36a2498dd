import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAddresses } from "./addresses.ts";

describe("a discovery file", () => {
  test("has an address a line, with comments, blank lines and weights", () => {
    const text = "# services\n127.0.0.1 8080\n\n  ::1   9090 # v6\r\nweb.example 80 * 0.25\n10.0.0.1\t81\t*\t0\n";
    expect(parseAddresses(text)).toEqual([
      { host: "127.0.0.1", port: 8080, weight: 1 },
      { host: "::1", port: 9090, weight: 1 },
      { host: "web.example", port: 80, weight: 0.25 },
      { host: "10.0.0.1", port: 81, weight: 0 },
    ]);
    expect(parseAddresses("")).toEqual([]);
  });

  test("may name unix sockets, with a weight as others have it", () => {
    expect(parseAddresses("unix:/run/a.sock\nunix:/run/b.sock * 2 # twice\n127.0.0.1 80\n")).toEqual([
      { host: "/run/a.sock", port: 0, weight: 1 },
      { host: "/run/b.sock", port: 0, weight: 2 },
      { host: "127.0.0.1", port: 80, weight: 1 },
    ]);
  });

  test.each([
    ["unix:run/a.sock", "the path must be absolute; write it as in unix:/run/users.sock"],
    ["unix:@abstract", "abstract sockets, which have no file and no permissions, are not used here"],
    ["unix:/run/", "this is the path of a directory"],
    [`unix:/${"x".repeat(107)}`, "the path has 108 bytes, and the system takes at most 107"],
    ["unix:/run/a.sock 80", "after the path only a weight can follow, as in unix:/run/users.sock * 0.5"],
    ["unix:/run/a.sock * x", '"x" is not a weight'],
    ["127.0.0.1:8080", 'line 1, "127.0.0.1:8080": write host and port with a blank between them'],
    ["a 1\nlocalhost", 'line 2, "localhost": a port is missing: write host port'],
    ["a 0", 'line 1, "a 0": "0" is not a port from 1 to 65535'],
    ["a 65536", '"65536" is not a port'],
    ["a http", '"http" is not a port'],
    ["a 80 0.5", "after the port only a weight can follow, as in 10.0.0.1 8080 * 0.5"],
    ["a 80 *", "after the port only a weight can follow"],
    ["a 80 * 1 2", "after the port only a weight can follow"],
    ["a 80 * -1", '"-1" is not a weight'],
    ["a 80 * x", '"x" is not a weight'],
    ["a 80 * Infinity", '"Infinity" is not a weight'],
  ])("%j is malformed", (text, problem) => {
    expect(parseAddresses(text)).toMatchObject({ problem: expect.stringContaining(problem) });
  });

  test("is read or malformed, whatever is in it, and a long line is quoted in part", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."a1 *#.\n\t:\0é") }), (text) => {
        const result = parseAddresses(text);
        return "problem" in result
          ? result.problem.length > 0
          : result.every((a) => a.host !== "" && (a.port > 0 || a.host.startsWith("/")) && a.weight >= 0);
      }),
    );
    expect(parseAddresses("x".repeat(10_000))).toEqual({
      problem: `line 1, "${"x".repeat(80)}…": a port is missing: write host port`,
    });
  });
});
