// A running proxy: everything of a configuration, put together, started, drained and stopped.
import type { Env } from "../base/env.ts";
import { systemEnv } from "../base/env.ts";
import { causes } from "../core/cause.ts";
import type { Transport } from "../core/byte-stream.ts";
import { DataLoop } from "../core/data-loop.ts";
import { Failure } from "../core/failure.ts";
import { BindService } from "../naming/bind-service.ts";
import { dtabFrom } from "../naming/dtab-parser.ts";
import { Interpreter } from "../naming/interpreter.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import { Http1 } from "../protocols/http1/protocol.ts";
import type { ExchangeLog, Router } from "../router/router.ts";
import type { Log, Logger } from "../telemetry/log.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { NodeTransport } from "../transport/node/node-transport.ts";
import { ReadBuffers } from "../transport/node/read-buffers.ts";
import { proveStaticRead } from "../transport/node/static-read.ts";
import type { LinkerConfig, RouterConfig } from "./config.ts";
import { makeHttpRouter, openServer, type RouterWorld, type RunningRouter } from "./http-router.ts";
import { makeNamers } from "./namers.ts";

/** What a proxy is started with besides its configuration; tests hand in their own. */
export interface LinkerOptions {
  readonly log: Log;
  readonly env?: Env;
  /** Where connections come from; TCP by default. */
  readonly transport?: (loop: DataLoop, logger: Logger) => Promise<Transport>;
  /** Makes the log of a router's exchanges. */
  readonly exchangeLog?: (router: RouterConfig) => ExchangeLog;
}

const noLog: ExchangeLog = { record: () => undefined };

/** A proxy that serves. */
export class Linker {
  readonly config: LinkerConfig;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly namers: NamerTable;
  readonly interpreter: Interpreter;
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly http1: Http1;
  readonly routers: RunningRouter[] = [];
  readonly #binders = new Map<string, BindService>();
  /** False from the moment that draining begins. */
  ready = false;

  private constructor(config: LinkerConfig, options: LinkerOptions, env: Env, loop: DataLoop, transport: Transport) {
    this.config = config;
    this.env = env;
    this.log = options.log;
    this.metrics = new MetricsRegistry(env);
    this.namers = makeNamers(config.namers, env);
    this.interpreter = new Interpreter(this.namers);
    this.loop = loop;
    this.transport = transport;
    this.http1 = new Http1(loop, transport);
  }

  /** Starts everything; rejects when a port cannot be bound, after closing what was opened. */
  static async start(config: LinkerConfig, options: LinkerOptions): Promise<Linker> {
    const env = options.env ?? systemEnv();
    const loop = new DataLoop(env);
    const transport = await (options.transport ?? tcp)(loop, options.log.logger("transport"));
    const linker = new Linker(config, options, env, loop, transport);
    try {
      for (const router of config.routers) await linker.#open(router, options);
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
      metrics: this.metrics,
      logger: this.log.logger(`router.${config.label}`),
    };
    // Control and data of one process: the messages of the thread border are direct calls.
    const router: Router = makeHttpRouter(config, world, options.exchangeLog?.(config) ?? noLog, (message) =>
      binder.receive(message),
    );
    const binder = new BindService(config.label, this.interpreter, dtabFrom(config.dtab), (message) =>
      router.receive(message),
    );
    this.#binders.set(config.label, binder);
    this.metrics.root.scope("rt", config.label).gauge("originator", () => (config.originator ? 1 : 0));
    const running: RunningRouter = { config, router, servers: [], stacks: [] };
    this.routers.push(running);
    for (const server of config.servers) {
      const opened = await openServer(server, config, router, world);
      running.servers.push(opened.server);
      running.stacks.push(opened.stack);
      world.logger.info(`serving ${config.protocol} on ${server.ip}:${opened.server.listener?.port ?? server.port}`);
    }
  }

  /**
   * Stops: readiness fails first, listeners close, exchanges in flight finish. What is left after `graceMs` is ended with
   * `proxy.drain.limit`. Resolves when everything is closed; true when nothing had to be cut off.
   */
  async stop(graceMs: number): Promise<boolean> {
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
    for (const binder of this.#binders.values()) binder.close();
    this.metrics[Symbol.dispose]();
    return clean;
  }
}

async function tcp(loop: DataLoop, logger: Logger): Promise<Transport> {
  const staticRead = await proveStaticRead();
  if (staticRead === null) {
    logger.warn(
      "this Node does not read accepted connections into a given buffer; using 'data' events, about 20 % slower",
    );
  }
  return new NodeTransport({
    buffers: new ReadBuffers(staticRead),
    flush: () => loop.scratch.flush(),
    readerFailed: (error) => logger.error("a connection was dropped after an error of the proxy", error),
  });
}
