import { expect, test } from "vitest";
import { changed, namedEndpoints, showAddresses, transformed } from "../../../test/support/transforming.ts";
import { pathFrom } from "../../core/path.ts";
import { Constant, Source } from "../../core/var.ts";
import type { HostState } from "../hosts.ts";
import { localhostTransformer } from "./localhost.ts";

const prefix = pathFrom("/%/io.l5d.localhost");
const named: HostState = { at: "bound", addresses: ["10.9.0.1"] };

test.each([
  ["10.0.0.1:80 10.0.0.2:80 10.0.0.1:81", "10.0.0.1:80 10.0.0.1:81"],
  ["127.0.0.1:80 127.8.0.1:80 [::1]:80 [0:0::1]:81", "127.0.0.1:80 127.8.0.1:80 [::1]:80 [0:0::1]:81"],
  ["[fe80:0::5]:80 [fe80::6]:80 [::ffff:10.0.0.1]:80", "[fe80:0::5]:80 [::ffff:10.0.0.1]:80"],
  ["10.9.0.1:80 10.9.0.2:80", "10.9.0.1:80"],
  ["unix:/run/web.sock 10.9.0.2:80", "unix:/run/web.sock"],
  ["10.0.0.3:80", "neg"],
  ["web:80 127.0.0.1.example.com:80", "neg"],
  ["", "neg"],
])("io.l5d.localhost makes of %s %s", (before, after) => {
  const machine = { interfaces: ["10.0.0.1", "fe80::5"], named: new Constant(named) };
  expect(changed(localhostTransformer(prefix, machine), before)).toBe(after);
});

test("the name of the machine may make addresses local, and nothing is given up before it is known", () => {
  const machine = new Source<HostState>({ at: "pending" });
  const transformer = localhostTransformer(prefix, { interfaces: ["10.0.0.1"], named: machine });
  expect(changed(transformer, "10.0.0.1:80 10.9.0.1:80")).toBe("10.0.0.1:80");
  const told: string[] = [];
  using observation = transformed(transformer, namedEndpoints("10.9.0.1:80")).addresses.observe((state) =>
    told.push(showAddresses(state)),
  );
  machine.set({ at: "failed", message: "no answer" });
  machine.set(named);
  expect(told).toEqual(["pending", "neg", "10.9.0.1:80"]);
  expect(observation).toBeDefined();
});
