import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const TAKEN = "{bin,src,tools,docs,examples,package.json,tsconfig*.json,LICENSE,NOTICE,*.md}";

let base: string;
/** Where the package lies as npm would install it: its tarball unpacked, its dependencies beside it. */
let installed: string;

/** Packs a copy of the project with npm itself, so that the working tree keeps its dist/. */
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "fairlead-package-"));
  const copy = join(base, "copy");
  for (const name of globSync(TAKEN)) cpSync(name, join(copy, name), { recursive: true });
  symlinkSync(resolve("node_modules"), join(copy, "node_modules"));
  succeed("npm", ["pack", "--pack-destination", base], copy);
  succeed("tar", ["xzf", globSync(join(base, "*.tgz"))[0] ?? "no tarball"], base);
  installed = join(base, "user/node_modules/fairlead");
  mkdirSync(join(base, "user/node_modules"), { recursive: true });
  cpSync(join(base, "package"), installed, { recursive: true });
}, 60_000);

afterAll(() => rmSync(base, { recursive: true }));

function succeed(command: string, args: readonly string[], cwd: string): string {
  const run = spawnSync(command, args, { cwd, encoding: "utf8" });
  if (run.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: ${run.stdout}${run.stderr}${String(run.error ?? "")}`);
  return run.stdout;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as Manifest; // our own package.json
}

test("The package brings no Node of its own, needs nothing else and asks for Node 24", () => {
  const { dependencies, optionalDependencies, engines } = manifest();
  expect({ ...dependencies, ...optionalDependencies }).toEqual({});
  expect(engines.node).toBe(">=24");
});

test("The package holds compiled code with its types, and neither sources nor tests nor tools", () => {
  expect(existsSync(join(installed, "dist/cli/main.js"))).toBe(true);
  expect(existsSync(join(installed, "dist/app/index.js"))).toBe(true);
  expect(existsSync(join(installed, "dist/app/index.d.ts"))).toBe(true);
  expect(readFileSync(join(installed, "dist/licences/yaml.txt"), "utf8")).toContain("Eemeli Aro");
  expect(globSync("{src,test,tools,bench}", { cwd: installed })).toEqual([]);
  expect(globSync("dist/**/*.test.*", { cwd: installed })).toEqual([]);
});

test("The installed command runs and knows its version", () => {
  expect(succeed(process.execPath, [join(installed, "bin/fairlead"), "--version"], base)).toContain(manifest().version);
});

test("The installed command reads YAML, and the library can be imported", () => {
  const command = join(installed, "bin/fairlead");
  const example = join(installed, "examples/http.json");
  expect(succeed(process.execPath, [command, "check", example], base)).toContain("can be used");
  expect(succeed(process.execPath, [command, "check", join(installed, "examples/prometheus.yaml")], base)).toContain(
    "can be used",
  );
  const script = 'import * as fairlead from "fairlead"; console.log(Object.keys(fairlead).sort().join());';
  const exported = succeed(process.execPath, ["--input-type=module", "-e", script], join(installed, "../.."));
  expect(exported).toContain("start");
});
