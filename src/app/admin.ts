// The admin server of a running proxy, and the HTTP identifier beside it, through all reloads.
import { IdentifierServer } from "../admin/identifier-server.ts";
import { AdminServer } from "../admin/server.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { Http1 } from "../protocols/http1/protocol.ts";
import { adminSubject, type Running } from "./admin-subject.ts";
import type { LinkerConfig } from "./config.ts";
import { serverConnectionStats } from "./connection-stats.ts";
import { LastingServer, type ServerChange } from "./lasting-server.ts";

/** What the admin server looks at and stands on. */
export interface Administered extends Running {
  readonly loop: DataLoop;
  readonly http1: Http1;
}

/** Servers that listen already, where nobody did, until it is decided whether they are to stay. */
export interface AdminChange {
  readonly admin: ServerChange<AdminServer>;
  readonly identifier: ServerChange<IdentifierServer>;
}

/** Both of them. */
export class RunningAdmin {
  readonly #linker: Administered;
  readonly #admin: LastingServer<AdminServer>;
  readonly #identifier: LastingServer<IdentifierServer>;

  constructor(linker: Administered) {
    this.#linker = linker;
    const shared = { timers: linker.env.timers, logger: linker.log.logger("admin") };
    this.#admin = new LastingServer<AdminServer>({
      ...shared,
      what: "listening on",
      place: ({ admin: { ip, port, socket } }) => JSON.stringify([ip, port, socket]),
      settings: ({ admin, telemetry }) => ({ admin, telemetry }),
      start: (config, listener) => AdminServer.start(config.admin, this.#parts(config), listener),
    });
    this.#identifier = new LastingServer<IdentifierServer>({
      ...shared,
      what: "telling how requests are named on",
      place: ({ admin: { httpIdentifierPort, ip } }) =>
        httpIdentifierPort === undefined ? null : JSON.stringify([ip, httpIdentifierPort]),
      settings: identifierSettings,
      start: (config, listener) => IdentifierServer.start(identifierSettings(config), this.#parts(config), listener),
    });
  }

  /** Null before the first configuration. */
  get server(): AdminServer | null {
    return this.#admin.server;
  }

  /** Null where there is none. */
  get identifier(): IdentifierServer | null {
    return this.#identifier.server;
  }

  /** Listens where a configuration says. Rejects, in words, when that is not possible. `commit` or `drop` follows. */
  async prepare(config: LinkerConfig): Promise<AdminChange> {
    const admin = await this.#admin.prepare(config);
    try {
      return { admin, identifier: await this.#identifier.prepare(config) };
    } catch (error) {
      await this.#admin.drop(admin);
      throw error;
    }
  }

  /** Not so, after all. */
  async drop({ admin, identifier }: AdminChange): Promise<void> {
    await Promise.all([this.#admin.drop(admin), this.#identifier.drop(identifier)]);
  }

  /** From now on. Answers that are on their way still get there. */
  async commit({ admin, identifier }: AdminChange): Promise<void> {
    const changed = await this.#admin.commit(admin);
    await this.#identifier.commit(identifier);
    if (!changed) return;
    const connections = () => this.#admin.connections + this.#identifier.connections;
    this.#linker.metrics.root.scope("admin").gauge("connections", connections);
  }

  /** Another process listens on our sockets by now. */
  async stepAside(): Promise<void> {
    await Promise.all([this.#admin.stepAside(), this.#identifier.stepAside()]);
  }

  /** Answers what has been asked by now or is under way, for a moment. */
  async drain(): Promise<void> {
    await Promise.all([this.#admin.drain(), this.#identifier.drain()]);
  }

  /** Stops all there are. */
  async stop(): Promise<void> {
    await Promise.all([this.#admin.stop(), this.#identifier.stop()]);
  }

  #parts({ telemetry }: LinkerConfig) {
    return {
      subject: adminSubject(this.#linker, telemetry),
      loop: this.#linker.loop,
      http1: this.#linker.http1,
      stats: serverConnectionStats(this.#linker.metrics.root.scope("admin")),
    };
  }
}

function identifierSettings({ admin }: LinkerConfig) {
  const { httpIdentifierPort = 0, ip, security, socketMode, socketOptions } = admin;
  return {
    wanted: admin.httpIdentifierPort !== undefined,
    ip,
    port: httpIdentifierPort,
    socketMode,
    socketOptions,
    security: { diagnosticsEnabled: security.diagnosticsEnabled },
  };
}
