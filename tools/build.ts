// `npm run build`: src/ as plain JavaScript with types in dist/, which is what the published package runs (Node strips no types under node_modules).
import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { importsOf } from "./source-text.ts";

const NOT_COPIED = [".ts", ".md"];

/** Files that are read at run time lie beside the code that reads them, and keep that place. */
function copyAssets(): void {
  const assets = globSync("src/**/*").filter(
    (path) => statSync(path).isFile() && !NOT_COPIED.some((end) => path.endsWith(end)),
  );
  for (const path of assets) cpSync(path, join("dist", relative("src", path)));
}

/** The compiler rewrites the endings of imports, not those of worker files and other URLs. */
function staleEndings(): string[] {
  return globSync("dist/**/*.js").flatMap((path) =>
    importsOf(readFileSync(path, "utf8"))
      .filter(({ specifier }) => specifier.startsWith(".") && specifier.endsWith(".ts"))
      .map(({ specifier, line }) => `${path}:${line}: names ${specifier}, which dist/ does not have`),
  );
}

function compile(): boolean {
  const command = ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json"];
  return spawnSync(process.execPath, command, { stdio: "inherit" }).status === 0;
}

function build(): boolean {
  rmSync("dist", { recursive: true, force: true });
  if (!compile()) return false;
  copyAssets();
  const stale = staleEndings();
  for (const problem of stale) console.error(problem);
  return stale.length === 0;
}

process.exitCode = build() ? 0 : 1;
