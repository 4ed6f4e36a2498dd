// Libraries of Python and Node that Debian has not. They are put beside the caches of this user, once, where machine.ts may install things.
import { createHash } from "node:crypto";
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Need } from "./machine.ts";

const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "fairlead-interop");
const FETCH_LIMIT_MS = 180_000;

/** A Python that can import these modules. @param libraries that bring them, `NAME==VERSION` each */
export function pythonWith(modules: string, ...libraries: readonly string[]): Need {
  const directory = placeOf("python", libraries);
  return {
    probes: [[join(directory, "bin/python"), "-c", `import ${modules}`]],
    packages: ["python3-venv"],
    fetch: () => {
      rmSync(directory, { recursive: true, force: true });
      if (run("python3", "-m", "venv", directory))
        run(join(directory, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ...libraries);
    },
  };
}

/** Where `require` finds these libraries, if it is the `NODE_PATH`; `NAME@VERSION` each. */
export function nodeWith(...libraries: readonly string[]): Need & { readonly path: string } {
  const directory = placeOf("node", libraries);
  const path = join(directory, "node_modules");
  return {
    path,
    probes: [["npm", "ls", "--prefix", directory, ...libraries]],
    packages: [],
    fetch: () => {
      mkdirSync(directory, { recursive: true });
      run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", directory, ...libraries);
    },
  };
}

/** Other versions have another place. */
function placeOf(language: string, libraries: readonly string[]): string {
  return join(CACHE, `${language}-${createHash("sha256").update(libraries.join()).digest("hex").slice(0, 12)}`);
}

function run(command: string, ...args: readonly string[]): boolean {
  const { status, stderr } = spawnSync(command, args, {
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
    timeout: FETCH_LIMIT_MS,
  });
  if (status !== 0) console.log(`${command} ${args.join(" ")}: ${stderr}`);
  return status === 0;
}
