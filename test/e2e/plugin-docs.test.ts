// docs/plugins.md: every block of code is a file, word by word; the files are those that other tests run.
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { expect, test } from "vitest";

const BLOCK = /^(?:<!-- (\S+) -->\n)?```(\w+)\n([\s\S]*?)^```$/gm;

test("Every block of code in docs/plugins.md is a file, and every file of the examples is shown", () => {
  const text = readFileSync("docs/plugins.md", "utf8");
  const blocks = [...text.matchAll(BLOCK)];
  for (const [, file, , code] of blocks) {
    expect(file).toBeDefined();
    expect(code).toBe(readFileSync(file ?? "", "utf8"));
  }
  const shown = blocks.map(([, file]) => file ?? "").toSorted();
  expect(shown).toEqual(globSync("examples/plugins/{*.yaml,acme/*.ts,resp/index.ts}").toSorted());
  for (const file of globSync("examples/plugins/resp/*.ts", { exclude: ["**/*.test.ts"] }))
    expect(text).toContain(basename(file));
});
