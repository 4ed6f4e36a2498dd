// Foreign CPU: what processes that are not ours burn while we measure. A loaded box gives figures of the load.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { familyOf, statFields } from "./processes.ts";

interface Usage {
  readonly ownMs: number;
  /** What ended children left to their parent, in ms. */
  readonly inheritedMs: number;
}
type Census = ReadonlyMap<number, Usage>;

const TICK_MS = 10; // USER_HZ is 100 on every Linux Node runs on
const KERNEL_THREADS_PARENT = "2";

/** CPU time of a process with all its threads, in ms; 0 when it is gone. */
export function cpuMsOf(pid: number): number {
  let ns = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
  } catch {
    // ended while we looked
  }
  return ns / 1e6;
}

/** All processes but the harness with its children, and but the kernel's own threads (they work for the proxies too). */
function census(alsoForeign: readonly number[]): Census {
  const own = new Set(familyOf(process.pid));
  for (const pid of alsoForeign) own.delete(pid);
  const result = new Map<number, Usage>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid)) continue;
    const fields = statFields(pid);
    if (!fields || fields[1] === KERNEL_THREADS_PARENT || pid === 2) continue;
    // Fields 16 and 17 of proc(5), cutime and cstime; the list starts at field 3.
    const inheritedMs = (Number(fields[13]) + Number(fields[14])) * TICK_MS;
    result.set(pid, { ownMs: cpuMsOf(pid), inheritedMs });
  }
  return result;
}

function foreignMs(before: Census, after: Census): number {
  let ms = 0;
  for (const [pid, now] of after) {
    const then = before.get(pid) ?? { ownMs: 0, inheritedMs: 0 };
    ms += now.ownMs - then.ownMs + now.inheritedMs - then.inheritedMs;
  }
  // What ended processes had used before we looked first was inherited by their parents, but is not of this window.
  for (const [pid, then] of before) if (!after.has(pid)) ms -= then.ownMs + then.inheritedMs;
  return Math.max(0, ms);
}

/** Time the hypervisor gave to others instead of us, all cores, in ms: proc(5), /proc/stat, field "steal". */
function stolenMs(): number {
  return Number(readFileSync("/proc/stat", "utf8").split("\n")[0]?.trim().split(/\s+/)[8] ?? 0) * TICK_MS;
}

/**
 * Starts counting; the returned function says how many ms foreign processes, or other guests of the host, have used since.
 * `alsoForeign`: children of the harness that should be at rest, such as the proxies whose turn it is not.
 */
export function countForeign(alsoForeign: readonly number[] = []): () => number {
  const before = census(alsoForeign);
  const stolenBeforeMs = stolenMs();
  return () => foreignMs(before, census(alsoForeign)) + stolenMs() - stolenBeforeMs;
}

/** Share of one core that foreign processes use over a second, 0 … number of cores. */
export async function probeForeign(): Promise<number> {
  const count = countForeign();
  const startedMs = performance.now();
  await sleep(1000);
  return count() / (performance.now() - startedMs);
}

/** Waits until a probe second stays below `share`. Answers the last share seen. */
export async function waitForQuiet(share: number, patienceMs: number): Promise<number> {
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const seen = await probeForeign();
    if (seen <= share || performance.now() > untilMs) return seen;
  }
}
