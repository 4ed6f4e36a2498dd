// @hot The innermost filter of a path: sends a request again when its classifier calls the failure retryable (linkerd1 §6.6.1). A retry
// goes through binding and balancing anew; of the answer that was a failure nothing has been passed on.
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, Up } from "../core/filter.ts";
import { ExactLimit } from "../core/exact-limit.ts";
import type { LimitKeeper } from "../core/limit.ts";
import { Outcome } from "../core/outcome.ts";
import type { Retries } from "../resilience/retries.ts";
import { cancelAttempt, discardAttempt, timeOutAttempt } from "./client-stack.ts";

/** Where an exchange that is sent again finds its service. */
export interface RetryPath {
  readonly retries: Retries;
  /** How long one try may take to the head of its answer, ms; 0 for no limit. */
  readonly perTryTimeoutMs: number;
  /** Sends it to where the name is bound now. */
  dispatch(ex: Exchange): void;
}

/** Waits between tries, and limits each of them. */
class Tries implements LimitKeeper<Exchange> {
  readonly #loop: DataLoop;
  readonly #pathOf: (ex: Exchange) => RetryPath;

  constructor(loop: DataLoop, pathOf: (ex: Exchange) => RetryPath) {
    this.#loop = loop;
    this.#pathOf = pathOf;
  }

  begin(ex: Exchange): void {
    const { perTryTimeoutMs } = this.#pathOf(ex);
    if (perTryTimeoutMs === 0) return;
    ex.tryLimit ??= new ExactLimit(ex, this.#loop);
    ex.tryLimit.set(perTryTimeoutMs, this);
  }

  timeUp(ex: Exchange): void {
    const { perTryTimeoutMs } = this.#pathOf(ex);
    const failure = new Failure(causes.tryTimeout, undefined, { limitMs: perTryTimeoutMs });
    if (ex.rival !== null) cancelAttempt(ex.rival, failure);
    if (ex.attempt !== null) timeOutAttempt(ex.attempt, failure);
    else this.begin(ex); // it waits for its name, which has a limit of its own; the try has not begun
  }

  /** Lets go of what failed; the next try follows, now or after a wait. */
  again(ex: Exchange, delayMs: number): void {
    if (ex.attempt !== null) discardAttempt(ex.attempt);
    ex.client?.end(ex);
    ex.client = null;
    ex.failure = null;
    ex.outcome = Outcome.success;
    ex.retryable = false;
    ex.undecided = false;
    ex.verdict = null;
    ex.pushbackMs = 0;
    ex.callStatus = -1;
    ex.latencyMs = Number.NaN;
    ex.retries++;
    ex.retryDelayMs = delayMs;
    if (delayMs > 0) this.#wait(ex, delayMs);
    else this.#go(ex);
  }

  #wait(ex: Exchange, delayMs: number): void {
    ex.tryLimit ??= new ExactLimit(ex, this.#loop);
    ex.tryLimit.set(delayMs, { timeUp: (subject) => this.#go(subject) }); // cold: retries only
    ex.keeper = waiting;
  }

  #go(ex: Exchange): void {
    ex.keeper = null;
    this.begin(ex);
    this.#pathOf(ex).dispatch(ex);
  }
}

const waiting = {
  release(ex: Exchange): void {
    ex.keeper = null;
    ex.tryLimit?.lift();
  },
};

/** Filters keep nothing per name: they find it by the exchange. */
export function retryFilter(loop: DataLoop, pathOf: (ex: Exchange) => RetryPath): Filter<Exchange> {
  const tries = new Tries(loop, pathOf);
  return new Filter<Exchange>({
    name: "retries",
    doc: "Sends the request again, as a new one below, when its classifier calls the failure retryable and the budget allows it.",
    down: (ex) => {
      pathOf(ex).retries.begin(loop.nowMs);
      tries.begin(ex);
      return Down.go;
    },
    up: (ex) => {
      ex.tryLimit?.lift();
      if (!ex.retryable || ex.answered || ex.pushbackMs < 0) return Up.go;
      const { retries } = pathOf(ex);
      if (!ex.downstream.canReplay()) {
        retries.cannotReplay();
        return Up.go;
      }
      if (!retries.allows(loop.nowMs, ex.retries)) return Up.go;
      const delayMs = ex.pushbackMs > 0 ? ex.pushbackMs : retries.delayMs(ex.retryDelayMs, loop.random);
      if (ex.notes !== null) {
        const why =
          ex.failure === null
            ? `status ${ex.attempt?.status ?? 200}, call status ${ex.callStatus}`
            : ex.failure.cause.token;
        ex.notes.push(
          `retry ${ex.retries + 1} in ${delayMs} ms: ${why} (budget ${retries.budget.balance(loop.nowMs)})`,
        );
      }
      tries.again(ex, delayMs);
      return Up.kept;
    },
    end: (ex) => {
      ex.tryLimit?.lift();
      pathOf(ex).retries.ended(ex.retries); // cold: compiled once
    },
  });
}
