// @hot One endpoint of one client: what is judged, counted and limited per endpoint, and its connections.
import type { Standing } from "../resilience/standing.ts";
import { type Attempt, AttemptLevel, type AttemptOwner } from "../core/attempt.ts";
import type { BodySink } from "../core/body.ts";
import { causes } from "../core/cause.ts";
import { type Classifier, Verdict } from "../core/classifier.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Exchange, PathStage } from "../core/exchange.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, type FilterView, Stack, Up } from "../core/filter.ts";
import { Limit } from "../core/limit.ts";
import { Nack } from "../core/nack.ts";
import { Outcome } from "../core/outcome.ts";
import { Tunnel } from "../core/tunnel.ts";
import { type BalancerNode, EndpointStatus, type LoadCell } from "../core/picker.ts";
import type { SessionSource } from "../core/session.ts";
import type { RequestStats, StatusStats } from "./request-stats.ts";

/** Only answers with this status may say that nothing was done (finagle §6.4). */
const REFUSED = 503;

/** Told how an attempt went. */
export interface AttemptListener {
  /** A head has arrived: where does the body go? */
  answered(ex: Exchange, head: MessageHead): BodySink | null;
  /** No answer came; the attempt is over. */
  failed(ex: Exchange): void;
  /** Of two attempts one has an answer. False when it is not to be passed on: the other is waited for. */
  wins(attempt: Attempt): boolean;
  /** Of two attempts one has failed; the other goes on. */
  loses(ex: Exchange): void;
}

/** What endpoints of one client share. */
export interface EndpointShared {
  readonly loop: DataLoop;
  readonly stack: Stack<Attempt>;
  readonly stats: RequestStats;
  readonly statuses: StatusStats;
  /** What an answer that refuses says of having worked on the request; a matter of the protocol. */
  readonly nackOf: (ex: Exchange, head: MessageHead) => Nack;
  /** Parameters of failure accrual, for people. */
  readonly accrualView: FilterView["params"];
  readonly listener: AttemptListener;
}

/** One endpoint. */
export class Endpoint implements BalancerNode, AttemptOwner {
  readonly key: string;
  weight: number;
  readonly cell: LoadCell;
  readonly accrual: Standing;
  readonly pool: SessionSource;
  readonly stack: Stack<Attempt>;
  readonly stats: RequestStats;
  readonly statuses: StatusStats;
  readonly accrualView: FilterView["params"];
  readonly #loop: DataLoop;
  readonly #listener: AttemptListener;
  readonly #nackOf: EndpointShared["nackOf"];

  constructor(
    key: string,
    weight: number,
    cell: LoadCell,
    accrual: Standing,
    pool: SessionSource,
    shared: EndpointShared,
  ) {
    this.key = key;
    this.weight = weight;
    this.cell = cell;
    this.accrual = accrual;
    this.pool = pool;
    this.stack = shared.stack;
    this.stats = shared.stats;
    this.statuses = shared.statuses;
    this.accrualView = shared.accrualView;
    this.#loop = shared.loop;
    this.#listener = shared.listener;
    this.#nackOf = shared.nackOf;
  }

  status(nowMs: number): EndpointStatus {
    return this.accrual.status(nowMs, this.pool.hasRoom ? EndpointStatus.open : EndpointStatus.busy);
  }

  settledStatus(nowMs: number): EndpointStatus {
    return this.accrual.settledStatus(nowMs, this.pool.hasRoom ? EndpointStatus.open : EndpointStatus.busy);
  }

  answered(attempt: Attempt, head: MessageHead): BodySink | null {
    const ex = attempt.exchange as Exchange;
    attempt.latencyMs = this.#loop.nowMs - attempt.startMs;
    if (ex.tunnel === Tunnel.open) this.#lasts(attempt, ex);
    else judge(attempt, ex, classifierOf(ex).answer(ex, attempt.status, head, attempt.callStatus));
    if (attempt.status === REFUSED) this.#readNack(attempt, ex, head);
    this.stack.up(attempt);
    ex.endpoint = this.key; // of two attempts the one that answers
    if (ex.rival !== null && !this.#listener.wins(attempt)) return null;
    return this.#listener.answered(ex, head);
  }

  // That there is a tunnel is the success; what it carries, and how it ends, is between its ends.
  #lasts(attempt: Attempt, ex: Exchange): void {
    judge(attempt, ex, Verdict.success);
    this.cell.answered(this.#loop.nowMs, attempt.startMs);
    attempt.lasting = true;
  }

  // It counts against the endpoint; whether the request is sent elsewhere is decided above.
  #readNack(attempt: Attempt, ex: Exchange, head: MessageHead): void {
    ex.nack = this.#nackOf(ex, head);
    if (ex.nack === Nack.final) ex.retryable = false;
    if (ex.nack !== Nack.hinted && ex.nack !== Nack.retryable) return;
    attempt.failure = new Failure(causes.nack, undefined, { endpoint: this.key });
    attempt.outcome = Outcome.failure;
    ex.failure = attempt.failure;
    ex.outcome = Outcome.failure;
  }

  failed(attempt: Attempt, failure: Failure): void {
    const ex = attempt.exchange as Exchange;
    this.#note(attempt, ex, failure);
    this.stack.up(attempt);
    const rival = ex.rival !== null;
    this.#over(attempt, ex);
    if (rival) this.#listener.loses(ex);
    else this.#listener.failed(ex);
  }

  finished(attempt: Attempt): void {
    const ex = attempt.exchange as Exchange;
    if (ex.undecided) {
      judge(attempt, ex, classifierOf(ex).end(ex, attempt.callStatus));
      this.stack.up(attempt);
    }
    ex.callStatus = attempt.callStatus;
    this.#over(attempt, ex);
  }

  broke(attempt: Attempt, failure: Failure): void {
    const ex = attempt.exchange as Exchange;
    const failed = attempt.judged && attempt.outcome === Outcome.failure;
    this.#note(attempt, ex, failure);
    if (!failed) {
      attempt.judged = false; // the head was judged a success; what came of it is judged again
      this.stack.up(attempt);
    }
    this.#over(attempt, ex);
  }

  /** Stops an attempt whose exchange is over for other reasons. */
  cancel(attempt: Attempt, why: Failure): void {
    const ex = attempt.exchange as Exchange;
    attempt.failure = why;
    attempt.outcome = why.ignorable ? Outcome.ignorable : Outcome.failure;
    this.#release(attempt, why);
    this.#over(attempt, ex);
  }

  /** Drops an answer whose head has come: something else follows. */
  discard(attempt: Attempt): void {
    attempt.upstream?.discard(attempt);
    this.#over(attempt, attempt.exchange as Exchange);
  }

  #release(attempt: Attempt, why: Failure): void {
    if (attempt.waitingIn !== null) attempt.waitingIn.abandon(attempt);
    else attempt.upstream?.cancel(attempt, why);
  }

  #note(attempt: Attempt, ex: Exchange, failure: Failure): void {
    attempt.failure = failure;
    ex.failure = failure;
    judge(attempt, ex, classifierOf(ex).failed(ex, failure));
    if (failure.ignorable) attempt.outcome = ex.outcome = Outcome.ignorable;
    else if (failure.ours) attempt.outcome = Outcome.ignorable; // the request has failed, the endpoint has not
  }

  #over(attempt: Attempt, ex: Exchange): void {
    this.stack.end(attempt);
    if (ex.attempt === attempt) {
      ex.attempt = ex.rival;
      ex.rival = null;
    } else if (ex.rival === attempt) ex.rival = null;
    this.#loop.attempts.give(attempt);
  }

  /** An attempt took too long. */
  timeUp(attempt: Attempt): void {
    this.giveUp(attempt, new Failure(causes.attemptTimeout));
  }

  /** Ends an attempt with a failure of ours. */
  giveUp(attempt: Attempt, failure: Failure): void {
    this.#release(attempt, failure);
    this.failed(attempt, failure);
  }
}

function classifierOf(ex: Exchange): Classifier {
  return (ex.path as PathStage).classifier; // whoever has an attempt has a path
}

// What the classifier says holds for the attempt and, until there is another, for the exchange.
function judge(attempt: Attempt, ex: Exchange, verdict: Verdict): void {
  const failed = verdict === Verdict.failure || verdict === Verdict.retryable;
  attempt.outcome = failed ? Outcome.failure : Outcome.success;
  ex.outcome = attempt.outcome;
  ex.undecided = verdict === Verdict.undecided;
  // What offers an upgrade is not sent twice: who knows what the service has begun.
  const once = ex.tunnel !== Tunnel.none && attempt.upstream !== null;
  ex.retryable = verdict === Verdict.retryable && !once;
}

/** Attempts of this router belong to endpoints. */
function endpointOf(attempt: Attempt): Endpoint {
  return attempt.owner as Endpoint;
}

/**
 * The endpoint stacks of one router, one for each attempt timeout. Filters keep nothing per endpoint: they find it by the attempt.
 * So hundreds of endpoints run through the same few objects, which stay in the processor's cache.
 */
export class EndpointStacks {
  readonly #loop: DataLoop;
  readonly #byTimeoutMs = new Map<number, Stack<Attempt>>();

  constructor(loop: DataLoop) {
    this.#loop = loop;
  }

  /** @param attemptTimeoutMs 0 = no limit. */
  of(attemptTimeoutMs: number): Stack<Attempt> {
    const known = this.#byTimeoutMs.get(attemptTimeoutMs);
    if (known !== undefined) return known;
    const made = endpointStack(this.#loop, attemptTimeoutMs);
    this.#byTimeoutMs.set(attemptTimeoutMs, made);
    return made;
  }
}

// Order, and why: stats above accrual above timeout, so that timeouts are counted and accrue (finagle §10.2).
function endpointStack(loop: DataLoop, attemptTimeoutMs: number): Stack<Attempt> {
  const filters = [loadFilter(loop), statsFilter(), accrualFilter(loop)];
  if (attemptTimeoutMs > 0) filters.push(timeoutFilter(loop, attemptTimeoutMs));
  return new Stack(
    AttemptLevel.endpoint,
    filters,
    (attempt) => endpointOf(attempt).pool.acquire(attempt), // cold: compiled once
    (attempt) => endpointOf(attempt).failed(attempt, attempt.failure ?? new Failure(causes.internal)), // cold: compiled once
  );
}

function loadFilter(loop: DataLoop): Filter<Attempt> {
  return new Filter({
    name: "load",
    doc: "Counts the attempt against the endpoint's load from acquisition to release, for the balancer.",
    down: (attempt) => {
      endpointOf(attempt).cell.start(attempt.startMs);
      return Down.go;
    },
    end: (attempt) => {
      const { cell } = endpointOf(attempt);
      if (attempt.lasting) cell.left(loop.nowMs);
      else cell.end(loop.nowMs, attempt.startMs, attempt.outcome === Outcome.failure);
    },
  });
}

function statsFilter(): Filter<Attempt> {
  return new Filter({
    name: "client-stats",
    doc: "Counts attempts, outcomes, causes, statuses and latency under rt/<router>/client/<id>.",
    down: (attempt) => {
      endpointOf(attempt).stats.begin();
      return Down.go;
    },
    end: (attempt) => {
      const { stats, statuses } = endpointOf(attempt);
      stats.end(attempt.outcome, attempt.failure, attempt.latencyMs);
      if (attempt.outcome !== Outcome.ignorable) statuses.record(attempt.status, attempt.latencyMs);
    },
  });
}

function accrualFilter(loop: DataLoop): Filter<Attempt> {
  return new Filter({
    name: ACCRUAL,
    doc: "Marks the endpoint dead after failures, probes it with one request, and revives it.",
    down: (attempt) => {
      endpointOf(attempt).accrual.started(loop.nowMs);
      return Down.go;
    },
    up: (attempt) => {
      if ((attempt.exchange as Exchange).undecided) return Up.go;
      const { accrual } = endpointOf(attempt);
      attempt.judged = true;
      if (attempt.outcome === Outcome.success) accrual.succeeded(loop.nowMs);
      else if (attempt.outcome === Outcome.failure) accrual.failed(loop.nowMs);
      else accrual.ignored(loop.nowMs);
      return Up.go;
    },
    end: (attempt) => {
      if (!attempt.judged) endpointOf(attempt).accrual.ignored(loop.nowMs);
    },
  });
}

function timeoutFilter(loop: DataLoop, attemptTimeoutMs: number): Filter<Attempt> {
  return new Filter({
    name: "attempt-timeout",
    doc: "Gives up an attempt whose answer does not begin in time.",
    params: { requestAttemptTimeoutMs: attemptTimeoutMs },
    down: (attempt) => {
      attempt.limit ??= new Limit(attempt, loop.wheel);
      attempt.limit.set(attemptTimeoutMs, endpointOf(attempt));
      return Down.go;
    },
    up: (attempt) => {
      attempt.limit?.lift();
      return Up.go;
    },
    end: (attempt) => attempt.limit?.lift(), // cold: compiled once
  });
}

const ACCRUAL = "failure-accrual";

/** The endpoint stack in words, with the parameters of the endpoint's client. */
export function viewOf(endpoint: Endpoint): FilterView[] {
  return endpoint.stack.view({ [ACCRUAL]: endpoint.accrualView });
}
