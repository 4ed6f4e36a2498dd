// Holds the sources to the house: the import rule, sockets only in the transport, plain code in hot files, no folder missing from the map.
import { globSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path/posix";
import { accessorProblems, hotProblems } from "./hot-files.ts";
import { harmlessNames, mayImport, type Place, placeOf, restrictedModules } from "./layers.ts";
import { type Import, importsOf } from "./source-text.ts";

const MAP = "docs/ARCHITECTURE.md";
const RULE = "a folder imports only from rows below it, and neighbours on a row never import each other";

/** Checks one file; `path` is relative to the repository and lies in src/. Problems are `file:line: words`. */
export function fileProblems(path: string, text: string): string[] {
  const place = placeOf(path.slice("src/".length));
  if (place === undefined)
    return [`${path}:1: lies in no row of the house; give its folder a place in tools/layers.ts`];
  const imports = importsOf(text).flatMap((loaded) => {
    const problem = importProblem(path, place, loaded);
    return problem === undefined ? [] : [`${path}:${loaded.line}: ${problem}`];
  });
  const costly = isTest(path) ? [] : [...hotProblems(text), ...accessorProblems(text)];
  return [...imports, ...costly.map((problem) => `${path}:${problem}`)];
}

/** Folders of src/ whose name is no word of the map. */
export function unmapped(folders: readonly string[], map: string): string[] {
  return folders
    .filter((folder) => !new RegExp(`\\b${basename(folder)}\\b`).test(map))
    .map((folder) => `${MAP}:1: says nothing of src/${folder}/`);
}

function importProblem(path: string, from: Place, { specifier, names }: Import): string | undefined {
  if (!specifier.startsWith(".")) return moduleProblem(path, specifier, names);
  const target = normalize(join(dirname(path), specifier));
  if (!target.startsWith("src/")) return outsideProblem(path, target);
  if (isTest(target)) return `imports the test ${target}`;
  const to = placeOf(target.slice("src/".length));
  if (to === undefined) return `imports ${target}, which lies in no row of the house`;
  return mayImport(from, to) ? undefined : `${from.folder} may not import ${to.folder} (${target}): ${RULE}`;
}

function moduleProblem(path: string, specifier: string, names: readonly string[]): string | undefined {
  const allowed = restrictedModules[specifier];
  if (names.length > 0 && names.every((name) => harmlessNames.includes(name))) return undefined;
  if (allowed === undefined || allowed.some((folder) => path.startsWith(`src/${folder}/`))) return undefined;
  return `${specifier} belongs to ${allowed.map((folder) => `src/${folder}/`).join(", ")}: sockets are the transport's business`;
}

function outsideProblem(path: string, target: string): string | undefined {
  if (target === "package.json" || (isTest(path) && target.startsWith("test/support/"))) return undefined;
  return `imports ${target}: the product knows only src/${isTest(path) ? ", and its tests test/support/" : ""}`;
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

function main(): void {
  const files = globSync("src/**/*.ts").toSorted();
  const folders = [...new Set(files.map((file) => dirname(file)))].filter((folder) => folder !== "src");
  const map = readIfThere(MAP);
  const problems = [
    ...files.flatMap((file) => fileProblems(file, readFileSync(file, "utf8"))),
    ...(map === undefined
      ? [`${MAP}:1: is missing`]
      : unmapped(
          folders.map((folder) => folder.slice("src/".length)),
          map,
        )),
  ];
  for (const problem of problems) console.error(problem);
  console.log(`${files.length} files, ${problems.length} problems`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}

function readIfThere(path: string): string | undefined {
  return globSync(path).length === 0 ? undefined : readFileSync(path, "utf8");
}

if (import.meta.main) main();
