import { expect, test } from "vitest";
import { chosen, parseOptions } from "./options.ts";

test("Options name scenarios, balancers, policies and seeds", () => {
  const options = parseOptions([
    "--scenario",
    "one-slow, uneven",
    "--balancer",
    "ewma",
    "--policy",
    "bare",
    "--seeds",
    "1",
  ]);
  expect(options).toMatchObject({ scenarios: ["one-slow", "uneven"], balancers: ["ewma"], policy: "bare", seeds: 1 });
});

test("A name that is not there is refused with those that are", () => {
  const all = [{ name: "p2c" }, { name: "ewma" }];
  expect(chosen("balancer", all, ["ewma"])).toEqual([{ name: "ewma" }]);
  expect(() => chosen("balancer", all, ["emwa"])).toThrow("--balancer emwa: expected one of p2c, ewma");
  expect(() => parseOptions(["--policy", "none"])).toThrow("--policy none: expected one of bare,");
  expect(() => parseOptions(["--seeds", "0"])).toThrow("--seeds 0: expected a whole number, 1 or more");
});
