// @hot When a slow request gets a second attempt beside the first: Finagle's backup requests (finagle §4.7).
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";
import { RetryBudget } from "./budget.ts";
import { LatencyWindow, LONGEST_MS } from "./latency-window.ts";

/** `hedge` as configured, as far as it concerns time and amount. */
export interface HedgeSpec {
  /** Backups per request, 0 to 1: the slowest hundredth gets one at 0.01. */
  readonly maxExtraLoad: number;
  readonly minDelayMs: number;
}

/** The percentile is looked up so often. */
const REFRESH_MS = 3_000;
/** No backup. */
const NEVER = -1;

/** The backups of one client. */
export class HedgePolicy {
  readonly #share: number;
  readonly #minDelayMs: number;
  readonly #latencies: LatencyWindow;
  readonly #budget: RetryBudget;
  readonly #delays: Histogram;
  readonly #sent: Counter;
  readonly #won: Counter;
  readonly #exhausted: Counter;
  #refreshMs: number;
  #delayMs = NEVER;

  /** @param scope the client's `backups`. */
  constructor({ maxExtraLoad, minDelayMs }: HedgeSpec, scope: Scope, nowMs: number) {
    this.#share = 1 - maxExtraLoad;
    this.#minDelayMs = minDelayMs;
    this.#latencies = new LatencyWindow(nowMs);
    this.#budget = new RetryBudget({ ttlSecs: 10, minRetriesPerSec: 0, percentCanRetry: maxExtraLoad }, nowMs);
    this.#delays = scope.latency("send_backup_after_ms");
    this.#sent = scope.counter("backups_sent");
    this.#won = scope.counter("backups_won");
    this.#exhausted = scope.counter("budget_exhausted");
    this.#refreshMs = nowMs + REFRESH_MS;
  }

  /** A request begins, whether it may be hedged or not: it earns its share of a backup. */
  started(nowMs: number): void {
    this.#budget.deposit(nowMs);
  }

  /** After how long a request that starts now gets a backup; -1 when it gets none. */
  delayMs(nowMs: number): number {
    if (nowMs >= this.#refreshMs) this.#refresh(nowMs);
    return this.#delayMs;
  }

  /**
   * The delay is over and there is no answer: may the backup go? Pays when it may, from both budgets or from none.
   * @param clientBudget what bounds all that the client sends again.
   */
  mayHedge(nowMs: number, clientBudget: RetryBudget): boolean {
    if (this.#budget.balance(nowMs) === 0 || !clientBudget.tryWithdraw(nowMs)) {
      this.#exhausted.inc();
      return false;
    }
    this.#budget.tryWithdraw(nowMs);
    this.#sent.inc();
    return true;
  }

  /** The backup's answer came first. */
  won(): void {
    this.#won.inc();
  }

  /** How long a success, an attempt given up for time, or the loser of two took: without the last two, slow ones would be missing. */
  record(nowMs: number, latencyMs: number): void {
    this.#latencies.record(nowMs, latencyMs);
  }

  #refresh(nowMs: number): void {
    this.#refreshMs = nowMs + REFRESH_MS;
    const latencyMs = this.#latencies.percentile(nowMs, this.#share);
    const delayMs = Math.max(this.#minDelayMs, latencyMs);
    // What is as long as the window counts may be any length: a backup would come at a moment that means nothing.
    this.#delayMs = latencyMs < 0 || delayMs >= LONGEST_MS ? NEVER : delayMs;
    if (this.#delayMs !== NEVER) this.#delays.record(this.#delayMs);
  }
}
