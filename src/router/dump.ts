// What a router is doing at the moment, as plain values: what data tells control when somebody looks.
import type { FilterView } from "../core/filter.ts";
import type { Health } from "../resilience/accrual/accrual.ts";
import type { Endpoint } from "./endpoint-stack.ts";
import type { PathEntry } from "./path-stack.ts";
import type { Router } from "./router.ts";

/** One endpoint of a client. */
export interface EndpointDump {
  /** `host:port`. */
  readonly address: string;
  /** The number of the event loop whose view this is; absent when there is only one. */
  readonly worker?: number;
  readonly health: Health;
  readonly weight: number;
  /** What the balancer compares: lower is better. */
  readonly load: number;
  /** Attempts in progress, connecting included. */
  readonly pending: number;
  readonly pool: { readonly size: number; readonly idle: number; readonly waiters: number };
}

/** One bound client. */
export interface ClientDump {
  /** What discovery said last. */
  readonly state: "pending" | "bound" | "neg" | "failed";
  /** Why, when it failed. */
  readonly message?: string;
  readonly addresses: readonly string[];
  readonly endpoints: readonly EndpointDump[];
  /** Requeues that the budget would pay for now. */
  readonly requeueBudget: number;
  /** Share of requests that the service took lately rather than refused them (nacks). */
  readonly accepted: number;
  /** The adaptive limit and what is in progress under it; absent without one. */
  readonly concurrency?: { readonly limit: number; readonly inFlight: number };
  /** After how long a request gets a second attempt, ms; -1 for not at all, absent without hedging. */
  readonly hedgeAfterMs?: number;
}

/** What a client is doing; undefined when there is none of this id. One-shots of the same id are part of it. */
export function clientDump(router: Router, id: string, nowMs: number): ClientDump | undefined {
  const clients = router.bindings.clientsOf(id);
  const [first] = clients;
  if (first === undefined) return undefined;
  const { set } = first;
  return {
    state: set.at,
    ...(set.at === "failed" ? { message: set.message } : {}),
    addresses: set.at === "bound" ? set.endpoints.map((endpoint) => endpoint.key) : [],
    requeueBudget: first.requeue.budget.balance(nowMs),
    accepted: first.nacks.accepted,
    ...(first.limit === null ? {} : { concurrency: { limit: first.limit.limit, inFlight: first.limit.inFlight } }),
    ...(first.hedging === null ? {} : { hedgeAfterMs: first.hedging.policy.delayMs(nowMs) }),
    endpoints: clients.flatMap((client) => client.endpoints.map((endpoint) => endpointDump(endpoint, nowMs))),
  };
}

function endpointDump({ accrual, cell, key, pool, weight }: Endpoint, nowMs: number): EndpointDump {
  cell.weigh(nowMs);
  const { size, idle, waiters } = pool;
  const { load, pending } = cell;
  return { address: key, health: accrual.health(nowMs), weight, load, pending, pool: { size, idle, waiters } };
}

/** The compiled stacks of a path and of a client, in words. */
export interface PathStackDump {
  /** `/svc/users`. */
  readonly path: string;
  /** The override that this entry is for; absent for requests without one. */
  readonly dtab?: string;
  /** Requests waiting for the name to be bound. */
  readonly waiting: number;
  readonly filters: readonly FilterView[];
}

export interface ClientStackDump {
  /** `/#/io.l5d.fs/users`. */
  readonly id: string;
  readonly client: readonly FilterView[];
  /** The same for all endpoints of the client; empty while there are none. */
  readonly endpoint: readonly FilterView[];
}

/** The path stacks of a router, made one by one. */
export function* pathStacks(router: Router): Generator<PathStackDump> {
  for (const entry of router.bindings.paths()) yield pathStack(entry);
}

function pathStack(path: PathEntry): PathStackDump {
  const { localDtab, service, waiting } = path;
  return { path: service, ...(localDtab === "" ? {} : { dtab: localDtab }), waiting, filters: path.view() };
}

/** The client stacks of a router, made one by one. */
export function* clientStacks(router: Router): Generator<ClientStackDump> {
  for (const client of router.bindings.clients()) yield { id: client.key, ...client.view() };
}
