import { expect, test } from "vitest";
import { FakeResolver } from "../../../test/support/fake-discovery.ts";
import { FakeDisk } from "../../../test/support/fake-disk.ts";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import type { AddressState } from "../../core/endpoint.ts";
import { Path, pathFrom } from "../../core/path.ts";
import { Hosts } from "../../naming/hosts.ts";
import { NamedFilesNamer } from "./named-files.ts";
import { Problems } from "./problems.ts";

function world(names: Record<string, string>) {
  const env = new ManualEnv();
  const disk = new FakeDisk();
  const told: string[] = [];
  const problems = new Problems(
    (problem) => told.push(problem),
    (file) => told.push(`${file} is well`),
  );
  const namer = new NamedFilesNamer(
    { prefix: pathFrom("/#/f"), names, problems },
    env,
    new Hosts(env, new FakeResolver()),
    disk,
  );
  return { env, disk, namer, told };
}

function bound(namer: NamedFilesNamer, path: string) {
  const state = namer.lookup(pathFrom(path)).sample();
  if (state.at !== "ok" || state.value.kind !== "leaf" || state.value.value instanceof Path) return undefined;
  const name = state.value.value;
  return name.kind === "endpoints" ? name : undefined;
}

function shown(state: AddressState): string {
  return state.at === "bound" ? state.addresses.map((a) => `${a.host}:${a.port}`).join(" ") : state.at;
}

test("NamedFilesNamer follows the file of a name, wherever it is and whatever it is called", async () => {
  const { disk, env, namer, told } = world({ users: "/a/one.txt", carts: "/b/two" });
  disk.makeDirectory("/a");
  disk.write("/a/one.txt", "10.0.0.1 80\n");
  const name = bound(namer, "/users/x");
  expect([name?.id.show(), name?.residual.show()]).toEqual(["/#/f/users", "/x"]);
  const states: string[] = [];
  using _watch = name?.addresses.observe((state) => states.push(shown(state)));
  const noticed = async () => {
    env.advance(25);
    await disk.quiet();
  };
  await disk.quiet();
  disk.write("/a/one.txt", "10.0.0.1 80\n10.0.0.2 80\n");
  await noticed();
  disk.write("/a/one.txt", "10.0.0.1\n");
  await noticed();
  expect(states).toEqual(["pending", "10.0.0.1:80", "10.0.0.1:80 10.0.0.2:80", "failed"]);
  expect(told).toEqual([expect.stringContaining("/a/one.txt, line 1")]);
});

test("NamedFilesNamer binds a name whose file is missing, to no address, until the file is there", async () => {
  const { disk, env, namer } = world({ users: "/a/users" });
  disk.makeDirectory("/a");
  const states: string[] = [];
  using _watch = bound(namer, "/users")?.addresses.observe((state) => states.push(shown(state)));
  await disk.quiet();
  disk.write("/a/users", "10.0.0.1 80");
  env.advance(25);
  await disk.quiet();
  expect(states).toEqual(["pending", "neg", "10.0.0.1:80"]);
  expect(bound(namer, "/nobody")).toBeUndefined();
  expect((await namer.names()).map((path) => path.show())).toEqual(["/#/f/users"]);
});
