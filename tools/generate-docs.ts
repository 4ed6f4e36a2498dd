// `npm run docs` writes what is printed from the code; with --check it only says what is stale.
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** What every module in tools/generate/ exports. */
interface Generator {
  /** Texts by path, relative to the repository. */
  generated(): ReadonlyMap<string, string>;
}

async function collect(): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const file of globSync("tools/generate/*.ts", { exclude: ["**/*.test.ts"] }).toSorted()) {
    const generator = (await import(pathToFileURL(resolve(file)).href)) as Generator; // the contract of that folder
    for (const [path, text] of generator.generated()) {
      if (texts.has(path)) throw new Error(`${file}: ${path} has two generators`);
      texts.set(path, text);
    }
  }
  return texts;
}

function current(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

const stale = [...(await collect())].filter(([path, text]) => current(path) !== text);
const checking = process.argv.includes("--check");
for (const [path, text] of stale) {
  if (checking) console.error(`${path}:1: is stale; run npm run docs`);
  else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    console.log(`wrote ${path}`);
  }
}
process.exitCode = checking && stale.length > 0 ? 1 : 0;
