import { expect, test } from "vitest";
import { anyDtab, loadText, told } from "../../test/support/config.ts";
import { defaultsOf, load } from "./load.ts";
import { int, list, object, text } from "./schema.ts";

const item = object({ doc: "An item." }, { name: text({ doc: "Its name." }), size: int({ doc: "Its size." }) });
const schema = object({ doc: "A file." }, { items: list({ doc: "Items." }, item), one: item, other: item });

async function problemsIn(body: string): Promise<string[]> {
  return told((await loadText(body, schema)).problems);
}

test("YAML and JSON say the same", async () => {
  const yaml = await loadText("items:\n- name: a/b\n  size: 1000\n", schema);
  const json = await loadText('\n {"items":\t[{"name": "a\\/b", "size": 1e3}]}', schema);
  expect(yaml.config).toEqual({ items: [{ name: "a/b", size: 1000 }] });
  expect(json.config).toEqual(yaml.config);
});

test("problems in JSON have places too", async () => {
  expect(await problemsIn('{\n  "items": [\n    {"nam": "x"}\n  ]\n}')).toEqual([
    '3:6 items[0].nam: unknown key "nam"; did you mean "name"?',
  ]);
});

test("a byte order mark is no character of the file", async () => {
  expect((await loadText("\ufeffitems: []", schema)).config).toEqual({ items: [] });
});

test("a repeated key is a problem that names the first one", async () => {
  expect(await problemsIn("one:\n  size: 1\n  name: x\n  size: 2\n")).toEqual([
    '4:3 one.size: "size" is given twice, first in line 2; keep one of them',
  ]);
  expect(await problemsIn('{"one": {}, "one": {}}')).toEqual([
    '1:13 one: "one" is given twice, first in line 1; keep one of them',
  ]);
});

test.for([
  ["one: {name: x", "1:14", "start all entries of one list or map in the same column, and close open brackets"],
  ["one:\n\tname: x", "2:1", "indent with spaces"],
  [
    "one:\n    name: x\n  size: 1",
    "3:1",
    "start all entries of one list or map in the same column, and close open brackets",
  ],
  ["one: a: b", "1:6", 'write one "key: value" per line, and put a value that contains ": " in quotes'],
  ["one: 'x", "1:8", "close the bracket or quote, or add the missing character"],
  ["one: @x", "1:6", "put the value in quotes"],
  ["one: {}\n---\none: {}", "2:1", 'keep one document in the file, without further "---" lines'],
  ["one: !secret x", "1:6", "remove the tag"],
] as const)("%s is a problem of YAML at its place", async ([body, place, advice]) => {
  const [first = ""] = await problemsIn(body);
  expect(first).toContain(" : YAML: ");
  expect([first.split(" ")[0], first.split("; ").at(-1)]).toEqual([place, advice]);
});

test("keys must be words", async () => {
  expect(await problemsIn("? [a]\n: x")).toEqual([
    "1:3 : a key that is no plain word; write a word followed by a colon",
  ]);
  expect(await problemsIn("8080: x")).toEqual([expect.stringContaining('1:1 8080: unknown key "8080"')]);
});

test("a file that is no map is a problem, not a crash", async () => {
  expect(await problemsIn("- a")).toEqual([expect.stringContaining("expected a map of keys and values, got a list")]);
  expect(await problemsIn("hello")).toEqual([
    expect.stringContaining('expected a map of keys and values, got the text "hello"'),
  ]);
});

test("aliases stand for what their anchor marks", async () => {
  const { config } = await loadText("one: &x {name: a, size: 1}\nother: *x\n", schema);
  expect(config?.other).toEqual({ name: "a", size: 1 });
});

test("an alias without anchor, and one inside of its own anchor, are problems", async () => {
  expect(await problemsIn("one: *x")).toEqual(['1:6 one: no anchor "x" comes before this alias; write the value out']);
  expect(await problemsIn("one: &x {name: *x}")).toEqual([
    "1:16 one.name: an alias inside its own anchor; write the value out",
  ]);
});

test("a bomb of aliases is refused by its size, in no time", async () => {
  const rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let row = 1; row < 30; row++)
    rows.push(`a${row}: &a${row} [${Array.from({ length: 10 }, () => `*a${row - 1}`).join(", ")}]`);
  expect(await problemsIn(rows.join("\n"))).toEqual([
    expect.stringContaining("values when its aliases are followed; stay below 100000"),
  ]);
});

test.for(["[", "{a: ", "- ", "? ", "a: [", "!!seq ["])(
  "endless nesting of %s is a problem, not a crash",
  async (token) => {
    const problems = await problemsIn(token.repeat(20_000));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(20);
  },
);

test("well-formed nesting beyond 64 levels is refused", async () => {
  const problems = await problemsIn(`one: ${"[".repeat(100)}${"]".repeat(100)}`);
  expect(problems).toContainEqual(expect.stringContaining("nested too deeply; nest at most 64 levels deep"));
});

test("a file beyond a megabyte is refused unread", async () => {
  expect(await problemsIn(`# ${"x".repeat(1024 * 1024)}`)).toEqual([
    "1:1 : the file is longer than 1048576 characters; split it, or remove what is not configuration",
  ]);
});

test("thousands of keys take no more than moments", async () => {
  const body = Array.from({ length: 30_000 }, (_, index) => `key${index}: x`).join("\n");
  const { problems } = await loadText(body, schema);
  expect(problems.at(-1)?.message).toBe("29000 more problems are not shown");
});

test("the document is kept as it was written, without defaults and variables", async () => {
  const { document } = await load("one: {name: '${NAME}'}\n", schema, {
    file: "f",
    formats: anyDtab,
    environment: { NAME: "secret" },
    expandEnv: true,
  });
  expect(document).toEqual({ one: { name: "${NAME}" } });
});

test("the defaults of keys can be had by themselves", () => {
  const keys = { size: int({ doc: "Size.", default: 7, modernDefault: 8 }), name: text({ doc: "Name." }) };
  expect(defaultsOf(keys, "linkerd", anyDtab)).toEqual({ size: 7 });
  expect(defaultsOf(keys, "fairlead", anyDtab)).toEqual({ size: 8 });
  expect(() => defaultsOf({ name: text({ doc: "Name.", required: true }) }, "linkerd", anyDtab)).toThrow("name");
});
