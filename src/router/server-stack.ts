// @hot The server side of a router: what every request meets first and every answer last.
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { type Exchange, ExchangeLevel } from "../core/exchange.ts";
import type { ExchangeHandler } from "../core/exchange-handler.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, type FilterView, Stack, Up } from "../core/filter.ts";
import { ExactLimit } from "../core/exact-limit.ts";
import { Limit, type LimitKeeper } from "../core/limit.ts";
import { Outcome } from "../core/outcome.ts";
import { budgetMs, DeadlineAdmission, type DeadlineMode, DeadlineVerdict } from "../resilience/deadline-admission.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { TracedServer } from "../telemetry/traced-request.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { PluginError } from "../core/plugin-error.ts";
import { ContextStats } from "./context-stats.ts";
import { RequestStats, StatusStats } from "./request-stats.ts";
import { type FilterOwner, filterStep, type RouterFilter } from "./request-filters.ts";
import type { Router } from "./router.ts";

/** Bounds of one server (linkerd1 §1.3); 0 or null = none. */
export interface ServerSettings {
  /** Of this event loop. */
  readonly maxConcurrentRequests: { readonly part: number } | null;
  readonly timeoutMs: number;
  /** What becomes of requests whose deadline has passed. */
  readonly deadlines: DeadlineMode | "off";
  /** What telemeters that trace tell of it. */
  readonly traced: TracedServer;
}

/** Takes the exchanges of one listener to its router. */
export class RouterServer implements ExchangeHandler, FilterOwner {
  readonly #router: Router;
  readonly #stack: Stack<Exchange>;
  readonly #stats: RequestStats;
  readonly #statuses: StatusStats;
  readonly #contexts: ContextStats;
  readonly #loop: DataLoop;
  readonly #broken: (error: unknown) => void;
  readonly #tracing: Tracing;
  readonly #traced: TracedServer;
  #active = 0;

  /** @param broken hears of errors of ours; the exchange concerned fails, everything else goes on. */
  constructor(
    router: Router,
    loop: DataLoop,
    settings: ServerSettings,
    scope: Scope,
    broken: (error: unknown) => void,
  ) {
    this.#router = router;
    this.#loop = loop;
    this.#broken = broken;
    this.#tracing = router.tracing;
    this.#traced = settings.traced;
    this.#stats = new RequestStats(scope);
    this.#statuses = new StatusStats(scope, true);
    this.#contexts = new ContextStats(scope, loop.clock);
    const filters = [this.#statsFilter()];
    filters.push(this.#deadlineFilter(settings.deadlines, scope));
    if (settings.maxConcurrentRequests !== null) filters.push(this.#concurrencyFilter(settings.maxConcurrentRequests));
    if (settings.timeoutMs > 0) filters.push(this.#timeoutFilter(settings.timeoutMs));
    for (let i = 0; i < router.filters.length; i++) {
      filters.push(filterStep(router.filters[i] as RouterFilter, this));
    }
    this.#stack = new Stack(
      ExchangeLevel.server,
      filters,
      (ex) => router.route(ex), // cold: once
      (ex) => router.refuse(ex, ex.failure ?? new Failure(causes.internal)), // cold: once
    );
  }

  /** Requests in progress. */
  get active(): number {
    return this.#active;
  }

  accept(ex: Exchange): void {
    ex.server = this.#stack;
    this.#down(ex);
  }

  resume(ex: Exchange, failure: Failure | null): void {
    const loop = this.#loop;
    loop.tick();
    if (failure === null) this.#down(ex);
    else this.refuse(ex, failure);
    loop.scratch.flush();
  }

  #down(ex: Exchange): void {
    const { generation } = ex;
    try {
      this.#stack.down(ex);
    } catch (error) {
      const known = error instanceof PluginError ? error.failure : null;
      if (known === null) this.#broken(error);
      if (ex.generation === generation) this.refuse(ex, known ?? new Failure(causes.internal));
    }
  }

  refuse(ex: Exchange, failure: Failure): void {
    this.#router.refuse(ex, failure);
  }

  finished(ex: Exchange): void {
    if (ex.server === null) this.#countRefused(ex);
    this.#end(ex);
  }

  cancelled(ex: Exchange, failure: Failure): void {
    this.#router.cancel(ex, failure);
    if (ex.status === 0) ex.status = CLIENT_CLOSED;
    this.#end(ex);
  }

  #end(ex: Exchange): void {
    this.#router.end(ex);
    if (this.#tracing.on) this.#tracing.end(ex, this.#traced);
  }

  // Refused by the protocol before it came to the stack; it is a request all the same.
  #countRefused(ex: Exchange): void {
    this.#stats.begin();
    this.#stats.end(ex.outcome, ex.failure, ex.latencyMs);
    this.#statuses.record(ex.status, ex.latencyMs);
  }

  #statsFilter(): Filter<Exchange> {
    const stats = this.#stats;
    const statuses = this.#statuses;
    const contexts = this.#contexts;
    return new Filter<Exchange>({
      name: "server-stats",
      doc: "Counts requests, outcomes, causes, statuses and latency under rt/<router>/server/<ip>/<port>.",
      down: (ex) => {
        this.#active++;
        stats.begin();
        if (ex.deadline !== null || ex.localDtab !== "" || ex.unreadable > 0) contexts.record(ex);
        return Down.go;
      },
      end: (ex) => {
        this.#active--;
        const told = ex.failure === null ? ex.verdict : null;
        stats.end(told ?? ex.outcome, ex.failure, ex.latencyMs);
        if (ex.outcome !== Outcome.ignorable) statuses.record(ex.status, ex.latencyMs);
      },
    });
  }

  #deadlineFilter(mode: ServerSettings["deadlines"], scope: Scope): Filter<Exchange> {
    const loop = this.#loop;
    const admission = mode === "off" ? null : new DeadlineAdmission(mode, scope, loop.nowMs);
    const keeper = {
      timeUp: (ex: Exchange) =>
        this.#router.refuse(ex, new Failure(causes.deadlinePassed, undefined, { budgetMs: Math.round(ex.budgetMs) })), // cold: on expiry
    };
    return new Filter<Exchange>({
      name: "deadline",
      doc: "Refuses what comes after its deadline, and ends what is not answered before it; counts only, unless deadlines are enforced.",
      params: { deadlines: mode },
      down: (ex) => {
        ex.keepsDeadlines = mode === "enforce";
        const timed = ex.callTimeoutMs === ex.callTimeoutMs;
        const epochMs = timed || ex.deadline !== null ? loop.clock.epochMs() : 0;
        // Of a caller that tells both, the length is no matter of clocks; where deadlines are kept the two are compared as lengths.
        if (timed && (ex.deadline === null || ex.callTimeoutMs <= 0 || mode !== "enforce")) {
          ex.limitTo(epochMs, Math.ceil(ex.callTimeoutMs), loop.nowMs);
        }
        const { deadline } = ex;
        const verdict = admission === null ? DeadlineVerdict.serve : admission.judge(deadline, epochMs, loop.nowMs);
        if (deadline === null) return Down.go;
        if (verdict === DeadlineVerdict.refuse) {
          ex.failure = new Failure(causes.deadlineExpired, undefined, { lateMs: epochMs - deadline.deadlineMs });
          return Down.answered;
        }
        ex.budgetMs = budgetMs(deadline);
        if (timed) ex.budgetMs = Math.min(ex.budgetMs, ex.callTimeoutMs);
        if (ex.keepsDeadlines) this.#keep(ex, epochMs, keeper);
        return Down.go;
      },
      up: (ex) => {
        if (!ex.deadlineOfWhole) ex.deadlineLimit?.lift();
        return Up.go;
      },
      end: (ex) => ex.deadlineLimit?.lift(), // cold: compiled once
    });
  }

  #keep(ex: Exchange, epochMs: number, keeper: LimitKeeper<Exchange>): void {
    ex.keepDeadline(epochMs, Math.max(0, ex.budgetMs));
    if (ex.budgetMs <= 0 || ex.budgetMs > LONGEST_MS) return; // late and served all the same, or no time that anybody waits for
    ex.deadlineLimit ??= new ExactLimit(ex, this.#loop);
    ex.deadlineLimit.set(ex.budgetMs, keeper);
  }

  #concurrencyFilter(limit: { readonly part: number }): Filter<Exchange> {
    let refusal = new Failure(causes.concurrency, undefined, { limit: limit.part });
    return new Filter<Exchange>({
      name: "max-concurrent-requests",
      doc: "Refuses at once what goes beyond the limit; nobody waits.",
      params: { maxConcurrentRequests: limit.part },
      down: (ex) => {
        const { part } = limit;
        if (this.#active <= part) return Down.go;
        if (refusal.detail["limit"] !== part) refusal = new Failure(causes.concurrency, undefined, { limit: part }); // cold: another event loop died or came back
        ex.failure = refusal;
        return Down.answered;
      },
    });
  }

  #timeoutFilter(timeoutMs: number): Filter<Exchange> {
    const keeper = {
      timeUp: (ex: Exchange) =>
        this.#router.refuse(ex, new Failure(causes.serverTimeout, undefined, { limitMs: timeoutMs })), // cold: on expiry
    };
    return new Filter<Exchange>({
      name: "server-timeout",
      doc: "Answers 503 when the request takes longer, wherever the time went; sets the deadline.",
      params: { timeoutMs },
      down: (ex) => {
        ex.serverLimit ??= new Limit(ex, this.#loop.wheel);
        ex.serverLimit.set(timeoutMs, keeper);
        ex.limitTo(this.#loop.clock.epochMs(), timeoutMs, this.#loop.nowMs);
        return Down.go;
      },
      up: (ex) => {
        ex.serverLimit?.lift();
        return Up.go;
      },
      end: (ex) => ex.serverLimit?.lift(), // cold: compiled once
    });
  }

  /** The server stack in words. */
  view(): FilterView[] {
    return this.#stack.view();
  }
}

/** A deadline further away than this is none: timers take no more. */
const LONGEST_MS = 2 ** 31 - 1;

/** What the log says when the caller left (as nginx has it). */
const CLIENT_CLOSED = 499;
