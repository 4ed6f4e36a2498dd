// The data planes of a process as the rest of it sees them: one in this thread, or one in each of several.
import type { RouterSubject, WorkerSubject } from "../admin/subject.ts";
import type { Clock } from "../base/clock.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { Sampler } from "../telemetry/sampling.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { MetricsTree } from "../telemetry/tree.ts";
import { clientDump, clientStacks, pathStacks } from "../router/dump.ts";
import type { OwnSocket } from "../transport/node/handover.ts";
import type { DataPlane } from "./data-plane.ts";
import { type Identified, identify } from "./identify.ts";
import type { RouterPlan } from "./router.ts";
import { type RouterDump, serversOf, together } from "./router-dump.ts";

/** What a router is doing. */
export type RouterState = Pick<RouterSubject, "servers" | "clientIds" | "client" | "pathStacks" | "clientStacks">;

/** All data planes together. */
export interface Planes {
  /** Makes what is planned the case everywhere. Rejects with the system's error when an address cannot be listened on; then nothing has changed. */
  configure(plans: readonly RouterPlan[]): Promise<void>;
  /** From now on requests are looked at for these telemeters. */
  trace(samplers: readonly Sampler[]): void;
  /** Requests in progress. */
  readonly active: number;
  /** Of all, or of one worker. */
  metrics(worker?: number): Promise<MetricsTree>;
  /** By key. */
  routers(): Promise<ReadonlyMap<string, RouterState>>;
  /** What its routers would call a request; see `identify`. */
  identify(head: string): Promise<readonly Identified[]>;
  workers(): readonly WorkerSubject[];
  /** Ends a worker, which is replaced; false if there is none of this number. */
  end(index: number): boolean;
  /** The sockets that are listened on, for a process that takes over. */
  sockets(): Promise<readonly OwnSocket[]>;
  /** Another process listens on our sockets by now: closes them here, and asks callers to go with their next answer. */
  stepAside(): void;
  /** Asks callers to go with their next answer. */
  leave(): void;
  /** Resolves when the last connection is closed. @param patienceMs how long one must have been quiet before it is closed. */
  drain(patienceMs: number): Promise<void>;
  /** Ends every exchange that is left. */
  abandon(graceMs: number): void;
  /** Closes everything. */
  close(): Promise<void>;
}

/** The data plane of this thread. */
export class OnePlane implements Planes {
  readonly #plane: DataPlane;
  readonly #tracing: Tracing;
  readonly #metrics: MetricsRegistry;
  readonly #clock: Clock;

  constructor(plane: DataPlane, tracing: Tracing, metrics: MetricsRegistry, clock: Clock) {
    this.#plane = plane;
    this.#tracing = tracing;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  trace(samplers: readonly Sampler[]): void {
    this.#tracing.follow(samplers);
  }

  get active(): number {
    return this.#plane.active;
  }

  configure(plans: readonly RouterPlan[]): Promise<void> {
    return this.#plane.configure(plans);
  }

  async metrics(): Promise<MetricsTree> {
    return this.#metrics.root;
  }

  async routers(): Promise<ReadonlyMap<string, RouterState>> {
    return new Map(
      this.#plane.routers.map((running): [string, RouterState] => {
        const { key, router } = running;
        const state: RouterState = {
          servers: serversOf(running),
          clientIds: () => router.bindings.clientIds(),
          client: (id) => clientDump(router, id, this.#clock.nowMs()),
          pathStacks: () => pathStacks(router),
          clientStacks: () => clientStacks(router),
        };
        return [key, state];
      }),
    );
  }

  async identify(head: string): Promise<readonly Identified[]> {
    return identify(this.#plane.routers, head, this.#clock);
  }

  workers(): readonly WorkerSubject[] {
    return [];
  }

  end(): boolean {
    return false;
  }

  async sockets(): Promise<readonly OwnSocket[]> {
    return this.#plane.sockets().map((socket) => ({ ...socket, worker: null }));
  }

  stepAside(): void {
    this.#plane.stepAside();
  }

  leave(): void {
    this.#plane.leave();
  }

  drain(patienceMs: number): Promise<void> {
    return this.#plane.drain(patienceMs);
  }

  abandon(graceMs: number): void {
    this.#plane.abandon(graceMs);
  }

  async close(): Promise<void> {
    this.#plane.close();
  }
}

/** What one router is doing, from what several data planes tell of it; nothing if none knows it. */
export function stateOf(key: string, dumps: readonly RouterDump[]): [string, RouterState][] {
  const dump = together(dumps.filter((each) => each.key === key));
  if (dump === undefined) return [];
  const clients = new Map(dump.clients);
  const state: RouterState = {
    servers: dump.servers,
    clientIds: () => [...clients.keys()],
    client: (id) => clients.get(id),
    pathStacks: () => dump.paths,
    clientStacks: () => dump.stacks,
  };
  return [[key, state]];
}
