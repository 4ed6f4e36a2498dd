// How many processors this process may keep busy: what the scheduler leaves it, and the quota of its control group. libuv (1.49 and
// later) knows the quota of cgroup v2; that of version 1, which older hosts still have, is read here.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Text of a file; throws where there is none. */
type Read = (path: string) => string;

const CONTROLLER = /^\d+:(?<names>[^:]*):(?<path>.*)$/;

/** At least 1. Half a processor more than a whole number is not worth another event loop. */
export function processors(
  read: Read = (path) => readFileSync(path, "utf8"),
  available = availableParallelism(),
): number {
  const quota = quotaV1(read);
  return quota === null ? available : Math.max(1, Math.min(available, Math.floor(quota)));
}

/** The least of our group and those above it; null without any. */
function quotaV1(read: Read): number | null {
  const group = attempt(() => controllerOf(read("/proc/self/cgroup")));
  if (group === null) return null;
  const quotas: number[] = [];
  // In a container, its own group may be mounted as the root while the path is that of the host.
  for (let path = group.path; ; path = path.slice(0, path.lastIndexOf("/"))) {
    const quota = attempt(() => quotaIn(`/sys/fs/cgroup/${group.names}${path}`, read));
    if (quota !== null) quotas.push(quota);
    if (path === "") break;
  }
  return quotas.length === 0 ? null : Math.min(...quotas);
}

function controllerOf(text: string): { readonly names: string; readonly path: string } | null {
  for (const line of text.split("\n")) {
    const { names = "", path = "" } = CONTROLLER.exec(line)?.groups ?? {};
    if (names.split(",").includes("cpu")) return { names, path: path === "/" ? "" : path };
  }
  return null;
}

function quotaIn(folder: string, read: Read): number | null {
  const [quota, period] = ["cpu.cfs_quota_us", "cpu.cfs_period_us"].map((name) => Number(read(`${folder}/${name}`)));
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? quota / period : null;
}

function attempt<T>(look: () => T | null): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
