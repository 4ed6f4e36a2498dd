import { describe, expect, test } from "vitest";
import { CommandProblem } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { main } from "./main.ts";
import { said } from "../../test/support/command-line.ts";

describe("fairlead without a command", () => {
  test("shows all commands and fails", async () => {
    const { code, out, err } = await said([]);
    expect(code).toBe(2);
    expect(out).toBe("");
    for (const { name } of COMMANDS) expect(err).toContain(`  ${name}`);
  });

  test.each([["--help"], ["-h"], ["help"]])("shows the same with %s and succeeds", async (word) => {
    const { code, out, err } = await said([word]);
    expect(code).toBe(0);
    expect(err).toBe("");
    expect(out).toContain("dtab explain PATH");
  });

  test.each([["--version"], ["-v"]])("tells its version with %s", async (word) => {
    expect((await said([word])).out).toMatch(/^fairlead \d+\.\d+\.\d+\n$/);
  });
});

describe("An unknown command", () => {
  test.each([
    ["chek", "did you mean fairlead check?"],
    ["dtab", "did you mean fairlead dtab explain?"],
    ["dtab exlpain", "did you mean fairlead dtab explain?"],
    ["zzzzzzzz", "fairlead --help lists them"],
    ["package.json", "to run it write fairlead run package.json"],
  ])("%s is told: %s", async (line, advice) => {
    const { code, err } = await said(line.split(" "));
    expect(code).toBe(2);
    expect(err).toContain(advice);
    expect(err.split("\n").length).toBe(2);
  });

  test("is told by help, too", async () => {
    expect(await said(["help", "chek"])).toMatchObject({ code: 2, err: expect.stringContaining("fairlead check?") });
  });
});

describe("Wrong arguments", () => {
  test.each([
    [["check"], "check needs CONFIG: "],
    [["check", "a", "b"], "check takes only CONFIG"],
    [["check", "--jsno", "a"], "check has no option --jsno; did you mean --json?"],
    [["check", "--zzzzzzzzz", "a"], "check has no option --zzzzzzzzz; see fairlead check --help"],
    [["check", "--json=yes", "a"], "--json takes no value"],
    [["check", "--json", "--json", "a"], "--json is given twice"],
    [["demo", "--port"], "--port needs a value: --port PORT"],
    [["demo", "now"], "demo takes no operands"],
    [["demo", "--part"], "--part needs a value"],
    [["dtab", "explain", "--dtab"], "--dtab needs a value: --dtab TEXT"],
  ])("%j: %s", async (argv, words) => {
    const { code, out, err } = await said(argv);
    expect(code).toBe(2);
    if (argv.includes("--json")) expect(JSON.parse(out)).toEqual({ error: expect.stringContaining(words) });
    else expect(out).toBe("");
    expect(err).toContain(`fairlead: ${words}`);
  });

  test("an operand may begin with a dash behind --", async () => {
    expect(await said(["check", "--", "--json"])).toMatchObject({
      code: 1,
      err: expect.stringContaining("--json cannot be read"),
    });
  });
});

describe.each(COMMANDS.map((command) => [command.name, command] as const))("The help of %s", (name, command) => {
  test("has every operand, every option that is not hidden, and examples that begin with fairlead", async () => {
    const { code, out } = await said([...name.split(" "), "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`Usage  fairlead ${name}`);
    for (const operand of command.operands) expect(out).toContain(operand.doc);
    for (const [option, { hidden }] of Object.entries(command.options))
      expect(out.includes(`--${option}`)).toBe(hidden !== true);
    for (const { line } of command.examples) expect(line).toContain("fairlead ");
    expect((await said(["help", ...name.split(" ")])).out).toBe(out);
  });

  test("fits a terminal", async () => {
    const { out } = await said([...name.split(" "), "--help"]);
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
  });
});

test("A bug is no message: it reaches the launcher", async () => {
  const broken = {
    out: () => {
      throw new TypeError("a bug");
    },
  };
  await expect(main(["--version"], { ...quiet, ...broken })).rejects.toThrow(TypeError);
});

const quiet = {
  environment: {},
  out: () => undefined,
  err: () => undefined,
  read: async () => "",
  paint: (_: unknown, text: string) => text,
};

test("A problem carries its exit code", () => {
  expect(new CommandProblem("x").exitCode).toBe(2);
  expect(new CommandProblem("x", 1).exitCode).toBe(1);
});
