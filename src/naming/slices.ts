// Work for many names at once, done a little at a time so that no request waits long for the loop.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";

/** Together with a turn of ordinary work it stays below the 5 ms that a stall may take. */
const SLICE_MS = 1;

/** Does steps until none is left, a slice at a time. */
export class Slices implements Disposable {
  readonly #env: Env;
  readonly #step: () => boolean;
  #running = false;
  #next: Timer | null = null;
  #rest: PromiseWithResolvers<void> | null = null;

  /** @param step does a part of the work; false if there was none. */
  constructor(env: Env, step: () => boolean) {
    this.#env = env;
    this.#step = step;
  }

  /** There is work: a slice of it is done before this returns, unless it waits its turn already. */
  run(): void {
    this.first(() => {});
  }

  /** Does `task` at once, whatever waits. */
  first(task: () => void): void {
    if (this.#running) return task();
    this.#running = true;
    let left = true;
    try {
      task();
      left = this.#next === null && this.#slice();
    } finally {
      this.#running = false;
      if (left) this.#next ??= this.#env.timers.after(0, () => this.#again());
      if (this.#next === null) this.#rested();
    }
  }

  /** Settled when nothing is left to do, or nobody will do it. */
  get done(): Promise<void> {
    if (this.#next === null && !this.#running) return Promise.resolve();
    this.#rest ??= Promise.withResolvers();
    return this.#rest.promise;
  }

  #rested(): void {
    this.#rest?.resolve();
    this.#rest = null;
  }

  #again(): void {
    this.#next = null;
    this.run();
  }

  /** Whether something is left to do. */
  #slice(): boolean {
    const { clock } = this.#env;
    const endMs = clock.nowMs() + SLICE_MS;
    while (this.#step()) if (clock.nowMs() >= endMs) return true;
    return false;
  }

  [Symbol.dispose](): void {
    this.#next?.cancel();
    this.#next = null;
    this.#rested();
  }
}
