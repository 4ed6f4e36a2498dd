// @hot A bound client: its endpoints, its balancer, and the decision to send a failed request again.
import { type Attempt } from "../core/attempt.ts";
import type { BodySink } from "../core/body.ts";
import { follow } from "../balance/balancer.ts";
import type { EndpointInfo, EndpointSet } from "../core/border.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Destination } from "../core/destination.ts";
import { type Exchange, ExchangeLevel, type Keeper } from "../core/exchange.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, type FilterView, Stack, Up } from "../core/filter.ts";
import { Outcome } from "../core/outcome.ts";
import { type Balancer, EndpointStatus, type LoadCell } from "../core/picker.ts";
import type { Requeue } from "../resilience/requeue.ts";
import { type AttemptListener, type Endpoint, viewOf } from "./endpoint-stack.ts";
import { RequestStats } from "./request-stats.ts";
import type { BoundClient } from "./bound-tree.ts";
import { Cached } from "./service-cache.ts";
import { Waiting } from "./waiting.ts";
import type { Scope } from "../telemetry/registry.ts";
import { StatsByName } from "./stats-by-name.ts";

/** Hands results back to the router. */
export interface ClientListener {
  /** A head has passed the client: pass it on up. Returns where the body goes. */
  answered(ex: Exchange, head: MessageHead): BodySink | null;
  /** The client failed the exchange: `ex.failure` says why. */
  failed(ex: Exchange): void;
  /** The client is closed: control need not watch its endpoints any longer. */
  closed(client: Client): void;
}

/** What a client is made of. */
export interface ClientParts {
  readonly id: string;
  readonly loop: DataLoop;
  readonly scope: Scope;
  readonly balancer: Balancer<Endpoint>;
  readonly requeue: Requeue;
  /** For how many logical names that no longer come to this client its statistics are kept. */
  readonly maxIdleServices: number;
  /** The same for all clients of a router: `clientStack`. */
  readonly stack: Stack<Exchange>;
  readonly bindingTimeoutMs: number;
  readonly listener: ClientListener;
  /** Makes an endpoint that reports to `listener`. */
  makeEndpoint(info: EndpointInfo, cell: LoadCell, listener: AttemptListener): Endpoint;
}

/** One concrete name and everything that serves it. */
export class Client extends Cached implements AttemptListener, Keeper {
  readonly requeue: Requeue;
  /** Statistics of this client's requests by logical name. */
  readonly services: StatsByName<RequestStats>;
  readonly balancer: Balancer<Endpoint>;
  readonly stack: Stack<Exchange>;
  readonly #loop: DataLoop;
  readonly #parts: ClientParts;
  readonly #waiting: Waiting;
  /** What discovery said last; `pending` until it says something. */
  #set: EndpointSet = { at: "pending" };
  #closed = false;

  constructor(parts: ClientParts) {
    super(parts.id);
    this.requeue = parts.requeue;
    this.services = new StatsByName(
      (service) => parts.scope.scope("service", service.slice(1)), // cold: once per client
      (scope) => new RequestStats(scope), // cold: as above
      parts.maxIdleServices,
    );
    this.balancer = parts.balancer;
    this.stack = parts.stack;
    this.#loop = parts.loop;
    this.#parts = parts;
    this.#waiting = new Waiting(parts.loop, parts.bindingTimeoutMs, (ex, failure) => {
      ex.failure = failure;
      ex.outcome = Outcome.failure;
      this.failed(ex);
    }); // cold: once per client
  }

  get endpoints(): readonly Endpoint[] {
    return this.balancer.nodes;
  }

  get set(): EndpointSet {
    return this.#set;
  }

  /** New membership from discovery. What leaves finishes its requests; after a good set, bad news is ignored. */
  update(set: EndpointSet): void {
    if (this.#closed) return;
    if (set.at !== "bound" && set.at !== "neg" && this.#set.at === "bound") return;
    this.#set = set;
    if (set.at === "pending") return;
    const { makeEndpoint } = this.#parts;
    const members = set.at === "bound" ? set.endpoints : [];
    const left = follow(this.balancer, members, (member, cell) => makeEndpoint(member, cell, this)); // cold: when discovery speaks
    for (let i = 0; i < left.length; i++) void (left[i] as Endpoint).pool.drain();
    this.#waiting.releaseAll((ex) => this.attempt(ex)); // cold: when discovery speaks
  }

  /** One attempt at the exchange: picks an endpoint now. */
  attempt(ex: Exchange): void {
    const loop = this.#loop;
    if (this.#set.at === "pending") {
      this.#waiting.add(ex, this);
      return;
    }
    const endpoint = this.balancer.pick(loop.nowMs);
    if (endpoint === null) {
      ex.failure = this.#noEndpoints();
      ex.outcome = Outcome.failure;
      this.failed(ex);
      return;
    }
    const attempt = loop.attempts.take();
    attempt.exchange = ex;
    attempt.owner = endpoint;
    attempt.startMs = loop.nowMs;
    ex.attempt = attempt;
    ex.attempts++;
    ex.endpoint = endpoint.key;
    endpoint.stack.down(attempt);
  }

  #noEndpoints(): Failure {
    const set = this.#set;
    const why = set.at === "failed" ? set.message : set.at === "neg" ? "no such name" : "no addresses";
    return new Failure(causes.bindEmpty, `No hosts are available for ${this.key}: ${why}`, { client: this.key });
  }

  release(ex: Exchange): void {
    this.#waiting.remove(ex);
  }

  answered(ex: Exchange, head: MessageHead): BodySink | null {
    const stack = ex.client as Stack<Exchange>;
    if (!stack.up(ex)) return null; // sent again
    return this.#parts.listener.answered(ex, head);
  }

  failed(ex: Exchange): void {
    const stack = ex.client as Stack<Exchange>;
    if (!stack.up(ex)) return; // sent again
    stack.end(ex);
    ex.client = null;
    this.#parts.listener.failed(ex);
  }

  /** Shall a request that has just failed be sent again? */
  mayRequeue(ex: Exchange): boolean {
    return this.requeue.allows(ex, this.balancer.status(this.#loop.nowMs) === EndpointStatus.open);
  }

  /** The client's and its endpoints' stacks in words. */
  view(): { client: FilterView[]; endpoint: FilterView[] } {
    const [first] = this.endpoints;
    return {
      client: this.stack.view({ [REQUEUE]: this.requeue.view() }),
      endpoint: first === undefined ? [] : viewOf(first),
    };
  }

  close(): void {
    this.#closed = true;
    for (let i = 0; i < this.endpoints.length; i++) void (this.endpoints[i] as Endpoint).pool.drain();
    this.#parts.scope.prune();
    this.#parts.listener.closed(this);
  }
}

/** Stops an attempt that nobody wants any longer. */
export function cancelAttempt(attempt: Attempt, why: Failure): void {
  (attempt.owner as Endpoint).cancel(attempt, why); // attempts of the router belong to endpoints
}

/** Drops an answer that nobody wants any longer: another attempt follows. */
export function discardAttempt(attempt: Attempt): void {
  (attempt.owner as Endpoint).discard(attempt); // as above
}

/** Ends an attempt that took too long. */
export function timeOutAttempt(attempt: Attempt, failure: Failure): void {
  (attempt.owner as Endpoint).giveUp(attempt, failure); // as above
}

/** One (path, client) pair: its names, and what is counted for it. */
export class PathClient extends Destination {
  readonly bound: BoundClient;
  /** Null where the proxy answers by itself; then `stats` is null too. */
  readonly target: Client | null;
  readonly stats: RequestStats | null;

  constructor(service: string, bound: BoundClient) {
    super(service, bound.id, bound.residual);
    this.bound = bound;
    this.target = bound.client;
    this.stats = bound.client === null ? null : bound.client.services.take(service);
  }

  /** The path no longer leads there. */
  release(): void {
    if (this.target !== null) this.target.services.give(this.service);
  }
}

/** The client that an exchange in a client stack goes to. */
function clientOf(ex: Exchange): Client {
  return (ex.destination as PathClient).target as Client; // an exchange comes here only with a client
}

function statsOf(ex: Exchange): RequestStats {
  return (ex.destination as PathClient).stats as RequestStats; // as above
}

/** The client stack of a router. Its filters find the client by the exchange, so one stack serves all clients. */
export function clientStack(): Stack<Exchange> {
  return new Stack<Exchange>(
    ExchangeLevel.client,
    [serviceStatsFilter(), requeueFilter()],
    (ex) => clientOf(ex).attempt(ex), // cold: compiled once
    (ex) => clientOf(ex).failed(ex), // cold: compiled once
  );
}

function serviceStatsFilter(): Filter<Exchange> {
  return new Filter<Exchange>({
    name: "client-service-stats",
    doc: "Counts requests under rt/<router>/client/<id>/service/<name>, requeues not counted apart.",
    down: (ex) => {
      ex.attemptsBefore = ex.attempts;
      statsOf(ex).begin();
      return Down.go;
    },
    end: (ex) => statsOf(ex).end(ex.outcome, ex.failure, ex.latencyMs), // cold: compiled once
  });
}

const REQUEUE = "requeue";

// Immediately, within the client's budget (linkerd1 §6.6.2).
function requeueFilter(): Filter<Exchange> {
  return new Filter<Exchange>({
    name: REQUEUE,
    doc: "Sends a failed request again, at once and to an endpoint picked anew, when it was not processed or was lost with a kept connection and does no harm twice.",
    up: (ex) => {
      if (ex.failure === null) return Up.go;
      const client = clientOf(ex);
      if (!client.mayRequeue(ex)) return Up.go;
      ex.failure = null;
      ex.outcome = Outcome.success;
      client.attempt(ex);
      return Up.kept;
    },
    end: (ex) => clientOf(ex).requeue.ended(ex), // cold: compiled once
  });
}
