// The ways of an attempt through time.
import type { EventQueue, Lane } from "./event-queue.ts";

/** What happens to an attempt. */
export const Happening = { arrived: 0, served: 1, failed: 2, answered: 3, timedOut: 4 } as const;
export type Happening = (typeof Happening)[keyof typeof Happening];

export interface Wires {
  readonly queue: EventQueue;
  /** To the instance, and back. */
  readonly there: Lane;
  readonly back: Lane;
  readonly timeout: Lane;
}

export function wiresOf(queue: EventQueue, oneWayMs: number, timeoutMs: number): Wires {
  return {
    queue,
    there: queue.lane(oneWayMs, Happening.arrived),
    back: queue.lane(oneWayMs, Happening.answered),
    timeout: queue.lane(timeoutMs, Happening.timedOut),
  };
}
