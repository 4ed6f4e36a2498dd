// A running proxy: everything of a configuration, put together, started, drained and stopped.
import { AdminServer } from "../admin/server.ts";
import type { ReopenedFile } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import { systemEnv } from "../base/env.ts";
import { causes } from "../core/cause.ts";
import type { Transport } from "../core/byte-stream.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { BindService } from "../naming/bind-service.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import { Http1 } from "../protocols/http1/protocol.ts";
import { Http2 } from "../protocols/http2/protocol.ts";
import type { ExchangeLog, Router } from "../router/router.ts";
import type { Log, Logger } from "../telemetry/log.ts";
import { processMetrics } from "../telemetry/process-metrics.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { NodeTransport } from "../transport/node/node-transport.ts";
import { ReadBuffers } from "../transport/node/read-buffers.ts";
import { proveDirectWrite } from "../transport/node/direct-write.ts";
import { proveStaticRead } from "../transport/node/static-read.ts";
import { AccessLogs } from "./access-logs.ts";
import { adminSubject } from "./admin-subject.ts";
import type { LinkerConfig, RouterConfig } from "./config.ts";
import { serverConnectionStats } from "./connection-stats.ts";
import { makeRouter, openServer, type RouterWorld, type RunningRouter } from "./router.ts";
import { baseDtab, makeInterpreter, makeNaming, type Naming } from "./namers.ts";

/** What a proxy is started with besides its configuration; tests hand in their own. */
export interface LinkerOptions {
  readonly log: Log;
  readonly env?: Env;
  /** Where connections come from; TCP by default. */
  readonly transport?: (loop: DataLoop, logger: Logger) => Promise<Transport>;
  /** Makes the log of a router's exchanges; by default the access log its configuration asks for. */
  readonly exchangeLog?: (router: RouterConfig) => ExchangeLog;
}

/** How long the last lines of the access logs may take, ms. */
const LAST_LINES_MS = 1000;

/** A proxy that serves. */
export class Linker {
  readonly config: LinkerConfig;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly naming: Naming;
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly http1: Http1;
  readonly http2: Http2;
  readonly routers: RunningRouter[] = [];
  readonly #processMetrics: Disposable;
  readonly #accessLogs: AccessLogs;
  /** False from the moment that draining begins. */
  ready = false;
  /** Listens from the end of the start to the end of the stop. */
  admin: AdminServer | null = null;
  readonly #stopped = Promise.withResolvers<boolean>();
  #stopping = false;

  private constructor(config: LinkerConfig, options: LinkerOptions, env: Env, loop: DataLoop, transport: Transport) {
    this.config = config;
    this.env = env;
    this.log = options.log;
    this.metrics = new MetricsRegistry(env);
    this.naming = makeNaming(config.namers, env, options.log.logger("namers"));
    this.loop = loop;
    this.transport = transport;
    this.http1 = new Http1(loop, transport);
    this.http2 = new Http2(loop, transport);
    this.#processMetrics = processMetrics(this.metrics.root.scope("process"), env);
    const scope = this.metrics.root.scope("access_log");
    this.#accessLogs = new AccessLogs({ env, loop, logger: options.log.logger("access-log"), scope });
  }

  get namers(): NamerTable {
    return this.naming.namers;
  }

  /** Settled when the proxy has stopped, whoever asked for it: true when nothing had to be cut off. */
  get stopped(): Promise<boolean> {
    return this.#stopped.promise;
  }

  /** Starts everything; rejects when a port cannot be bound, after closing what was opened. */
  static async start(config: LinkerConfig, options: LinkerOptions): Promise<Linker> {
    const env = options.env ?? systemEnv();
    const broken = options.log.logger("loop");
    const loop = new DataLoop(env, (error) => broken.error("an error of the proxy at the end of a turn", error));
    const transport = await (options.transport ?? tcp)(loop, options.log.logger("transport"));
    const linker = new Linker(config, options, env, loop, transport);
    try {
      for (const router of config.routers) await linker.#open(router, options);
      await linker.#openAdmin();
    } catch (error) {
      await linker.stop(0);
      throw error;
    }
    linker.ready = true;
    return linker;
  }

  async #open(config: RouterConfig, options: LinkerOptions): Promise<void> {
    const world: RouterWorld = {
      env: this.env,
      loop: this.loop,
      http1: this.http1,
      http2: this.http2,
      metrics: this.metrics,
      logger: this.log.logger(`router.${config.label}`),
    };
    // Control and data of one process: the messages of the thread border are direct calls.
    const router: Router = makeRouter(
      config,
      world,
      options.exchangeLog?.(config) ?? this.#accessLogs.of(config),
      (message) => bindService.receive(message),
    );
    const interpreter = makeInterpreter(config, this.naming);
    const bindService = new BindService(
      config.label,
      interpreter,
      baseDtab(config, this.env, world.logger),
      this.env,
      (message) => router.receive(message),
    );
    this.metrics.root.scope("rt", config.label).gauge("originator", () => (config.originator ? 1 : 0));
    const running: RunningRouter = { config, router, interpreter, bindService, servers: [], stacks: [] };
    this.routers.push(running);
    for (const server of config.servers) {
      const opened = await openServer(server, config, router, world);
      running.servers.push(opened.server);
      running.stacks.push(opened.stack);
      world.logger.info(`serving ${config.protocol} on ${server.ip}:${opened.server.listener?.port ?? server.port}`);
    }
  }

  async #openAdmin(): Promise<void> {
    const scope = this.metrics.root.scope("admin");
    const parts = {
      subject: adminSubject(this),
      loop: this.loop,
      http1: this.http1,
      stats: serverConnectionStats(scope),
    };
    const admin = await AdminServer.start(this.config.admin, parts);
    this.admin = admin;
    scope.gauge("connections", () => admin.connections);
    this.log.logger("admin").info(`listening on ${admin.listener.host}:${admin.listener.port}`);
  }

  /** Closes the access log files and opens them by their paths, for whoever has moved them away. */
  async reopenAccessLogs(): Promise<readonly ReopenedFile[]> {
    const files = await this.#accessLogs.reopen();
    const logger = this.log.logger("access-log");
    for (const { path, reopened } of files) {
      if (reopened) logger.info(`${path} was opened again`);
      else logger.warn(`${path} cannot be opened again at the moment`);
    }
    return files;
  }

  /**
   * Stops: readiness fails first, listeners close, exchanges in flight finish. What is left after `graceMs` is ended with
   * `proxy.drain.limit`. The admin server answers until the end. Resolves when everything is closed; true when nothing had to
   * be cut off. Asked again, it waits for the stop that is under way.
   */
  stop(graceMs: number): Promise<boolean> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#stop(graceMs).then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.#stopped.promise;
  }

  async #stop(graceMs: number): Promise<boolean> {
    this.ready = false;
    const servers = this.routers.flatMap((r) => r.servers);
    const drained = Promise.all(servers.map((server) => server.drain())).then(() => true);
    const late = Promise.withResolvers<boolean>();
    const timer = this.env.timers.after(graceMs, () => late.resolve(false));
    const clean = await Promise.race([drained, late.promise]);
    timer.cancel();
    if (!clean) {
      for (const server of servers) server.abandon(new Failure(causes.drainLimit, undefined, { graceMs }));
      this.loop.scratch.flush();
    }
    for (const { router } of this.routers) router.bindings.close();
    for (const { bindService } of this.routers) bindService.close();
    await this.#accessLogs.close(LAST_LINES_MS);
    this.#processMetrics[Symbol.dispose]();
    this.metrics[Symbol.dispose]();
    await this.admin?.stop();
    return clean;
  }
}

async function tcp(loop: DataLoop, logger: Logger): Promise<Transport> {
  const [staticRead, directWrite] = await Promise.all([proveStaticRead(), proveDirectWrite()]);
  if (staticRead === null) {
    logger.warn(
      "this Node does not read accepted connections into a given buffer; using 'data' events, about 20 % slower",
    );
  }
  if (directWrite === null) {
    logger.warn("this Node's sockets cannot be written to directly; using streams, about 4 % slower");
  }
  return new NodeTransport({
    buffers: new ReadBuffers(staticRead),
    directWrite,
    flush: () => loop.scratch.flush(),
    readerFailed: (error) => logger.error("a connection was dropped after an error of the proxy", error),
  });
}
