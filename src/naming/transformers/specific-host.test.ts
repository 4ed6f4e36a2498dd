import { expect, test } from "vitest";
import {
  addressesIn,
  changed,
  namedEndpoints,
  showAddresses,
  transformed,
} from "../../../test/support/transforming.ts";
import { type AddressState, pendingAddresses } from "../../core/endpoint.ts";
import { pathFrom } from "../../core/path.ts";
import { Source } from "../../core/var.ts";
import { specificHostTransformer } from "./specific-host.ts";

test.each([
  ["10.0.0.1", "10.0.0.1:80 10.0.0.2:80 10.0.0.1:81*2", "10.0.0.1:80 10.0.0.1:81*2"],
  ["10.0.0.1", "10.0.0.2:80", "neg"],
  ["10.0.0.1", "", "neg"],
  ["10.0.0.1", "[::ffff:10.0.0.1]:80 [::ffff:a00:2]:80", "[::ffff:10.0.0.1]:80"],
  ["2001:db8::1", "[2001:DB8:0::1]:80 [2001:db8::2]:80", "[2001:DB8:0::1]:80"],
  ["fe80::1", "[fe80::1%eth0]:80", "[fe80::1%eth0]:80"],
  ["10.0.0.1", "web:80", "neg"],
  ["127.0.0.1", "unix:/run/web.sock", "neg"],
])("io.l5d.specificHost %s makes of %s %s", (host, before, after) => {
  expect(changed(specificHostTransformer(pathFrom("/%/io.l5d.specificHost"), host), before)).toBe(after);
});

test("addresses come and go with discovery", () => {
  const addresses = new Source<AddressState>(pendingAddresses);
  const transformer = specificHostTransformer(pathFrom("/%/here"), "10.0.0.1");
  const told: string[] = [];
  using observation = transformed(transformer, namedEndpoints(addresses)).addresses.observe((state) =>
    told.push(showAddresses(state)),
  );
  for (const text of ["10.0.0.2:80", "10.0.0.3:80", "10.0.0.1:80 10.0.0.3:80", "10.0.0.1:80", ""])
    addresses.set(addressesIn(text));
  expect(told).toEqual(["pending", "neg", "10.0.0.1:80", "neg"]);
  expect(observation).toBeDefined();
});
