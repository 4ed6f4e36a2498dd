// What the service manager is told, by the protocol of sd_notify(3): that we serve, reload or stop, and, if it asks, that we are alive.
//
// It listens on a datagram socket of the file system, which Node does not have. The program systemd-notify does, and is wherever systemd
// is. It waits until the service manager has read the message, which could not tell otherwise from whom it comes. The unit needs
// NotifyAccess=all, because that is a process of its own.
import { spawn } from "node:child_process";
import { monotonicUs } from "../base/clock.ts";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { Logger } from "../telemetry/log.ts";

const PROGRAM = "systemd-notify";
/** As long as systemd-notify itself waits for an answer. */
const LIMIT_MS = 5000;
/** As sd_watchdog_enabled(3) advises: one message may come late. */
const WATCHDOG_SHARE = 0.5;

type Variables = Readonly<Record<string, string | undefined>>;

/** Speaks to whoever started this process, or to nobody. */
export class ServiceManager implements Disposable {
  readonly #env: Env;
  readonly #logger: Logger;
  readonly #environment: Variables;
  readonly #listens: boolean;
  /** How often it wants to hear from us; 0 if it does not. */
  readonly #watchdogMs: number;
  /** Messages arrive in the order in which they were sent. */
  #last: Promise<void> = Promise.resolve();
  #watchdog: Timer | null = null;
  #pinging = false;
  #replaced = false;
  /** Settled when the service manager knows of the process that replaces this one, if one does. */
  handedOver: Promise<void> = Promise.resolve();
  /** Nothing can be told, and that has been said. */
  #silent = false;

  /** The variables stay where they are: a successor of this process needs them, too. */
  constructor(environment: Variables, env: Env, logger: Logger, pid = process.pid) {
    this.#env = env;
    this.#logger = logger;
    this.#environment = environment;
    this.#listens = (environment["NOTIFY_SOCKET"] ?? "") !== "";
    this.#watchdogMs = this.#listens ? watchdogMs(environment, pid) : 0;
  }

  /** We serve. From now on we also say that we are alive, if that is asked for. @param status for people, `systemctl status` shows it. */
  ready(status: string): void {
    void this.notify("READY=1", statusOf(status));
    if (this.#watchdogMs > 0)
      this.#watchdog ??= this.#env.timers.every(this.#watchdogMs * WATCHDOG_SHARE, () => this.#ping());
  }

  /** The configuration is being read again; `ready` follows. The time tells an old READY from the one that is meant (Type=notify-reload). */
  reloading(): void {
    void this.notify("RELOADING=1", `MONOTONIC_USEC=${monotonicUs()}`);
  }

  /** We finish what is in progress. */
  stopping(status: string): void {
    void this.notify("STOPPING=1", statusOf(status));
  }

  /** Another process is the service from now on, and says the rest: that we stop is no news of the service. */
  replacedBy(pid: number): Promise<void> {
    this[Symbol.dispose]();
    this.handedOver = this.notify(`MAINPID=${pid}`);
    this.#replaced = true;
    return this.handedOver;
  }

  /** Sends one message of assignments such as `READY=1`. Resolves when it was read or cannot be; nothing here ever stops the proxy. */
  notify(...assignments: readonly string[]): Promise<void> {
    if (this.#listens && !this.#replaced) this.#last = this.#last.then(() => this.#send(assignments));
    return this.#last;
  }

  [Symbol.dispose](): void {
    this.#watchdog?.cancel();
    this.#watchdog = null;
  }

  /** A message that takes its time is not followed by more of the same. */
  #ping(): void {
    if (this.#pinging) return;
    this.#pinging = true;
    void this.notify("WATCHDOG=1").finally(() => {
      this.#pinging = false;
    });
  }

  async #send(assignments: readonly string[]): Promise<void> {
    if (this.#silent) return;
    const problem = await sent(assignments, this.#environment);
    if (problem === null) return;
    this.#silent = problem.for === "ever";
    this.#logger.warn(`the service manager was not told ${assignments.join(" ")}: ${problem.why}`);
  }
}

/** An interval in ms, 0 for none: WATCHDOG_PID says for whom it is, if not for everybody. */
function watchdogMs({ WATCHDOG_PID: owner = "", WATCHDOG_USEC: interval = "" }: Variables, pid: number): number {
  if (owner !== "" && owner !== String(pid)) return 0;
  return /^\d{1,15}$/.test(interval) ? Number(interval) / 1000 : 0;
}

function statusOf(status: string): string {
  return `STATUS=${status.replaceAll("\n", " ")}`;
}

interface Problem {
  readonly why: string;
  /** Whether it is worth another try. */
  readonly for: "now" | "ever";
}

function sent(assignments: readonly string[], environment: Variables): Promise<Problem | null> {
  return new Promise((resolve) => {
    const child = spawn(PROGRAM, assignments, {
      env: environment,
      stdio: ["ignore", "ignore", "pipe"],
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(0, 1000)));
    child.on("error", (error: NodeJS.ErrnoException) => resolve(notStarted(error)));
    child.on("close", (code, signal) => {
      if (code === 0) resolve(null);
      else if (signal !== null) resolve({ why: `${PROGRAM} did not end within ${LIMIT_MS} ms`, for: "now" });
      else resolve({ why: `${PROGRAM} ended with ${code}: ${said.trim()}`, for: "now" });
    });
  });
}

function notStarted(error: NodeJS.ErrnoException): Problem {
  if (error.code !== "ENOENT") return { why: `${PROGRAM} did not start: ${error.message}`, for: "now" };
  const advice = `there is no program ${PROGRAM} in PATH, and no other way; install it, or write Type=exec in the unit`;
  return { why: `${advice}. This is said once`, for: "ever" };
}
