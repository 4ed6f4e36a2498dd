// The admin server of a running proxy through all reloads.
import { isDeepStrictEqual } from "node:util";
import { AdminServer } from "../admin/server.ts";
import type { Timer } from "../base/timers.ts";
import type { Listener } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Http1 } from "../protocols/http1/protocol.ts";
import { adminSubject, type Running } from "./admin-subject.ts";
import type { LinkerConfig } from "./config.ts";
import { serverConnectionStats } from "./connection-stats.ts";
import { placeOf } from "./inherited-sockets.ts";

/** What the admin server looks at and stands on. */
export interface Administered extends Running {
  readonly loop: DataLoop;
  readonly http1: Http1;
}

/** Answers that are on their way when the admin section changes have so long. */
const LEAVE_MS = 5000;

type Settings = Pick<LinkerConfig, "admin" | "telemetry">;

/** A server that listens already, where nobody did, until it is decided whether it is to stay. */
export interface AdminChange {
  /** Null where there is nothing to be listened on that is not already. */
  readonly opened: AdminServer | null;
  readonly config: LinkerConfig;
}

/** At most one server at a time that is told to people; those before it finish what they have. */
export class RunningAdmin {
  readonly #linker: Administered;
  /** What the server that listens was made from. */
  #settings: Settings | null = null;
  readonly #former = new Map<AdminServer, Timer>();
  /** Null before the first configuration. */
  server: AdminServer | null = null;

  constructor(linker: Administered) {
    this.#linker = linker;
  }

  /** Listens where a configuration says. Rejects, in words, when that is not possible. `commit` or `drop` follows. */
  async prepare(config: LinkerConfig): Promise<AdminChange> {
    const former = this.#settings;
    if (former !== null && samePlace(former.admin, config.admin)) return { opened: null, config };
    return { opened: await this.#start(config, null), config };
  }

  /** Not so, after all. */
  async drop({ opened }: AdminChange): Promise<void> {
    if (opened?.listener.inherited === true) opened.listener.leaveFile();
    await opened?.stop();
  }

  /** From now on. Answers that are on their way still get there. */
  async commit({ config, opened }: AdminChange): Promise<void> {
    const settings = { admin: config.admin, telemetry: config.telemetry };
    if (isDeepStrictEqual(settings, this.#settings)) return;
    this.#settings = settings;
    const before = this.server;
    const listener = before?.handOver() ?? null;
    this.server = opened ?? (await this.#start(config, listener));
    this.#linker.metrics.root.scope("admin").gauge("connections", () => this.#connections);
    if (before !== null) this.#retire(before);
    if (opened === null) return;
    await listener?.close();
    this.#linker.log.logger("admin").info(`listening on ${placeOf(opened.listener)}`);
  }

  /** Stops all there are. */
  async stop(): Promise<void> {
    for (const timer of this.#former.values()) timer.cancel();
    const all = [...this.#former.keys(), ...(this.server === null ? [] : [this.server])];
    await Promise.all(all.map((server) => server.stop()));
  }

  get #connections(): number {
    return [...this.#former.keys()].reduce((sum, server) => sum + server.connections, this.server?.connections ?? 0);
  }

  #retire(server: AdminServer): void {
    const { timers } = this.#linker.env;
    this.#former.set(
      server,
      timers.after(LEAVE_MS, () => void server.stop().then(() => this.#former.delete(server))),
    );
  }

  #start({ admin, telemetry }: LinkerConfig, listener: Listener | null): Promise<AdminServer> {
    const parts = {
      subject: adminSubject(this.#linker, telemetry),
      loop: this.#linker.loop,
      http1: this.#linker.http1,
      stats: serverConnectionStats(this.#linker.metrics.root.scope("admin")),
    };
    return AdminServer.start(admin, parts, listener);
  }
}

function samePlace(a: LinkerConfig["admin"], b: LinkerConfig["admin"]): boolean {
  return a.ip === b.ip && a.port === b.port && a.socket === b.socket;
}
