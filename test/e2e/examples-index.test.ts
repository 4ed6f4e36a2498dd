// What is in examples/ stands in its index, and every configuration there is valid without a warning.
import { globSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/app/config.ts";
import { renderProblems } from "../../src/config/problems.ts";

const FILES = globSync("examples/*/fairlead.yaml");

test("the index of examples/ links to everything in it, and to nothing that is not", () => {
  const index = readFileSync("examples/README.md", "utf8");
  const linked = [...index.matchAll(/\]\((?!\.\.)([^/)]+)[^)]*\)/g)].map(([, name = ""]) => name);
  const there = readdirSync("examples").filter((name) => name !== "README.md" && !name.endsWith(".test.ts"));
  expect([...new Set(linked)].sort()).toEqual(there.sort());
});

test("there are configurations in folders of examples/", () => {
  expect(FILES.length).toBeGreaterThan(1);
});

test.for(FILES)("%s is valid", async (file) => {
  const { config, problems } = await loadConfig(readFileSync(file, "utf8"), { file, environment: {} });
  expect(renderProblems(problems)).toBe("");
  expect(config?.routers.length).toBeGreaterThan(0);
});
