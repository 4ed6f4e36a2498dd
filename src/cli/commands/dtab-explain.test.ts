import { expect, test } from "vitest";
import { said } from "../../../test/support/command-line.ts";
import { freePorts, withServer } from "../../../test/support/program.ts";

const FS = "examples/http-fs.yaml";

test("Rules on the command line are enough for the built-in namers", async () => {
  const { code, out } = await said([
    "dtab",
    "explain",
    "--dtab",
    "/svc => /$/inet/127.1/8080 | /b; /b => /$/nil",
    "/svc/users",
  ]);
  expect(code).toBe(0);
  const lines = out.split("\n");
  expect(lines[0]).toBe("> /svc/users");
  expect(lines[1]).toMatch(/^> {3}\/\$\/inet\/127\.1\/8080\/users +\/svc => \/\$\/inet\/127\.1\/8080 \| \/b$/);
  expect(lines[2]).toContain("bound: /$/inet/127.1/8080, residual /users, 127.0.0.1:8080");
  expect(lines[3]).toMatch(/^ {4}\| \/b\/users/);
  expect(out).toMatch(/\/svc\/users leads somewhere\n$/);
});

test("A configuration brings its namers, and its files are waited for", async () => {
  const { code, out } = await said(["dtab", "explain", "--config", FS, "/svc/users"]);
  expect(code).toBe(0);
  expect(out).toContain("bound: /#/io.l5d.fs/users, 127.0.0.1:8082 127.0.0.1:8083");
  expect(out).toContain("/svc => /#/io.l5d.fs");
});

test("An override comes after the rules and wins", async () => {
  const { out } = await said([
    "dtab",
    "explain",
    "--config",
    FS,
    "--override",
    "/svc/users => /svc/users-v2",
    "/svc/users",
  ]);
  expect(
    out
      .split("\n")
      .filter((line) => line.startsWith(">"))
      .join("\n"),
  ).toContain("bound: /#/io.l5d.fs/users-v2");
});

test.each([
  ["--dtab", "/a => /b", "leads nowhere: there is no such name"],
  ["--dtab", "/svc => !", "leads nowhere: an entry says ! (fail)"],
  ["--dtab", "/svc => $", "leads nowhere: an entry says $"],
  ["--dtab", "/svc => /svc/x", "leads nowhere: resolving it failed"],
  ["--dtab", "/svc => /$/inet/no.such.host.invalid/80", "is a known name, but has no endpoints"],
  ["--config", FS, "leads nowhere: there is no such name"],
])("A name that leads nowhere is no success: %s %s", async (option, value, words) => {
  const { code, out } = await said(["dtab", "explain", option, value, "/svc/nowhere"]);
  expect(out).toContain(`/svc/nowhere ${words}`);
  expect(code).toBe(1);
});

test("A name that the proxy answers itself leads somewhere", async () => {
  const { code, out } = await said(["dtab", "explain", "--dtab", "/svc => /$/io.buoyant.http.status/503", "/svc"]);
  expect(out).toContain("answered here with 503");
  expect(code).toBe(0);
});

test("Programs get the tree as /delegator.json has it", async () => {
  const { out } = await said(["dtab", "explain", "--json", "--dtab", "/svc => /$/nil", "/svc"]);
  expect(JSON.parse(out)).toMatchObject({
    type: "delegate",
    path: "/svc",
    delegate: { dentry: { prefix: "/svc", dst: "/$/nil" } },
  });
});

test("With several routers one must be chosen", async () => {
  const config = ["dtab", "explain", "--config", "examples/access-log.yaml"];
  expect(await said([...config, "/svc/x"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("one of outgoing, incoming"),
  });
  expect(await said([...config, "--router", "no", "/svc/x"])).toMatchObject({
    code: 1,
    err: expect.stringContaining("there is no router no"),
  });
  expect((await said([...config, "--router", "incoming", "/svc/x"])).out).toContain("127.0.0.1:8081");
});

test.each([
  [["/svc"], "dtab explain needs rules: --dtab TEXT, --config FILE or --admin HOST:PORT"],
  [["--dtab", "", "--config", FS, "/svc"], "takes its rules from one place"],
  [["--dtab", "", "--router", "x", "/svc"], "--router goes with --config and --admin"],
  [["--dtab", "", "--expand-env", "/svc"], "--expand-env goes with --config"],
  [["--dtab", "/svc =>", "/svc"], "--dtab, line 1, column 8: "],
  [["--dtab", "", "--override", "svc", "/svc"], "--override, line 1, column 1: "],
  [["--dtab", "", "svc"], 'PATH: a path begins with "/": [s]vc'],
  [["--admin", "a b", "/svc"], "is no HOST:PORT such as 127.0.0.1:9990"],
])("%j makes no sense, and it is said why", async (args, words) => {
  const { code, out, err } = await said(["dtab", "explain", ...args]);
  expect({ code, out }).toEqual({ code: 2, out: "" });
  expect(err).toContain(words);
});

test("A configuration that cannot be used is told like fairlead check does", async () => {
  const { code, err } = await said(["dtab", "explain", "--config", "-", "/svc"], "routers: []");
  expect(code).toBe(1);
  expect(err).toContain("<stdin>:1:10: error: routers");
});

test("A running proxy is asked by its admin server", async () => {
  const asked: string[] = [];
  const tree = {
    type: "delegate",
    path: "/svc/x",
    delegate: { type: "neg", path: "/y", dentry: { prefix: "/svc", dst: "/y" } },
  };
  await withServer(
    (url) => {
      asked.push(url);
      return { status: 200, text: JSON.stringify(tree) };
    },
    async (address) => {
      const { code, out } = await said([
        "dtab",
        "explain",
        "--admin",
        address,
        "--router",
        "http",
        "--override",
        "/a => /b",
        "/svc/x",
      ]);
      expect(code).toBe(1);
      expect(out).toMatch(/\/y {2}\(no such name\) +\/svc => \/y/);
    },
  );
  expect(asked).toEqual(["/delegator.json?path=%2Fsvc%2Fx&namespace=http&override=%2Fa+%3D%3E+%2Fb"]);
});

test.each([
  ["refuses", { status: 404, text: "there is no router x\n" }, "answered 404: there is no router x"],
  ["is something else", { status: 200, text: "<html>" }, "did not answer with an explanation"],
  ["hangs up", null, "does not answer"],
])("An admin server that %s is told in one line", async (_, answer, words) => {
  await withServer(
    () => answer,
    async (address) => {
      const { code, err } = await said(["dtab", "explain", "--admin", address, "/svc/x"]);
      expect(code).toBe(1);
      expect(err).toContain(`fairlead: ${address} ${words}`);
      expect(err.trimEnd().split("\n")).toHaveLength(1);
    },
  );
});

test("An admin server that is not there is told in one line", async () => {
  const [port] = await freePorts(1);
  const free = `127.0.0.1:${port}`;
  const { code, err } = await said(["dtab", "explain", "--admin", free, "/svc/x"]);
  expect(code).toBe(1);
  expect(err).toContain(`fairlead: ${free} does not answer: connect ECONNREFUSED`);
});
