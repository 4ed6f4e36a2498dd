// @hot What every request to a client passes: statistics, limits, second attempts, and the decision to send a failed one again.
import type { DataLoop } from "../core/data-loop.ts";
import { type Exchange, ExchangeLevel } from "../core/exchange.ts";
import { Down, Filter, Stack, Up } from "../core/filter.ts";
import { Outcome } from "../core/outcome.ts";
import { Tunnel } from "../core/tunnel.ts";
import { type Client, discardAttempt, LIMIT, type PathClient, REQUEUE } from "./client-stack.ts";
import type { RequestStats } from "./request-stats.ts";

/** The client that an exchange in a client stack goes to. */
function clientOf(ex: Exchange): Client {
  return (ex.destination as PathClient).target as Client; // an exchange comes here only with a client
}

function statsOf(ex: Exchange): RequestStats {
  return (ex.destination as PathClient).stats as RequestStats; // as above
}

/**
 * The client stacks of a router, by what a client wants of them: what is switched off costs nothing. Filters find the client by the exchange, so
 * clients that want the same share a stack.
 */
export class ClientStacks {
  readonly #loop: DataLoop;
  readonly #known: (Stack<Exchange> | undefined)[] = [];

  constructor(loop: DataLoop) {
    this.#loop = loop;
  }

  of(limits: boolean, hedges: boolean): Stack<Exchange> {
    return (this.#known[(limits ? 1 : 0) | (hedges ? 2 : 0)] ??= clientStack(this.#loop, limits, hedges));
  }
}

function clientStack(loop: DataLoop, limits: boolean, hedges: boolean): Stack<Exchange> {
  const filters = [serviceStatsFilter(loop)];
  if (limits) filters.push(limitFilter(loop));
  if (hedges) filters.push(hedgeFilter());
  filters.push(requeueFilter());
  return new Stack<Exchange>(
    ExchangeLevel.client,
    filters,
    (ex) => clientOf(ex).attempt(ex), // cold: compiled once
    (ex) => clientOf(ex).leave(ex), // cold: compiled once
  );
}

function limitFilter(loop: DataLoop): Filter<Exchange> {
  return new Filter<Exchange>({
    name: LIMIT,
    doc: "Refuses at once what goes beyond the number of requests that the service was found to serve well; nobody waits.",
    down: (ex) => {
      const { limit } = clientOf(ex);
      if (limit === null) return Down.go;
      if (limit.tryAcquire()) {
        ex.hasPlace = true;
        return Down.go;
      }
      ex.failure = clientOf(ex).full;
      ex.outcome = Outcome.failure;
      ex.retryable = false;
      return Down.answered;
    },
    end: (ex) => {
      if (!ex.hasPlace) return;
      ex.hasPlace = false;
      const outcome = ex.tunnel === Tunnel.open ? Outcome.ignorable : ex.outcome; // its length is no latency
      clientOf(ex).limit?.release(loop.nowMs, ex.sentMs, outcome);
    },
  });
}

function hedgeFilter(): Filter<Exchange> {
  return new Filter<Exchange>({
    name: "hedge",
    doc: "Makes a second attempt, at another endpoint, when the first takes longer than nearly all others did; the first good answer wins.",
    down: (ex) => {
      clientOf(ex).hedging?.begin(ex);
      return Down.go;
    },
    end: (ex) => ex.hedgeLimit?.lift(), // cold: compiled once
  });
}

function serviceStatsFilter(loop: DataLoop): Filter<Exchange> {
  return new Filter<Exchange>({
    name: "client-service-stats",
    doc: "Counts requests under rt/<router>/client/<id>/service/<name>, requeues not counted apart.",
    down: (ex) => {
      ex.attemptsBefore = ex.attempts;
      ex.sentMs = loop.nowMs;
      statsOf(ex).begin();
      return Down.go;
    },
    end: (ex) => statsOf(ex).end(ex.outcome, ex.failure, ex.latencyMs), // cold: compiled once
  });
}

// Immediately, within the client's budget (linkerd1 §6.6.2).
function requeueFilter(): Filter<Exchange> {
  return new Filter<Exchange>({
    name: REQUEUE,
    doc: "Sends a failed request again, at once and to an endpoint picked anew, when it was not processed or was lost with a kept connection and does no harm twice.",
    up: (ex) => {
      if (ex.failure === null) return Up.go;
      const client = clientOf(ex);
      const again = client.mayRequeue(ex);
      if (ex.notes !== null) ex.notes.push(client.requeue.note(ex.failure, again));
      if (!again) return Up.go;
      if (ex.attempt !== null) discardAttempt(ex.attempt); // it was answered, with a refusal
      ex.failure = null;
      ex.outcome = Outcome.success;
      client.attempt(ex);
      return Up.kept;
    },
    end: (ex) => clientOf(ex).requeue.ended(ex), // cold: compiled once
  });
}
