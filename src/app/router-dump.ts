// What the routers of a data plane are doing, as plain values: one plane tells it, and several are put together.
import {
  type ClientDump,
  clientDump,
  type ClientStackDump,
  clientStacks,
  type PathStackDump,
  pathStacks,
} from "../router/dump.ts";
import type { FilterView } from "../core/filter.ts";
import { addressText } from "../core/socket-address.ts";
import type { RunningRouter } from "./router.ts";

/** One router of one data plane. */
export interface RouterDump {
  readonly key: string;
  readonly servers: readonly { readonly address: string; readonly filters: readonly FilterView[] }[];
  readonly clients: readonly (readonly [id: string, dump: ClientDump])[];
  readonly paths: readonly PathStackDump[];
  readonly stacks: readonly ClientStackDump[];
}

/** @param worker its number. */
export function routerDump(running: RunningRouter, nowMs: number, worker: number): RouterDump {
  const { key, router } = running;
  const clients = router.bindings.clientIds().flatMap((id): (readonly [string, ClientDump])[] => {
    const dump = clientDump(router, id, nowMs);
    return dump === undefined ? [] : [[id, { ...dump, endpoints: dump.endpoints.map((one) => ({ ...one, worker })) }]];
  });
  return {
    key,
    servers: serversOf(running),
    clients,
    paths: [...pathStacks(router)],
    stacks: [...clientStacks(router)],
  };
}

export function serversOf({ servers, stacks }: RunningRouter): RouterDump["servers"] {
  return servers.map(({ listener }, i) => ({
    address: listener === null ? "" : addressText(listener),
    filters: stacks[i]?.view() ?? [],
  }));
}

/** The same router in several data planes: what each does with an endpoint is told apart. */
export function together(dumps: readonly RouterDump[]): RouterDump | undefined {
  const [first] = dumps;
  if (first === undefined) return undefined;
  const clients = new Map<string, ClientDump>();
  for (const [id, dump] of dumps.flatMap((each) => each.clients)) {
    const known = clients.get(id);
    clients.set(id, known === undefined ? dump : sum(known, dump));
  }
  return {
    ...first,
    clients: [...clients],
    paths: distinct(
      dumps.flatMap(({ paths }) => paths),
      ({ dtab = "", path }) => `${path}\n${dtab}`,
    ),
    stacks: distinct(
      dumps.flatMap(({ stacks }) => stacks),
      ({ id }) => id,
    ),
  };
}

function sum(a: ClientDump, b: ClientDump): ClientDump {
  return {
    ...a,
    ...(a.state === "bound" ? {} : b),
    endpoints: [...a.endpoints, ...b.endpoints],
    requeueBudget: a.requeueBudget + b.requeueBudget,
    accepted: Math.min(a.accepted, b.accepted),
  };
}

function distinct<T>(all: readonly T[], key: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [key(one), one])).values()];
}
