import { expect, test } from "vitest";
import {
  addressesIn,
  canned,
  changed,
  namedEndpoints,
  showAddresses,
  showNames,
  transformed,
} from "../../../test/support/transforming.ts";
import { type AddressState, type BoundName, negAddresses, pendingAddresses, sameBound } from "../../core/endpoint.ts";
import { empty, fail, leaf, neg, union } from "../../core/name-tree.ts";
import { pathFrom } from "../../core/path.ts";
import { Source } from "../../core/var.ts";
import { portTransformer } from "./port.ts";
import { chained } from "./transformer.ts";

const port = portTransformer(pathFrom("/%/io.l5d.port/4141"), 4141);

test.each([
  ["10.0.0.1:80 10.0.0.2:81", "10.0.0.1:4141 10.0.0.2:4141"],
  ["10.0.0.1:80 10.0.0.1:81 10.0.0.2:80", "10.0.0.1:4141 10.0.0.2:4141"],
  ["10.0.0.1:80*3 10.0.0.1:81*0.5", "10.0.0.1:4141*0.5"],
  ["[::1]:80 web:80", "[::1]:4141 web:4141"],
  ["unix:/run/web.sock 10.0.0.1:80", "unix:/run/web.sock 10.0.0.1:4141"],
  ["", ""],
])("io.l5d.port 4141 makes of %s %s", (before, after) => {
  expect(changed(port, before)).toBe(after);
});

test("io.l5d.port puts its prefix before ids and keeps residuals, shapes and weights", () => {
  const one = leaf<BoundName>(namedEndpoints("10.0.0.1:80", "/#/io.l5d.fs/web", "/rest"));
  expect(showNames(port.transform(one))).toBe("/%/io.l5d.port/4141/#/io.l5d.fs/web + /rest");
  const split = union({ weight: 3, tree: one }, { weight: 1, tree: leaf(canned) }, { weight: 2, tree: empty });
  expect(showNames(port.transform(split))).toBe(
    "3.00*/%/io.l5d.port/4141/#/io.l5d.fs/web + /rest & /$/io.buoyant.http.status/503 & 2.00*$",
  );
  for (const tree of [neg, fail, empty]) expect(port.transform(tree)).toEqual(tree);
});

test("what the proxy answers itself stays the very same", () => {
  const tree = port.transform(leaf(canned));
  expect(tree.kind === "leaf" && tree.value).toBe(canned);
});

test("pending, neg and failed addresses stay", () => {
  const states: AddressState[] = [pendingAddresses, negAddresses, { at: "failed", message: "no answer" }];
  for (const state of states)
    expect(transformed(port, namedEndpoints(new Source(state))).addresses.sample()).toEqual(state);
});

test("transformed addresses follow discovery, and what is the same afterwards is not told", () => {
  const addresses = new Source<AddressState>(addressesIn("10.0.0.1:80"));
  const told: string[] = [];
  const observation = transformed(port, namedEndpoints(addresses)).addresses.observe((state) =>
    told.push(showAddresses(state)),
  );
  for (const text of ["10.0.0.1:81", "10.0.0.1:81 10.0.0.1:82", "10.0.0.1:81 10.0.0.2:81", "10.0.0.2:80*2"])
    addresses.set(addressesIn(text));
  expect(told).toEqual(["10.0.0.1:4141", "10.0.0.1:4141 10.0.0.2:4141", "10.0.0.2:4141*2"]);
  observation[Symbol.dispose]();
  expect(addresses.observerCount).toBe(0);
});

test("the same tree always becomes the same, and names of one source share their addresses", () => {
  const name = namedEndpoints("10.0.0.1:80");
  const tree = leaf<BoundName>(name);
  expect(port.transform(tree)).toBe(port.transform(tree));
  expect(transformed(port, name)).toBe(transformed(port, name));
  const again = { ...name };
  expect(transformed(port, again).addresses).toBe(transformed(port, name).addresses);
  expect(sameBound(transformed(port, again), transformed(port, name))).toBe(true);
});

test("transformers are applied in order", () => {
  const both = chained([port, portTransformer(pathFrom("/%/other"), 9)]);
  if (both === undefined) throw new Error("two are not none");
  const name = transformed(both, namedEndpoints("10.0.0.1:80"));
  expect(name.id.show()).toBe("/%/other/%/io.l5d.port/4141/#/io.l5d.fs/web");
  expect(showAddresses(name.addresses.sample())).toBe("10.0.0.1:9");
  expect(name.transformed?.from?.transformed?.by).toBe("io.l5d.port");
  expect([chained([]), chained([port])]).toEqual([undefined, port]);
});
