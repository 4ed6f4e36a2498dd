// @hot The figures every scope has of its requests (linkerd1 §7.4): requests, success, failures by cause, latency, pending.
import type { Cause } from "../core/cause.ts";
import type { Failure } from "../core/failure.ts";
import { Outcome } from "../core/outcome.ts";
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter, CounterGroup } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

// Places in the group of counters.
const REQUESTS = 0;
const SUCCESS = 1;
const FAILURES = 2;

/** Counters of one scope. */
export class RequestStats {
  pending = 0;
  readonly #scope: Scope;
  readonly #counters: CounterGroup;
  readonly #latency: Histogram;
  #lastCause: Cause | null = null;
  #lastCounter: Counter | null = null;

  constructor(scope: Scope) {
    this.#scope = scope;
    this.#counters = scope.counters("requests", "success", "failures");
    this.#latency = scope.latency("request_latency_ms");
    scope.gauge("pending", () => this.pending); // cold: once per scope
  }

  begin(): void {
    this.pending++;
  }

  /**
   * One request is over. Ignorable endings (the caller left) are no requests (finagle §9); only their cause is counted.
   * @param latencyMs to the answer's head; NaN when there was none and the time says nothing.
   */
  end(outcome: Outcome, failure: Failure | null, latencyMs: number): void {
    this.pending--;
    if (failure !== null) this.#cause(failure);
    if (outcome === Outcome.ignorable) return;
    this.#counters.inc(REQUESTS);
    this.#counters.inc(outcome === Outcome.success ? SUCCESS : FAILURES);
    if (latencyMs === latencyMs) this.#latency.record(latencyMs);
  }

  // By token, so that header, log and metric say the same word. Under overload it is the same one all the time.
  #cause({ cause }: Failure): void {
    if (cause !== this.#lastCause) {
      this.#lastCause = cause;
      this.#lastCounter = this.#scope.scope("failures").counter(cause.token);
    }
    (this.#lastCounter as Counter).inc(); // of the last cause
  }
}

/** Counts answers by status: `status/200`, `status/2XX`, and the latency per class for servers. */
export class StatusStats {
  readonly #scope: Scope;
  readonly #times: Scope | null;
  readonly #byCode: (Counter | undefined)[] = [];
  readonly #byClass: (Counter | undefined)[] = [];
  readonly #timeByClass: (Histogram | undefined)[] = [];
  // The status counted last, which is nearly always the next one too.
  #last = -1;
  #lastCode: Counter | null = null;
  #lastClass: Counter | null = null;
  #lastTime: Histogram | null = null;

  /** @param withTimes also keep `time/<class>`. */
  constructor(scope: Scope, withTimes: boolean) {
    this.#scope = scope.scope("status");
    this.#times = withTimes ? scope.scope("time") : null;
  }

  /** @param status 0 when no answer came: `status/error`. */
  record(status: number, latencyMs: number): void {
    if (status !== this.#last) this.#look(status);
    (this.#lastCode as Counter).inc(); // `look` found it
    if (this.#lastClass !== null) this.#lastClass.inc();
    if (this.#lastTime !== null) this.#lastTime.record(latencyMs);
  }

  #look(status: number): void {
    const digit = (status / 100) | 0;
    this.#last = status;
    this.#lastCode = this.#byCode[status] ?? this.#newCode(status);
    this.#lastClass = status === 0 ? null : (this.#byClass[digit] ?? this.#newClass(digit));
    const timed = status !== 0 && this.#times !== null;
    this.#lastTime = timed ? (this.#timeByClass[digit] ?? this.#newTime(digit)) : null;
  }

  #newCode(status: number): Counter {
    return (this.#byCode[status] = this.#scope.counter(status === 0 ? "error" : String(status)));
  }

  #newClass(digit: number): Counter {
    return (this.#byClass[digit] = this.#scope.counter(`${digit}XX`));
  }

  #newTime(digit: number): Histogram {
    return (this.#timeByClass[digit] = (this.#times as Scope).latency(`${digit}XX`));
  }
}
