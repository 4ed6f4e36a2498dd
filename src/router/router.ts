// @hot The way of a request: identify, bind, path, client, and back up. Everything that ends an exchange passes here.
import type { BodySink } from "../core/body.ts";
import type { ToControl, ToData } from "../core/border.ts";
import { causes } from "../core/cause.ts";
import { Verdict } from "../core/classifier.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { type Exchange, noHead } from "../core/exchange.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Failure } from "../core/failure.ts";
import type { Identifier } from "../core/identifier.ts";
import { Outcome } from "../core/outcome.ts";
import { Retries } from "../resilience/retries.ts";
import type { MetricsRegistry, Scope } from "../telemetry/registry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { Bindings } from "./bindings.ts";
import type { RouterFilter } from "./request-filters.ts";
import { type BoundClient, type BoundTreeEntry, BoundTrees } from "./bound-tree.ts";
import { cancelAttempt, type Client, type ClientListener } from "./client-stack.ts";
import { type PathEntry, type PathListener, PathStacks, type ServiceFigures } from "./path-stack.ts";
import { RequestStats } from "./request-stats.ts";
import { type HoldOwner, holdStats } from "./held-answer.ts";
import { type CacheLimits, ServiceCache } from "./service-cache.ts";
import type { Policies } from "./settings.ts";
import { StatsByName } from "./stats-by-name.ts";

/** So many names under overrides of requests are kept bound at most. */
const MAX_OVERRIDDEN = 100;

/** Sizes of the four binding caches (linkerd1 §1.4). */
export interface BindingCacheSizes {
  readonly paths: number;
  readonly trees: number;
  readonly bounds: number;
  readonly clients: number;
  readonly idleTtlMs: number;
}

/** One line per exchange. */
export interface ExchangeLog {
  record(ex: Exchange): void;
}

/** What a router is made of. */
export interface RouterParts {
  readonly label: string;
  /** What messages to and from control call it: a router and its successor share a label. */
  readonly key: string;
  readonly loop: DataLoop;
  readonly identifiers: readonly Identifier[];
  /** What its servers run above the identifiers. */
  readonly filters?: readonly RouterFilter[];
  /** The base dtab, for messages to people. */
  readonly dtab: string;
  readonly policies: Policies;
  readonly bindingTimeoutMs: number;
  readonly bindingCache: BindingCacheSizes;
  /** Requests under an override have figures of their own, and budgets, by logical name. */
  readonly overriddenApart: boolean;
  readonly metrics: MetricsRegistry;
  readonly log: ExchangeLog;
  readonly tracing: Tracing;
  /** To control. The answer may come before this returns. */
  readonly send: (message: ToControl) => void;
  /** Makes a client without endpoints. */
  readonly makeClient: (id: string, scope: Scope, listener: ClientListener) => Client;
}

/** One router: names, bindings and clients of one protocol. */
export class Router implements ClientListener, PathListener, HoldOwner {
  readonly label: string;
  readonly key: string;
  /** The base dtab as it is written, for messages to people. */
  dtab: string;
  readonly bindings: Bindings;
  readonly filters: readonly RouterFilter[];
  readonly tracing: Tracing;
  readonly #loop: DataLoop;
  readonly #parts: RouterParts;

  constructor(parts: RouterParts) {
    this.label = parts.label;
    this.key = parts.key;
    this.dtab = parts.dtab;
    this.tracing = parts.tracing;
    this.#loop = parts.loop;
    this.#parts = parts;
    this.filters = parts.filters ?? [];
    const scope = parts.metrics.root.scope("rt", parts.label);
    const trees = this.#boundTrees(scope);
    const services = this.#figuresBelow(scope, "service");
    this.bindings = new Bindings({
      key: parts.key,
      identifiers: parts.identifiers,
      paths: this.#cache<PathEntry>(scope, "path", parts.bindingCache.paths),
      overridden: this.#cache<PathEntry>(scope, "path", Math.min(parts.bindingCache.paths, MAX_OVERRIDDEN)),
      trees,
      policies: parts.policies,
      send: parts.send,
      shared: {
        loop: parts.loop,
        trees,
        stacks: new PathStacks(parts.loop, this),
        services,
        overridden: parts.overriddenApart ? this.#figuresBelow(scope, "overridden") : services,
        bindingTimeoutMs: parts.bindingTimeoutMs,
        listener: this,
        unroutable: (service, localDtab) => this.#unroutable(service, localDtab), // cold: failures only
      },
    });
  }

  #figuresBelow(scope: Scope, kind: string): StatsByName<ServiceFigures> {
    return new StatsByName(
      (service) => scope.scope(kind, service.slice(1)), // cold: once
      (place, service) => this.#figures(place, service), // cold: once per service
      0,
    );
  }

  #figures(scope: Scope, service: string): ServiceFigures {
    const { hold, retries } = this.#parts.policies.service(service);
    const place = scope.scope("retries");
    return {
      stats: new RequestStats(scope),
      retries: new Retries(retries, place, this.#loop.clock),
      held: hold === null ? null : holdStats(place),
    };
  }

  #boundTrees(scope: Scope): BoundTrees {
    const sizes = this.#parts.bindingCache;
    return new BoundTrees(
      this.#cache<BoundTreeEntry>(scope, "tree", sizes.trees),
      this.#cache<BoundClient>(scope, "bound", sizes.bounds),
      this.#cache<Client>(scope, "client", sizes.clients),
      (id) => this.#openClient(id, scope), // cold: once per client
    );
  }

  #cache<T extends BoundTreeEntry | BoundClient | Client | PathEntry>(
    scope: Scope,
    name: string,
    size: number,
  ): ServiceCache<T> {
    const limits: CacheLimits = { size, idleTtlMs: this.#parts.bindingCache.idleTtlMs };
    const loop = this.#loop;
    return new ServiceCache<T>(limits, () => loop.nowMs, loop.wheel, scope.scope("bindcache", name)); // cold: once
  }

  #openClient(id: string, scope: Scope): Client {
    const client = this.#parts.makeClient(id, scope.scope("client", id.slice(1)), this);
    this.bindings.clientOpened(client);
    return client;
  }

  // ---- Down --------------------------------------------------------------------------------------------------------

  /** Takes a request that its server has let pass. */
  route(ex: Exchange): void {
    const { identifiers } = this.#parts;
    for (let i = 0; i < identifiers.length; i++) {
      const identifier = identifiers[i] as Identifier;
      const key = identifier.key(ex);
      if (key === null) continue;
      if (this.tracing.on) this.tracing.begin(ex);
      else {
        ex.trace.next(this.#loop.random);
        if (ex.trace.sampled) ex.notes = [];
      }
      identifier.apply(ex); // before the path is taken: what throws here must not keep one in use
      const path = this.bindings.take(i, key, ex.localDtab);
      path.enter(ex);
      return;
    }
    this.#fail(ex, new Failure(causes.unidentified, this.#unidentified()));
  }

  /** What a request would be called, of which nothing else becomes anything. @throws PluginError */
  nameOf(ex: Exchange): string | Failure {
    for (const identifier of this.#parts.identifiers) {
      const key = identifier.key(ex);
      if (key !== null) return identifier.path(key);
    }
    return new Failure(causes.unidentified, this.#unidentified());
  }

  #unidentified(): string {
    const kinds = this.#parts.identifiers.map((i) => i.kind).join(", "); // cold: failures only
    return `Unknown destination: no identifier of router ${this.label} applies to the request (${kinds})`;
  }

  #unroutable(service: string, localDtab: string): string {
    const override = localDtab === "" ? "" : `, override: ${localDtab}`;
    return `Unable to route request! service name: ${service}, dtab: ${this.dtab}${override}`;
  }

  // ---- Up ----------------------------------------------------------------------------------------------------------

  answered(ex: Exchange, head: MessageHead): BodySink | null {
    ex.latencyMs = this.#loop.nowMs - ex.startMs;
    ex.verdict = verdictOf(head);
    const path = ex.path as PathEntry; // of this router
    if (ex.retryable) ex.pushbackMs = path.classifier.pushbackMs(head);
    else if (ex.undecided && path.holds(ex)) {
      ex.tryLimit?.lift(); // it is for the head, which is here
      return path.hold(ex, head, this);
    }
    if (!path.stack.up(ex)) return null; // sent again
    return this.#answer(ex, head) ? ex.downstream : null;
  }

  // False when a filter had something else to say: the exchange is over.
  #answer(ex: Exchange, head: MessageHead): boolean {
    if (this.filters.length > 0) {
      if (!this.#filtersPass(ex, head)) return false;
    } else ex.server?.up(ex);
    ex.downstream.answer(ex, head);
    ex.answered = true;
    return true;
  }

  #filtersPass(ex: Exchange, head: MessageHead): boolean {
    ex.answerHead = head;
    const passes = ex.server?.up(ex) !== false;
    if (passes) ex.answerHead = null; // otherwise it is somebody else's by now
    return passes;
  }

  retries(ex: Exchange, told: MessageHead | null): boolean {
    const path = ex.path as PathEntry; // as above
    if (ex.retryable && told !== null) ex.pushbackMs = path.classifier.pushbackMs(told);
    if (told !== null) ex.verdict ??= verdictOf(told); // nothing has been said yet of how it went
    return !path.stack.up(ex);
  }

  passes(ex: Exchange, head: MessageHead): void {
    if (ex.undecided) ex.path?.stack.up(ex);
    this.#answer(ex, head);
  }

  canned(ex: Exchange, status: number): void {
    ex.latencyMs = this.#loop.nowMs - ex.startMs;
    const verdict = (ex.path as PathEntry).classifier.answer(ex, status, noHead, -1);
    ex.outcome = verdict === Verdict.success ? Outcome.success : Outcome.failure;
    ex.path?.stack.up(ex);
    if (ex.server?.up(ex) === false) return;
    ex.downstream.canned(ex, status);
  }

  failed(ex: Exchange): void {
    if (ex.path?.stack.up(ex) === false) return; // sent again
    ex.outcome = Outcome.failure;
    this.#tell(ex, withNames(ex, ex.failure as Failure));
  }

  pathFailed(ex: Exchange): void {
    const failure = ex.failure as Failure;
    this.#stop(ex, failure);
    this.#fail(ex, withNames(ex, failure));
  }

  /** Answers with a failure, whatever is still going on for the exchange. */
  refuse(ex: Exchange, failure: Failure): void {
    this.#stop(ex, failure);
    this.#fail(ex, failure);
  }

  #fail(ex: Exchange, failure: Failure): void {
    ex.failure = failure;
    ex.outcome = Outcome.failure;
    ex.retryable = false; // whatever it was: this is the end of it
    ex.path?.stack.up(ex);
    this.#tell(ex, failure);
  }

  #tell(ex: Exchange, failure: Failure): void {
    if (!ex.answered) ex.latencyMs = this.#loop.nowMs - ex.startMs;
    ex.failure = failure;
    ex.server?.up(ex);
    ex.downstream.fail(ex, failure);
  }

  // Whatever keeps the exchange lets go of it.
  #stop(ex: Exchange, why: Failure): void {
    ex.keeper?.release(ex);
    if (ex.rival !== null) cancelAttempt(ex.rival, why);
    if (ex.attempt !== null) cancelAttempt(ex.attempt, why);
  }

  // ---- End ---------------------------------------------------------------------------------------------------------

  /** The exchange is over: every filter that saw it down is told, innermost first. */
  end(ex: Exchange): void {
    ex.client?.end(ex);
    const path = ex.path;
    if (path !== null) {
      path.stack.end(ex);
      this.bindings.give(path as PathEntry); // paths of this router
    }
    ex.server?.end(ex);
    this.#parts.log.record(ex);
  }

  /** The caller is gone. */
  cancel(ex: Exchange, failure: Failure): void {
    ex.failure = failure;
    ex.outcome = failure.ignorable ? Outcome.ignorable : Outcome.failure;
    this.#stop(ex, failure);
  }

  pathClosed(path: PathEntry): void {
    this.bindings.pathClosed(path);
  }

  closed(client: Client): void {
    this.bindings.clientClosed(client);
  }

  /** What control says. */
  receive(message: ToData): void {
    this.#loop.tick();
    this.bindings.receive(message);
    this.#loop.scratch.flush();
  }
}

// `l5d-success-class` of an answer, linkerd1 §2.6.1: 1.0 or 0.0.
function verdictOf(head: MessageHead): Outcome | null {
  const written = head.get("l5d-success-class");
  if (written === undefined) return null;
  const value = Number(written);
  if (!(value >= 0 && value <= 1)) return null;
  return value > 0 ? Outcome.success : Outcome.failure;
}

// A person who cannot reach a service wants to know which, by which names, and where it was looked for (linkerd1 §2.1.7).
function withNames(ex: Exchange, failure: Failure): Failure {
  const destination = ex.destination;
  if (failure.cause.category !== "connect" || destination === null) return failure;
  const message = `${failure.message}; service name: ${destination.service}, client name: ${destination.client}`;
  const detail = { ...failure.detail, service: destination.service, client: destination.client, attempts: ex.attempts }; // cold: failures only
  return new Failure(failure.cause, message, detail, failure.retry);
}
