// The public face of `fairlead/plugin`, as declarations: `npm run api` keeps it in test/golden, where a test compares it.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize, relative } from "node:path";

export const GOLDEN = "test/golden/plugin-api.d.ts.txt";

const EXPORT = /^export (?:type )?\{([^}]*)\} from "(\.[^"]*)";$/gm;

/** The declarations of all modules of which the entry exports something, and of the entry itself. */
export function pluginApi(): string {
  const out = mkdtempSync(join(tmpdir(), "fairlead-api-"));
  try {
    const command = ["node_modules/typescript/bin/tsc", "--project", "tsconfig.build.json", "--outDir", out];
    const { status, stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
    if (status !== 0) throw new Error(stdout);
    const entry = join(out, "plugin/index.d.ts");
    const files = new Set([entry]);
    for (const [, , path = ""] of readFileSync(entry, "utf8").matchAll(EXPORT))
      files.add(normalize(join(dirname(entry), path.replace(/\.[jt]s$/, ".d.ts"))));
    const parts = [...files].map((file) => `// ---- ${relative(out, file)}\n${readFileSync(file, "utf8").trim()}\n`);
    return parts.join("\n");
  } finally {
    rmSync(out, { recursive: true });
  }
}

if (import.meta.main) {
  if (process.argv.includes("--write")) writeFileSync(GOLDEN, pluginApi());
  else process.stdout.write(pluginApi());
}
