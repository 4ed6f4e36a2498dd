import { expect, test } from "vitest";
import { fileProblems, unmapped } from "./check-layers.ts";
import { rows } from "./layers.ts";

/** What the checker says of one import line in the given file. */
function saying(path: string, specifier: string): string[] {
  return fileProblems(path, `// Subject.\nimport { thing } from "${specifier}";\n`);
}

test("A folder may import from every row below its own", () => {
  const places = rows.flatMap((row, at) => row.map((folder) => ({ folder: folder.replace("*", "one"), at })));
  for (const from of places)
    for (const to of places.filter((place) => place.at > from.at)) {
      const up = "../".repeat(from.folder.split("/").length);
      expect(saying(`src/${from.folder}/a.ts`, `${up}${to.folder}/b.ts`)).toEqual([]);
    }
});

test("A folder may not import from a row above, and is told the rule with file and line", () => {
  const [problem, ...others] = saying("src/balance/p2c.ts", "../router/router.ts");
  expect(others).toEqual([]);
  expect(problem).toMatch(/^src\/balance\/p2c\.ts:2: balance may not import router .*only from rows below/);
});

test.each([
  ["src/balance/p2c.ts", "../sessions/pool.ts"],
  ["src/router/router.ts", "../protocols/http1/server.ts"],
  ["src/protocols/http1/server.ts", "../http2/server.ts"],
  ["src/protocols/http/head.ts", "../http1/server.ts"],
  ["src/protocols/mux/server.ts", "../thrift/server.ts"],
  ["src/protocols/grpc/server.ts", "../http2/server.ts"],
  ["src/namers/fs/namer.ts", "../consul/namer.ts"],
])("Neighbours never import each other: %s from %s", (path, specifier) => {
  expect(saying(path, specifier)).toHaveLength(1);
});

test.each([
  ["src/protocols/http1/server.ts", "../http/head.ts"],
  ["src/protocols/http2/server.ts", "../http/head.ts"],
  ["src/protocols/grpc/server.ts", "../http/head.ts"],
  ["src/protocols/thriftmux/server.ts", "../mux/frames.ts"],
  ["src/protocols/thriftmux/server.ts", "../thrift/reader.ts"],
  ["src/protocols/http1/codec/reader.ts", "../limits.ts"],
  ["src/namers/fs/namer.ts", "../polling.ts"],
])("A sub-row, the same folder and what neighbours share are open: %s from %s", (path, specifier) => {
  expect(saying(path, specifier)).toEqual([]);
});

test("Types, re-exports, dynamic imports and worker files count as imports", () => {
  for (const line of [
    'import type { A } from "../router/a.ts";',
    'export { a } from "../router/a.ts";',
    'import "../router/a.ts";',
    'const a = await import("../router/a.ts");',
    'const w = new URL("../router/a.ts", import.meta.url);',
    'import {\n  a,\n  b,\n} from "../router/a.ts";',
  ])
    expect(fileProblems("src/core/x.ts", line)).toHaveLength(1);
});

test("Sockets belong to the transport; asking whether a text is an address does not need one", () => {
  expect(saying("src/transport/node/listener.ts", "node:net")).toEqual([]);
  expect(saying("src/app/linker.ts", "node:net")[0]).toContain("src/transport/node/");
  expect(fileProblems("src/naming/hosts.ts", 'import { isIP } from "node:net";')).toEqual([]);
  expect(fileProblems("src/naming/hosts.ts", 'import { isIP, connect } from "node:net";')).toHaveLength(1);
  expect(saying("src/admin/server.ts", "node:http2")).toHaveLength(1);
});

test("The product knows only src; its tests also know the test support", () => {
  expect(saying("src/base/clock.ts", "../../tools/check.ts")).toHaveLength(1);
  expect(saying("src/base/clock.ts", "../../test/support/manual-env.ts")).toHaveLength(1);
  expect(saying("src/base/clock.test.ts", "../../test/support/manual-env.ts")).toEqual([]);
  expect(saying("src/base/clock.test.ts", "../../test/e2e/proxy.ts")).toHaveLength(1);
  expect(saying("src/base/clock.ts", "./random.test.ts")).toHaveLength(1);
  expect(saying("src/cli/version.ts", "../../package.json")).toEqual([]);
});

test("A folder in no row is refused, and so is a file outside of all folders", () => {
  expect(fileProblems("src/utils/x.ts", "")[0]).toContain("no row");
  expect(fileProblems("src/index.ts", "")[0]).toContain("no row");
  expect(saying("src/app/x.ts", "../utils/x.ts")[0]).toContain("no row");
});

test("The map must name every folder", () => {
  expect(unmapped(["base", "protocols/http1/codec"], "base, … codec/")).toEqual([]);
  expect(unmapped(["base", "core"], "the database and core")).toEqual([
    "docs/ARCHITECTURE.md:1: says nothing of src/base/",
  ]);
});
