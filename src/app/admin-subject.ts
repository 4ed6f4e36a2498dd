// A running proxy as its admin server sees it.
import type { ReopenedFile, RouterSubject, Subject } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { Listener } from "../core/byte-stream.ts";
import { addressText } from "../core/socket-address.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import { clientDump, clientStacks, pathStacks } from "../router/dump.ts";
import type { Log } from "../telemetry/log.ts";
import type { MetricsRegistry } from "../telemetry/registry.ts";
import type { LinkerConfig } from "./config.ts";
import type { ControlledRouter } from "./control.ts";
import type { Reloader } from "./reloader.ts";
import type { RunningRouter } from "./router.ts";
import { version } from "./version.ts";

/** What is asked of the proxy. */
export interface Running {
  /** In force. */
  readonly config: LinkerConfig;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly namers: NamerTable;
  readonly routers: readonly RunningRouter[];
  /** The same routers as control sees them, in the same order. */
  readonly controlled: readonly ControlledRouter[];
  readonly ready: boolean;
  readonly active: number;
  readonly reloader: Pick<Reloader, "problem" | "reload"> | null;
  stop(graceMs: number): Promise<unknown>;
  reopenAccessLogs(): Promise<readonly ReopenedFile[]>;
}

/** @param telemetry of the configuration that the admin server is made from. */
export function adminSubject(linker: Running, telemetry: LinkerConfig["telemetry"]): Subject {
  const { env, log, metrics } = linker;
  return {
    version: version(),
    env,
    log,
    metrics,
    get namers() {
      return linker.namers;
    },
    get config() {
      return linker.config.document;
    },
    prometheus: telemetry.map(({ path, prefix }) => ({ path, prefix })),
    routers: () =>
      linker.controlled.flatMap((controlled) => {
        const running = linker.routers.find(({ key }) => key === controlled.key);
        return running === undefined ? [] : [routerSubject(controlled, running, env)];
      }),
    readiness: () => ({
      ready: linker.ready,
      detail: linker.ready ? readyDetail(linker) : `not ready: ${remaining(linker)}`,
    }),
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

function routerSubject(controlled: ControlledRouter, running: RunningRouter, { clock }: Env): RouterSubject {
  const { config, router, servers, stacks } = running;
  return {
    interpreter: controlled.interpreter,
    label: config.label,
    protocol: config.protocol,
    dtab: () => controlled.dtab,
    dtabProblem: () => controlled.problem,
    servers: servers.map(({ listener }, i) => ({ address: addressOf(listener), filters: stacks[i]?.view() ?? [] })),
    clientIds: () => router.bindings.clientIds(),
    client: (id) => clientDump(router, id, clock.nowMs()),
    pathStacks: () => pathStacks(router),
    clientStacks: () => clientStacks(router),
  };
}

/** A file that cannot be used is no reason to send requests elsewhere; whoever looks shall know of it. */
function readyDetail({ reloader }: Running): string {
  const problem = reloader?.problem ?? null;
  return problem === null
    ? "ready"
    : `ready, with the configuration before the one in the file, which cannot be used:\n${problem}`;
}

function remaining({ active }: Running): string {
  return `stopping, ${active} ${active === 1 ? "request" : "requests"} in progress`;
}

function addressOf(listener: Listener | null): string {
  return listener === null ? "" : addressText(listener);
}
