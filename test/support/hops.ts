// Several machines in one world in memory: their wall clocks need not agree.
import type { Clock } from "../../src/base/clock.ts";
import { parseDeadline } from "../../src/core/deadline.ts";
import { budgetMs } from "../../src/resilience/deadline-admission.ts";
import type { MemoryWorld, World } from "./world.ts";

/** The world as a machine sees it whose wall clock is ahead by so much. */
export function withClockAhead(world: MemoryWorld, aheadMs: number): World {
  const { env } = world;
  const clock: Clock = { nowMs: () => env.clock.nowMs(), epochMs: () => env.clock.epochMs() + aheadMs };
  return { ...world, env: { clock, random: env.random, timers: env.timers } };
}

/** The value of `l5d-ctx-deadline` for a caller whose wall clock is ahead by so much. */
export function deadlineIn(world: MemoryWorld, leftMs: number, aheadMs = 0): string {
  const nowNs = BigInt(world.env.clock.epochMs() + aheadMs) * 1_000_000n;
  return `${nowNs} ${nowNs + BigInt(Math.round(leftMs * 1_000_000))}`;
}

/** What a value of `l5d-ctx-deadline` leaves, ms; NaN when there is none. */
export function budgetOf(value: string | undefined): number {
  const deadline = value === undefined ? null : parseDeadline(value);
  return deadline === null ? Number.NaN : budgetMs(deadline);
}
