import { expect, test } from "vitest";
import { FakeResolver } from "../../../test/support/fake-discovery.ts";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import type { AddressState } from "../../core/endpoint.ts";
import { Path, pathFrom } from "../../core/path.ts";
import { Hosts } from "../../naming/hosts.ts";
import { StaticNamer } from "./namer.ts";

function world(names: ConstructorParameters<typeof StaticNamer>[1]) {
  const env = new ManualEnv();
  const resolver = new FakeResolver();
  return { env, resolver, namer: new StaticNamer(pathFrom("/#/s"), names, new Hosts(env, resolver)) };
}

/** What a path is bound to; undefined for nothing. */
function bound(namer: StaticNamer, path: string) {
  const state = namer.lookup(pathFrom(path)).sample();
  if (state.at !== "ok" || state.value.kind !== "leaf" || state.value.value instanceof Path) return undefined;
  const name = state.value.value;
  return name.kind === "endpoints" ? name : undefined;
}

function shown(state: AddressState): string {
  return state.at === "bound" ? state.addresses.map((a) => `${a.host}:${a.port}*${a.weight}`).join(" ") : state.at;
}

test("StaticNamer binds a name to all its addresses as one, with the rest of the path as residual", () => {
  const { namer } = world({ users: { to: ["10.0.0.1:80", "[::1]:81 * 0.5", "localhost"], port: 82 } });
  const users = bound(namer, "/users/8080/x");
  expect([users?.id.show(), users?.residual.show()]).toEqual(["/#/s/users", "/8080/x"]);
  expect(users === undefined ? "" : shown(users.addresses.sample())).toBe("10.0.0.1:80*1 ::1:81*0.5 127.0.0.1:82*1");
});

test("StaticNamer knows no other names, and lists those it knows", async () => {
  const { namer } = world({ users: { to: ["10.0.0.1:80"] }, "a.b": { to: ["10.0.0.2:80"] } });
  expect(["/orders", "/", "/constructor", "/Users"].map((path) => bound(namer, path))).toEqual(
    Array(4).fill(undefined),
  );
  expect((await namer.names()).map((path) => path.show())).toEqual(["/#/s/users", "/#/s/a.b"]);
});

test("StaticNamer follows host names for as long as somebody looks", () => {
  const { env, namer, resolver } = world({ users: { to: ["users.internal:80", "10.0.0.9:80"] } });
  const told: string[] = [];
  resolver.found("users.internal", "10.0.0.1", "10.0.0.2");
  const watch = bound(namer, "/users")?.addresses.observe((state) => told.push(shown(state)));
  expect(told.at(-1)).toBe("10.0.0.1:80*1 10.0.0.2:80*1 10.0.0.9:80*1");
  resolver.found("users.internal", "10.0.0.2");
  env.advance(5000);
  expect(told.at(-1)).toBe("10.0.0.2:80*1 10.0.0.9:80*1");
  watch?.[Symbol.dispose]();
  const { length } = told;
  resolver.found("users.internal", "10.0.0.3");
  env.advance(60_000);
  expect(told.length).toBe(length);
});
