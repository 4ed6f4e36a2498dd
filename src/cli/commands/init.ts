// `fairlead init`: writes a commented configuration to begin with.
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { startingFile } from "../../app/starting-points.ts";
import { CommandProblem, Exit, type Given } from "../command.ts";
import type { Terminal } from "../terminal.ts";

const DEFAULT_FILE = "fairlead.yaml";

/** In a clone and in the package alike: `src` and `dist` stand beside `docs`. */
const SCHEMA = resolve(import.meta.dirname, "../../..", "docs", "fairlead.schema.json");

export async function init(given: Given, terminal: Terminal): Promise<number> {
  const file = given.operand(0) ?? DEFAULT_FILE;
  const text = startingFile(SCHEMA);
  if (file === "-") {
    terminal.out(text);
    return Exit.ok;
  }
  try {
    await writeFile(file, text, { flag: "wx" }); // nobody's work is overwritten
  } catch (error) {
    throw new CommandProblem(`${file} cannot be written: ${whyNot(error)}`, Exit.failed);
  }
  terminal.out(`${file} is written. Change it, then:\n\n  fairlead check ${file}\n  fairlead run ${file}\n`);
  return Exit.ok;
}

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: "it exists; name another file, or - to print",
  ENOENT: "there is no such directory",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
};

function whyNot(error: unknown): string {
  const { code = "", message } = error as NodeJS.ErrnoException; // node:fs rejects with nothing else
  return REASONS[code] ?? message;
}
