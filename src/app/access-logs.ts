// The access logs of a process: one writer per file, whichever routers write to it.
import type { Env } from "../base/env.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { AccessLog } from "../protocols/http/access-log.ts";
import type { ExchangeLog } from "../router/router.ts";
import { LineWriter } from "../telemetry/line-writer.ts";
import type { Logger } from "../telemetry/log.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { RouterConfig } from "./config.ts";
import { accessLogOf } from "./settings.ts";

/** What access logs need of the process. */
export interface AccessLogWorld {
  readonly env: Env;
  readonly loop: DataLoop;
  readonly logger: Logger;
  /** For the counters of lines that could not be written. */
  readonly scope: Scope;
}

const noLog: ExchangeLog = { record: () => undefined };

/** Makes the access logs that routers ask for, and closes them. */
export class AccessLogs {
  readonly #world: AccessLogWorld;
  readonly #writers = new Map<string, LineWriter>();

  constructor(world: AccessLogWorld) {
    this.#world = world;
  }

  /** The log of a router's exchanges; one that takes nothing when the router has none. */
  of(router: RouterConfig): ExchangeLog {
    const log = accessLogOf(router);
    if (log === null) return noLog;
    const { env, loop } = this.#world;
    const sink = this.#writer(log.path);
    return new AccessLog({ router: router.label, format: log.format, loop, clock: env.clock, sink });
  }

  #writer(path: string): LineWriter {
    const known = this.#writers.get(path);
    if (known !== undefined) return known;
    const { env, logger, scope } = this.#world;
    const [dropped, errors] = [scope.counter("dropped_lines"), scope.counter("write_errors")];
    const writer = new LineWriter({ path, env, logger, dropped, errors });
    this.#writers.set(path, writer);
    return writer;
  }

  /** Writes what is left, waiting at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close(graceMs)));
  }
}
