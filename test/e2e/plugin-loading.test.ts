// `plugins:` in a configuration, as `fairlead check` and `fairlead run` see it: what is loaded from where, and what is said when it cannot be.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { accepts } from "../support/json-schema.ts";
import { Program, until } from "../support/program.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fairlead-plugin-loading-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes files into a directory of their own, and returns it. */
function files(name: string, contents: Readonly<Record<string, string>>): string {
  for (const [path, content] of Object.entries(contents)) {
    mkdirSync(join(folder, name, path, ".."), { recursive: true });
    writeFileSync(join(folder, name, path), content);
  }
  return join(folder, name);
}

async function fairlead(...args: readonly string[]) {
  await using program = new Program([...args]);
  const code = await program.end();
  return { code, out: program.out, err: program.err };
}

function filter(kind: string): string {
  return `import { defineFilter, definePlugin, int } from "fairlead/plugin";
export const plugin = definePlugin({ name: "mine", filters: { ${JSON.stringify(kind)}: defineFilter({
  doc: "Mine.", keys: { most: int({ doc: "Most.", default: 3, max: 9 }) }, make: () => ({}) }) } });`;
}

const config = (plugins: string, kind = "mine.filter", rest = "") => `fairlead: 1
admin: {port: 0}
plugins: ${plugins}
routers:
- protocol: http
  servers: [{port: 0}]
  filters:
  - kind: ${kind}
${rest}`;

test("A path begins in the directory of the configuration, wherever the command is run, and TypeScript needs no build", async () => {
  const at = files("path", {
    "etc/c.yaml": config("[./plugins/mine.ts]"),
    "etc/plugins/mine.ts": filter("mine.filter"),
  });
  const { code, err, out } = await fairlead("check", join(at, "etc/c.yaml"));
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("can be used");
});

test("The name of a package is looked up from the directory of the configuration, as import would", async () => {
  const at = files("package", {
    "c.yaml": config("[mine-plugin]"),
    "node_modules/mine-plugin/package.json": '{"type": "module", "exports": {"import": "./lib/index.js"}}',
    "node_modules/mine-plugin/lib/index.js": filter("mine.filter").replace("export const plugin =", "export default"),
    // A copy of the package that is installed beside it is not the one that plug-ins get.
    "node_modules/fairlead/package.json": '{"type": "module", "exports": {"./plugin": "./plugin.js"}}',
    "node_modules/fairlead/plugin.js": "throw new Error('another copy');",
  });
  expect(await fairlead("check", join(at, "c.yaml"))).toMatchObject({ code: 0, err: "" });
});

test("Keys of a plug-in's kind are checked like all others: with line, key and what to write instead", async () => {
  const at = files("keys", {
    "c.yaml": config("[./m.ts]", "mine.filter", "    most: 10\n    mast: 1\n"),
    "m.ts": filter("mine.filter"),
  });
  const { code, err } = await fairlead("check", join(at, "c.yaml"));
  expect(code).toBe(1);
  expect(err).toContain("c.yaml:9:11: error: routers[0].filters[0].most: ");
  expect(err).toContain('c.yaml:10:5: error: routers[0].filters[0].mast: unknown key "mast"; did you mean "most"?');
});

const PROBLEMS: readonly (readonly [string, Readonly<Record<string, string>>, string, readonly string[]])[] = [
  [
    "a file that is not there",
    {},
    "[./none.js]",
    ["c.yaml:3:11: error: plugins[0]: there is no file ", "begins in the directory of this file"],
  ],
  ["a directory", { "d/x.js": "" }, "[./d]", ["plugins[0]: ", " is a directory; name a file in it"]],
  [
    "a package that is not installed",
    {},
    "[no-such-plugin]",
    ['plugins[0]: no package "no-such-plugin" is installed for'],
  ],
  [
    "a module that throws",
    { "m.js": "throw new Error('out of order')" },
    "[./m.js]",
    ['"./m.js" cannot be loaded: out of order; mend the plug-in'],
  ],
  ["a module with a syntax error", { "m.js": "export const" }, "[./m.js]", ['"./m.js" cannot be loaded: ']],
  [
    "a module that needs another",
    { "m.js": "import 'nowhere'" },
    "[./m.js]",
    ['"./m.js" cannot be loaded: Cannot find package'],
  ],
  [
    "a module without a plug-in",
    { "m.js": "export const plugin = {};" },
    "[./m.js]",
    ['"./m.js" exports no plug-in; write there: export const plugin = definePlugin('],
  ],
  [
    "a plug-in for another version",
    { "m.js": "export const plugin = {fairleadPlugin: 99, name: 'new'};" },
    "[./m.js]",
    ["was made for version 99 of fairlead/plugin, and this one is 1; install a release"],
  ],
  [
    "a kind that the core has",
    { "m.ts": filter("mine.x").replace("filters:", "accruals:").replace("mine.x", "none") },
    "[./m.ts]",
    ['accrual "none" of plug-in "mine" exists already: fairlead has it; give the kind a name of its own'],
  ],
  [
    "a kind with a name of ours",
    { "m.ts": filter("fairlead.mine") },
    "[./m.ts]",
    ['filter "fairlead.mine" of plug-in "mine" takes a name that belongs to fairlead'],
  ],
  ["a kind with a bad name", { "m.ts": filter("mine filter") }, "[./m.ts]", ['is no name such as "owner.name"']],
  [
    "a kind that two have",
    { "m.ts": filter("mine.x"), "n.ts": filter("mine.x") },
    "[./m.ts, ./n.ts]",
    ["c.yaml:3:19: error: plugins[1]: ", 'exists already: plug-in "mine" has it'],
  ],
  ["no list", {}, "./m.ts", ["plugins: expected a list"]],
  ["no text", {}, "[3]", ["plugins[0]: expected text, got the number 3"]],
];

for (const [what, contents, written, told] of PROBLEMS) {
  test(`The problem is told at its line: ${what}`, async () => {
    const at = files(what.replaceAll(" ", "-"), { "c.yaml": config(written), ...contents });
    const { code, err } = await fairlead("check", join(at, "c.yaml"));
    expect(code).toBe(1);
    for (const words of told) expect(err).toContain(words);
  });
}

test("A kind of a plug-in that is not named is told how to be found", async () => {
  const at = files("unnamed", { "c.yaml": config("[]") });
  const { err } = await fairlead("check", join(at, "c.yaml"));
  expect(err).toContain(
    'routers[0].filters[0].kind: unknown kind "mine.filter"; add the plug-in that brings it to plugins',
  );
});

test("dtab explain asks the namer of a plug-in", async () => {
  const args = ["--config", "examples/plugins/acme.yaml"];
  const found = await fairlead("dtab", "explain", ...args, "/svc/tenants/blue");
  expect(found.err).toBe("");
  expect([found.code, found.out]).toEqual([0, expect.stringContaining("127.0.0.1:8081")]);
  expect((await fairlead("dtab", "explain", ...args, "/svc/tenants/red")).code).toBe(1);
});

test("check --docs prints the kinds with keys and metrics, and --schema what editors need", async () => {
  const docs = await fairlead("check", "--docs", "examples/plugins/acme.yaml");
  expect(docs).toMatchObject({ code: 0, err: "" });
  for (const words of [
    "# Plug-ins: acme",
    "## Identifier `acme.tenant`",
    "| `known` | list | required | effective | The tenants there are. |",
    "| `rt/<router>/filter/acme.tickets/missing` | counter |  | Requests without a ticket. |",
  ])
    expect(docs.out).toContain(words);
  const { out } = await fairlead("check", "--schema", "examples/plugins/acme.yaml");
  const schema: unknown = JSON.parse(out);
  const file = (identifier: object) => ({ routers: [{ protocol: "http", identifier, servers: [{}] }] });
  expect(accepts(schema, file({ kind: "acme.tenant", known: ["blue"] }))).toBe(true);
  expect(accepts(schema, file({ kind: "io.l5d.static", path: "/web" }))).toBe(true);
});

test("A protocol of a plug-in can be checked and documented like the core's", async () => {
  const file = "examples/plugins/resp.yaml";
  expect((await fairlead("check", file)).out).toContain("can be used: resp (resp) on 127.0.0.1:6379");
  const { err, out } = await fairlead("check", "--docs", file);
  expect(err).toBe("");
  for (const words of [
    "## Protocol `resp`",
    "`maxCommandBytes`",
    "`resp.keyPrefix`",
    "| `rt/<router>/protocol/resp/redirects` | counter |  | MOVED and ASK of services. |",
  ])
    expect(out).toContain(words);
});

test("A proxy runs with plug-ins: fairlead run loads them, and its admin server documents what they count", async () => {
  const at = files("run", {
    "c.json": JSON.stringify({
      admin: { port: 0 },
      plugins: [resolve("examples/plugins/acme/index.ts")],
      routers: [{ protocol: "http", servers: [{ port: 0 }], filters: [{ kind: "acme.tickets" }] }],
    }),
  });
  await using program = new Program(["run", join(at, "c.json")]);
  await program.said("is ready");
  const port = (words: RegExp) => Number(words.exec(program.err)?.[1]);
  const proxy = port(/serving http on 127\.0\.0\.1:(\d+)/);
  const admin = port(/admin: listening on 127\.0\.0\.1:(\d+)/);
  const answer = await fetch(`http://127.0.0.1:${proxy}/`);
  expect([answer.status, await answer.text()]).toEqual([403, "no x-ticket\n"]);
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  expect(metrics).toContain('fairlead_router_filter_acme_tickets_missing_total{router="http"} 1');
  const stack = await (await fetch(`http://127.0.0.1:${admin}/routers/http/stack.json`)).text();
  expect(stack).toContain("acme.tickets");
  program.signal("SIGTERM");
  await until(
    () => program.ended !== null,
    () => "its end",
  );
  expect(program.ended).toBe(0);
});
