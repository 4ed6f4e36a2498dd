// Work for many names at once, done a little at a time so that no request waits long for the loop.
import type { Env } from "../base/env.ts";

/**
 * A request comes by the loop twice at least, each time behind a slice and the collection of its garbage; all that together stays below the
 * 5 ms that a stall may take.
 */
const SLICE_MS = 0.5;

/** Does steps until none is left, a slice in each turn of the event loop. */
export class Slices implements Disposable {
  readonly #env: Env;
  readonly #step: () => boolean;
  #running = false;
  /** The next slice waits for the end of this turn. */
  #waits = false;
  #disposed = false;
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
      left = !this.#waits && this.#slice();
    } finally {
      this.#running = false;
      if (left) this.#later();
      if (!this.#waits) this.#rested();
    }
  }

  /** Settled when nothing is left to do, or nobody will do it. */
  get done(): Promise<void> {
    if (this.#disposed || (!this.#waits && !this.#running)) return Promise.resolve();
    this.#rest ??= Promise.withResolvers();
    return this.#rest.promise;
  }

  #rested(): void {
    this.#rest?.resolve();
    this.#rest = null;
  }

  #later(): void {
    if (this.#waits || this.#disposed) return;
    this.#waits = true;
    this.#env.timers.soon(() => {
      this.#waits = false;
      if (!this.#disposed) this.run();
    });
  }

  /** Whether something is left to do. */
  #slice(): boolean {
    const { clock } = this.#env;
    const endMs = clock.nowMs() + SLICE_MS;
    while (this.#step()) if (clock.nowMs() >= endMs) return true;
    return false;
  }

  /** No step is done any more. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#rested();
  }
}
