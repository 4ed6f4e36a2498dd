// The fast half of a proxy on one event loop: routers and their servers, made and replaced as control plans them.
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import type { ToControl, ToData } from "../core/border.ts";
import { causes } from "../core/cause.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import type { Http1 } from "../protocols/http1/protocol.ts";
import type { Http2 } from "../protocols/http2/protocol.ts";
import type { ExchangeLog } from "../router/router.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { RouterConfig } from "./config.ts";
import { type Extensions, extensionsOf } from "./extensions.ts";
import type { OwnSocket } from "../transport/node/handover.ts";
import { placeOf } from "./inherited-sockets.ts";
import { RetiringRouters } from "./retiring-routers.ts";
import { OpenServer, type ServerWish, serverWish } from "./open-server.ts";
import {
  admissionOf,
  makeRouter,
  makeServerStack,
  type RouterPlan,
  type RouterWorld,
  type RunningRouter,
} from "./router.ts";
import type { LiveShare } from "./share.ts";
import type { ChosenPorts } from "./worker-messages.ts";

/** What a data plane stands on. */
export interface DataPlaneParts {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly http1: Http1;
  readonly http2: Http2;
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  /** What part of the process's totals this event loop may use up. */
  readonly share: LiveShare;
  /** Several event loops listen on the same ports; null when this is the only one. */
  readonly ports: ChosenPorts | null;
  /** Failure accrual has taken an endpoint out. */
  readonly tripped: (trip: Trip) => void;
  /** To control; the answer may come before this returns. */
  readonly send: (message: ToControl) => void;
  readonly exchangeLog: (router: RouterConfig, atClose: (act: () => void) => void) => ExchangeLog;
  readonly tracing: Tracing;
  /** A router that was replaced has done its last exchange. */
  readonly closed: (key: string) => void;
}

/** Connections of servers that are no longer wanted go gently for so long: a request may be on its way. */
const GENTLY_MS = 5000;
/** Requests that came by a new address before it turned out that another one cannot be had have so long to finish. */
const TAKE_BACK_MS = 1000;

/** A connection that was accepted in vain has so long for its request. */
const ACCEPTED_MS = 500;

/** An endpoint that failure accrual took out. */
export interface Trip {
  /** Its key. */
  readonly router: string;
  readonly client: string;
  readonly endpoint: string;
  readonly deadMs: number;
}

/** A router that does not serve yet, and what its servers shall be. */
interface MadeRouter {
  readonly running: RunningRouter;
  readonly wishes: readonly ServerWish[];
  readonly world: RouterWorld;
}

/** A change that can be made: everything that can fail has been done. */
export interface PlaneChange {
  readonly plans: readonly RouterPlan[];
  readonly made: readonly MadeRouter[];
  /** They listen already. */
  readonly opened: readonly OpenServer[];
}

/** Routers and servers of one event loop. */
export class DataPlane {
  readonly #parts: DataPlaneParts;
  #routers: readonly RunningRouter[] = [];
  /** All there are: requests may come to a router before it is in force, and after. */
  readonly #byKey = new Map<string, RunningRouter>();
  /** Replaced ones that still have exchanges. */
  readonly #retiring: RetiringRouters;
  readonly #servers = new Map<string, OpenServer>();
  /** Servers that are no longer wanted, until their last connection is closed. */
  readonly #leaving = new Map<OpenServer, Timer>();
  /** Ports that were chosen by another event loop. */
  ports: ChosenPorts | null;
  /** An endpoint is taken out because another event loop did. */
  #following = false;

  constructor(parts: DataPlaneParts) {
    this.#parts = parts;
    this.ports = parts.ports;
    this.#retiring = new RetiringRouters({
      env: parts.env,
      metrics: parts.metrics,
      isReachable: (running) => this.#isReachable(running),
      isActive: (running) => activeIn(running) > 0,
      knows: (label) => this.#knows(label),
      closed: ({ key }) => {
        this.#byKey.delete(key);
        parts.closed(key);
      },
    });
  }

  /** In the order of the configuration. */
  get routers(): readonly RunningRouter[] {
    return this.#routers;
  }

  /** Requests in progress. */
  get active(): number {
    return [...this.#routers, ...this.#retiring].reduce((sum, running) => sum + activeIn(running), 0);
  }

  /** Another event loop has taken an endpoint out: so do we. */
  follow({ client, deadMs, endpoint, router }: Trip): void {
    const running = this.#routers.find(({ key }) => key === router);
    const nowMs = this.#parts.loop.tick();
    this.#following = true;
    for (const { endpoints } of running?.router.bindings.clientsOf(client) ?? []) {
      for (const { accrual, key } of endpoints) if (key === endpoint) accrual.follow(nowMs, deadMs);
    }
    this.#following = false;
    this.#parts.loop.scratch.flush();
  }

  /** The ports that the system chose, by place, those of a change among them. */
  chosenPorts(change?: PlaneChange): Record<string, number> {
    const chosen: Record<string, number> = {};
    for (const { listener, place } of [...this.#servers.values(), ...(change?.opened ?? [])]) {
      if (listener !== null && listener.port > 0) chosen[place] = listener.port;
    }
    return chosen;
  }

  /** What control says of names. */
  receive(message: ToData): void {
    this.#byKey.get(message.router)?.router.receive(message);
  }

  /**
   * Makes what is planned the case, at once; `prepare` and `commit`. Must not be called again before it is done.
   * Rejects with the system's error when an address cannot be listened on; then everything is as before.
   */
  async configure(plans: readonly RouterPlan[]): Promise<void> {
    await this.commit(await this.prepare(plans));
  }

  /**
   * Makes the routers whose keys are not known, and listens where they shall. Nothing else is changed; `commit` or `drop` follows, and until
   * then it must not be called again. Rejects with the system's error when an address cannot be listened on; then everything is as before.
   */
  async prepare(plans: readonly RouterPlan[]): Promise<PlaneChange> {
    const made: MadeRouter[] = [];
    const opened: OpenServer[] = [];
    const change: PlaneChange = { plans, made, opened };
    try {
      for (const plan of plans) {
        if (this.#routers.some(({ key }) => key === plan.key)) continue;
        const making = this.#make(plan, await extensionsOf(plan.plugins));
        made.push(making);
        this.#byKey.set(plan.key, making.running);
        await this.#open(making, opened);
      }
    } catch (error) {
      await this.drop(change);
      throw error;
    }
    return change;
  }

  /** From now on. A router whose key was known goes on as it is; what is not planned any more gets no further exchanges. */
  async commit({ made, opened, plans }: PlaneChange): Promise<void> {
    const before = this.#routers;
    for (const server of opened) this.#servers.set(server.place, server);
    for (const { running, wishes } of made) await this.#takeOver(running, wishes);
    for (const { running } of made) this.#tellOrigin(running);
    this.#routers = plans.map((plan) => kept(this.#byKey, plan));
    await this.#retire(before);
  }

  #make(plan: RouterPlan, extensions: Extensions): MadeRouter {
    const closing: (() => void)[] = [];
    const closePlugged = () => {
      for (const act of closing.splice(0)) act();
    };
    const world = this.#world(plan, extensions, (act) => closing.push(act));
    try {
      return this.#makeIn(world, plan, closePlugged);
    } catch (error) {
      closePlugged(); // a plug-in's maker threw after others had begun something
      throw error;
    }
  }

  #makeIn(world: RouterWorld, plan: RouterPlan, closePlugged: () => void): MadeRouter {
    const { config, key } = plan;
    const router = makeRouter(plan, world, this.#parts.exchangeLog(config, world.atClose), this.#parts.send);
    const stacks = config.servers.map((server) => makeServerStack(server, config, router, world));
    const wishes = config.servers.map((server, i) =>
      serverWish(server, i, config, world, (scope) => admissionOf(server, config, world, scope)),
    );
    const close = () => {
      router.bindings.close();
      closePlugged();
    };
    return { running: { key, config, router, servers: [], stacks, close }, wishes, world };
  }

  #tellOrigin({ config: { label, originator } }: RunningRouter): void {
    this.#parts.metrics.root.scope("rt", label).gauge("originator", () => (originator ? 1 : 0));
  }

  #world({ config: { label }, key }: RouterPlan, extensions: Extensions, atClose: RouterWorld["atClose"]): RouterWorld {
    const { env, http1, http2, log, loop, metrics, share, tracing, tripped } = this.#parts;
    return {
      env,
      loop,
      http1,
      http2,
      metrics,
      tracing,
      extensions,
      atClose,
      share,
      ports: this.ports,
      tripped: (client, endpoint, deadMs) => {
        if (!this.#following) tripped({ router: key, client, endpoint, deadMs });
      },
      logger: log.logger(`router.${label}`),
    };
  }

  // Addresses that nobody listens on yet.
  async #open({ running, wishes, world }: MadeRouter, opened: OpenServer[]): Promise<void> {
    for (const [i, wish] of wishes.entries()) {
      if (this.#servers.has(wish.place)) continue;
      const server = await OpenServer.open(wish, running.stacks[i]!, world); // one for each wish
      opened.push(server);
      const { listener } = server;
      if (listener !== null) world.logger.info(`serving ${running.config.protocol} on ${placeOf(listener)}`);
    }
  }

  /** Not so, after all: as if it had never been prepared. */
  async drop({ made, opened }: PlaneChange): Promise<void> {
    const late = new Failure(causes.drainLimit, undefined, { graceMs: TAKE_BACK_MS });
    using _limit = this.#parts.env.timers.after(TAKE_BACK_MS, () => {
      for (const server of opened) server.abandon(late);
      this.#parts.loop.scratch.flush();
    });
    // Whoever listens on inherited sockets is not alone there: what was accepted by us would have been served by others.
    const shared = opened.filter(({ listener }) => listener?.inherited === true);
    for (const { listener } of shared) listener?.leaveFile();
    await Promise.all(opened.map((server) => server.drain(shared.includes(server) ? ACCEPTED_MS : 0)));
    for (const server of opened) server.close();
    for (const { running, wishes } of made) {
      running.close();
      this.#byKey.delete(running.key);
      for (const { scope } of wishes) scope.pruneUnheld();
      const { label } = running.config;
      if (!this.#knows(label)) this.#parts.metrics.root.scope("rt", label).prune();
    }
  }

  async #takeOver(running: RunningRouter, wishes: readonly ServerWish[]): Promise<void> {
    const servers: OpenServer[] = [];
    for (const [i, wish] of wishes.entries()) {
      const server = this.#servers.get(wish.place)!; // opened, or known before
      const stack = running.stacks[i]!; // one for each wish
      if (server.stack !== stack) await server.follow(wish, stack);
      servers.push(server);
    }
    running.servers = servers;
  }

  /** Resolves when nobody can connect to what is no longer served. */
  async #retire(before: readonly RunningRouter[]): Promise<void> {
    const wanted = new Set(this.#routers.flatMap((running) => running.servers));
    const closed: Promise<void>[] = [];
    for (const [place, server] of this.#servers) {
      if (wanted.has(server)) continue;
      this.#servers.delete(place);
      closed.push(this.#close(server));
    }
    for (const running of before) if (!this.#routers.includes(running)) this.#retiring.add(running);
    await Promise.all(closed);
  }

  // The listener goes at once, or another process could not have it; callers that are there learn of it with their next answer.
  #close(server: OpenServer): Promise<void> {
    const timer = this.#parts.env.timers.after(GENTLY_MS, () => void this.#gone(server));
    this.#leaving.set(server, timer);
    return server.unlisten();
  }

  async #gone(server: OpenServer): Promise<void> {
    await server.drain();
    if (this.#leaving.delete(server)) server.close();
  }

  /** Requests that are on their way to a server that is leaving find its last router. */
  #isReachable({ stacks }: RunningRouter): boolean {
    return this.#leaving.keys().some((server) => stacks.includes(server.stack) && server.connections > 0);
  }

  #knows(label: string): boolean {
    return [...this.#routers, ...this.#retiring].some(({ config }) => config.label === label);
  }

  /** What is listened on. */
  sockets(): Omit<OwnSocket, "worker">[] {
    return this.#routers.flatMap(({ config, servers }) =>
      servers.flatMap(({ listener }, i) => {
        const descriptor = listener?.descriptor ?? null;
        if (listener === null || descriptor === null) return [];
        return [{ name: config.servers[i]?.label ?? config.label, descriptor, managed: listener.managed }];
      }),
    );
  }

  /** Another process listens on our sockets by now: closes them here, and asks callers to go with their next answer. */
  stepAside(): void {
    for (const server of this.#allServers()) {
      server.listener?.leaveFile();
      void server.listener?.close();
      server.leave();
    }
  }

  /** Asks all callers to go with their next answer, while the listeners stay open. */
  leave(): void {
    for (const server of this.#allServers()) server.leave();
  }

  /** Stops accepting, lets every exchange finish, and resolves when the last connection is closed. */
  async drain(patienceMs: number): Promise<void> {
    for (const timer of this.#leaving.values()) timer.cancel();
    await Promise.all(this.#allServers().map((server) => server.drain(patienceMs)));
  }

  /** Ends every exchange that is left. */
  abandon(graceMs: number): void {
    for (const server of this.#allServers()) server.abandon(new Failure(causes.drainLimit, undefined, { graceMs }));
    this.#parts.loop.scratch.flush();
  }

  /** Closes routers and their clients. */
  close(): void {
    for (const running of this.#routers) running.close();
    this.#retiring.close();
    this.#byKey.clear();
  }

  #allServers(): OpenServer[] {
    return [...this.#servers.values(), ...this.#leaving.keys()];
  }
}

function activeIn({ stacks }: RunningRouter): number {
  return stacks.reduce((sum, stack) => sum + stack.active, 0);
}

function kept(now: ReadonlyMap<string, RunningRouter>, { config, key }: RouterPlan): RunningRouter {
  const running = now.get(key)!; // every plan has one by now
  running.config = config;
  running.router.dtab = config.dtab.trim();
  return running;
}
