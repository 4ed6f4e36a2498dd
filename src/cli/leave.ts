// The end of a process in which something forgotten goes on. `process.exit` waits for the threads of libuv, and in one of them a look-up of a name
// may be waiting for a name server that does not answer: for a minute or more, as resolv.conf has it. No supervisor waits that long.
import { existsSync } from "node:fs";
import { Exit } from "./command.ts";

/** This program's own file, also when another has been installed in its place. */
const SELF = "/proc/self/exe";

/** Ends this process in order, with nothing waited for: where that is possible it becomes one that has nothing to do. */
export function leaveAtOnce(): never {
  if (existsSync(SELF)) process.execve?.(SELF, [process.argv0, "--eval", ""], {});
  process.exit(Exit.ok);
}
