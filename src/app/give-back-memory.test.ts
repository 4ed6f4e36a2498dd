import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header; // as documented
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

/** Leaves 60 MB free in malloc, below something that stays; tells the resident memory before and after it was given back, MB. */
const SCRIPT = `
const { giveBackMemory } = await import(${JSON.stringify(resolve("src/app/give-back-memory.ts"))});
let buffers = Array.from({ length: 1000 }, () => Buffer.alloc(60_000, 1));
const last = Buffer.alloc(60_000, 1);
buffers = [];
for (let i = 0; i < 5; i++) { gc(); await new Promise((later) => setTimeout(later, 20)); }
const before = process.memoryUsage.rss();
await giveBackMemory();
console.log(Math.round((before - process.memoryUsage.rss()) / 1e6), last.length);
`;

function run(script: string, ...flags: readonly string[]) {
  const { stderr, stdout } = spawnSync(process.execPath, [...flags, "--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  return { stderr, stdout };
}

test.skipIf(glibcVersionRuntime === undefined || major < 26 || (major === 26 && minor < 1))(
  "What malloc keeps is given back to the system, without a word",
  () => {
    const { stderr, stdout } = run(SCRIPT, "--expose-gc");
    expect(stderr).toBe("");
    expect(Number.parseInt(stdout, 10)).toBeGreaterThan(30);
  },
);

test("Where Node has no such interface nothing happens", () => {
  const script = `await (await import(${JSON.stringify(resolve("src/app/give-back-memory.ts"))})).giveBackMemory(); console.log("well");`;
  expect(run(script, "--no-experimental-ffi")).toEqual({ stderr: "", stdout: "well\n" });
});
