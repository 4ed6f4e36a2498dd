// @hot Work that is late already is refused, but never so much of it that wrong clocks become an outage (finagle §5.3).
import type { Deadline } from "../core/deadline.ts";
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";
import { RetryBudget } from "./budget.ts";

/** What becomes of a request. */
export const DeadlineVerdict = {
  /** In time, or nothing is known. */ serve: 0,
  /** Late, and served all the same. */ late: 1,
  /** Late, and to be refused. */ refuse: 2,
} as const;
export type DeadlineVerdict = (typeof DeadlineVerdict)[keyof typeof DeadlineVerdict];

/** `report` counts and refuses nothing. */
export type DeadlineMode = "enforce" | "report";

/** A bucket in which each request that is served pays a fifth of a refusal: a deposit of 1000, a price of 5000, no reserve. */
const REFUSALS = { ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: 0.2 } as const;
/** A caller whose clock is further ahead of ours than this has a clock that says nothing about its deadline. */
const MOST_AHEAD_MS = 1_000;

/** The admission of one server. */
export class DeadlineAdmission {
  readonly #late: DeadlineVerdict;
  readonly #refusals: RetryBudget;
  readonly #exceeded: Counter;
  readonly #rejected: Counter;
  readonly #future: Counter;
  readonly #expiredMs: Histogram;
  readonly #remainingMs: Histogram;

  /** @param server the server's scope; `report` counts in a place of its own, as the original does. */
  constructor(mode: DeadlineMode, server: Scope, nowMs: number) {
    const scope = server.scope("admission_control", mode === "report" ? "darkmode_deadline" : "deadline");
    this.#late = mode === "report" ? DeadlineVerdict.late : DeadlineVerdict.refuse;
    this.#refusals = new RetryBudget(REFUSALS, nowMs);
    this.#exceeded = scope.counter("exceeded");
    this.#rejected = scope.counter("rejected");
    this.#future = scope.counter("future");
    this.#expiredMs = scope.latency("expired_ms");
    this.#remainingMs = scope.latency("remaining_ms");
  }

  /**
   * Judges a request that has just arrived.
   * @param deadline what came with it; requests without one pay for refusals, too.
   * @param epochMs the wall clock.
   */
  judge(deadline: Deadline | null, epochMs: number, nowMs: number): DeadlineVerdict {
    if (deadline !== null) {
      if (deadline.timestampMs > epochMs + MOST_AHEAD_MS) this.#future.inc();
      else if (isExpired(deadline, epochMs)) return this.#tooLate(epochMs - deadline.deadlineMs, nowMs);
      else this.#remainingMs.record(deadline.deadlineMs - epochMs);
    }
    this.#refusals.deposit(nowMs);
    return DeadlineVerdict.serve;
  }

  #tooLate(lateMs: number, nowMs: number): DeadlineVerdict {
    this.#exceeded.inc();
    this.#expiredMs.record(lateMs);
    if (this.#refusals.tryWithdraw(nowMs)) {
      this.#rejected.inc();
      return this.#late;
    }
    this.#refusals.deposit(nowMs);
    return DeadlineVerdict.late;
  }
}

function isExpired(deadline: Deadline, epochMs: number): boolean {
  return deadline.deadlineMs < epochMs || budgetMs(deadline) <= 0;
}

const NS_PER_MS = 1_000_000;

/**
 * How long the work may take, counted from its arrival here. Both moments are the caller's: its clock cancels out, and only the time
 * on the way is not counted. Not positive when the caller gave no time at all.
 */
export function budgetMs(deadline: Deadline): number {
  const restNs = deadline.deadlineRestNs - deadline.timestampRestNs;
  return deadline.deadlineMs - deadline.timestampMs + restNs / NS_PER_MS;
}
