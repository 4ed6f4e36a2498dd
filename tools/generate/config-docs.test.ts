import { readFileSync, readdirSync } from "node:fs";
import { expect, test } from "vitest";
import * as yaml from "yaml";
import { accepts } from "../../test/support/json-schema.ts";
import { defaultText } from "../../src/config/reference.ts";
import { placesOf } from "../../src/config/walk.ts";
import { generatedConfigDocs } from "../../src/app/config-docs.ts";
import { configSchema } from "../../src/app/config-schema.ts";

const documents = generatedConfigDocs("routers: []");
const reference = documents.get("config.md") ?? "";
const differences = documents.get("linkerd-differences.md") ?? "";
const schema: unknown = JSON.parse(documents.get("fairlead.schema.json") ?? "null");
const places = [...placesOf(configSchema.spec)];

test("the reference has the meaning of every key and kind", () => {
  expect(
    places.filter(({ spec }) => !reference.includes(spec.doc.replaceAll("|", "\\|"))).map(({ path }) => path),
  ).toEqual([]);
});

test("every link in the reference leads to a heading of it", () => {
  const headings = [...reference.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
  expect(new Set(headings).size).toBe(headings.length);
  for (const [, anchor] of reference.matchAll(/\]\(#([^)]*)\)/g)) expect(headings).toContain(anchor);
});

test("every table of the documents has rows of one width", () => {
  for (const text of [reference, differences]) {
    for (const table of text.split("\n\n").filter((block) => block.startsWith("| "))) {
      const widths = table
        .trimEnd()
        .split("\n")
        .map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(widths).size).toBe(1);
    }
  }
});

test("a key that two protocols have in their own way has a section of each", () => {
  const sectionOf = (title: string) => reference.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
  expect(sectionOf("`routers[].servers[]`")).toContain("`4140`");
  expect(sectionOf("`routers[].servers[]` with `protocol: h2`")).toContain("`4142`");
  expect(sectionOf("`routers[].servers[].limits` with `protocol: h2`")).toContain("`maxResetsPerMinute`");
  expect(reference.match(/^## `routers\[\]\.bindingCache`/gm)).toHaveLength(1);
});

test("a difference that two protocols share is told once, with the paths of both", () => {
  expect(differences).toContain("| `routers[http].baseDtab`, `routers[h2].baseDtab` | is no key of Linkerd 1.x");
});

test("the differences name every default that fairlead: 1 changes, every new key and every refusal", () => {
  const different = places.filter(({ what, origin, spec }) => {
    const isNew = what === "key" && origin === "fairlead";
    return isNew || spec.class.at !== "effective" || defaultText(spec).includes("with `fairlead: 1`");
  });
  expect(different.filter(({ path }) => !differences.includes(`\`${path}\``)).map(({ path }) => path)).toEqual([]);
  expect(different.length).toBeGreaterThan(50);
});

const exampleFolder = new URL("../../examples/", import.meta.url);
const examples = readdirSync(exampleFolder).filter((name) => /\.(yaml|json)$/.test(name) && name !== "modern.yaml");

test.each([
  [{ services: { users: "a:1" } }, true],
  [{ services: { users: ["a:1"] } }, true],
  [{ services: { users: { to: "a:1", timeoutMs: 5 } } }, true],
  [{ services: { users: 9001 } }, false],
  [{ services: { users: { to: "a:1", timeout: 5 } } }, false],
  [{ routers: [{ protocol: "http", servers: [{}] }] }, true],
  [{ admin: {} }, false],
])("of %j the JSON Schema says %j: there are services, or routers", (file, accepted) => {
  expect(accepts(schema, { fairlead: 1, ...file })).toBe(accepted);
});

test.for(examples)("the JSON Schema accepts the example %s", (name) => {
  const value: unknown = yaml.parse(readFileSync(new URL(name, exampleFolder), "utf8"));
  expect(accepts(schema, value)).toBe(true);
});

const server = { protocol: "http", servers: [{}] };

test.for([
  ["no router", { routers: [] }],
  ["an unknown key", { routers: [server], foo: 1 }],
  ["a refused protocol", { routers: [{ ...server, protocol: "mux" }] }],
  ["a key of another protocol", { routers: [{ ...server, protocol: "h2", httpAccessLog: "x" }] }],
  ["an unknown word", { routers: [{ ...server, client: { protocol: "h3" } }] }],
  ["a refused key", { routers: [server], admin: { tls: {} } }],
  ["a wrong type", { routers: [{ ...server, servers: [{ port: "4140" }] }] }],
  ["a port out of range", { routers: [{ ...server, servers: [{ port: 65536 }] }] }],
  ["a path without a slash", { routers: [{ ...server, dstPrefix: "svc" }] }],
  ["a namer without its directory", { routers: [server], namers: [{ kind: "io.l5d.fs" }] }],
  ["an unknown policy key", { routers: [{ ...server, client: { loadBalancr: {} } }] }],
] as const)("the JSON Schema refuses %s", ([, value]) => {
  expect(accepts(schema, { routers: [server] })).toBe(true);
  expect(accepts(schema, value)).toBe(false);
});

test.for([
  ["protocol", { routers: [{ ...server, protocol: "acme.words", words: 3 }] }],
  ["identifier", { routers: [{ ...server, identifier: { kind: "acme.tenant", known: [] } }] }],
  ["filter", { routers: [{ ...server, filters: [{ kind: "acme.tickets" }] }] }],
  ["namer", { routers: [server], namers: [{ kind: "acme.hosts", file: "hosts.json" }] }],
] as const)("the JSON Schema, which knows no plug-ins, accepts any %s that one may bring", ([, value]) => {
  expect(accepts(schema, { plugins: ["./acme.js"], ...value })).toBe(true);
});
