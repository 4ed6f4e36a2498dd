// Processes the harness starts: pinned to a core, remembered, and ended by pid when the harness ends.
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The core of the proxy under test, and the core of everything else (performance protocol, point 1). */
export const PROXY_CORE = 0;
export const GENERATOR_CORE = 1;

export interface StartOptions {
  /** Default: any core. */
  readonly core?: number;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A running child with what it last said on standard error. */
export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  complaint(): string;
  stop(): Promise<void>;
}

const running = new Set<Started>();

/** Starts a command, on one core when one is given. Throws when it cannot be started at all. */
export async function start(command: readonly string[], options: StartOptions): Promise<Started> {
  const pinned = options.core === undefined ? command : ["taskset", "-c", String(options.core), ...command];
  const [program = "", ...args] = pinned;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => child.once("spawn", resolve).once("error", reject));
  const { pid } = child;
  if (pid === undefined) throw new Error(`${command[0]} did not start`);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-2000)));
  const started: Started = { child, pid, complaint: () => said.trim(), stop: () => stop(started) };
  running.add(started);
  child.once("exit", () => running.delete(started));
  return started;
}

function exited({ child }: Started): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** SIGTERM, up to 3 s of patience, then SIGKILL to it and to whatever it started. */
async function stop(started: Started): Promise<void> {
  const family = familyOf(started.pid);
  if (!exited(started)) started.child.kill("SIGTERM");
  for (let waited = 0; waited < 3000 && !exited(started); waited += 20) await sleep(20);
  if (!exited(started)) killAll(family);
}

/** Last resort, also on Ctrl-C: ends everything started here, by pid. */
export function stopEverything(): void {
  for (const started of running) killAll(familyOf(started.pid));
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // gone already: that is what we wanted
    }
  }
}

function parents(): Map<number, number> {
  const result = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(Number(name));
    if (fields) result.set(Number(name), Number(fields[1]));
  }
  return result;
}

/** Fields of /proc/PID/stat after the command name: state, parent, …; undefined when the process is gone. */
export function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** A process and all its descendants. */
export function familyOf(pid: number): number[] {
  const family = [pid];
  const parentOf = parents();
  for (const member of family) {
    for (const [child, parent] of parentOf) if (parent === member) family.push(child);
  }
  return family;
}

/** Resident memory of a family in bytes, and the part of it that no file backs. */
export function memoryOf(pid: number): { rss: number; anonymous: number } {
  const sum = { rss: 0, anonymous: 0 };
  for (const member of familyOf(pid)) {
    try {
      const status = readFileSync(`/proc/${member}/status`, "utf8");
      sum.rss += 1024 * Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      sum.anonymous += 1024 * Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0);
    } catch {
      // ended between listing and reading
    }
  }
  return sum;
}
