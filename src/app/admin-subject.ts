// A running proxy as its admin server sees it.
import type { ReopenedFile, RouterSubject, Subject } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { Listener } from "../core/byte-stream.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import { clientDump, clientStacks, pathStacks } from "../router/dump.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { LinkerConfig } from "./config.ts";
import type { RunningRouter } from "./router.ts";
import { version } from "./version.ts";

/** What is asked of the proxy. */
export interface Running {
  readonly config: LinkerConfig;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly namers: NamerTable;
  readonly routers: readonly RunningRouter[];
  readonly ready: boolean;
  stop(graceMs: number): Promise<unknown>;
  reopenAccessLogs(): Promise<readonly ReopenedFile[]>;
}

export function adminSubject(linker: Running): Subject {
  const { config, env, log, metrics, namers } = linker;
  return {
    version: version(),
    env,
    log,
    metrics,
    namers,
    config: config.document,
    prometheus: config.telemetry.map(({ path, prefix }) => ({ path, prefix })),
    routers: () => linker.routers.map((router) => routerSubject(router, env)),
    readiness: () => ({ ready: linker.ready, detail: linker.ready ? "ready" : `not ready: ${remaining(linker)}` }),
    reopenAccessLogs: () => linker.reopenAccessLogs(),
    shutDown: () => {
      const graceMs = config.admin.shutdownGraceMs;
      log.logger("admin").info(`POST /admin/shutdown: stopping; requests in progress have ${graceMs} ms`);
      env.timers.after(0, () => void linker.stop(graceMs)); // behind the answer
      return graceMs;
    },
  };
}

function routerSubject(running: RunningRouter, { clock }: Env): RouterSubject {
  const { bindService, config, interpreter, router, servers, stacks } = running;
  return {
    interpreter,
    label: config.label,
    protocol: config.protocol,
    dtab: () => bindService.dtab,
    dtabProblem: () => bindService.problem,
    servers: servers.map(({ listener }, i) => ({ address: addressOf(listener), filters: stacks[i]?.view() ?? [] })),
    clientIds: () => router.bindings.clientIds(),
    client: (id) => clientDump(router, id, clock.nowMs()),
    pathStacks: () => pathStacks(router),
    clientStacks: () => clientStacks(router),
  };
}

function remaining({ routers }: Running): string {
  const active = routers.flatMap((router) => router.stacks).reduce((sum, stack) => sum + stack.active, 0);
  return `stopping, ${active} ${active === 1 ? "request" : "requests"} in progress`;
}

function addressOf(listener: Listener | null): string {
  return listener === null ? "" : `${listener.host}:${listener.port}`;
}
