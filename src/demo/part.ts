// One process of the demo, as seen by the process that starts it.
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Timers } from "../base/timers.ts";

/** How long a process may take to say that it is there, and to end when asked to. */
const START_MS = 15_000;
const END_MS = 5_000;

/** A process that was started. */
export class Part {
  readonly name: string;
  readonly #timers: Timers;
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  #gone = false;

  /**
   * Starts this program again as one part of the demo, in a process group of its own: Ctrl-C reaches only the process that
   * started it, which then ends everything in order.
   * @param log takes what it prints.
   */
  constructor(name: string, command: readonly [program: string, ...args: string[]], log: string, timers: Timers) {
    const [program, ...args] = command;
    this.name = name;
    this.#timers = timers;
    const output = openSync(log, "a");
    this.#child = spawn(process.execPath, [program, "demo", "--part", name, ...args], {
      stdio: ["ignore", output, output, "ipc"],
      detached: true,
    });
    closeSync(output); // the child has its own
    this.#child.once("exit", () => this.#end());
    this.#child.once("error", () => this.#end());
  }

  #end(): void {
    this.#gone = true;
    this.#ended.resolve();
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Settled when the process has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The port it listens on, once it says so. Rejects when it ends before, or takes too long. */
  async port(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    using _late = this.#timers.after(START_MS, () => reject(new Error(`${this.name} did not start in time`)));
    void this.ended.then(() => reject(new Error(`${this.name} ended as soon as it was started`)));
    this.#child.once("message", (message) => resolve(Number(message)));
    return await promise; // not before this is the timer cancelled
  }

  /** Hears what it says after its port. */
  onWords(hear: (words: string) => void): void {
    this.#child.on("message", (message) => {
      if (typeof message === "string") hear(message);
    });
  }

  /** Asks it to end, and makes it end when it does not. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#child.kill("SIGTERM");
    using _late = this.#timers.after(END_MS, () => this.#child.kill("SIGKILL"));
    await this.ended;
  }
}
