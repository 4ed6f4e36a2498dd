// What a component may know of the world: time, timers and chance, always handed in.
import { type Clock, systemClock } from "./clock.ts";
import { type Random, systemRandom } from "./random.ts";
import { type Timers, systemTimers } from "./timers.ts";

/** The surroundings of every component that waits, measures or draws. */
export interface Env {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

/** The real world. */
export function systemEnv(): Env {
  return { clock: systemClock, timers: systemTimers, random: systemRandom() };
}
