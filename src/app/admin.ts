// The admin server of a running proxy through all reloads.
import { isDeepStrictEqual } from "node:util";
import { AdminServer } from "../admin/server.ts";
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

/** At most one listening server at a time. */
export class RunningAdmin {
  readonly #linker: Administered;
  /** What the server that listens was made from. */
  #settings: Settings | null = null;
  /** Null before the first configuration. */
  server: AdminServer | null = null;

  constructor(linker: Administered) {
    this.#linker = linker;
  }

  /** Listens as a configuration says. Rejects, in words, when that is not possible; then everything is as before. */
  async follow(config: LinkerConfig): Promise<void> {
    const settings = { admin: config.admin, telemetry: config.telemetry };
    const former = this.#settings;
    if (isDeepStrictEqual(settings, former)) return;
    const stays = former !== null && samePlace(former.admin, config.admin);
    const before = this.server;
    const listener = stays ? (before?.handOver() ?? null) : null;
    this.server = await this.#start(config, listener);
    this.#settings = settings;
    if (before !== null) this.#linker.env.timers.after(LEAVE_MS, () => void before.stop());
    if (listener !== null) return;
    this.#linker.log.logger("admin").info(`listening on ${placeOf(this.server.listener)}`);
  }

  async #start({ admin, telemetry }: LinkerConfig, listener: Listener | null): Promise<AdminServer> {
    const scope = this.#linker.metrics.root.scope("admin");
    const parts = {
      subject: adminSubject(this.#linker, telemetry),
      loop: this.#linker.loop,
      http1: this.#linker.http1,
      stats: serverConnectionStats(scope),
    };
    const server = await AdminServer.start(admin, parts, listener);
    scope.gauge("connections", () => server.connections);
    return server;
  }
}

function samePlace(a: LinkerConfig["admin"], b: LinkerConfig["admin"]): boolean {
  return a.ip === b.ip && a.port === b.port && a.socket === b.socket;
}
