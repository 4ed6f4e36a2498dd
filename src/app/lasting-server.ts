// One server of this process itself through all reloads: at most one at a time that people are told of; those before it finish what they have.
import { isDeepStrictEqual } from "node:util";
import type { LocalServer } from "../admin/local-server.ts";
import type { Timer, Timers } from "../base/timers.ts";
import type { Listener } from "../core/byte-stream.ts";
import type { Logger } from "../telemetry/log.ts";
import type { LinkerConfig } from "./config.ts";
import { placeOf } from "./inherited-sockets.ts";

/** What a server is, and how a configuration says so. */
export interface LastingParts<S extends LocalServer> {
  readonly timers: Timers;
  readonly logger: Logger;
  /** Where it shall listen, as text; null for nowhere. */
  place(config: LinkerConfig): string | null;
  /** All that it is made from: where that is equal, the server stays. */
  settings(config: LinkerConfig): unknown;
  /** Listens, or goes on with a listener. Rejects, in words, when that is not possible. */
  start(config: LinkerConfig, listener: Listener | null): Promise<S>;
  /** For the log, what listens from now on. */
  readonly what: string;
}

/** Answers that are on their way when its part of the configuration changes have so long. */
const LEAVE_MS = 5000;

/** A server that listens already, where nobody did, until it is decided whether it is to stay. */
export interface ServerChange<S extends LocalServer> {
  /** Null where there is nothing to be listened on that is not already. */
  readonly opened: S | null;
  readonly config: LinkerConfig;
}

export class LastingServer<S extends LocalServer> {
  readonly #parts: LastingParts<S>;
  /** What the server that listens was made from, and where that is. */
  #settings: unknown = null;
  #place: string | null = null;
  readonly #former = new Map<S, Timer>();
  /** Null where there is none. */
  server: S | null = null;

  constructor(parts: LastingParts<S>) {
    this.#parts = parts;
  }

  /** Listens where a configuration says. Rejects, in words, when that is not possible. `commit` or `drop` follows. */
  async prepare(config: LinkerConfig): Promise<ServerChange<S>> {
    const place = this.#parts.place(config);
    if (place === null || place === this.#place) return { opened: null, config };
    return { opened: await this.#parts.start(config, null), config };
  }

  /** Not so, after all. */
  async drop({ opened }: ServerChange<S>): Promise<void> {
    if (opened?.listener.inherited === true) opened.listener.leaveFile();
    await opened?.stop();
  }

  /** From now on. Answers that are on their way still get there. False if nothing has changed. */
  async commit({ config, opened }: ServerChange<S>): Promise<boolean> {
    const { logger, settings, start, what } = this.#parts;
    const wanted = settings(config);
    if (isDeepStrictEqual(wanted, this.#settings)) return false;
    this.#settings = wanted;
    this.#place = this.#parts.place(config);
    const before = this.server;
    const listener = before?.handOver() ?? null;
    this.server = this.#place === null ? null : (opened ?? (await start(config, listener)));
    if (before !== null) this.#retire(before);
    if (this.#place !== null && opened === null) return true;
    await listener?.close();
    if (opened !== null) logger.info(`${what} ${placeOf(opened.listener)}`);
    return true;
  }

  /** Another process listens here by now. */
  async stepAside(): Promise<void> {
    await this.server?.stepAside();
  }

  /** Answers what has been asked by now or is under way, for a moment. */
  async drain(): Promise<void> {
    await Promise.all(this.#all().map((server) => server.drain()));
  }

  /** Stops all there are. */
  async stop(): Promise<void> {
    for (const timer of this.#former.values()) timer.cancel();
    await Promise.all(this.#all().map((server) => server.stop()));
  }

  get connections(): number {
    return this.#all().reduce((sum, server) => sum + server.connections, 0);
  }

  #all(): readonly S[] {
    return [...this.#former.keys(), ...(this.server === null ? [] : [this.server])];
  }

  #retire(server: S): void {
    this.#former.set(
      server,
      this.#parts.timers.after(LEAVE_MS, () => void server.stop().then(() => this.#former.delete(server))),
    );
  }
}
