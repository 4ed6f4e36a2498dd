// A new process in the place of this one: it gets our listening sockets, and when it serves, we finish what is in progress and end.
import { spawn } from "node:child_process";
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

/** Starts this program again, with the same arguments and our sockets. */
export async function successor(sockets: readonly OwnSocket[], env: Env): Promise<Succession> {
  const [program, ...args] = process.argv.slice(1);
  if (program === undefined) return { at: "failed", message: "it is not known how this process was started" };
  if (process.pid === 1)
    return { at: "failed", message: "process 1 of a container cannot be replaced: the container ends with it" };
  const { environment, stdio } = handover(sockets);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args], {
    stdio: ["ignore", "inherit", "inherit", ...stdio, "ipc"],
    env: { ...process.env, ...environment },
    detached: true, // it lives on when this one ends
  });
  const { promise, resolve } = Promise.withResolvers<Succession>();
  const fail = (message: string): void => resolve({ at: "failed", message });
  const late = env.timers.after(START_MS, () => fail(`it did not serve within ${START_MS / 1000} s`));
  child.once("error", (error) => fail(`it did not start: ${error.message}`));
  child.once("exit", (code, signal) => fail(`it ended with ${signal ?? code} before it served; its log says why`));
  child.on("message", (message) => {
    if (message === READY && child.pid !== undefined) resolve({ at: "serving", pid: child.pid });
  });
  const outcome = await promise;
  late.cancel();
  if (outcome.at === "failed") child.kill("SIGKILL");
  if (child.connected) child.disconnect();
  child.unref();
  return outcome;
}

/** Tells whoever started this process that it serves. */
export function tellReady(): void {
  process.send?.(READY);
}
