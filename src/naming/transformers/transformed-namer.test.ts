import { expect, test } from "vitest";
import { FakeNamer } from "../../../test/support/fake-discovery.ts";
import { LiveBinding } from "../../../test/support/live-binding.ts";
import { addressesIn, namedEndpoints, showNames } from "../../../test/support/transforming.ts";
import { type AddressState, negAddresses, pendingAddresses } from "../../core/endpoint.ts";
import { leaf } from "../../core/name-tree.ts";
import { pathFrom } from "../../core/path.ts";
import { Source } from "../../core/var.ts";
import { dtabFrom } from "../dtab-parser.ts";
import { Interpreter } from "../interpreter.ts";
import { NamerTable } from "../namer-table.ts";
import { portTransformer } from "./port.ts";
import { constTransformer } from "./replace.ts";
import { specificHostTransformer } from "./specific-host.ts";
import type { Transformer } from "./transformer.ts";
import { transformedNamer } from "./transformed-namer.ts";

const here = specificHostTransformer(pathFrom("/%/here"), "10.0.0.1");
const port = portTransformer(pathFrom("/%/port"), 4141);

/** `/svc` is what `near` knows, or else what `far` knows; only the names of the first are transformed. */
function follow(transformer: Transformer, near: FakeNamer): { readonly states: string[] } & Disposable {
  const far = new FakeNamer("/#/far");
  far.add("web");
  const by = new Interpreter(new NamerTable([transformedNamer(near, transformer), far], []));
  const binding = new LiveBinding(by, dtabFrom("/svc => /#/near | /#/far"), pathFrom("/svc/web"));
  return {
    get states() {
      return binding.states.map((state) => (state.at === "ok" ? showNames(state.value) : state.at));
    },
    [Symbol.dispose]: () => binding[Symbol.dispose](),
  };
}

function near(addresses: Source<AddressState>): FakeNamer {
  const namer = new FakeNamer("/#/near");
  namer.set("web", { at: "ok", value: leaf(namedEndpoints(addresses, "/#/near/web")) });
  return namer;
}

test("a name of which a filter leaves nothing is neg, so an alternative follows while that is so", () => {
  const addresses = new Source<AddressState>(pendingAddresses);
  const namer = near(addresses);
  const following = follow(here, namer);
  addresses.set(addressesIn("10.0.0.2:80"));
  addresses.set(addressesIn("10.0.0.3:80"));
  addresses.set({ at: "failed", message: "no answer" });
  addresses.set(addressesIn("10.0.0.1:80"));
  addresses.set(addressesIn("10.0.0.1:80 10.0.0.1:81"));
  addresses.set({ at: "failed", message: "no answer" });
  addresses.set(negAddresses);
  expect(following.states).toEqual(["pending", "/#/far/web", "/%/here/#/near/web", "/#/far/web"]);
  following[Symbol.dispose]();
  expect([addresses.observerCount, namer.observerCount]).toEqual([0, 0]);
});

test("a name whose addresses cannot be found out at first is bound all the same", () => {
  using following = follow(here, near(new Source<AddressState>({ at: "failed", message: "no answer" })));
  expect(following.states).toEqual(["/%/here/#/near/web"]);
});

test("io.l5d.port does not look at addresses to bind a name, and neither does it hold them", () => {
  const addresses = new Source<AddressState>(negAddresses);
  using following = follow(port, near(addresses));
  expect([following.states, addresses.observerCount]).toEqual([["/%/port/#/near/web"], 0]);
});

test("io.l5d.const under a namer is there even for names it does not know", () => {
  const there = leaf(namedEndpoints("10.0.0.9:1", "/$/inet/10.0.0.9/1"));
  using following = follow(constTransformer(pathFrom("/%/c"), there), new FakeNamer("/#/near"));
  expect(following.states).toEqual(["/%/c/$/inet/10.0.0.9/1"]);
});

test("names that a namer only leads on to pass", () => {
  const namer = new FakeNamer("/#/near");
  namer.set("web", { at: "ok", value: leaf(pathFrom("/#/far/web")) });
  using following = follow(port, namer);
  expect(following.states).toEqual(["/#/far/web"]);
});

test("an interpreter transforms what alternatives came to, and rebinds nothing that is the same", () => {
  const namer = new FakeNamer("/#/near");
  const by = new Interpreter(new NamerTable([namer], []), port);
  using binding = new LiveBinding(by, dtabFrom("/svc => /#/near"), pathFrom("/svc/web"));
  namer.add("web");
  namer.remove("web");
  expect(binding.states.map((state) => (state.at === "ok" ? showNames(state.value) : state.at))).toEqual([
    "~",
    "/%/port/#/near/web",
    "~",
  ]);
});
