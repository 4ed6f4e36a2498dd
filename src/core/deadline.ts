// @hot Limits in time as they travel from hop to hop (finagle §5.1).

import { putDecimal, putDigits } from "../base/bytes.ts";

/**
 * When the work began, and when it must be done: wall clock, nanoseconds since the epoch. Each moment is whole milliseconds and the
 * nanoseconds beyond them: together they are more than a number holds exactly, and big integers cost an allocation per step.
 */
export interface Deadline {
  readonly timestampMs: number;
  readonly timestampRestNs: number;
  readonly deadlineMs: number;
  readonly deadlineRestNs: number;
  /** It came with the request, as it is or shortened here. */
  readonly received: boolean;
}

/** Two limits on the same work: latest timestamp, earliest deadline. */
export function combineDeadlines(a: Deadline | null, b: Deadline): Deadline {
  if (a === null) return b;
  const later = isBefore(a.timestampMs, a.timestampRestNs, b.timestampMs, b.timestampRestNs) ? b : a;
  const earlier = isBefore(a.deadlineMs, a.deadlineRestNs, b.deadlineMs, b.deadlineRestNs) ? a : b;
  return {
    timestampMs: later.timestampMs,
    timestampRestNs: later.timestampRestNs,
    deadlineMs: earlier.deadlineMs,
    deadlineRestNs: earlier.deadlineRestNs,
    received: a.received || b.received,
  };
}

/**
 * Is it over at `epochMs`? Wall clocks tell whole milliseconds, and so it counts as over from the millisecond before it on: who was given
 * less than one has it behind them before the clock moves.
 */
export function hasPassed(deadline: Deadline, epochMs: number): boolean {
  return epochMs + 1 >= deadline.deadlineMs;
}

function isBefore(ms: number, restNs: number, otherMs: number, otherRestNs: number): boolean {
  return ms < otherMs || (ms === otherMs && restNs < otherRestNs);
}

const NS_DIGITS = 6;
const TWO_MOMENTS = /^(\d{1,20}) (\d{1,20})$/;

/** Reads `<timestamp> <deadline>`, nanoseconds each; null when it is malformed. */
export function parseDeadline(text: string): Deadline | null {
  const match = TWO_MOMENTS.exec(text);
  if (match === null) return null;
  const [, timestamp, deadline] = match as unknown as [string, string, string]; // two groups that always take part
  return {
    timestampMs: Number(timestamp.slice(0, -NS_DIGITS)),
    timestampRestNs: Number(timestamp.slice(-NS_DIGITS)),
    deadlineMs: Number(deadline.slice(0, -NS_DIGITS)),
    deadlineRestNs: Number(deadline.slice(-NS_DIGITS)),
    received: true,
  };
}

/** Most octets that `putDeadline` writes. */
export const DEADLINE_BYTES = 41;

/** Writes the same text again; returns the position after it. */
export function putDeadline(deadline: Deadline, buffer: Buffer, at: number): number {
  const next = putMoment(buffer, at, deadline.timestampMs, deadline.timestampRestNs);
  buffer[next] = 32;
  return putMoment(buffer, next + 1, deadline.deadlineMs, deadline.deadlineRestNs);
}

function putMoment(buffer: Buffer, at: number, ms: number, restNs: number): number {
  return ms === 0 ? putDecimal(buffer, at, restNs) : putDigits(buffer, putDecimal(buffer, at, ms), restNs, NS_DIGITS);
}
