// A running proxy: everything of a configuration, put together, started, changed while it runs, drained and stopped.
import type { ReopenedFile } from "../admin/subject.ts";
import type { Env } from "../base/env.ts";
import { systemEnv } from "../base/env.ts";
import { within } from "../base/within.ts";
import type { Transport } from "../core/byte-stream.ts";
import { DataLoop } from "../core/data-loop.ts";
import type { NamerTable } from "../naming/namer-table.ts";
import { Http1 } from "../protocols/http1/protocol.ts";
import { Http2 } from "../protocols/http2/protocol.ts";
import type { ExchangeLog } from "../router/router.ts";
import type { Log, Logger } from "../telemetry/log.ts";
import { processMetrics } from "../telemetry/process-metrics.ts";
import { MetricsRegistry } from "../telemetry/registry.ts";
import { Tracing } from "../telemetry/tracing.ts";
import type { InheritedSockets } from "../transport/node/inherited-sockets.ts";
import { AccessLogs } from "./access-logs.ts";
import { type AdminChange, RunningAdmin } from "./admin.ts";
import type { ConfigOptions, LinkerConfig, RouterConfig } from "./config.ts";
import { Control, type ControlledRouter, type Plan, type PlaneLink } from "./control.ts";
import { DataPlane } from "./data-plane.ts";
import { changedPlugins, type Extensions, extensionsOf } from "./extensions.ts";
import { tellLeftovers } from "./inherited-sockets.ts";
import { metricsOf } from "./plugged-metrics.ts";
import { Reloader, type ReloaderParts } from "./reloader.ts";
import { OnePlane, type Planes } from "./planes.ts";
import type { RunningRouter } from "./router.ts";
import { LiveShare, WHOLE } from "./share.ts";
import { sockets } from "./sockets.ts";
import type { Succession } from "./successor.ts";
import { samplersOf, Telemeters } from "./telemeters.ts";
import { tellOtherCount, workersOf } from "./worker-count.ts";
import { Workers } from "./workers.ts";

/** What a proxy is started with besides its configuration; tests hand in their own. */
export interface LinkerOptions {
  readonly log: Log;
  readonly env?: Env;
  /** Listening sockets that this process was started with. */
  readonly inherited?: InheritedSockets;
  /** Where connections come from; sockets of the system by default. */
  readonly transport?: (loop: DataLoop, logger: Logger) => Promise<Transport>;
  /** Makes the log of a router's exchanges; by default the access log its configuration asks for. */
  readonly exchangeLog?: (router: RouterConfig) => ExchangeLog;
}

/** A caller who was heard of so lately may have the next request under way: its connection stays for it, or until it has been quiet for so long. */
const PATIENCE_MS = 500;
/** The same where another process serves by now, and nobody waits for this one to end. */
const REPLACED_PATIENCE_MS = 5000;
/** How long the last that telemeters send may take. */
const LAST_FIGURES_MS = 1000;

/** A proxy that serves. */
export class Linker {
  readonly env: Env;
  readonly log: Log;
  readonly metrics: MetricsRegistry;
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly http1: Http1;
  readonly http2: Http2;
  readonly control: Control;
  /** The data plane of this thread; null when there are workers. */
  readonly plane: DataPlane | null;
  readonly planes: Planes;
  readonly telemeters: Telemeters;
  readonly #running: RunningAdmin;
  #config: LinkerConfig;
  readonly #processMetrics: Disposable;
  readonly #accessLogs: AccessLogs;
  /** Changes of the configuration, one after the other. */
  #changes: Promise<unknown> | null = null;
  /** False from the moment that draining begins. */
  ready = false;
  /** Puts another process in the place of this one; null where nobody has said how. */
  restart: (() => Promise<Succession>) | null = null;
  /** Reads the file of the configuration again; null where there is none. */
  reloader: Reloader | null = null;
  readonly #begun = Promise.withResolvers<void>();
  readonly #leaving = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<boolean>();
  #stopping = false;
  #steppedAside = false;

  private constructor(
    config: LinkerConfig,
    extensions: Extensions,
    options: LinkerOptions & { readonly env: Env },
    loop: DataLoop,
    transport: Transport,
  ) {
    const { env } = options;
    this.#config = config;
    this.env = env;
    this.log = options.log;
    this.metrics = new MetricsRegistry(env);
    this.loop = loop;
    this.transport = transport;
    this.http1 = new Http1(loop, transport);
    this.http2 = new Http2(loop, transport);
    this.#processMetrics = processMetrics(this.metrics.root.scope("process"), env, transport.descriptors);
    const scope = this.metrics.root.scope("access_log");
    this.#accessLogs = new AccessLogs({ env, loop, logger: options.log.logger("access-log"), scope });
    this.control = new Control(config, extensions, env, options.log, this.metrics);
    const count = workersOf(config, options, this.log.logger("workers"));
    if (count === 1) options.inherited?.unite();
    const tracing = new Tracing({ loop, clock: env.clock, take: (request) => this.telemeters.take(request) });
    this.plane = count > 1 ? null : this.#ownPlane(options, tracing);
    this.planes =
      this.plane === null ? this.#workers(count, options) : new OnePlane(this.plane, tracing, this.metrics, env.clock);
    this.#running = new RunningAdmin(this);
    this.telemeters = new Telemeters({
      env,
      log: options.log,
      scope: this.metrics.root.scope("telemeter"),
      metrics: () => this.planes.metrics(),
      transport,
    });
  }

  // Control and data of one process: the messages of the thread border are direct calls.
  #ownPlane(options: LinkerOptions, tracing: Tracing): DataPlane {
    const link: PlaneLink = { tell: (message) => plane.receive(message) };
    const plane: DataPlane = new DataPlane({
      env: this.env,
      loop: this.loop,
      http1: this.http1,
      http2: this.http2,
      metrics: this.metrics,
      log: this.log,
      share: new LiveShare(WHOLE),
      ports: null,
      send: (message) => this.control.receive(link, message),
      exchangeLog: (router, atClose) => options.exchangeLog?.(router) ?? this.#accessLogs.of(router, atClose),
      tracing,
      closed: (key) => this.control.closed(link, key),
      tripped: () => undefined,
    });
    this.control.attach(link);
    return plane;
  }

  #workers(count: number, { inherited }: LinkerOptions): Workers {
    return new Workers({
      count,
      env: this.env,
      log: this.log,
      control: this.control,
      metrics: this.metrics,
      inherited,
      lines: (message) =>
        this.#accessLogs.append(message.path, Buffer.from(message.text), message.epochMs, message.lines),
      traced: ({ dropped, requests }) => {
        for (const request of requests) this.telemeters.take(request);
        this.telemeters.missed(dropped);
      },
    });
  }

  /** The configuration in force. */
  get config(): LinkerConfig {
    return this.#config;
  }

  get namers(): NamerTable {
    return this.control.namers;
  }

  /** The routers of the data plane in this thread. */
  get routers(): readonly RunningRouter[] {
    return this.plane?.routers ?? [];
  }

  /** The same as control sees them. */
  get controlled(): readonly ControlledRouter[] {
    return this.control.routers;
  }

  /** Listens from the end of the start to the end of the stop. */
  get admin(): RunningAdmin["server"] {
    return this.#running.server;
  }

  /** The HTTP identifier; null where none is configured. */
  get identifier(): RunningAdmin["identifier"] {
    return this.#running.identifier;
  }

  /** Requests in progress. */
  get active(): number {
    return this.planes.active;
  }

  /** Settled when the first configuration is in force. */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Settled when a stop begins, whoever asked for it. */
  get stopping(): Promise<void> {
    return this.#leaving.promise;
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
    const transport = await (options.transport ?? sockets)(loop, options.log.logger("transport"), options.inherited);
    const extensions = await extensionsOf(config.plugins);
    const linker = new Linker(config, extensions, { ...options, env }, loop, transport);
    try {
      await linker.#configure(config);
    } catch (error) {
      await linker.stop(0);
      throw error;
    }
    if (options.inherited !== undefined) tellLeftovers(options.inherited, options.log.logger("main"));
    linker.ready = true;
    return linker;
  }

  /**
   * Another configuration instead of the one in force. Routers that are written as before keep everything: connections, balancers, endpoint
   * health, metrics; of a changed dtab only names that it touches are bound anew. Exchanges in progress end where they began. Rejects with
   * the system's error when an address cannot be listened on; then the old configuration stays in force.
   */
  reload(config: LinkerConfig): Promise<void> {
    const before = this.#changes;
    const change = (async () => {
      await before;
      if (this.#stopping) throw new Error("the proxy is stopping");
      tellOtherCount(this.#config, config, this.log.logger("workers"));
      await this.#configure(config);
    })();
    const settled = change.then(
      () => undefined,
      () => undefined,
    );
    this.#changes = settled;
    void settled.then(() => {
      if (this.#changes === settled) this.#changes = null;
    });
    return change;
  }

  async #configure(config: LinkerConfig): Promise<void> {
    const extensions = await extensionsOf(config.plugins);
    const plan = await this.control.prepare(config, extensions);
    this.metrics.declare(metricsOf(extensions));
    for (const file of await changedPlugins(config.plugins))
      this.log.logger("plugins").warn(`${file} has changed since it was loaded; what it does now takes a restart`);
    const admin = await this.#listen(plan);
    // Everything that can be refused has been done: all addresses are listened on.
    this.#config = config;
    await this.#running.commit(admin);
    this.telemeters.follow(config.telemetry);
    this.#accessLogs.follow(config.routers);
    await this.control.commit(plan);
    this.#begun.resolve();
  }

  /** Routers serve as planned, and there is an admin server to follow; or nothing has changed. */
  async #listen(plan: Plan): Promise<AdminChange> {
    let admin: AdminChange | null = null;
    try {
      admin = await this.#running.prepare(plan.config);
      this.planes.trace(samplersOf(plan.config.telemetry)); // before servers are made: some ask who their callers are for it
      if (this.plane === null) this.#accessLogs.expect(plan.config.routers);
      await this.planes.configure(plan.routers);
      return admin;
    } catch (error) {
      this.planes.trace(samplersOf(this.#config.telemetry));
      if (this.plane === null) this.#accessLogs.expect(this.#config.routers);
      this.control.drop(plan);
      if (admin !== null) await this.#running.drop(admin);
      throw error;
    }
  }

  #drained(limitMs: number, patienceMs: number): Promise<boolean> {
    const drained = this.planes.drain(patienceMs).then(() => true);
    return within(this.env.timers, limitMs, drained, false);
  }

  /** From now on the configuration follows a file: when it changes, and when somebody asks. @param text what was read from it already. */
  followFile(
    options: ConfigOptions,
    text: string,
    hooks: Pick<ReloaderParts, "explain" | "reloading" | "reloaded">,
  ): void {
    this.reloader = new Reloader({
      options,
      text,
      env: this.env,
      logger: this.log.logger("config"),
      scope: this.metrics.root.scope("config"),
      apply: (config) => this.reload(config),
      ...hooks,
    });
    this.reloader.watch();
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
   * Stops: readiness fails first; for `admin.minDrainMs` everything is still served, while callers are told to go; then listeners close and
   * exchanges in flight finish. What is left after `graceMs` is ended with `proxy.drain.limit`. The admin server answers until the end.
   * Resolves when everything is closed; true when nothing had to be cut off. Asked again, it waits for the stop that is under way.
   */
  stop(graceMs: number): Promise<boolean> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#leaving.resolve();
      this.reloader?.[Symbol.dispose]();
      this.#stop(graceMs).then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.#stopped.promise;
  }

  /**
   * Another process listens on our sockets by now: closes them here and stops. Callers that are there have a while to send the request that
   * may be under way, and are told with its answer that they shall go.
   */
  async stepAside(graceMs: number): Promise<boolean> {
    if (this.#stopping) return this.#stopped.promise;
    this.#steppedAside = true;
    this.planes.stepAside();
    await this.#running.stepAside(); // before the planes go: questions that came to us meanwhile are answered by them
    return this.stop(graceMs);
  }

  async #stop(graceMs: number): Promise<boolean> {
    const started = this.ready;
    this.ready = false;
    if (this.#changes !== null) await this.#changes;
    const minDrainMs = started && !this.#steppedAside ? Math.min(this.#config.admin.minDrainMs, graceMs) : 0;
    if (minDrainMs > 0) await this.#announceLeave(minDrainMs);
    const leftMs = graceMs - minDrainMs;
    const patienceMs = Math.min(leftMs / 2, this.#steppedAside ? REPLACED_PATIENCE_MS : PATIENCE_MS);
    const questions = this.#steppedAside ? this.#running.drain() : undefined; // nobody else can answer those that came to us
    const clean = await this.#drained(leftMs, patienceMs);
    await questions;
    if (!clean) this.planes.abandon(graceMs);
    await this.telemeters.close("metrics", LAST_FIGURES_MS);
    await this.planes.close();
    await this.telemeters.close("requests", LAST_FIGURES_MS);
    this.control.close();
    await this.#accessLogs.close();
    this.#processMetrics[Symbol.dispose]();
    this.metrics[Symbol.dispose]();
    await this.#running.stop();
    return clean;
  }

  // Balancers in front of us look at readiness every few seconds, and callers keep connections: both get the time to notice.
  async #announceLeave(minDrainMs: number): Promise<void> {
    this.planes.leave();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.env.timers.after(minDrainMs, resolve);
    await promise;
  }
}
