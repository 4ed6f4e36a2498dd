// Loaded into a process of fairlead by `--import`: lets a test do to one of its worker threads what nobody does on purpose. A file that is
// called after the worker says what; the product knows nothing of it.
import { existsSync, readFileSync, rmSync } from "node:fs";
import { isMainThread, workerData } from "node:worker_threads";

/** Where a test writes what shall happen, followed by the number of the worker. */
export const MISHAPS = "FAIRLEAD_TEST_MISHAPS";
const LOOK_MS = 10;

export type Mishap = "throw" | "reject" | "exhaust" | "loop" | "exit" | "stillborn";

const file = `${process.env[MISHAPS]}${(workerData as { index?: number } | null)?.index ?? ""}`;
if (!isMainThread && process.env[MISHAPS] !== undefined) {
  if (existsSync(file) && readFileSync(file, "utf8") === "stillborn") throw new Error("stillborn for the test");
  setInterval(() => {
    if (!existsSync(file)) return;
    const what = readFileSync(file, "utf8") as Mishap; // a test wrote it
    if (what.length === 0 || what === "stillborn") return; // not yet, or at the next start
    rmSync(file);
    happen(what);
  }, LOOK_MS).unref();
}

function happen(what: Mishap): void {
  const kept: unknown[] = [];
  switch (what) {
    case "throw":
      throw new Error("thrown for the test");
    case "reject":
      return void Promise.reject(new Error("rejected for the test"));
    case "stillborn":
      return;
    case "exit":
      return process.exit(3);
    case "exhaust":
      for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => ({ i })));
    case "loop":
      for (;;) kept.length = 0;
  }
}
