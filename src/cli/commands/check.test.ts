import { expect, test } from "vitest";
import { said } from "../../../test/support/command-line.ts";

const GOOD = "routers: [{protocol: http, servers: [{port: 4140}]}]";

test("A good configuration can be used, and it is said what it does", async () => {
  const { code, out, err } = await said(["check", "examples/access-log.yaml"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toBe(
    "examples/access-log.yaml can be used: outgoing (http) on 127.0.0.1:4140, incoming (http) on 127.0.0.1:4141\n",
  );
});

test("All problems are told at once, with place and advice, on standard error", async () => {
  const { code, out, err } = await said(["check", "-"], "routers:\n- protocol: htp\nnamer: []\n");
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain('<stdin>:2:13: error: routers[0].protocol: unknown protocol "htp"; did you mean "http"?');
  expect(err).toContain("<stdin>:3:1: error: namer: ");
  expect(err).toMatch(/<stdin> cannot be used: 2 problems\n$/);
});

test("A warning is told and is no reason to fail", async () => {
  const { code, out, err } = await said(["check", "-"], `${GOOD}\nusage: {enabled: false}\n`);
  expect(code).toBe(0);
  expect(out).toContain("can be used");
  expect(err).toContain("<stdin>:2:1: warning: usage: ");
});

test("Programs get the same as JSON", async () => {
  const bad = await said(["check", "--json", "-"], "routers: [{protocol: htp}]");
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject({
    file: "-",
    valid: false,
    problems: [{ severity: "error", line: 1, column: 22, path: "routers[0].protocol", advice: 'did you mean "http"?' }],
  });
  const good = await said(["check", "--json", "-"], GOOD);
  expect(good).toMatchObject({ code: 0, err: "" });
  expect(JSON.parse(good.out)).toEqual({ file: "-", valid: true, problems: [] });
});

test("Variables are expanded when asked for", async () => {
  const text = "routers: [{protocol: http, label: '${LABEL}', servers: [{}]}]";
  expect((await said(["check", "--expand-env", "-"], text, { LABEL: "edge" })).out).toContain("edge (http)");
  expect((await said(["check", "-"], text, { LABEL: "edge" })).out).toContain("${LABEL} (http)");
  expect((await said(["check", "--expand-env", "-"], text)).err).toContain("the environment variable LABEL is not set");
});

test.each([
  ["/nonexistent/file", "/nonexistent/file cannot be read: there is no such file"],
  ["src", "src cannot be read: it is a directory"],
])("A file that cannot be read is one line: %s", async (file, words) => {
  expect(await said(["check", file])).toEqual({ code: 1, out: "", err: `fairlead: ${words}\n` });
});

test("An access log template is checked, too", async () => {
  const text = (template: string) =>
    JSON.stringify({
      routers: [{ protocol: "http", servers: [{}], httpAccessLogFormat: { kind: "template", template } }],
    });
  const { code, err } = await said(["check", "-"], text("%{metod}"));
  expect(code).toBe(1);
  expect(err).toContain(
    'routers[0].httpAccessLogFormat.template: there is no field "metod"; did you mean "%{method}"?',
  );
  expect((await said(["check", "-"], text("%{method} %{uri}"))).code).toBe(0);
});
