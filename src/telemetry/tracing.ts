// @hot What telemeters that trace want to know of requests, on one event loop. While there is no such telemeter, nobody calls anything here.
import type { Clock } from "../base/clock.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange } from "../core/exchange.ts";
import type { TraceId } from "../core/trace-id.ts";
import { DRAWS, type Sampler } from "./sampling.ts";
import { type TracedRequest, tracedRequest, type TracedServer } from "./traced-request.ts";

/** What it stands on. */
export interface TracingParts {
  readonly loop: DataLoop;
  readonly clock: Clock;
  /** Takes what has become of a request. */
  readonly take: (request: TracedRequest) => void;
}

/** Looks at the beginning and the end of requests. */
export class Tracing {
  /** Somebody traces: looked at once at the beginning of a request and once at its end. */
  on = false;
  readonly #parts: TracingParts;
  /** Shares in draws, each the largest of all telemeters of its kind; 0 when there are none. */
  #decided = 0;
  #undecided = 0;
  #ofAll = 0;
  /** All telemeters decide: what none of them wants is decided against. */
  #settles = false;

  constructor(parts: TracingParts) {
    this.#parts = parts;
  }

  /** From now on for these telemeters. */
  follow(samplers: readonly Sampler[]): void {
    this.on = samplers.length > 0;
    this.#decided = 0;
    this.#undecided = 0;
    this.#ofAll = 0;
    this.#settles = true;
    for (let i = 0; i < samplers.length; i++) {
      const { decides, ofAll, rate } = samplers[i] as Sampler;
      const draws = rate * DRAWS;
      if (decides) this.#decided = Math.max(this.#decided, draws);
      else if (ofAll) this.#ofAll = Math.max(this.#ofAll, draws);
      else this.#undecided = Math.max(this.#undecided, draws);
      if (!decides) this.#settles = false;
    }
  }

  /** Gives a request its spans, and decides whether it is sampled where nobody has. Before it is sent on. */
  begin(ex: Exchange): void {
    const { trace } = ex;
    trace.nextTraced(this.#parts.loop.random);
    if (trace.undecided && (this.#settles || trace.draw < this.#decided)) trace.decide(this.#decided / DRAWS);
    if (this.#wants(trace)) ex.notes = [];
  }

  #wants(trace: TraceId): boolean {
    if (trace.sampled) return true;
    const { draw } = trace;
    return draw < this.#ofAll || (trace.undecided && draw < this.#undecided);
  }

  /** A request is over; what it was is still there. */
  end(ex: Exchange, server: TracedServer): void {
    if (!ex.trace.traced) {
      if (ex.path !== null) return; // it began before anybody traced
      this.begin(ex); // it was refused before it had a name
    }
    if (!this.#wants(ex.trace)) return;
    const { clock, loop, take } = this.#parts;
    take(tracedRequest(ex, server, clock.epochMs(), loop.nowMs));
  }
}
