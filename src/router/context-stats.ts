// What requests bring along from the hop before: figures of a server for those that do (linkerd1 §7.4, finagle §9).
import type { Clock } from "../base/clock.ts";
import type { Exchange } from "../core/exchange.ts";
import type { Histogram } from "../telemetry/histogram.ts";
import type { Counter } from "../telemetry/metrics.ts";
import type { Scope } from "../telemetry/registry.ts";

export class ContextStats {
  readonly #clock: Clock;
  readonly #dtabSize: Histogram;
  readonly #transitMs: Histogram;
  readonly #unreadable: Counter;

  constructor(scope: Scope, clock: Clock) {
    this.#clock = clock;
    this.#dtabSize = scope.scope("dtab").stat("size");
    this.#transitMs = scope.latency("transit_latency_ms");
    this.#unreadable = scope.scope("context").counter("unreadable");
  }

  /** A request with an override or a deadline has arrived, or with one that cannot be read. */
  record(ex: Exchange): void {
    if (ex.unreadable > 0) this.#unreadable.add(ex.unreadable);
    if (ex.localDtab !== "") this.#dtabSize.record(entriesOf(ex.localDtab));
    // The clocks of two machines differ: a request from the future has been under way for no time.
    if (ex.deadline?.received === true) {
      this.#transitMs.record(Math.max(0, this.#clock.epochMs() - ex.deadline.timestampMs));
    }
  }
}

/** Entries of a dtab in its canonical text, in which `;` stands only between two. */
function entriesOf(canonical: string): number {
  return canonical.split(";").length;
}
