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

const SHORT = "fairlead: 1\nservices: {users: '${HOST}:80'}\nusage: {}\n";

test("--expand prints the configuration without shorthands, and what there is to tell elsewhere", async () => {
  const { code, out, err } = await said(["check", "--expand", "--expand-env", "-"], SHORT, { HOST: "10.0.0.1" });
  expect(code).toBe(0);
  expect(out).toMatch(/^# What the input stands for/);
  expect(out).toContain("users: 10.0.0.1:80");
  expect(err).toContain("<stdin>:3:1: warning: usage: ");
  const json = await said(["check", "--expand", "--json", "--expand-env", "-"], SHORT, { HOST: "10.0.0.1" });
  expect(JSON.parse(json.out)).toMatchObject({ fairlead: 1, namers: [{ names: { users: "10.0.0.1:80" } }] });
  expect(await said(["check", "-"], out)).toMatchObject({ code: 0 });
});

test("--expand prints nothing of a configuration that cannot be used", async () => {
  const { code, out, err } = await said(["check", "--expand", "-"], "fairlead: 1\nservices: {users: 10.0.0.1}");
  expect({ code, out }).toEqual({ code: 1, out: "" });
  expect(err).toContain(
    "<stdin>:2:19: error: services.users: 10.0.0.1 has no port; write 10.0.0.1:8080, or port: beside to:",
  );
});

test("--expand and --linkerd are two questions", async () => {
  expect(await said(["check", "--expand", "--linkerd", "-"], SHORT)).toEqual({
    code: 2,
    out: "",
    err: "fairlead: choose one of --expand and --linkerd\n",
  });
});

test("--linkerd tells what is different with a file, and whether it can be run unchanged", async () => {
  const good = await said(["check", "--linkerd", "-"], GOOD);
  expect(good).toMatchObject({ code: 0, err: "" });
  expect(good.out).toContain("Works, but differently (");
  expect(good.out).toContain("\n- can be run unchanged.\n");
  const bad = await said(["check", "--linkerd", "-"], `${GOOD}\ntracers: []\n`);
  expect(bad.code).toBe(1);
  expect(bad.out).toMatch(/^Must be changed \(1\)\n {2}line 2: tracers\n/);
  expect(bad.out).toContain("\n- cannot be run unchanged: 1 place to change.\n");
  const json = await said(["check", "--linkerd", "--json", "-"], GOOD);
  expect(JSON.parse(json.out)).toMatchObject({ file: "-", runsUnchanged: true });
  expect(await said(["check", "--linkerd", "-"], "fairlead: 1\n")).toEqual({
    code: 1,
    out: "",
    err: "fairlead: - has fairlead: 1, so it is no file of Linkerd 1.x\n",
  });
  expect((await said(["check", "--linkerd", "-"], "a: [")).out).toMatch(
    /^Must be changed \(1\)\n {2}line 1\n {6}YAML: /,
  );
});
