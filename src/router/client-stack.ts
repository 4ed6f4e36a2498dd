// @hot A bound client: its endpoints, its balancer, and what happens to one attempt after the other.
import { type Attempt } from "../core/attempt.ts";
import type { BodySink } from "../core/body.ts";
import { follow } from "../balance/balancer.ts";
import type { EndpointInfo, EndpointSet } from "../core/border.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Destination } from "../core/destination.ts";
import type { Exchange, Keeper } from "../core/exchange.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Failure } from "../core/failure.ts";
import type { FilterView, Stack } from "../core/filter.ts";
import { Nack } from "../core/nack.ts";
import { Outcome } from "../core/outcome.ts";
import { type Balancer, EndpointStatus, type LoadCell } from "../core/picker.ts";
import { type HedgeClient, type HedgedMethods, Hedging } from "./hedging.ts";
import type { HedgePolicy } from "../resilience/hedge-policy.ts";
import type { AdaptiveLimit } from "../resilience/adaptive-limit.ts";
import type { NackAdmission } from "../resilience/nack-admission.ts";
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
  readonly nacks: NackAdmission;
  readonly limit: AdaptiveLimit | null;
  readonly hedge: { readonly policy: HedgePolicy; readonly methods: HedgedMethods } | null;
  /** The kind of `concurrencyLimit`, for people. */
  readonly limitKind: string;
  /** For how many logical names that no longer come to this client its statistics are kept. */
  readonly maxIdleServices: number;
  /** Shared by the clients that want the same: `ClientStacks`. */
  readonly stack: Stack<Exchange>;
  readonly bindingTimeoutMs: number;
  readonly listener: ClientListener;
  /** Makes an endpoint that reports to `listener`. */
  makeEndpoint(info: EndpointInfo, cell: LoadCell, listener: AttemptListener): Endpoint;
}

/** A second attempt goes to another endpoint; so often one is drawn. */
const MOST_DRAWS = 4;

/** One concrete name and everything that serves it. */
export class Client extends Cached implements AttemptListener, Keeper, HedgeClient {
  readonly requeue: Requeue;
  /** Holds a part of the requests back while most are refused. */
  readonly nacks: NackAdmission;
  /** How many requests may be in progress; null for any number. */
  readonly limit: AdaptiveLimit | null;
  /** Makes second attempts; null for none. */
  readonly hedging: Hedging | null;
  /** Statistics of this client's requests by logical name. */
  readonly services: StatsByName<RequestStats>;
  readonly balancer: Balancer<Endpoint>;
  readonly stack: Stack<Exchange>;
  /** What becomes of requests beyond the limit, and of those that are held back: the same for all. */
  readonly full: Failure;
  readonly #held: Failure;
  readonly #loop: DataLoop;
  readonly #parts: ClientParts;
  readonly #waiting: Waiting;
  /** What discovery said last; `pending` until it says something. */
  #set: EndpointSet = { at: "pending" };
  #closed = false;

  constructor(parts: ClientParts) {
    super(parts.id);
    parts.scope.hold();
    this.requeue = parts.requeue;
    this.nacks = parts.nacks;
    this.limit = parts.limit;
    const { hedge } = parts;
    this.hedging =
      hedge === null ? null : new Hedging(hedge.policy, hedge.methods, parts.requeue.budget, parts.loop, this);
    this.services = new StatsByName(
      (service) => parts.scope.scope("service", service.slice(1)), // cold: once per client
      (scope) => new RequestStats(scope), // cold: as above
      parts.maxIdleServices,
    );
    this.full = new Failure(causes.adaptiveLimit, undefined, { client: parts.id });
    this.#held = new Failure(causes.nackAdmission, undefined, { client: parts.id });
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
    if (!this.nacks.admits(loop.nowMs, loop.random)) {
      this.#refuse(ex, this.#held);
      return;
    }
    const endpoint = this.balancer.pick(loop.nowMs);
    if (endpoint === null) this.#refuse(ex, this.#noEndpoints());
    else this.#send(ex, endpoint);
  }

  #send(ex: Exchange, endpoint: Endpoint): void {
    const loop = this.#loop;
    ex.nack = Nack.none;
    const attempt = loop.attempts.take();
    attempt.exchange = ex;
    attempt.owner = endpoint;
    attempt.startMs = loop.nowMs;
    ex.attempt = attempt;
    ex.attempts++;
    ex.endpoint = endpoint.key;
    if (ex.notes !== null) this.#notePick(ex, endpoint);
    endpoint.stack.down(attempt);
  }

  // Why this one, in the words of the balancer and of failure accrual.
  #notePick(ex: Exchange, { accrual, cell, key }: Endpoint): void {
    const { nowMs } = this.#loop;
    cell.weigh(nowMs);
    const why = `${accrual.health(nowMs)}, load ${Math.round(cell.load * 10) / 10}, ${cell.pending} pending, of ${this.endpoints.length}`;
    ex.notes?.push(`${(nowMs - ex.startMs).toFixed(1)} ms: attempt ${ex.attempts} to ${key} (${why})`);
  }

  // ---- Two attempts at a time --------------------------------------------------------------------------------------

  attemptBeside(ex: Exchange, pays: () => boolean): void {
    const first = ex.attempt as Attempt; // whoever hedges has one
    for (let draws = 0; draws < MOST_DRAWS; draws++) {
      const endpoint = this.balancer.pick(this.#loop.nowMs);
      if (endpoint === null || endpoint === first.owner) continue;
      if (!pays()) return;
      ex.notes?.push(`hedge: no answer after ${(this.#loop.nowMs - ex.sentMs).toFixed(1)} ms`);
      ex.rival = first;
      this.#send(ex, endpoint);
      return;
    }
  }

  stop(attempt: Attempt, why: Failure): void {
    cancelAttempt(attempt, why);
  }

  drop(attempt: Attempt): void {
    discardAttempt(attempt);
  }

  wins(attempt: Attempt): boolean {
    return (this.hedging as Hedging).wins(attempt); // there are two only where there is hedging
  }

  loses(ex: Exchange): void {
    this.hedging?.loses(ex);
  }

  #refuse(ex: Exchange, failure: Failure): void {
    ex.failure = failure;
    ex.outcome = Outcome.failure;
    ex.retryable = false;
    this.leave(ex);
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
    if (this.hedging !== null) {
      ex.hedgeLimit?.lift();
      this.hedging.ended(ex, ex.attempt?.startMs ?? ex.sentMs);
    }
    this.nacks.record(this.#loop.nowMs, ex.nack !== Nack.none);
    if (!stack.up(ex)) return null; // sent again
    if (ex.nack !== Nack.none && !this.#passesNack(ex)) return null;
    return this.#parts.listener.answered(ex, head);
  }

  // A nack that could not be sent elsewhere becomes a failure, which says so no longer; other programs' ways to say it pass.
  #passesNack(ex: Exchange): boolean {
    if (ex.nack !== Nack.retryable) {
      if (ex.nack === Nack.hinted) ex.failure = null;
      return true;
    }
    if (ex.attempt !== null) discardAttempt(ex.attempt);
    this.leave(ex);
    return false;
  }

  failed(ex: Exchange): void {
    this.nacks.record(this.#loop.nowMs, isNack(ex.failure));
    this.hedging?.ended(ex, ex.sentMs);
    const stack = ex.client as Stack<Exchange>;
    if (!stack.up(ex)) return; // sent again
    this.leave(ex);
  }

  /** The exchange goes back up with its failure. */
  leave(ex: Exchange): void {
    const stack = ex.client as Stack<Exchange>;
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
      client: this.stack.view({ [REQUEUE]: this.requeue.view(), [LIMIT]: { kind: this.#parts.limitKind } }),
      endpoint: first === undefined ? [] : viewOf(first),
    };
  }

  close(): void {
    this.#closed = true;
    for (let i = 0; i < this.endpoints.length; i++) void (this.endpoints[i] as Endpoint).pool.drain();
    this.services.close();
    this.#parts.scope.release();
    this.#parts.listener.closed(this);
  }
}

/** RFC 9113 §7: ENHANCE_YOUR_CALM. */
const CALM = 11;

// Streams of HTTP/2 that were refused, for now or for good (finagle §6.4).
function isNack(failure: Failure | null): boolean {
  if (failure === null) return false;
  const { cause, detail } = failure;
  return cause === causes.h2Refused || (cause === causes.h2Reset && detail["code"] === CALM);
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

/** Names of filters whose parameters are the client's own. */
export const REQUEUE = "requeue";
export const LIMIT = "concurrency-limit";
