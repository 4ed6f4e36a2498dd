import { expect, test } from "vitest";
import { FakeResolver } from "../../../test/support/fake-discovery.ts";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import { canned, namedEndpoints, showAddresses, showNames, transformed } from "../../../test/support/transforming.ts";
import type { BoundName } from "../../core/endpoint.ts";
import { empty, fail, leaf, neg, union } from "../../core/name-tree.ts";
import { pathFrom } from "../../core/path.ts";
import { Hosts } from "../hosts.ts";
import { NamerTable } from "../namer-table.ts";
import { utilityNamers } from "../utility-namers.ts";
import { fixedPath } from "./fixed-path.ts";
import { constTransformer, replaceTransformer } from "./replace.ts";
import type { BoundNames } from "./transformer.ts";

const resolver = new FakeResolver();
const builtIn = new NamerTable([], utilityNamers(new Hosts(new ManualEnv(), resolver)));

function bound(path: string): BoundNames {
  const tree = fixedPath(pathFrom(path), builtIn);
  if (typeof tree === "string") throw new Error(tree);
  return tree;
}

const one = leaf<BoundName>(namedEndpoints("10.0.0.1:80"));
const two = leaf<BoundName>(namedEndpoints("10.0.0.2:80", "/#/io.l5d.fs/two"));
const split = union({ weight: 3, tree: one }, { weight: 1, tree: leaf(canned) }, { weight: 2, tree: empty });
const there = "/$/inet/127.0.0.1/4141";

test.each([
  ["a name", there, one, `/%/r${there}`, `/%/r${there}`],
  ["the proxy's own answer", there, leaf(canned), `/%/r${there}`, `/%/r${there}`],
  ["a path that goes on", `${there}/x`, one, `/%/r${there} + /x`, `/%/r${there} + /x`],
  ["a union", there, split, `3.00*/%/r${there} & /%/r${there} & 2.00*$`, `/%/r${there}`],
  ["neg", there, neg, "~", `/%/r${there}`],
  ["fail", there, fail, "!", `/%/r${there}`],
  ["empty", there, empty, "$", `/%/r${there}`],
  ["a name, by nil", "/$/nil/x", one, "$", "$"],
  ["a name, by fail", "/$/fail", one, "!", "!"],
  ["a name, by a status", "/$/io.buoyant.http.status/404", one, ...twice("/%/r/$/io.buoyant.http.status/404")],
])("io.l5d.replace and io.l5d.const of %s", (_, path, tree, replaced, constant) => {
  expect(showNames(replaceTransformer(pathFrom("/%/r"), bound(path)).transform(tree))).toBe(replaced);
  expect(showNames(constTransformer(pathFrom("/%/r"), bound(path)).transform(tree))).toBe(constant);
});

function twice(text: string): readonly [string, string] {
  return [text, text];
}

test("all replaced names share the addresses of the path, which are live", () => {
  resolver.found("there", "10.0.0.9");
  const transformer = replaceTransformer(pathFrom("/%/r"), bound("/$/inet/there/4141"));
  const [first, second] = [one, two].map((tree) => {
    const [name] = [tree.value];
    if (name.kind !== "endpoints") throw new Error("it has addresses");
    return transformed(transformer, name);
  });
  expect(first?.addresses).toBe(second?.addresses);
  const told: string[] = [];
  using observation = first?.addresses.observe((state) => told.push(showAddresses(state)));
  expect(told.at(-1)).toBe("10.0.0.9:4141");
  expect(observation).toBeDefined();
  expect(transformer.transform(one)).toBe(transformer.transform(one));
  expect(transformer.transform(split)).toBe(transformer.transform(split));
});

test.each([
  ["/#/io.l5d.fs/web", "/#/io.l5d.fs/web names nothing"],
  ["/$/inet/web", "/$/inet/web names nothing"],
  ["/$/innet/web/1", "there is no built-in namer /$/innet; known are /$/inet, "],
  ["/$/io.buoyant.http.anyHostPfx/web/a.b", "/web names nothing"],
])("%s is no path for it", (path, problem) => {
  expect(fixedPath(pathFrom(path), builtIn)).toContain(problem);
});
