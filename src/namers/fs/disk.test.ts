import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeResolver } from "../../../test/support/fake-discovery.ts";
import { systemEnv } from "../../base/env.ts";
import { Activity } from "../../core/activity.ts";
import type { AddressState } from "../../core/endpoint.ts";
import { Path, pathFrom } from "../../core/path.ts";
import { Constant, type Var } from "../../core/var.ts";
import { Hosts } from "../../naming/hosts.ts";
import { nodeDisk } from "./disk.ts";
import { FsNamer } from "./namer.ts";
import { Problems } from "./problems.ts";

const silent = new Problems(
  () => undefined,
  () => undefined,
);

let root = "";

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "fairlead-fs-")));
});

afterEach(() => rm(root, { recursive: true, force: true }));

/** The addresses of a name as text, whatever it is bound to at the moment. */
function addresses(namer: FsNamer, path: string): Var<string> {
  const states = new Activity(namer.lookup(pathFrom(path)).states).states;
  return states.flatMap((state): Var<string> => {
    if (state.at !== "ok") return new Constant(state.at === "failed" ? state.message : state.at);
    if (state.value.kind !== "leaf" || state.value.value instanceof Path) return new Constant(state.value.kind);
    return state.value.value.kind === "endpoints" ? state.value.value.addresses.map(show) : new Constant("canned");
  });
}

function show(state: AddressState): string {
  return state.at === "bound" ? state.addresses.map((a) => `${a.host}:${a.port}`).join(" ") : state.at;
}

/** Resolves when the variable has the value; the test's own time limit guards it. */
async function becomes(variable: Var<string>, value: string): Promise<void> {
  const waiting = Promise.withResolvers<undefined>();
  using observation = variable.observe((now) => {
    if (now === value) waiting.resolve(undefined);
  });
  await waiting.promise;
  expect(observation).toBeDefined();
}

describe("io.l5d.fs on a real disk", () => {
  test("follows creation, rewriting, atomic replacement and removal of a file", async () => {
    const namer = new FsNamer(
      { prefix: pathFrom("/#/fs"), rootDir: root, problems: silent },
      systemEnv(),
      new Hosts(systemEnv(), new FakeResolver()),
    );
    const web = addresses(namer, "/web");
    using held = web.observe(() => {});
    expect(held).toBeDefined();
    await becomes(web, "neg");
    await writeFile(join(root, "web"), "10.0.0.1 80\n");
    await becomes(web, "10.0.0.1:80");
    await writeFile(join(root, "web"), "10.0.0.2 80\n10.0.0.3 80\n");
    await becomes(web, "10.0.0.2:80 10.0.0.3:80");
    await writeFile(join(root, ".web.tmp"), "10.0.0.4 80\n");
    await rename(join(root, ".web.tmp"), join(root, "web"));
    await becomes(web, "10.0.0.4:80");
    await rm(join(root, "web"));
    await becomes(web, "neg");
  });

  test("follows directories that appear, and the swap of a ConfigMap's link", async () => {
    const namer = new FsNamer(
      { prefix: pathFrom("/#/fs"), rootDir: root, problems: silent },
      systemEnv(),
      new Hosts(systemEnv(), new FakeResolver()),
    );
    const web = addresses(namer, "/prod/web");
    using held = web.observe(() => {});
    expect(held).toBeDefined();
    await becomes(web, "neg");
    const prod = join(root, "prod");
    await mkdir(join(prod, "..v1"), { recursive: true });
    await writeFile(join(prod, "..v1", "web"), "10.0.0.1 80");
    await symlink("..v1", join(prod, "..data"));
    await symlink(join("..data", "web"), join(prod, "web"));
    await becomes(web, "10.0.0.1:80");
    await mkdir(join(prod, "..v2"));
    await writeFile(join(prod, "..v2", "web"), "10.0.0.2 80");
    await symlink("..v2", join(prod, "..data_tmp"));
    await rename(join(prod, "..data_tmp"), join(prod, "..data"));
    await becomes(web, "10.0.0.2:80");
    expect((await namer.names()).map((path) => path.show())).toEqual(["/#/fs/prod/web"]);
  });
});

describe("nodeDisk", () => {
  test("says what is there, and that nothing is", async () => {
    await writeFile(join(root, "file"), "x");
    expect(await nodeDisk.stat(join(root, "file"))).toMatchObject({ kind: "file" });
    expect(await nodeDisk.stat(root)).toMatchObject({ kind: "directory" });
    expect(await nodeDisk.stat("/dev/null")).toMatchObject({ kind: "other" });
    expect(await nodeDisk.stat(join(root, "none"))).toBeUndefined();
    expect(await nodeDisk.stat(join(root, "file", "below"))).toBeUndefined();
    expect(await nodeDisk.stat(join(root, "n".repeat(300)))).toBeUndefined();
  });

  test("reads up to its limit and not beyond", async () => {
    await writeFile(join(root, "file"), "é".repeat(50_000));
    expect(await nodeDisk.read(join(root, "file"), 100_000)).toHaveLength(50_000);
    await expect(nodeDisk.read(join(root, "file"), 99_999)).rejects.toThrow("has more than 99999 bytes");
    await expect(nodeDisk.read(join(root, "none"), 10)).rejects.toThrow("ENOENT");
  });

  test("refuses to watch what is not there", () => {
    expect(() => nodeDisk.watch(join(root, "none"), () => {})).toThrow("ENOENT");
  });
});
