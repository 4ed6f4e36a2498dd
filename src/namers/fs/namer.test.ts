import { describe, expect, test } from "vitest";
import { FakeDisk } from "../../../test/support/fake-disk.ts";
import { FakeResolver } from "../../../test/support/fake-discovery.ts";
import { ManualEnv } from "../../../test/support/manual-env.ts";
import type { AddressState } from "../../core/endpoint.ts";
import type { NamedTree } from "../../core/namer.ts";
import type { ActivityState } from "../../core/activity.ts";
import { Path, pathFrom } from "../../core/path.ts";
import { Hosts } from "../../naming/hosts.ts";
import { FsNamer } from "./namer.ts";
import { Problems } from "./problems.ts";

const silent = new Problems(
  () => undefined,
  () => undefined,
);

interface World {
  readonly env: ManualEnv;
  readonly disk: FakeDisk;
  readonly resolver: FakeResolver;
  readonly namer: FsNamer;
}

function world(files: Record<string, string> = {}): World {
  const env = new ManualEnv();
  const disk = new FakeDisk();
  const resolver = new FakeResolver();
  disk.makeDirectory("/disco");
  for (const [name, text] of Object.entries(files)) disk.write(`/disco/${name}`, text);
  const namer = new FsNamer(
    { prefix: pathFrom("/#/fs"), rootDir: "/disco", problems: silent },
    env,
    new Hosts(env, resolver),
    disk,
  );
  return { env, disk, resolver, namer };
}

/** What a name is bound to and, beneath that, what its addresses are, as they are told. */
class Following implements Disposable {
  readonly names: string[] = [];
  readonly addresses: string[] = [];
  readonly #name: Disposable;
  #inner: Disposable | undefined;

  constructor(namer: FsNamer, path: string) {
    this.#name = namer.lookup(pathFrom(path)).observe((state) => this.#follow(state));
  }

  #follow(state: ActivityState<NamedTree>): void {
    const previous = this.#inner;
    this.#inner = undefined;
    if (state.at === "ok" && state.value.kind === "leaf" && !(state.value.value instanceof Path)) {
      const name = state.value.value;
      this.names.push(name.residual.size === 0 ? name.id.show() : `${name.id.show()} + ${name.residual.show()}`);
      if (name.kind === "endpoints") this.#inner = name.addresses.observe((s) => this.addresses.push(showAddresses(s)));
    } else if (state.at === "pending") {
      if (this.names.at(-1) !== "pending") this.names.push("pending"); // once, however many directories there are on the way
    } else this.names.push(state.at === "ok" ? state.value.kind : state.message);
    previous?.[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#name[Symbol.dispose]();
    this.#inner?.[Symbol.dispose]();
  }
}

function showAddresses(state: AddressState): string {
  if (state.at === "failed") return `failed: ${state.message}`;
  return state.at === "bound"
    ? state.addresses.map((a) => `${a.host}:${a.port}${a.weight === 1 ? "" : `*${a.weight}`}`).join(" ")
    : state.at;
}

/** Lets everything the fake disk has answered arrive, and whatever that makes the namer ask. */
async function arrived({ disk }: World): Promise<void> {
  await disk.quiet();
}

/** Time for the namer to look at what it heard of. */
async function noticed(w: World): Promise<void> {
  w.env.advance(25);
  await arrived(w);
}

describe("io.l5d.fs", () => {
  test("binds a name to its file, with the rest of the path as residual", async () => {
    const w = world({ web: "10.0.0.1 80\n10.0.0.2 80 * 0.5\n" });
    using web = new Following(w.namer, "/web/a/b");
    await arrived(w);
    expect(web.names).toEqual(["pending", "/#/fs/web + /a/b"]);
    expect(web.addresses).toEqual(["10.0.0.1:80 10.0.0.2:80*0.5"]);
  });

  test("goes down sub-directories", async () => {
    const w = world();
    w.disk.makeDirectory("/disco/prod");
    w.disk.write("/disco/prod/web", "10.0.0.1 80");
    using web = new Following(w.namer, "/prod/web/x");
    using directory = new Following(w.namer, "/prod");
    using missing = new Following(w.namer, "/prod/api");
    await arrived(w);
    expect(web.names.at(-1)).toBe("/#/fs/prod/web + /x");
    expect(directory.names.at(-1)).toBe("neg");
    expect(missing.names.at(-1)).toBe("neg");
  });

  test.each(["/", "/..", "/.", "/../etc", "/web\\x2f", "/\\x2e\\x2e", "/a\\x00", "/web\\x2f..\\x2fapi"])(
    "has nothing under %s",
    async (path) => {
      const w = world({ web: "10.0.0.1 80" });
      using followed = new Following(w.namer, path);
      await arrived(w);
      expect(followed.names.at(-1)).toBe("neg");
    },
  );

  test("reads a name's bytes as UTF-8", async () => {
    const w = world({ é: "10.0.0.1 80" });
    using followed = new Following(w.namer, "/\\xc3\\xa9");
    await arrived(w);
    expect(followed.addresses).toEqual(["10.0.0.1:80"]);
  });

  test("follows a file through change, removal and return, and keeps its name while it is there", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.write("/disco/web", "10.0.0.2 80");
    await noticed(w);
    w.disk.rename("/disco/web", "/disco/gone");
    await noticed(w);
    w.disk.write("/disco/new", "10.0.0.3 80");
    w.disk.rename("/disco/new", "/disco/web");
    await noticed(w);
    expect(web.names).toEqual(["pending", "/#/fs/web", "neg", "/#/fs/web"]);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
  });

  test("reads once for many quick changes", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    const before = w.disk.reads;
    for (let i = 2; i < 50; i++) w.disk.write("/disco/web", `10.0.0.${i} 80`);
    await noticed(w);
    expect(w.disk.reads - before).toBe(1);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.49:80"]);
  });

  test("sees a change that left size and time stamp as they were", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.write("/disco/web", "10.0.0.2 80", { keepSignature: true });
    await noticed(w);
    expect(web.addresses.at(-1)).toBe("10.0.0.2:80");
  });

  test("is malformed and says where; then good again", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.write("/disco/web", "10.0.0.1 80\n10.0.0.2:80\n");
    await noticed(w);
    w.disk.write("/disco/web", "10.0.0.3 80");
    await noticed(w);
    const problem = 'failed: /disco/web, line 2, "10.0.0.2:80": write host and port with a blank between them';
    expect(web.addresses).toEqual(["10.0.0.1:80", problem, "10.0.0.3:80"]);
    expect(web.names).toEqual(["pending", "/#/fs/web"]);
  });

  test("refuses a file of more than 500 KB", async () => {
    const w = world({ web: "#".repeat(500 * 1024 + 1), api: `10.0.0.1 80\n${"#".repeat(500 * 1024 - 12)}` });
    using web = new Following(w.namer, "/web");
    using api = new Following(w.namer, "/api");
    await arrived(w);
    expect(web.addresses.at(-1)).toBe("failed: /disco/web has more than 512000 bytes");
    expect(api.addresses.at(-1)).toBe("10.0.0.1:80");
  });

  test("believes that a file was emptied only at the second look, since writers truncate first", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.write("/disco/web", "");
    await noticed(w);
    w.disk.write("/disco/web", "10.0.0.2 80");
    await noticed(w);
    w.disk.write("/disco/web", "");
    await noticed(w);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    await noticed(w);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.2:80", ""]);
  });

  test("follows links that are swapped, as a ConfigMap volume does it", async () => {
    const w = world();
    w.disk.makeDirectory("/disco/..v1");
    w.disk.write("/disco/..v1/web", "10.0.0.1 80");
    w.disk.link("/disco/..data", "/disco/..v1");
    w.disk.link("/disco/web", "/disco/..data/web");
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.makeDirectory("/disco/..v2");
    w.disk.write("/disco/..v2/web", "10.0.0.2 80");
    w.disk.link("/disco/..data_tmp", "/disco/..v2");
    w.disk.rename("/disco/..data_tmp", "/disco/..data");
    await noticed(w);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(web.names).toEqual(["pending", "/#/fs/web"]);
  });

  test("follows a root directory that is replaced as a whole", async () => {
    const w = world({ web: "10.0.0.1 80" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.makeDirectory("/next");
    w.disk.write("/next/web", "10.0.0.2 80");
    w.disk.rename("/disco", "/old");
    w.disk.rename("/next", "/disco");
    await noticed(w);
    w.disk.write("/disco/web", "10.0.0.3 80");
    await noticed(w);
    expect(web.addresses.at(-1)).toBe("10.0.0.3:80");
    w.disk.write("/old/web", "10.0.0.9 80");
    await noticed(w);
    expect(web.addresses.at(-1)).toBe("10.0.0.3:80");
  });

  test("finds changes without events within 5 s, and says that it has none", async () => {
    const w = world({ web: "10.0.0.1 80" });
    w.disk.watchable = false;
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.write("/disco/web", "10.0.0.2 8080");
    w.env.advance(4_999);
    await arrived(w);
    expect(web.addresses).toEqual(["10.0.0.1:80"]);
    w.env.advance(1);
    await arrived(w);
    expect(web.addresses).toEqual(["10.0.0.1:80", "10.0.0.2:8080"]);
    expect(JSON.stringify(w.namer.state())).toContain('"notWatched":"too many watches"');
  });

  test("fails to name when the disk cannot say, and recovers", async () => {
    const w = world({ web: "10.0.0.1 80" });
    w.disk.broken.add("/disco/web");
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.disk.broken.clear();
    w.env.advance(5_000);
    await arrived(w);
    expect(web.names).toEqual(["pending", "/disco/web: input/output error", "/#/fs/web"]);
  });

  test("fails to name anything when its root is a file", async () => {
    const w = world({ web: "10.0.0.1 80" });
    const namer = new FsNamer(
      { prefix: pathFrom("/#/fs"), rootDir: "/disco/web", problems: silent },
      w.env,
      new Hosts(w.env, w.resolver),
      w.disk,
    );
    using followed = new Following(namer, "/x");
    await arrived(w);
    expect(followed.names.at(-1)).toBe("/disco/web is not a directory");
  });

  test("looks host names in a file up again and again", async () => {
    const w = world({ web: "one.example 80\n10.0.0.9 80\ntwo.example 81 * 2\n" });
    w.resolver.found("one.example", "10.0.0.1");
    using web = new Following(w.namer, "/web");
    await arrived(w);
    w.resolver.waiting[0]?.answer({ at: "found", addresses: ["10.0.0.2"] });
    w.resolver.found("one.example", "10.0.0.3");
    w.env.advance(5_000);
    expect(web.addresses).toEqual([
      "10.0.0.1:80 10.0.0.9:80",
      "10.0.0.1:80 10.0.0.9:80 10.0.0.2:81*2",
      "10.0.0.3:80 10.0.0.9:80 10.0.0.2:81*2",
    ]);
  });

  test("has an endpoint once, however often it is listed", async () => {
    const w = world({ web: "10.0.0.1 80\n10.0.0.1 80 * 3\n" });
    using web = new Following(w.namer, "/web");
    await arrived(w);
    expect(web.addresses).toEqual(["10.0.0.1:80*3"]);
  });

  test("shares watches among all who follow, and leaves none behind", async () => {
    const w = world({ web: "10.0.0.1 80", api: "10.0.0.2 80" });
    const all = ["/web", "/web/x", "/api", "/none", "/web"].map((path) => new Following(w.namer, path));
    await arrived(w);
    expect(w.disk.watchedPaths).toEqual(["/", "/disco"]);
    expect(w.disk.reads).toBe(2);
    using again = new Following(w.namer, "/web");
    expect(again.names).toEqual(["/#/fs/web"]); // at once: somebody follows it already
    again[Symbol.dispose]();
    for (const followed of all) followed[Symbol.dispose]();
    expect(w.disk.watchedPaths).toEqual([]);
    expect(w.env.pendingTimers).toBe(0);
    await arrived(w);
  });

  test("tells what it watches, and all names there are", async () => {
    const w = world({ web: "10.0.0.1 80", "..hidden": "" });
    w.disk.makeDirectory("/disco/prod");
    w.disk.write("/disco/prod/api", "");
    using web = new Following(w.namer, "/web");
    await arrived(w);
    expect((await w.namer.names()).map((path) => path.show())).toEqual(["/#/fs/prod/api", "/#/fs/web"]);
    expect(web.names.at(-1)).toBe("/#/fs/web");
    const entry = { at: "file", lines: ["10.0.0.1 80"], changedAt: "2026-01-01T00:00:00.000Z" };
    expect(w.namer.state()).toMatchObject({
      rootDir: "/disco",
      directories: [{ path: "/" }, { path: "/disco", entries: { web: entry } }],
    });
  });
});
