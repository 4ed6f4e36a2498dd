// @hot What everything on one event loop of the data path shares.
import type { Clock } from "../base/clock.ts";
import type { Env } from "../base/env.ts";
import { Pool } from "../base/pool.ts";
import type { Random } from "../base/random.ts";
import { Scratch } from "../base/scratch.ts";
import { TimerWheel } from "../base/timer-wheel.ts";
import type { Timers } from "../base/timers.ts";
import { TurnEnd } from "../base/turn-end.ts";
import { Attempt } from "./attempt.ts";
import { Exchange } from "./exchange.ts";
import { Slots } from "./slots.ts";

/** One event loop of the data path: its clock reading, coarse timers, composing buffer and free lists. */
export class DataLoop {
  readonly clock: Clock;
  readonly random: Random;
  readonly wheel: TimerWheel;
  /** For short times that matter to the millisecond; it runs only while something is armed. */
  readonly fine: TimerWheel;
  readonly scratch = new Scratch();
  /** The end of this turn of the event loop: when multiplexed connections send what they have composed. */
  readonly turn: TurnEnd;
  readonly exchanges = new Pool(() => new Exchange());
  readonly attempts = new Pool(() => new Attempt());
  /** Places in exchanges, for filters. */
  readonly slots = new Slots();
  /** Monotonic time of the last `tick`; readers tick once per callback, everything below reads this. */
  nowMs: number;

  /** @param broken hears of errors of ours in what is done at the end of a turn. */
  constructor(env: Env, broken: (error: unknown) => void = rethrow) {
    this.clock = env.clock;
    this.random = env.random;
    this.nowMs = env.clock.nowMs();
    const timers = this.#flushing(env.timers);
    this.wheel = new TimerWheel({ clock: env.clock, timers });
    this.fine = new TimerWheel({ clock: env.clock, timers }, FINE_TICK_MS);
    this.turn = new TurnEnd(timers, broken);
  }

  // What timers compose is sent like everything else: at the end of the callback.
  #flushing(timers: Timers): Timers {
    const wrap = (run: () => void) => () => {
      this.tick();
      run();
      this.scratch.flush();
    }; // cold: once per start of the wheel
    return {
      after: (delayMs, run) => timers.after(delayMs, wrap(run)), // cold: as above
      every: (periodMs, run) => timers.every(periodMs, wrap(run)), // cold: as above
      soon: (run) =>
        timers.soon(() => {
          this.tick();
          run();
          this.scratch.flush();
        }), // cold: once per turn
    };
  }

  /** Reads the clock. */
  tick(): number {
    this.nowMs = this.clock.nowMs();
    return this.nowMs;
  }
}

/** Retries, single tries and deadlines are this exact, and at most twice this late. */
const FINE_TICK_MS = 2;

function rethrow(error: unknown): never {
  throw error;
}
