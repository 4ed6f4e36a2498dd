// Limits in time as they travel from hop to hop (finagle §5.1).

/** When the work began, and when it must be done: wall clock, nanoseconds since the epoch. */
export interface Deadline {
  readonly timestampNs: bigint;
  readonly deadlineNs: bigint;
}

/** Two limits on the same work: latest timestamp, earliest deadline. */
export function combineDeadlines(a: Deadline | null, b: Deadline): Deadline {
  if (a === null) return b;
  return {
    timestampNs: a.timestampNs > b.timestampNs ? a.timestampNs : b.timestampNs,
    deadlineNs: a.deadlineNs < b.deadlineNs ? a.deadlineNs : b.deadlineNs,
  };
}
