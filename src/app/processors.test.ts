import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { processors } from "./processors.ts";

/** Control groups of version 1 as files. */
function files(all: Record<string, string>) {
  return (path: string): string => {
    const text = all[path];
    if (text === undefined) throw new Error("ENOENT");
    return text;
  };
}

function group(folder: string, quota: number, period = 100_000): Record<string, string> {
  return { [`${folder}/cpu.cfs_quota_us`]: `${quota}\n`, [`${folder}/cpu.cfs_period_us`]: `${period}\n` };
}

const CGROUP = "/sys/fs/cgroup/cpu,cpuacct";
const SELF = { "/proc/self/cgroup": "5:memory:/a/b\n4:cpuset:/\n3:cpu,cpuacct:/a/b\n0::/x\n" };

test.each<[string, Record<string, string>, number]>([
  ["no control groups", {}, 8],
  ["version 2, which libuv reads", { "/proc/self/cgroup": "0::/a\n", "/sys/fs/cgroup/cpu.max": "100000 100000" }, 8],
  ["no quota", { ...SELF, ...group(`${CGROUP}/a/b`, -1) }, 8],
  ["a quota", { ...SELF, ...group(`${CGROUP}/a/b`, 300_000) }, 3],
  ["a quota and a half", { ...SELF, ...group(`${CGROUP}/a/b`, 250_000) }, 2],
  ["less than one", { ...SELF, ...group(`${CGROUP}/a/b`, 20_000) }, 1],
  ["more than there are", { ...SELF, ...group(`${CGROUP}/a/b`, 3_200_000) }, 8],
  ["another period", { ...SELF, ...group(`${CGROUP}/a/b`, 40_000, 10_000) }, 4],
  ["less in the group above", { ...SELF, ...group(`${CGROUP}/a/b`, 500_000), ...group(`${CGROUP}/a`, 200_000) }, 2],
  ["a container with its group as the root", { ...SELF, ...group(CGROUP, 200_000) }, 2],
  ["nonsense", { ...SELF, ...group(`${CGROUP}/a/b`, Number.NaN) }, 8],
])("With %s", (_, all, expected) => {
  expect(processors(files(all), 8)).toBe(expected);
});

test("Here it is what the system says, or less", () => {
  expect(processors()).toBeGreaterThanOrEqual(1);
  expect(processors()).toBeLessThanOrEqual(availableParallelism());
});

/** A group of version 1 with a quota of one processor; null where that cannot be had. */
function limitedGroup(): string | null {
  const folder = `/sys/fs/cgroup/cpu/fairlead-test-${process.pid}`;
  try {
    if (!readFileSync("/proc/self/cgroup", "utf8").includes(":cpu:/")) return null;
    mkdirSync(folder);
    onTestFinished(() => rmdirSync(folder));
    writeFileSync(join(folder, "cpu.cfs_quota_us"), "100000");
    return folder;
  } catch {
    return null;
  }
}

test("A process in a group with a quota counts one, where this machine lets a test make one", ({ skip }) => {
  const folder = limitedGroup();
  if (folder === null) return skip("no control groups of version 1 that may be written");
  const script = `import("${resolve("src/app/processors.ts")}").then(({ processors }) => console.log(processors()))`;
  const told = execFileSync("sh", [
    "-c",
    `echo $$ > "$0/cgroup.procs" && exec "$1" -e "$2"`,
    folder,
    process.execPath,
    script,
  ]);
  expect(told.toString().trim()).toBe("1");
});
