// Foreign CPU: what processes that are not ours burn while we measure. A loaded box gives figures of the load.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { familyOf, statFields } from "./processes.ts";

/** CPU time of a process with its threads, living and ended, and of children it has waited for. */
interface Usage {
  readonly parent: number;
  readonly totalMs: number;
}
type Census = ReadonlyMap<number, Usage>;

const TICK_MS = 10; // USER_HZ is 100 on every Linux Node runs on
const KERNEL_THREADS_PARENT = 2;

/** CPU time of a process with its living threads, exact, in ms; 0 when it is gone. */
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

function usageOf(pid: number): Usage | undefined {
  const fields = statFields(pid);
  if (!fields) return undefined;
  // proc(5): utime, stime, cutime, cstime are fields 14 to 17; the list starts at field 3.
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return { parent: Number(fields[1]), totalMs: ticks * TICK_MS };
}

/** All processes but the harness with its children, and but the kernel's own threads (they work for the proxies too). */
function census(alsoForeign: readonly number[]): Census {
  const own = new Set(familyOf(process.pid));
  for (const pid of alsoForeign) own.delete(pid);
  const result = new Map<number, Usage>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || own.has(pid) || pid === KERNEL_THREADS_PARENT) continue;
    const usage = usageOf(pid);
    if (usage && usage.parent !== KERNEL_THREADS_PARENT) result.set(pid, usage);
  }
  return result;
}

/**
 * Time used between two looks. What an ended process had used before the first look is inherited by its next living
 * ancestor but is not of this window: it is taken off there, and only there, so that it hides nothing else.
 */
export function foreignMs(before: Census, after: Census): number {
  const inherited = new Map<number, number>();
  for (const [pid, then] of before) {
    if (after.has(pid)) continue;
    let heir = then.parent;
    for (let next = before.get(heir); next && !after.has(heir); next = before.get(heir)) heir = next.parent;
    inherited.set(heir, (inherited.get(heir) ?? 0) + then.totalMs);
  }
  let ms = 0;
  for (const [pid, now] of after) {
    ms += Math.max(0, now.totalMs - (before.get(pid)?.totalMs ?? 0) - (inherited.get(pid) ?? 0));
  }
  return ms;
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
