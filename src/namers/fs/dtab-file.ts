// A dtab in a file of its own, live: the interpreter `io.l5d.fs` (linkerd1 §5.2).
import { basename, dirname, resolve } from "node:path";
import type { Env } from "../../base/env.ts";
import { Activity, type ActivityState } from "../../core/activity.ts";
import type { Dtab } from "../../core/dtab.ts";
import { SyntaxProblem } from "../../core/syntax.ts";
import { parseDtab } from "../../naming/dtab-parser.ts";
import { nodeDisk } from "./disk.ts";
import type { Problems } from "./problems.ts";
import type { EntryState } from "./watched-directory.ts";
import { WatchedEntries } from "./watched-entries.ts";

/**
 * The dtab in a file, now and whenever it changes. A file that is missing or does not parse leaves the last good dtab in force.
 * @param problems hears of it, once.
 */
export function dtabFile(path: string, env: Env, problems: Problems): Activity<Dtab> {
  const file = resolve(path);
  const entry = new WatchedEntries(nodeDisk, env).at(dirname(file), "", basename(file));
  const states = entry.map((state) => {
    const dtab = dtabOf(file, state);
    if (dtab.at !== "pending") problems.are(file, dtab.at === "failed" ? dtab.message : undefined);
    return dtab;
  });
  return new Activity(states).stabilize();
}

function dtabOf(file: string, entry: EntryState): ActivityState<Dtab> {
  switch (entry.at) {
    case "pending":
      return entry;
    case "file": {
      const dtab = parseDtab(entry.text);
      if (dtab instanceof SyntaxProblem)
        return { at: "failed", message: `${file}:${dtab.line}:${dtab.column}: ${dtab.show()}` };
      return { at: "ok", value: dtab };
    }
    case "missing":
      return misplaced(file, "missing");
    case "directory":
      return misplaced(file, "a directory");
    case "socket":
      return misplaced(file, "a socket");
    default:
      return { at: "failed", message: `${file}: ${entry.message}` };
  }
}

function misplaced(file: string, what: string): ActivityState<Dtab> {
  return { at: "failed", message: `${file} is ${what}; the dtab belongs there` };
}
