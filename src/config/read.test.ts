import { expect, expectTypeOf, test } from "vitest";
import { loadText, told } from "../../test/support/config.ts";
import { kindOf } from "./kinds.ts";
import {
  type Infer,
  bool,
  dtab,
  headerName,
  http2HeaderName,
  int,
  ip,
  list,
  number,
  object,
  oneOrMany,
  path,
  pathPattern,
  pathTemplate,
  port,
  refused,
  text,
  unavailable,
  unfilled,
  word,
} from "./schema.ts";

const server = object(
  { doc: "A server." },
  { port: port({ doc: "Its port.", default: 4140 }), ip: ip({ doc: "Its address." }) },
);

const schema = object(
  { doc: "A file." },
  {
    name: text({ doc: "Its name.", required: true }),
    on: bool({ doc: "On or off.", default: false }),
    share: number({ doc: "A share.", min: 0, max: 1 }),
    timeoutMs: int({ doc: "A timeout.", unit: "ms", min: 1 }),
    ttlSecs: int({ doc: "A time.", unit: "s" }),
    servers: list({ doc: "The servers.", default: [{}], minLength: 1 }, server),
    tags: oneOrMany({ doc: "One or many." }, text({ doc: "A tag." })),
    table: dtab({ doc: "A dtab." }),
    at: path({ doc: "A path." }),
    pattern: pathPattern({ doc: "A pattern." }),
    template: pathTemplate({ doc: "A template." }),
    header: headerName({ doc: "A header." }),
    field: http2HeaderName({ doc: "A header of HTTP/2." }),
    speed: word({ doc: "A speed." }, ["slow", "fast"]),
    pool: object(
      { doc: "A pool.", default: {} },
      { size: int({ doc: "Its size.", default: 7 }), idle: int({ doc: "Idle.", modernDefault: 60 }) },
    ),
    tls: unavailable("Encryption.", "remove it"),
    old: bool({ doc: "Obsolete.", accepted: "has no effect" }),
    level: int({
      doc: "A level.",
      default: 0,
      min: -1,
      refuse: { shown: "above 0", when: (level) => level > 0, because: "too high", instead: "write 0" },
      warn: { shown: "-1", when: (level) => level === -1, because: "rather low", instead: "write 0" },
    }),
  },
);

async function problemsIn(body: string): Promise<string[]> {
  return told((await loadText(`name: x\n${body}`, schema)).problems);
}

test("defaults are filled in, also inside of objects that are not given", async () => {
  const { config } = await loadText("name: x", schema);
  expect(config).toEqual({ name: "x", on: false, pool: { size: 7 }, servers: [{ port: 4140 }], level: 0 });
});

test("with fairlead: 1 the defaults of today are filled in", async () => {
  const both = object(
    { doc: "A file." },
    {
      fairlead: int({ doc: "Mode." }),
      pool: object({ doc: "A pool.", default: {} }, { idle: int({ doc: "Idle.", modernDefault: 60 }) }),
    },
  );
  expect((await loadText("fairlead: 1", both)).config).toEqual({ fairlead: 1, pool: { idle: 60 } });
  expect((await loadText("{}", both)).config).toEqual({ pool: {} });
});

test("a schema gives the type of what it reads", () => {
  type Read = Infer<typeof schema>;
  expectTypeOf<Read["name"]>().toEqualTypeOf<string>();
  expectTypeOf<Read["on"]>().toEqualTypeOf<boolean>();
  expectTypeOf<Read["share"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<Read["tags"]>().toEqualTypeOf<readonly string[] | undefined>();
  expectTypeOf<Read["pool"]>().toEqualTypeOf<{ readonly size: number; readonly idle?: number }>();
  expectTypeOf<Read["servers"][number]>().toEqualTypeOf<{ readonly port: number; readonly ip?: string }>();
  expectTypeOf<Read["speed"]>().toEqualTypeOf<"slow" | "fast" | undefined>();
  expectTypeOf<"tls" extends keyof Read ? true : false>().toEqualTypeOf<false>();
});

test("words and names of HTTP/2 headers are read", async () => {
  const { config } = await loadText('name: x\nspeed: fast\nfield: ":authority"', schema);
  expect(config).toMatchObject({ speed: "fast", field: ":authority" });
  expect((await loadText("name: x\nfield: x-name", schema)).config).toMatchObject({ field: "x-name" });
});

test.for([
  ["speed: fats", '2:8 speed: unknown word "fats"; did you mean "fast"?'],
  ["speed: 1", "2:8 speed: expected one of slow, fast, got the number 1; write slow"],
  [
    'field: ":status"',
    "2:9 field: not well-formed as a header or pseudo-header name: requests have the pseudo-headers :method, :scheme, :authority and :path; write something like :authority",
  ],
  ["on: yes", '2:5 on: expected true or false, got the text "yes"; write true'],
  ["on: [1]", "2:5 on: expected true or false, got a list; write true or false"],
  ["share: 1.5", "2:8 share: expected a number from 0 to 1, got the number 1.5; write a number such as 1"],
  ["share: .nan", "2:8 share: expected a number from 0 to 1, got the number .nan; write a number such as 1"],
  [
    "timeoutMs: 1.5",
    "2:12 timeoutMs: expected a whole number of milliseconds from 1 to 2147483647, got the number 1.5; write a number such as 1",
  ],
  [
    "timeoutMs: 0",
    "2:12 timeoutMs: expected a whole number of milliseconds from 1 to 2147483647, got the number 0; write a number such as 1",
  ],
  [
    "timeoutMs: 10s",
    '2:12 timeoutMs: expected a whole number of milliseconds from 1 to 2147483647, got the text "10s"; write 10000',
  ],
  [
    "timeoutMs: 1_000",
    '2:12 timeoutMs: expected a whole number of milliseconds from 1 to 2147483647, got the text "1_000"; write 1000',
  ],
  ["ttlSecs: 2m", '2:10 ttlSecs: expected a whole number of seconds, at least 0, got the text "2m"; write 120'],
  ["servers: {port: 1}", '2:10 servers: expected a list, got a map; begin each item on a line of its own with "- "'],
  ["servers: []", "2:10 servers: an empty list; give at least 1"],
  [
    "servers: [4140]",
    '2:11 servers[0]: expected a map of keys and values, got the number 4140; write its keys indented below, such as "port: …"',
  ],
  [
    "servers:\n- {port: '80'}",
    '3:10 servers[0].port: expected a whole number from 0 to 65535, got the text "80"; write 80 without quotes',
  ],
  [
    "servers:\n- {}\n- {port: 65536}",
    "4:10 servers[1].port: expected a whole number from 0 to 65535, got the number 65536; write a number such as 4140",
  ],
  [
    "servers:\n- {ip: localhost}",
    "3:8 servers[0].ip: not well-formed as an IP address: this is neither IPv4 nor IPv6; write something like 127.0.0.1",
  ],
  ["tags: {a: b}", "2:7 tags: expected text, got a map; write a text"],
  ["tags: [a, 8080]", '2:11 tags[1]: expected text, got the number 8080; put it in quotes: "8080"'],
  ["tags: [a, '']", "2:11 tags[1]: expected text, got an empty text; write a text"],
  [
    "table: |\n  /a => /b;\n  /c !! /d",
    "4:6 table: not well-formed as a dtab: no double bang; write something like /svc => /#/io.l5d.fs;",
  ],
  ["at: svc", '2:5 at: not well-formed as a path: a path begins with "/"; write something like /svc/users'],
  [
    "at: /svc//users",
    '2:10 at: not well-formed as a path: a path segment must follow "/"; write something like /svc/users',
  ],
  [
    "pattern: /a/{b",
    '2:13 pattern: not well-formed as a path pattern: "{" without a "}" after it; write something like /svc/*/{version}',
  ],
  [
    "template: /a/*",
    '2:14 template: not well-formed as a path with variables: "*" has no value to fill in; write a {variable} of the pattern; write something like /srv/{service}',
  ],
  [
    "header: 'a b'",
    "2:11 header: not well-formed as a header name: this character cannot be in a header name; write something like l5d-name",
  ],
  ["tls: {}", "2:1 tls: is not available in this release; remove it"],
  ["level: 3", "2:8 level: too high; write 0"],
  ["tabel: x", '2:1 tabel: unknown key "tabel"; did you mean "table"?'],
  ["nmae: x", '2:1 nmae: unknown key "nmae"; did you mean "name"?'],
  ["port: 80", '2:1 port: unknown key "port"; it belongs under "servers"'],
  ["<<: {on: true}", '2:1 ["<<"]: unknown key "<<"; write the keys out: merge keys are not part of YAML 1.2'],
  [
    "__proto__: 1",
    '2:1 __proto__: unknown key "__proto__"; write one of name, on, share, timeoutMs, ttlSecs, servers, tags, table, at, pattern, template, header, field, speed, pool, old, level',
  ],
] as const)("of %s is told what was wrong and what to write instead", async ([body, problem]) => {
  expect(await problemsIn(body)).toEqual([problem]);
});

test("a missing key is told at the object that lacks it, an empty one at the key", async () => {
  expect(told((await loadText("on: true", schema)).problems)).toEqual([
    '1:1 name: "name" is missing; add name: its name',
  ]);
  expect(told((await loadText("on: true\nname:", schema)).problems)).toEqual([
    '2:1 name: "name" is empty; add name: its name',
  ]);
  expect(told((await loadText("", schema)).problems)).toEqual(['1:1 name: "name" is missing; add name: its name']);
});

test("a key without a value counts as not given", async () => {
  const { config, problems } = await loadText("name: x\non:\npool: ~\ntls:\nservers: null\n", schema);
  expect(problems).toEqual([]);
  expect(config?.pool).toEqual({ size: 7 });
});

test("an obsolete key and an odd value are warnings, and the configuration is used", async () => {
  const { config, problems } = await loadText("name: x\nold: true\nlevel: -1", schema);
  expect(problems.map(({ severity, message }) => [severity, message])).toEqual([
    ["warning", "has no effect"],
    ["warning", "rather low"],
  ]);
  expect(config).toMatchObject({ old: true, level: -1 });
});

test("all problems are told in one go", async () => {
  const body = "on: 1\nservers:\n- {port: a}\n- {prot: 1}\nfoo: bar\nlevel: 9";
  expect((await problemsIn(body)).length).toBe(5);
});

test("one value may stand for a list of one", async () => {
  expect((await loadText("name: x\ntags: a", schema)).config?.tags).toEqual(["a"]);
  expect((await loadText("name: x\ntags: [a, b]", schema)).config?.tags).toEqual(["a", "b"]);
});

const shape = kindOf(
  { doc: "A shape." },
  {
    circle: object({ doc: "Round." }, { radius: int({ doc: "Its radius.", required: true }) }),
    "io.l5d.square": object({ doc: "Square." }, { side: int({ doc: "Its side.", default: 1 }) }),
    blob: object({ doc: "Unsure.", experimental: true }, {}),
    line: object({ doc: "Thin.", accepted: "is drawn as nothing" }, {}),
    cube: refused({ doc: "Solid.", because: "has too many dimensions", instead: "use io.l5d.square" }),
  },
);
const drawing = object({ doc: "A drawing." }, { shape, more: list({ doc: "More.", default: [] }, shape) });

async function drawn(body: string): Promise<unknown> {
  const { config, problems } = await loadText(body, drawing);
  return config === null ? told(problems) : config.shape;
}

test("the kind selects what else an object has", async () => {
  expect(await drawn("shape: {kind: circle, radius: 3}")).toEqual({ kind: "circle", radius: 3 });
  expect(await drawn("shape: {kind: io.l5d.square}")).toEqual({ kind: "io.l5d.square", side: 1 });
  expectTypeOf<Infer<typeof shape>["kind"]>().toEqualTypeOf<"circle" | "io.l5d.square" | "blob" | "line">();
});

test.for([
  [
    "shape: {radius: 3}",
    '1:9 shape.kind: "kind" is missing; write kind: with one of circle, io.l5d.square, blob, line',
  ],
  [
    "shape: {knd: circle}",
    '1:9 shape.kind: "kind" is missing, but there is "knd"; write kind: with one of circle, io.l5d.square, blob, line',
  ],
  ["shape: {kind: 3}", "1:15 shape.kind: expected a word; write one of circle, io.l5d.square, blob, line"],
  ["shape: {kind: cirlce}", '1:15 shape.kind: unknown kind "cirlce"; did you mean "circle"?'],
  ["shape: {kind: square}", '1:15 shape.kind: unknown kind "square"; did you mean "io.l5d.square"?'],
  [
    "shape: {kind: toString}",
    '1:15 shape.kind: unknown kind "toString"; write one of circle, io.l5d.square, blob, line, cube',
  ],
  ["shape: {kind: circle, side: 3}", '1:23 shape.side: unknown key "side"; write one of radius, kind'],
  ["shape: {kind: cube, anything: 1}", '1:15 shape.kind: "cube" has too many dimensions; use io.l5d.square'],
  [
    "shape: circle",
    '1:8 shape: expected a map with a kind, got the text "circle"; write kind: with one of circle, io.l5d.square, blob, line below it',
  ],
  ["shape: {kind: blob}", '1:15 shape.experimental: "blob" is experimental; write experimental: true beside it'],
  [
    "shape: {kind: blob, experimental: false}",
    '1:15 shape.experimental: "blob" is experimental; write experimental: true beside it',
  ],
] as const)("of %s is told what is wrong with its kind", async ([body, problem]) => {
  const problems = await drawn(body);
  expect(problems).toContain(problem);
});

test("an experimental kind is taken when confirmed", async () => {
  const { config, problems } = await loadText("shape: {kind: blob, experimental: true}", drawing);
  expect(config?.shape).toEqual({ kind: "blob" });
  expect(problems).toEqual([]);
});

test("confirming what is not experimental, and a kind of partial effect, are warnings", async () => {
  const { config, problems } = await loadText("shape: {kind: line, experimental: true}", drawing);
  expect(config?.shape).toEqual({ kind: "line" });
  expect(problems.map(({ severity, message }) => `${severity} ${message}`)).toEqual([
    'warning "line": is drawn as nothing',
    'warning has no effect: "line" is not experimental',
  ]);
});

test("a check across keys sees what could be read, and its problem points at the key", async () => {
  const checked = object(
    {
      doc: "A range.",
      checks: [
        ({ min, max }, report) => {
          if (min !== undefined && max !== undefined && min > max)
            report(["min"], "min is larger than max", "swap them");
        },
      ],
    },
    { min: int({ doc: "Least.", default: 5 }), max: int({ doc: "Most." }) },
  );
  expect(told((await loadText("max: 3\nmin: 4", checked)).problems)).toEqual([
    "2:6 min: min is larger than max; swap them",
  ]);
  expect(told((await loadText("max: 3", checked)).problems)).toEqual(["1:1 min: min is larger than max; swap them"]);
  expect(told((await loadText("max: x\nmin: 4", checked)).problems).length).toBe(1);
});

test("unfilled keys keep what is not given apart from what is given as the default", async () => {
  const keys = {
    size: int({ doc: "Size.", default: 7 }),
    pool: object({ doc: "Pool." }, { idle: int({ doc: "Idle.", default: 3 }) }),
  };
  const entry = object({ doc: "Entry." }, unfilled(keys));
  expect((await loadText("{}", entry)).config).toEqual({});
  expect((await loadText("size: 7", entry)).config).toEqual({ size: 7 });
  expect((await loadText("pool: {}", entry)).config).toEqual({ pool: { idle: 3 } });
});
