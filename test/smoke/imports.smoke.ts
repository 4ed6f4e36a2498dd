// Loads every module of src/ with plain Node: type stripping and imports work without a test runner's help, and no module does work when loaded.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { test } from "node:test";

const modules = globSync("src/**/*.ts")
  .filter((path) => !path.endsWith(".test.ts"))
  .filter((path) => !path.endsWith("-thread.ts")) // entries of threads, which are the work of those
  .toSorted();

test("Every module loads in plain Node, prints nothing and leaves nothing running", () => {
  const program = modules.map((path) => `import ${JSON.stringify(`./${path}`)};`).join("\n");
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  assert.equal(run.stderr, "");
  assert.equal(run.stdout, "");
  assert.equal(run.status, 0);
});
