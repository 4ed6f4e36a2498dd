// What `fairlead check` says of fairlead's configurations: they may ask for more than this commit does, and a reader of figures should know.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../load/fairlead.ts";
import { PROTOCOLS } from "../plan.ts";
import { fairlead } from "./kinds.ts";
import { writeConfiguration } from "./proxy.ts";

/** Sentences with the key in front. */
export function warnings(): string[] {
  const folder = mkdtempSync(join(tmpdir(), "fairlead-check-"));
  const hop = { name: "items", port: 4140, adminPort: 9990, endpoints: [], attemptMs: 1, totalMs: 1, folder };
  try {
    return PROTOCOLS.flatMap((protocol) => {
      const file = writeConfiguration(fairlead.files[protocol], hop);
      const checked = spawnSync(process.execPath, [join(ROOT, "bin", "fairlead"), "check", file], { encoding: "utf8" });
      if (checked.status !== 0) throw new Error(`${file} is refused: ${checked.stdout}${checked.stderr}`);
      return [...`${checked.stdout}${checked.stderr}`.matchAll(/ warning: (.*); [^;]* to silence this warning/g)].map(
        ([, sentence]) => `${protocol}: ${sentence}`,
      );
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
