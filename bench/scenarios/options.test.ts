import { expect, test } from "vitest";
import { chosen, parseOptions } from "./options.ts";

test("without options all of it is measured, for 25 s at 200 requests per second", () => {
  expect(parseOptions([])).toEqual({
    only: [],
    proxies: [],
    seconds: 25,
    rate: 200,
    seed: 1,
    repeat: 2,
    save: false,
    docs: false,
    list: false,
    help: false,
  });
});

test("documents are printed from what is kept, so --docs keeps", () => {
  expect(parseOptions(["--docs"]).save).toBe(true);
});

test("a number out of bounds is refused with its option", () => {
  expect(() => parseOptions(["--seconds", "3"])).toThrow("--seconds 3: expected a whole number from 10 to 600");
  expect(() => parseOptions(["--rate", "fast"])).toThrow("--rate fast");
});

test("names are chosen by pattern, and a pattern that means none is refused", () => {
  const names = ["http-stop", "http-slow", "grpc-stop"];
  expect(chosen("scenario", names, [])).toEqual(names);
  expect(chosen("scenario", names, ["http-*"])).toEqual(["http-stop", "http-slow"]);
  expect(() => chosen("scenario", names, ["h2-*"])).toThrow("no scenario h2-*; there are http-stop");
});
