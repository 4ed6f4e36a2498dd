// One process of the demo, as seen by the process that starts it.
import { type ChildProcess, spawn } from "node:child_process";
import { openSync } from "node:fs";

/** How long a process may take to say that it is there, and to end when asked to. */
const START_MS = 15_000;
const END_MS = 5_000;

/** A process that was started. */
export class Part {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  #gone = false;

  /**
   * Starts this program again as one part of the demo, in a process group of its own: Ctrl-C reaches only the process that
   * started it, which then ends everything in order.
   * @param log takes what it prints.
   */
  constructor(name: string, program: string, args: readonly string[], log: string) {
    this.name = name;
    const output = openSync(log, "a");
    this.#child = spawn(process.execPath, [program, "demo", "--part", name, ...args], {
      stdio: ["ignore", output, output, "ipc"],
      detached: true,
    });
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
  port(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const complain = (what: string) => () => reject(new Error(`${this.name} ${what}`));
    const late = AbortSignal.timeout(START_MS);
    late.addEventListener("abort", complain("did not start in time"));
    this.#child.once("exit", complain("ended as soon as it was started"));
    this.#child.once("error", complain("cannot be started"));
    this.#child.once("message", (message) => resolve(Number(message)));
    return promise;
  }

  /** Asks it to end, and makes it end when it does not. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#child.kill("SIGTERM");
    const late = AbortSignal.timeout(END_MS);
    late.addEventListener("abort", () => this.#child.kill("SIGKILL"));
    await this.#ended.promise;
  }
}
