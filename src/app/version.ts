// The version of this program.
import { readFileSync } from "node:fs";

let known: string | undefined;

/** As package.json has it, which stands beside `src` and, in the package, beside `dist`. */
export function version(): string {
  known ??= versionIn(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return known;
}

function versionIn(manifest: string): string {
  const { version } = JSON.parse(manifest) as { version: string }; // npm refuses a package without one
  return version;
}
