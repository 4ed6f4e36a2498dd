// @hot A logical name under one dtab override: its policy, its statistics, and where it is bound to at the moment.
import { causes } from "../core/cause.ts";
import type { Classifier } from "../core/classifier.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { type Exchange, ExchangeLevel, type Keeper, type PathStage } from "../core/exchange.ts";
import { Failure } from "../core/failure.ts";
import { Down, Filter, type FilterView, Stack, Up } from "../core/filter.ts";
import { Limit, type LimitKeeper } from "../core/limit.ts";
import { Outcome } from "../core/outcome.ts";
import type { BoundClient, BoundTrees } from "./bound-tree.ts";
import { PathClient } from "./client-stack.ts";
import type { RequestStats } from "./request-stats.ts";
import { Cached } from "./service-cache.ts";
import type { ServiceSettings } from "./settings.ts";
import type { StatsByName } from "./stats-by-name.ts";
import { HeldAnswer, type HoldLimits, type HoldOwner, type HoldStats } from "./held-answer.ts";
import type { BodySink } from "../core/body.ts";
import type { MessageHead } from "../core/message-head.ts";
import { Waiting } from "./waiting.ts";
import { retryFilter, type RetryPath } from "./retry-filter.ts";
import type { Retries } from "../resilience/retries.ts";

/** Hands results back to the router. */
export interface PathListener {
  /** The path could not lead the exchange to an answer: `ex.failure` says why. */
  pathFailed(ex: Exchange): void;
  /** The name leads to an answer the proxy makes itself. */
  canned(ex: Exchange, status: number): void;
  /** Nobody uses the path any longer. */
  pathClosed(path: PathEntry): void;
}

/** What all bindings of one logical name have in common. */
export interface ServiceFigures {
  readonly stats: RequestStats;
  readonly retries: Retries;
  /** Null where no answer is held back until its verdict. */
  readonly held: HoldStats | null;
}

/** What paths of one router share. */
export interface PathShared {
  readonly loop: DataLoop;
  readonly trees: BoundTrees;
  readonly stacks: PathStacks;
  /** Statistics by logical name. */
  readonly services: StatsByName<ServiceFigures>;
  /** The same for requests under an override, by logical name as well: what callers make up is no name of a metric. */
  readonly overridden: StatsByName<ServiceFigures>;
  readonly bindingTimeoutMs: number;
  readonly listener: PathListener;
  /** Tells of an unroutable name: names, base and override dtab, in one sentence. */
  unroutable(service: string, localDtab: string): string;
}

/** One entry of the path cache. */
export class PathEntry extends Cached implements PathStage, Keeper, RetryPath {
  readonly service: string;
  readonly localDtab: string;
  /** Number by which control knows the binding. */
  readonly binding: number;
  readonly stack: Stack<Exchange>;
  readonly stats: RequestStats;
  readonly retries: Retries;
  readonly perTryTimeoutMs: number;
  readonly classifier: Classifier;
  /** Keys of identifiers that lead here, forgotten with it. */
  aliases: readonly string[] = [];
  readonly replayBytes: number;
  readonly #statistics: StatsByName<ServiceFigures>;
  readonly #figures: ServiceFigures;
  readonly #hold: HoldLimits | null;
  readonly #shared: PathShared;
  /** Only while somebody waits for the name to be bound. */
  #waiting: Waiting | null = null;
  /** Few: where there are more, those of a union. */
  #clients: readonly PathClient[] = [];
  /** The one used last; most names have only one. */
  #recent: PathClient | null = null;
  #tree: ReturnType<BoundTrees["take"]> | null = null;
  #error: Failure | null = null;

  constructor(
    key: string,
    service: string,
    localDtab: string,
    binding: number,
    settings: ServiceSettings,
    shared: PathShared,
  ) {
    super(key);
    this.service = service;
    this.localDtab = localDtab;
    this.binding = binding;
    this.#shared = shared;
    this.classifier = settings.classifier;
    this.#statistics = localDtab === "" ? shared.services : shared.overridden;
    this.#figures = this.#statistics.take(service);
    this.stats = this.#figures.stats;
    this.retries = this.#figures.retries;
    this.#hold = settings.hold;
    this.replayBytes = settings.replayBytes;
    this.perTryTimeoutMs = settings.perTryTimeoutMs;
    this.stack = shared.stacks.of(settings.totalTimeoutMs);
  }

  /** May an answer of which only the end tells whether it failed be held back until then? */
  holds(ex: Exchange): boolean {
    if (this.#hold === null || !this.classifier.retries) return false;
    if (!this.retries.couldAllow(this.#shared.loop.nowMs, ex.retries)) return false;
    if (ex.downstream.canReplay()) return true;
    this.#figures.held?.requestTooLong.inc();
    return false;
  }

  /** Holds it back. Returns where its body goes. */
  hold(ex: Exchange, head: MessageHead, owner: HoldOwner): BodySink {
    return new HeldAnswer(
      ex,
      head,
      this.#hold as HoldLimits,
      this.#figures.held as HoldStats,
      owner,
      this.#shared.loop,
    ); // cold: retried gRPC only
  }

  /** A request enters; it waits at the bottom of the stack while the name is not bound yet. */
  enter(ex: Exchange): void {
    ex.path = this;
    this.stack.down(ex);
  }

  release(ex: Exchange): void {
    this.#waiting?.remove(ex);
  }

  /** Control has bound the name (anew). */
  bound(tree: Parameters<BoundTrees["take"]>[0]): void {
    const taken = this.#shared.trees.take(tree);
    const old = this.#tree;
    this.#tree = taken;
    this.#error = null;
    if (old !== null) {
      if (old !== taken && this.#clients.length > 0) this.#forgetClients(taken.clients);
      this.#shared.trees.give(old);
    }
    this.#letGo();
  }

  /** Control could not bind the name. After a success failures are ignored: the last good tree stays in force. */
  unbound(message: string): void {
    if (this.#tree !== null) return;
    const text = `${this.#shared.unroutable(this.service, this.localDtab)}: ${message}`;
    this.#error = new Failure(causes.bindError, text, { service: this.service });
    this.#letGo();
  }

  #letGo(): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.releaseAll((ex) => this.dispatch(ex)); // cold: when control answers
  }

  #wait(ex: Exchange): void {
    const { bindingTimeoutMs, loop } = this.#shared;
    this.#waiting ??= new Waiting(loop, bindingTimeoutMs, (late, failure) => this.#fail(late, failure)); // cold: while unbound
    this.#waiting.add(ex, this);
  }

  /** To where the name is bound at the moment. A union draws by weight once for every request (linkerd1 §3.3); a requeue stays with the client that was drawn. */
  dispatch(ex: Exchange): void {
    const tree = this.#tree;
    if (tree === null) {
      if (this.#error === null) this.#wait(ex);
      else this.#fail(ex, this.#error);
      return;
    }
    const client = tree.pick(this.#shared.loop.random);
    if (client === null) {
      this.#fail(ex, this.#deadEnd(tree.ending));
      return;
    }
    const recent = this.#recent;
    const destination = recent !== null && recent.bound === client ? recent : this.#clientOf(client);
    ex.destination = destination;
    const target = destination.target;
    if (target === null) {
      this.#shared.listener.canned(ex, client.canned);
      return;
    }
    ex.client = target.stack;
    target.stack.down(ex);
  }

  #clientOf(bound: BoundClient): PathClient {
    const clients = this.#clients;
    for (let i = 0; i < clients.length; i++) {
      const known = clients[i] as PathClient;
      if (known.bound === bound) return (this.#recent = known);
    }
    const client = new PathClient(this.service, bound);
    this.#clients = clients.concat([client]); // no longer than it needs to be: there are thousands of names
    return (this.#recent = client);
  }

  #forgetClients(kept: readonly BoundClient[]): void {
    this.#recent = null;
    const known = this.#clients;
    this.#clients = known.filter(({ bound }) => kept.includes(bound)); // cold: when the name is bound anew
    for (let i = 0; i < known.length; i++) {
      const client = known[i] as PathClient;
      if (!kept.includes(client.bound)) client.release();
    }
  }

  #deadEnd(ending: "neg" | "fail" | "empty"): Failure {
    const cause = ending === "neg" ? causes.bindNegative : ending === "fail" ? causes.bindFail : causes.bindEmpty;
    return new Failure(cause, this.#shared.unroutable(this.service, this.localDtab), { service: this.service });
  }

  #fail(ex: Exchange, failure: Failure): void {
    ex.failure = failure;
    ex.outcome = Outcome.failure;
    this.#shared.listener.pathFailed(ex);
  }

  /** The stack in words. */
  view(): FilterView[] {
    return this.stack.view({ retries: { classifier: this.classifier.kind, ...this.retries.view() } }); // cold: admin only
  }

  /** Number of requests waiting for the name to be bound. */
  get waiting(): number {
    return this.#waiting?.length ?? 0;
  }

  close(): void {
    const tree = this.#tree;
    this.#tree = null;
    this.#forgetClients([]);
    if (tree !== null) this.#shared.trees.give(tree);
    this.#statistics.give(this.service);
    this.#shared.listener.pathClosed(this);
  }
}

/** The path that an exchange in a path stack goes by. */
function pathOf(ex: Exchange): PathEntry {
  return ex.path as PathEntry; // paths of this router
}

/** The path stacks of one router, one for each total timeout. Filters keep nothing per name: they find it by the exchange. */
export class PathStacks {
  readonly #loop: DataLoop;
  readonly #listener: PathListener;
  readonly #byTimeoutMs = new Map<number, Stack<Exchange>>();

  constructor(loop: DataLoop, listener: PathListener) {
    this.#loop = loop;
    this.#listener = listener;
  }

  /** @param totalTimeoutMs 0 = no limit. */
  of(totalTimeoutMs: number): Stack<Exchange> {
    let stack = this.#byTimeoutMs.get(totalTimeoutMs);
    if (stack === undefined) {
      stack = pathStack(this.#loop, this.#listener, totalTimeoutMs);
      this.#byTimeoutMs.set(totalTimeoutMs, stack);
    }
    return stack;
  }
}

function pathStack(loop: DataLoop, listener: PathListener, totalTimeoutMs: number): Stack<Exchange> {
  const filters = [pathStatsFilter()];
  if (totalTimeoutMs > 0) filters.push(totalTimeoutFilter(loop, listener, totalTimeoutMs));
  filters.push(retryFilter(loop, pathOf));
  return new Stack(
    ExchangeLevel.path,
    filters,
    (ex) => pathOf(ex).dispatch(ex), // cold: compiled once
    (ex) => listener.pathFailed(ex), // cold: compiled once
  );
}

function pathStatsFilter(): Filter<Exchange> {
  return new Filter<Exchange>({
    name: "service-stats",
    doc: "Counts requests under rt/<router>/service/<name>, or overridden/<name>, once each whatever is sent again below.",
    down: (ex) => {
      pathOf(ex).stats.begin();
      return Down.go;
    },
    end: (ex) => pathOf(ex).stats.end(ex.outcome, ex.failure, ex.latencyMs), // cold: compiled once
  });
}

function totalTimeoutFilter(loop: DataLoop, listener: PathListener, totalTimeoutMs: number): Filter<Exchange> {
  const keeper: LimitKeeper<Exchange> = {
    timeUp(ex) {
      ex.failure = new Failure(causes.totalTimeout, undefined, { limitMs: totalTimeoutMs });
      ex.outcome = Outcome.failure;
      listener.pathFailed(ex);
    },
  };
  return new Filter<Exchange>({
    name: "total-timeout",
    doc: "Answers 503 when the request, with everything sent again for it, takes too long; sets the deadline.",
    params: { totalTimeoutMs },
    down: (ex) => {
      ex.totalLimit ??= new Limit(ex, loop.wheel);
      ex.totalLimit.set(totalTimeoutMs, keeper);
      ex.limitTo(loop.clock.epochMs(), totalTimeoutMs, loop.nowMs);
      return Down.go;
    },
    up: (ex) => {
      ex.totalLimit?.lift();
      return Up.go;
    },
    end: (ex) => ex.totalLimit?.lift(), // cold: compiled once
  });
}
