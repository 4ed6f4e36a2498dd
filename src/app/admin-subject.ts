// A running proxy as its admin server sees it.
import type { NamedRequest, ReopenedFile, RouterSubject, Subject } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { LinkerConfig } from "./config.ts";
import type { ControlledRouter } from "./control.ts";
import type { Identified } from "./identify.ts";
import type { Succession } from "./successor.ts";
import type { Reloader } from "./reloader.ts";
import type { Planes, RouterState } from "./planes.ts";
import type { Telemeters } from "./telemeters.ts";
import { version } from "./version.ts";

/** What is asked of the proxy. */
export interface Running {
  /** In force. */
  readonly config: LinkerConfig;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly namers: NamerTable;
  readonly planes: Planes;
  readonly telemeters: Pick<Telemeters, "recent">;
  /** The routers in force. */
  readonly controlled: readonly ControlledRouter[];
  readonly ready: boolean;
  /** Settled when the first configuration is in force. */
  readonly begun: Promise<void>;
  /** Puts another process in our place; null where that is not possible. */
  readonly restart: (() => Promise<Succession>) | null;
  readonly reloader: Pick<Reloader, "problem" | "reload"> | null;
  stop(graceMs: number): Promise<unknown>;
  reopenAccessLogs(): Promise<readonly ReopenedFile[]>;
}

/** @param telemetry of the configuration that the admin server is made from. */
export function adminSubject(linker: Running, telemetry: LinkerConfig["telemetry"]): Subject {
  const { env, log } = linker;
  const has = (kind: string) => telemetry.some((each) => each.kind === kind);
  return {
    version: version(),
    env,
    log,
    metrics: (worker) => linker.planes.metrics(worker),
    declared: linker.metrics.declared,
    endWorker: (index) => linker.planes.end(index),
    workers: () => linker.planes.workers(),
    // cold: for the admin pages
    get namers() {
      return linker.namers;
    },
    // cold: for the admin pages
    get config() {
      return linker.config.document;
    },
    prometheus: telemetry.flatMap((each) =>
      each.kind === "io.l5d.prometheus" ? [{ path: each.path, prefix: each.prefix }] : [],
    ),
    telemeters: {
      influxdb: has("io.l5d.influxdb"),
      recent: has("io.l5d.recentRequests") ? () => linker.telemeters.recent ?? [] : null,
    },
    routers: async () => {
      const states = await linker.planes.routers();
      return linker.controlled.map((controlled) =>
        routerSubject(controlled, states.get(controlled.key) ?? NOTHING_YET),
      );
    },
    identify: async (head) => {
      await linker.begun; // a socket that was inherited has callers at once
      const names = new Map((await linker.planes.identify(head)).map((named) => [named.key, named]));
      return linker.controlled
        .filter(({ config }) => !config.plugged)
        .map((controlled) => namedBy(controlled, names.get(controlled.key)));
    },
    readiness: () => ({
      ready: linker.ready,
      detail: linker.ready ? readyDetail(linker) : `not ready: ${remaining(linker)}`,
    }),
    restart: async () => linker.restart?.() ?? null,
    reload: async () => linker.reloader?.reload("POST /admin/reload") ?? null,
    reopenAccessLogs: () => linker.reopenAccessLogs(),
    shutDown: () => {
      const graceMs = linker.config.admin.shutdownGraceMs;
      log.logger("admin").info(`POST /admin/shutdown: stopping; requests in progress have ${graceMs} ms`);
      env.timers.after(0, () => void linker.stop(graceMs)); // behind the answer
      return graceMs;
    },
  };
}

const NOTHING_YET: RouterState = {
  servers: [],
  clientIds: () => [],
  client: () => undefined,
  pathStacks: () => [],
  clientStacks: () => [],
};

function routerSubject(controlled: ControlledRouter, state: RouterState): RouterSubject {
  const { label, protocol } = controlled.config;
  return {
    ...state,
    interpreter: controlled.interpreter,
    label,
    protocol,
    dtab: () => controlled.dtab,
    dtabProblem: () => controlled.problem,
  };
}

// As the original has it: the rules of the router, and then those of the request, which win.
function namedBy({ config: { label }, dtab }: ControlledRouter, found: Identified | undefined): NamedRequest {
  if (found === undefined) return { label, error: "the router does not answer at the moment" };
  if ("error" in found) return { label, error: found.error };
  return {
    label,
    path: found.path,
    dtab: [dtab?.show() ?? "", found.override].filter((rules) => rules !== "").join(";"),
  };
}

/** A file that cannot be used is no reason to send requests elsewhere; whoever looks shall know of it. */
function readyDetail({ reloader }: Running): string {
  const problem = reloader?.problem ?? null;
  return problem === null
    ? "ready"
    : `ready, with the configuration before the one in the file, which cannot be used:\n${problem}`;
}

function remaining({ planes: { active } }: Running): string {
  return `stopping, ${active} ${active === 1 ? "request" : "requests"} in progress`;
}
