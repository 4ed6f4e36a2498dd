// A new process in the place of this one: it gets our listening sockets, and when it serves, we finish what is in progress and end.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Env } from "../base/env.ts";
import { handover, type OwnSocket } from "../transport/node/handover.ts";

/** What a new process said, or why it does not serve. */
export type Succession =
  | { readonly at: "serving"; readonly pid: number }
  /** This process serves on as if nothing had happened. */
  | { readonly at: "failed"; readonly message: string };

/** A start that takes longer has failed. */
const START_MS = 30_000;
/** What a process sends to whoever waits for it (as pm2 has it). */
const READY = "ready";

/** What a successor is started with. */
export interface Estate {
  readonly sockets: readonly OwnSocket[];
  /** What it is to read from its standard input. */
  readonly input: string;
  /** Settled when it is wanted no more. */
  readonly revoked: Promise<void>;
  /** What started this process. */
  readonly parent: number;
  readonly env: Env;
}

/** Starts this program again, with the same arguments and our sockets. */
export async function successor({ env, input, parent, revoked, sockets }: Estate): Promise<Succession> {
  const [program, ...args] = process.argv.slice(1);
  if (program === undefined) return { at: "failed", message: "it is not known how this process was started" };
  const bound = whyBound(process.pid, parent, firstProcess);
  if (bound !== null) return { at: "failed", message: bound };
  const { environment, stdio } = handover(sockets);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    stdio: ["pipe", "inherit", "inherit", ...stdio, "ipc"],
    env: { ...process.env, ...environment },
    detached: true, // it lives on when this one ends
  });
  const { promise, resolve } = Promise.withResolvers<Succession>();
  const fail = (message: string): void => resolve({ at: "failed", message });
  const late = env.timers.after(START_MS, () => fail(`it did not serve within ${START_MS / 1000} s`));
  child.stdin?.on("error", () => undefined); // it ended before it read; its exit says the rest
  child.stdin?.end(input);
  let end: NodeJS.Signals = "SIGKILL";
  void revoked.then(() => {
    end = "SIGTERM"; // it may serve already
    fail("this process was asked to stop meanwhile");
  });
  child.once("error", (error) => fail(`it did not start: ${error.message}`));
  child.once("exit", (code, signal) => fail(`it ended with ${signal ?? code} before it served; its log says why`));
  child.on("message", (message) => {
    if (message === READY && child.pid !== undefined) resolve({ at: "serving", pid: child.pid });
  });
  const outcome = await promise;
  late.cancel();
  if (outcome.at === "failed") child.kill(end);
  if (child.connected) child.disconnect();
  child.unref();
  return outcome;
}

/** Tells whoever started this process that it serves. */
export function tellReady(): void {
  if (!process.connected) return; // nobody did, or it is gone by now
  process.send?.(READY, undefined, undefined, () => undefined);
}

/** Ways to be process 1 that go on when what they have started ends. */
const INIT_SYSTEMS: readonly string[] = ["systemd", "init", "launchd"];

/** Why the end of this process would be the end of its successor, too; null if it would not. */
export function whyBound(pid: number, parent: number, first: () => string | null): string | null {
  const together = "the container ends with it, and its successor with the container; start another container instead";
  if (pid === 1) return `process 1 of a container cannot be replaced: ${together}`;
  if (parent === 0) return `the process that a container was started with cannot be replaced: ${together}`;
  if (parent !== 1) return null;
  const name = first();
  if (name === null || INIT_SYSTEMS.includes(name)) return null;
  return `a process that was started by process 1 of a container, here ${name}, cannot be replaced: ${together}`;
}

/** What process 1 is called; null where the system does not tell. */
function firstProcess(): string | null {
  try {
    return readFileSync("/proc/1/comm", "utf8").trim();
  } catch {
    return null;
  }
}
