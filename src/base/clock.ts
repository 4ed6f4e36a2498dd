// Time as a parameter. Product code never reads the wall clock directly, so a whole proxy can run in simulated time.

/** Two clocks: a monotonic one for durations and a wall clock for what leaves the process. */
export interface Clock {
  /** Monotonic time in milliseconds, with a fraction. Only differences mean anything. */
  nowMs(): number;
  /** Wall clock, whole milliseconds since the Unix epoch. */
  epochMs(): number;
}

/** The machine's clocks. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  epochMs: () => Date.now(),
};

/** CLOCK_MONOTONIC in microseconds, which all processes of a machine share; for telling other programs a moment, not for measuring. */
export function monotonicUs(): bigint {
  return process.hrtime.bigint() / 1000n;
}
