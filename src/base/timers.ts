// Timers as a parameter, for the slow world. The fast world uses the coarse `TimerWheel`.

/** A pending call. Cancelling twice, or after it ran, does nothing. */
export interface Timer extends Disposable {
  cancel(): void;
}

/** Schedules calls. Timers never keep the process alive by themselves. */
export interface Timers {
  /** Calls `run` once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer;
  /** Calls `run` every `periodMs` until cancelled. */
  every(periodMs: number, run: () => void): Timer;
  /** Calls `run` when everything that has arrived in this turn of the event loop has been read. */
  soon(run: () => void): void;
}

/** Node's own timers, unreferenced. */
export const systemTimers: Timers = {
  after(delayMs, run) {
    const handle = setTimeout(run, delayMs);
    handle.unref();
    const cancel = () => clearTimeout(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
  every(periodMs, run) {
    const handle = setInterval(run, periodMs);
    handle.unref();
    const cancel = () => clearInterval(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
  soon(run) {
    setImmediate(run);
  },
};

/** Keeps the process alive until disposed of, for a program that waits for what does not keep it alive by itself. */
export function stayAlive(): Disposable {
  const handle = setInterval(() => undefined, 1_000_000_000);
  return { [Symbol.dispose]: () => clearInterval(handle) };
}
