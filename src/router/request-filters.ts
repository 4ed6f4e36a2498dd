// @hot Request filters from outside of the core: the step in the server's stack that runs one, and keeps what it throws from doing harm.
//
// They stand below everything the server does by itself and above the identifier: each request comes by once, whatever is sent again
// below; what they change of it counts for its name; and every ending passes them on its way up.
import { causes } from "../core/cause.ts";
import type { Exchange } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, type FilterView, Up } from "../core/filter.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Outcome } from "../core/outcome.ts";
import type { Slot } from "../core/slots.ts";
import { FilterWait, type Refusal } from "./filter-wait.ts";

/** The three moments of a filter; it keeps nothing per request but in slots. */
export interface RequestFilter {
  /**
   * A request on its way down. Nothing returned means that it passes. A promise keeps the request until it is settled, and says then whether it
   * passes; by then the caller may have left and `ex` be another request's, so that it is not to be touched any more.
   */
  down?(ex: Exchange): Down | undefined | Promise<Refusal | undefined>;
  /** Its ending on the way up, once: the head of the answer, valid during the call, or null with `ex.failure`. */
  up?(ex: Exchange, head: MessageHead | null): void;
  /** It is over; exactly once, and only where `down` was called. */
  end?(ex: Exchange): void;
}

/** A filter as a router has it. */
export interface RouterFilter {
  /** Its kind. */
  readonly name: string;
  readonly doc: string;
  readonly params: FilterView["params"];
  readonly filter: RequestFilter;
  /** It has seen the way up. */
  readonly told: Slot<boolean>;
  /** Counts and logs what it threw; this becomes of the exchange. */
  threw(error: unknown): Failure;
}

/** The server in whose stack filters stand. */
export interface FilterOwner {
  /** Answers with a failure, whatever is going on for the exchange. */
  refuse(ex: Exchange, failure: Failure): void;
  /** A request that a filter has kept goes on, or ends with the failure given. Between two callbacks of the transport. */
  resume(ex: Exchange, failure: Failure | null): void;
}

/** The step for a filter. */
export function filterStep(given: RouterFilter, owner: FilterOwner): Filter<Exchange> {
  const { doc, filter, name, params, threw, told } = given;
  // cold: compiled once
  return new Filter<Exchange>({
    name,
    doc,
    params,
    down: (ex) => {
      try {
        const verdict = filter.down?.(ex) ?? Down.go;
        if (typeof verdict === "object") return keep(ex, verdict);
        if (verdict !== Down.answered) return verdict;
        ex.failure =
          ex.failure !== null
            ? withKind(ex.failure, name)
            : threw(new TypeError("it answered without a failure; return refuse(…)"));
      } catch (error) {
        ex.failure = threw(error);
      }
      ex.outcome = Outcome.failure;
      return Down.answered;
    },
    ...(filter.up === undefined ? {} : { up: upOf(given) }), // cold: compiled once
    end: (ex) => {
      try {
        filter.end?.(ex);
      } catch (error) {
        threw(error);
      }
    },
  });

  function keep(ex: Exchange, mind: Promise<Refusal | undefined>): Down {
    ex.keeper = new FilterWait(ex, mind, {
      settled(kept, refusal) {
        owner.resume(kept, refusal === undefined ? null : failureOf(refusal));
      },
      threw: (kept, error) => owner.resume(kept, threw(error)), // cold: filters that wait cost a promise anyway
    });
    return Down.kept;
  }

  function failureOf(refusal: Refusal): Failure {
    try {
      return withKind(refused(refusal), name);
    } catch (error) {
      return threw(error);
    }
  }

  function upOf({ filter }: RouterFilter): (ex: Exchange) => Up {
    return (ex) => {
      if (told.get(ex)) return Up.go; // what fails after its head came up passes once more
      told.set(ex, true);
      try {
        filter.up?.(ex, ex.answerHead);
      } catch (error) {
        const failure = threw(error);
        if (ex.failure !== null) return Up.go; // it fails already
        owner.refuse(ex, failure);
        return Up.kept;
      }
      return Up.go;
    };
  }
}

/** What becomes of a request that a filter refuses. @throws RangeError for what is no status of a refusal. */
export function refused({ message, status }: Refusal): Failure {
  if (!(Number.isInteger(status) && status >= 400 && status <= 599))
    throw new RangeError(`a request is refused with a status from 400 to 599, not ${status}`);
  return new Failure(causes.pluginRefused, message.replaceAll(/[\r\n]+/g, " "), { status });
}

// The kind is what people look for in their configuration.
function withKind(failure: Failure, kind: string): Failure {
  if (failure.cause !== causes.pluginRefused) return failure;
  return new Failure(failure.cause, failure.message, { ...failure.detail, kind }, failure.retry); // cold: refusals of plug-ins only
}
