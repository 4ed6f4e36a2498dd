// The services of a chain, as the harness holds them.
import { join } from "node:path";
import { start, type Started } from "../load/processes.ts";
import { onValues, sendValue } from "./lines.ts";
import type { Fault } from "./plan.ts";

/** What backends can be told. */
export type Order =
  | { readonly do: "become"; readonly fault: Fault; readonly backends: readonly number[] }
  | { readonly do: "journal" };

const READY_WITHIN_MS = 10_000;

/** A program of `services/` that is running. */
export class Remote {
  readonly #process: Started;
  #heard: (value: unknown) => void = () => undefined;

  private constructor(process: Started) {
    this.#process = process;
    if (process.child.stdout) onValues(process.child.stdout, (value) => this.#heard(value));
  }

  /** Starts it and waits until it listens. */
  static async start(program: string, args: readonly string[]): Promise<Remote> {
    const file = join(import.meta.dirname, "services", `${program}.ts`);
    const remote = new Remote(await start([process.execPath, file, ...args], {}));
    await remote.#next(`${program} to be ready`);
    return remote;
  }

  become(fault: Fault, backends: readonly number[]): void {
    this.#tell({ do: "become", fault, backends });
  }

  /** How often the backends have seen each request. */
  async journal(): Promise<number[]> {
    const answer = this.#next("the journal");
    this.#tell({ do: "journal" });
    return ((await answer) as { journal: number[] }).journal; // what backends.ts answers
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }

  #tell(order: Order): void {
    if (this.#process.child.stdin) sendValue(this.#process.child.stdin, order);
  }

  #next(what: string): Promise<unknown> {
    return new Promise((done, failed) => {
      const patience = setTimeout(
        () => failed(new Error(`waited in vain for ${what}: ${this.#process.complaint()}`)),
        READY_WITHIN_MS,
      );
      this.#heard = (value) => {
        clearTimeout(patience);
        done(value);
      };
    });
  }
}
