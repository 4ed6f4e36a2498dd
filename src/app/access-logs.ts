// The access logs of a process: one writer per file, whichever routers write to it.
import type { ReopenedFile } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import type { Timer } from "../base/timers.ts";
import { within } from "../base/within.ts";
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
/** How long the last lines of a file may take. */
const LAST_LINES_MS = 1000;
/** Workers do not say when the last line of a router that was replaced has come: its file is closed when none has come for so long. */
const QUIET_MS = 60_000;

const noLog: ExchangeLog = { record: () => undefined };

/** A file with those who write to it. */
interface OpenLog {
  readonly writer: LineWriter;
  /** Routers of this event loop. */
  users: number;
  /** Runs while the file is needed by nobody that we know of. */
  leaving: Timer | null;
}

/** Makes the access logs that routers ask for, and closes them. */
export class AccessLogs {
  readonly #world: AccessLogWorld;
  /** By path. */
  readonly #open = new Map<string, OpenLog>();
  /** What is being written for the last time. */
  readonly #closing = new Set<Promise<void>>();
  /** What routers of workers write to. */
  #expected = new Set<string>();

  constructor(world: AccessLogWorld) {
    this.#world = world;
  }

  /** The log of a router's exchanges; one that takes nothing when the router has none. @param atClose is told what to do when the router is no more. */
  of(router: RouterConfig, atClose: (act: () => void) => void): ExchangeLog {
    const place = accessLogOf(router);
    if (place === null) return noLog;
    const { env, loop } = this.#world;
    const open = this.#take(place.path, place.file);
    open.users++;
    stay(open);
    atClose(() => {
      open.users--;
      if (!this.#isNeeded(place.path, open)) this.#close(place.path, open);
    });
    const sink = open.writer;
    return new AccessLog({ router: router.label, format: place.format, loop, clock: env.clock, sink });
  }

  /** Opens the files that routers of workers write to from now on. */
  expect(routers: readonly RouterConfig[]): void {
    const places = routers.flatMap((router) => accessLogOf(router) ?? []);
    this.#expected = new Set(places.map(({ path }) => path));
    for (const { file, path } of places) stay(this.#take(path, file));
    for (const [path, open] of this.#open) {
      if (!this.#isNeeded(path, open) && open.leaving === null) this.#closeLater(path, open);
    }
  }

  /** The configuration that is in force says how files are rolled. */
  follow(routers: readonly RouterConfig[]): void {
    for (const router of routers) {
      const place = accessLogOf(router);
      if (place !== null) this.#open.get(place.path)?.writer.follow(place.file);
    }
  }

  /** Lines that another thread has put together. */
  append(path: string, text: Buffer, epochMs: number, lines: number): void {
    const open = this.#take(path);
    open.writer.append(text, text.length, epochMs, lines);
    if (!this.#isNeeded(path, open)) this.#closeLater(path, open);
  }

  #isNeeded(path: string, { users }: OpenLog): boolean {
    return users > 0 || this.#expected.has(path);
  }

  #take(path: string, file?: LineWriterFile): OpenLog {
    const known = this.#open.get(path);
    if (known !== undefined) return known;
    const { env, logger, scope } = this.#world;
    const [dropped, errors] = [scope.counter("dropped_lines"), scope.counter("write_errors")];
    const rollErrors = scope.counter("roll_errors");
    const parts = { path, env, logger, dropped, errors, rollErrors };
    const writer = new LineWriter(file === undefined ? parts : { ...parts, file });
    const open = { writer, users: 0, leaving: null };
    this.#open.set(path, open);
    return open;
  }

  #closeLater(path: string, open: OpenLog): void {
    stay(open);
    open.leaving = this.#world.env.timers.after(QUIET_MS, () => this.#close(path, open));
  }

  #close(path: string, open: OpenLog): void {
    stay(open);
    this.#open.delete(path);
    const closed = open.writer.close(LAST_LINES_MS).then(() => void this.#closing.delete(closed));
    this.#closing.add(closed);
  }

  /** Closes all files and opens them again by their paths. */
  reopen(): Promise<readonly ReopenedFile[]> {
    const files = [...this.#open].map(async ([path, { writer }]) => {
      const reopened = await within(this.#world.env.timers, REOPEN_MS, writer.reopen(), false);
      return { path, reopened };
    });
    return Promise.all(files);
  }

  /** Writes what is left, for no longer than a moment. */
  async close(): Promise<void> {
    const all = [...this.#open.values()];
    for (const open of all) stay(open);
    await Promise.all([...this.#closing, ...all.map(({ writer }) => writer.close(LAST_LINES_MS))]);
  }
}

/** It is not closed for want of lines. */
function stay(open: OpenLog): void {
  open.leaving?.cancel();
  open.leaving = null;
}
