// The access logs of a process: one writer per file, whichever routers write to it.
import type { ReopenedFile } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { DataLoop } from "../core/data-loop.ts";
import { AccessLog } from "../protocols/http/access-log.ts";
import type { ExchangeLog } from "../router/router.ts";
import { LineWriter, type LineWriterFile } from "../telemetry/line-writer.ts";
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

/** A disk that hangs is not waited for longer. */
const REOPEN_MS = 2000;

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
    const sink = this.#writer(log.path, log.file);
    return new AccessLog({ router: router.label, format: log.format, loop, clock: env.clock, sink });
  }

  /** Opens the files that these routers write to, for lines that come from elsewhere. */
  expect(routers: readonly RouterConfig[]): void {
    for (const router of routers) {
      const log = accessLogOf(router);
      if (log !== null) this.#writer(log.path, log.file);
    }
  }

  /** Lines that another thread has put together. */
  append(path: string, text: Buffer, epochMs: number, lines: number): void {
    this.#writers.get(path)?.append(text, text.length, epochMs, lines);
  }

  // Of a file that several routers write to all say the same: the configuration has been checked.
  #writer(path: string, file: LineWriterFile): LineWriter {
    const known = this.#writers.get(path);
    if (known !== undefined) return known;
    const { env, logger, scope } = this.#world;
    const [dropped, errors] = [scope.counter("dropped_lines"), scope.counter("write_errors")];
    const rollErrors = scope.counter("roll_errors");
    const writer = new LineWriter({ path, file, env, logger, dropped, errors, rollErrors });
    this.#writers.set(path, writer);
    return writer;
  }

  /** Closes all files and opens them again by their paths. */
  reopen(): Promise<readonly ReopenedFile[]> {
    const files = [...this.#writers].map(async ([path, writer]) => {
      const late = Promise.withResolvers<boolean>();
      const timer = this.#world.env.timers.after(REOPEN_MS, () => late.resolve(false));
      const reopened = await Promise.race([writer.reopen(), late.promise]);
      timer.cancel();
      return { path, reopened };
    });
    return Promise.all(files);
  }

  /** Writes what is left, waiting at most `graceMs`. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close(graceMs)));
  }
}
