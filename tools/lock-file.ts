// Keeps the lock file installable by every npm that comes with Node 18 or newer.
//
// npm leaves out an optional package whose `engines` do not admit the running Node. The tools' native parts are optional packages that want
// Node 20 or 22, yet they run on the pinned Node, whatever runs npm: so the lock file does not say what they want.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = "package-lock.json";

interface LockedPackage {
  readonly optional?: boolean;
  engines?: unknown;
}

/** Names the optional packages that carry `engines`. */
export function restricted(packages: Readonly<Record<string, LockedPackage>>): string[] {
  return Object.keys(packages).filter((name) => {
    const locked = packages[name];
    return locked?.optional === true && locked.engines !== undefined;
  });
}

/** The lock file's text without them; nothing else changes. */
export function unrestricted(text: string): string {
  const lock = JSON.parse(text) as { packages: Record<string, LockedPackage> }; // npm's own format, version 3
  for (const name of restricted(lock.packages)) delete lock.packages[name]?.engines;
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

function main(): void {
  const text = readFileSync(FILE, "utf8");
  const tidy = unrestricted(text);
  if (text === tidy) return;
  if (process.argv.includes("--write")) return writeFileSync(FILE, tidy);
  console.error(
    `${FILE}: optional packages carry "engines", and npm on an older Node would leave them out; run npm run lock`,
  );
  process.exitCode = 1;
}

if (import.meta.main) main();
