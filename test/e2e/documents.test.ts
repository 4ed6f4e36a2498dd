// What the README promises is tried out.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import { loadConfig } from "../../src/app/config.ts";
import { OVERRIDE } from "../../src/demo/traffic.ts";

const readme = readFileSync("README.md", "utf8");

/** The code blocks of a language. */
function blocks(language: string): string[] {
  const all = [...readme.matchAll(/^```(\w*)\n([^]*?)^```$/gm)];
  return all.filter((match) => match[1] === language).map((match) => match[2] ?? "");
}

test("The configuration in the README is valid, without a warning", async () => {
  const files = blocks("yaml");
  expect(files.length).toBeGreaterThan(0);
  for (const text of files) {
    const { config, problems } = await loadConfig(text, { file: "README.md", environment: {} });
    expect(problems).toEqual([]);
    expect(config?.routers.length).toBe(1);
  }
});

test("The README names other languages before it names TypeScript", () => {
  const first = readme.slice(0, readme.indexOf("TypeScript"));
  for (const language of ["PHP", "Ruby", "Go", "Python", "Java", "Node"]) expect(first).toContain(language);
});

test("The three lines of the README are those of the demo", () => {
  const [first, second, third] =
    blocks("")
      .find((block) => block.startsWith("curl"))
      ?.trimEnd()
      .split("\n") ?? [];
  expect(first).toBe("curl -H 'Host: web' 127.0.0.1:4140");
  expect(second).toBe(`curl -H 'Host: web' -H 'l5d-dtab: ${OVERRIDE}' 127.0.0.1:4140`);
  expect(third).toContain(`dtab explain --admin 127.0.0.1:9990 --router http --override '${OVERRIDE}' /svc/users`);
});

test("Every command the README calls exists", () => {
  const called = [
    ...blocks("")
      .join("\n")
      .matchAll(/^(?:bin\/)?fairlead ([a-z]+(?: explain)?)/gm),
  ].map((match) => match[1] ?? "");
  expect(called.length).toBeGreaterThan(2);
  for (const name of called) expect(COMMANDS.map((command) => command.name)).toContain(name);
});

test("The table of measurements has its place", () => {
  expect(readme.indexOf("<!-- bench:begin -->")).toBeGreaterThan(0);
  expect(readme.indexOf("<!-- bench:end -->")).toBeGreaterThan(readme.indexOf("<!-- bench:begin -->"));
});
