import { expect, test } from "vitest";
import { matches, parseOptions } from "./options.ts";

test("parseOptions takes seven rounds by default, three when quick, fifteen when long", () => {
  expect(parseOptions([], 1).rounds).toBe(7);
  expect(parseOptions(["--quick"], 1).rounds).toBe(3);
  expect(parseOptions(["--long"], 1).rounds).toBe(15);
  expect(parseOptions(["--quick", "--rounds", "5"], 1).rounds).toBe(5);
});

test("parseOptions records the seed it was given, or the one from the command line", () => {
  expect(parseOptions([], 42).seed).toBe(42);
  expect(parseOptions(["--seed", "7"], 42).seed).toBe(7);
});

test("parseOptions splits lists of rows and proxies", () => {
  const options = parseOptions(["--rows", "h1-1k-c64, start", "--proxies", "nginx,fairlead"], 1);
  expect(options.rows).toEqual(["h1-1k-c64", "start"]);
  expect(options.proxies).toEqual(["nginx", "fairlead"]);
});

test("parseOptions says what was wrong with a number and with an unknown option", () => {
  expect(() => parseOptions(["--rounds", "many"], 1)).toThrow("--rounds many: expected a whole number");
  expect(() => parseOptions(["--round", "3"], 1)).toThrow("--round");
});

test("matches takes names and patterns with a trailing star", () => {
  expect(matches(["h1-64k*"], "h1-64k-down")).toBe(true);
  expect(matches(["h1-64k"], "h1-64k-down")).toBe(false);
});
