// A fifth of a core, as a sidecar in a container gets it: latency at 300 requests/s under a CPU quota.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Bench, type Figure, notesOn, type Row, type Window } from "../bench.ts";
import type { Proxy } from "../proxy.ts";
import { shuffled, spread } from "../statistics.ts";

const SHARE = 0.2;
const PERIOD_US = 100_000;
const RATE = 300;

/** A control group with a quota. Only made where the system lets us. */
interface Quota {
  readonly move: (pids: readonly number[]) => void;
  readonly end: () => void;
}

function writeAll(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Our own group of the cpu controller: version 1 has a tree for it, version 2 one tree for all. */
function ownGroup(): { folder: string; old: boolean } {
  const lines = readFileSync("/proc/self/cgroup", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(":"));
  const cpu = lines.find(([, controllers]) => controllers?.split(",").includes("cpu"));
  const path = (cpu ?? lines.find(([id]) => id === "0"))?.[2] ?? "/";
  return { folder: join(cpu ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup", path), old: cpu !== undefined };
}

/** Undefined when control groups are not ours to write. */
function openQuota(): Quota | undefined {
  const { folder: parent, old } = ownGroup();
  const folder = join(parent, `fairlead-bench-${process.pid}`);
  try {
    mkdirSync(folder);
    const quotaUs = String(SHARE * PERIOD_US);
    if (old) writeAll(folder, { "cpu.cfs_period_us": String(PERIOD_US), "cpu.cfs_quota_us": quotaUs });
    else writeAll(folder, { "cpu.max": `${quotaUs} ${PERIOD_US}` });
  } catch {
    if (existsSync(folder)) rmdirSync(folder);
    return undefined;
  }
  const procs = join(folder, "cgroup.procs");
  const quota: Quota = {
    move: (pids) => pids.forEach((pid) => writeFileSync(procs, String(pid))),
    end: () => {
      process.off("exit", quota.end);
      for (const pid of readFileSync(procs, "utf8").split("\n").filter(Boolean))
        writeFileSync(join(parent, "cgroup.procs"), pid);
      rmdirSync(folder);
    },
  };
  process.prependOnceListener("exit", quota.end); // an interrupted bench leaves no group behind
  return quota;
}

async function underQuota(bench: Bench, proxy: Proxy, round: number): Promise<Window | undefined> {
  const quota = openQuota();
  if (!quota) return undefined;
  try {
    quota.move(proxy.pids());
    return await bench.window(proxy, round, {
      connections: 16,
      rate: RATE,
      warmup: RATE,
      seconds: bench.options.quick ? 3 : 8,
    });
  } finally {
    quota.end();
  }
}

const contestants = (bench: Bench): Proxy[] => bench.family("h1", "direct", "nginx-twin", "relay");

const row: Row = {
  name: "quota-0.2-core",
  says: `latency at ${RATE} requests/s with a CPU quota of ${SHARE} core, open loop, GET 1 kB`,
  quick: false,
  peers: true,
  seconds: (bench) => bench.options.rounds * contestants(bench).length * (bench.options.quick ? 5 : 10),
  async measure(bench) {
    const windows: Window[] = [];
    const proxies = contestants(bench);
    for (let round = 1; round <= bench.options.rounds; round++) {
      for (const proxy of shuffled(proxies, bench.random)) {
        const window = await underQuota(bench, proxy, round);
        if (!window) return { figures: [], raw: [], notes: ["control groups are not writable here: not measured"] };
        windows.push(window);
        bench.progress.step(
          `round ${round}/${bench.options.rounds}  ${proxy.name} p99 ${(window.p99 / 1e6).toFixed(1)} ms`,
        );
      }
    }
    const figures = proxies.flatMap(({ name }): Figure[] => {
      const own = windows.filter((window) => window.proxy === name);
      const target = name === "fairlead" ? { must: 25, moonshot: 15 } : undefined;
      return [
        { measure: "p50", proxy: name, unit: "ms", ...spread(own.map((window) => window.p50 / 1e6)) },
        {
          measure: "p99",
          proxy: name,
          unit: "ms",
          ...spread(own.map((window) => window.p99 / 1e6)),
          ...(target && { target }),
        },
      ];
    });
    return { figures, raw: windows, notes: notesOn(windows) };
  },
};

export const quotaRows: readonly Row[] = [row];
