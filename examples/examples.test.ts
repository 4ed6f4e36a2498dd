// Every example must be a valid configuration, without a warning.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../src/app/config.ts";
import { renderProblems } from "../src/config/problems.ts";

const here = import.meta.dirname;
const files = readdirSync(here).filter((name) => /\.(yaml|json)$/.test(name));

test("the examples are where this test looks for them", () => {
  expect(files.length).toBeGreaterThanOrEqual(10);
});

test.for(files)("the example %s is valid", async (file) => {
  const { config, problems } = await loadConfig(readFileSync(join(here, file), "utf8"), { file, environment: {} });
  expect(renderProblems(problems)).toBe("");
  expect(config?.routers.length).toBeGreaterThan(0);
});
