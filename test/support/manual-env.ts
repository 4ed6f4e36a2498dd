// Simulated time: the test owns the clock, the timers and the dice.
import type { Clock } from "../../src/base/clock.ts";
import type { Env } from "../../src/base/env.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { Timer, Timers } from "../../src/base/timers.ts";

interface Pending {
  atMs: number;
  readonly order: number;
  readonly run: () => void;
  readonly periodMs: number;
}

/** An `Env` whose time stands still until `advance` is called. */
export class ManualEnv implements Env {
  readonly random = seededRandom(42);
  readonly clock: Clock = { nowMs: () => this.#nowMs, epochMs: () => this.#epochMs + Math.floor(this.#nowMs) };
  readonly timers: Timers = {
    after: (delayMs, run) => this.#schedule(delayMs, run, 0),
    every: (periodMs, run) => this.#schedule(periodMs, run, periodMs),
    soon: (run) => void this.#soon.push(run),
  };
  #soon: (() => void)[] = [];
  #nowMs = 0;
  #epochMs: number;
  #order = 0;
  readonly #pending = new Set<Pending>();

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  /** How many timers are waiting; a test ends with the number it began with. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Puts the wall clock forward, or back; no time passes. */
  jump(ms: number): void {
    this.#epochMs += ms;
  }

  /** Ends a turn of the event loop; false when nobody waited for that. */
  endTurn(): boolean {
    const due = this.#soon;
    this.#soon = [];
    for (const run of due) run();
    return due.length > 0;
  }

  /** Moves time forward, running what falls due in order of time, then of scheduling. */
  advance(ms: number): void {
    const target = this.#nowMs + ms;
    for (;;) {
      const due = this.#earliest(target);
      if (due === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      if (due.periodMs > 0) due.atMs += due.periodMs;
      else this.#pending.delete(due);
      due.run();
      this.endTurn();
    }
    this.#nowMs = target;
  }

  #earliest(targetMs: number): Pending | undefined {
    let best: Pending | undefined;
    for (const p of this.#pending) {
      if (p.atMs > targetMs) continue;
      if (best === undefined || p.atMs < best.atMs || (p.atMs === best.atMs && p.order < best.order)) best = p;
    }
    return best;
  }

  #schedule(delayMs: number, run: () => void, periodMs: number): Timer {
    const pending: Pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run, periodMs };
    this.#pending.add(pending);
    const cancel = () => void this.#pending.delete(pending);
    return { cancel, [Symbol.dispose]: cancel };
  }
}
