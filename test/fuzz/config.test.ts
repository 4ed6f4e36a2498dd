// Whatever the text: no crash, no stall, and either a configuration or a problem with a place in the file.
import { readFileSync, readdirSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { loadConfig } from "../../src/app/config.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";

/** Far above what a text of this size takes, even on a loaded machine; a quadratic stall is far above this. */
const patienceMs = 3000;

const marks = [
  "- ",
  ": ",
  "\n",
  "\n  ",
  "\n    ",
  "{",
  "}",
  "[",
  "]",
  ", ",
  "&a ",
  "*a",
  "|\n  ",
  ">-\n   ",
  "'",
  '"',
  " #",
  "\t",
  "? ",
  "\r\n",
  "\\",
  "@",
  "`",
  "<<",
];
const tags = [
  "!!str ",
  "!x ",
  "!!binary ",
  "!!set ",
  "\n---\n",
  "%YAML 1.1\n",
  "\n...\n",
  "\u0000",
  "\ud800",
  "é",
  "\u{1f600}",
  "__proto__",
  "constructor",
];
const values = [
  "0x1F",
  "1e400",
  ".inf",
  "~",
  "true",
  "2020-01-01",
  "4140",
  "/svc => /a",
  "${X}",
  "${",
  "$$",
  "http",
  "io.l5d.fs",
  "p2c",
];
const keys = [
  "routers",
  "protocol",
  "servers",
  "port",
  "kind",
  "dtab",
  "client",
  "fairlead: 1\n",
  "expandEnv: true\n",
  "services",
  "to",
  "experimental",
  "admin",
  "namers",
];
const tokens = [...marks, ...tags, ...values, ...keys];

const exampleFolder = new URL("../../examples/", import.meta.url);
const examples = readdirSync(exampleFolder)
  .filter((name) => /\.(yaml|json)$/.test(name))
  .map((name) => readFileSync(new URL(name, exampleFolder), "utf8"));

const scrap = fc.array(fc.constantFrom(...tokens), { maxLength: 60 }).map((parts) => parts.join(""));
const edits = fc.array(fc.tuple(fc.nat(2000), fc.nat(12), fc.constantFrom("", ...tokens)), {
  minLength: 1,
  maxLength: 4,
});
const damaged = fc.tuple(fc.constantFrom(...examples), edits).map(([text, changes]) => changes.reduce(damage, text));

function damage(text: string, [where, removed, inserted]: readonly [number, number, string]): string {
  const at = where % (text.length + 1);
  return text.slice(0, at) + inserted + text.slice(at + removed);
}

async function check(text: string, expandEnv: boolean): Promise<void> {
  const before = systemClock.nowMs();
  const { config, problems } = await loadConfig(text, { file: "f", environment: { X: "1" }, expandEnv });
  expect(systemClock.nowMs() - before).toBeLessThan(patienceMs);
  expect(config === null).toBe(problems.some(({ severity }) => severity === "error"));
  const lines = text.split("\n");
  for (const { line, column } of problems) {
    expect(line).toBeLessThanOrEqual(lines.length);
    expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
  }
}

const kinds: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ["scraps of YAML", scrap],
  ["damaged examples", damaged],
  ["characters of any kind", fc.string({ unit: "binary", maxLength: 200 })],
];

test.each(kinds)(
  "%s are read without a crash or a stall",
  async (_, texts) => {
    await fc.assert(fc.asyncProperty(texts, fc.boolean(), check), fuzzing(400));
  },
  fuzzLimitMs,
);

test("long repetitions are read without a stall", async () => {
  const texts = fc.constantFrom(...tokens).map((token) => token.repeat(Math.ceil(5000 / token.length)));
  await fc.assert(fc.asyncProperty(texts, fc.boolean(), check), { numRuns: 100 });
});
