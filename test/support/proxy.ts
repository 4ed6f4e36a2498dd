// A proxy under test: started from configuration on a free port, watched while it runs, checked for leaks when it stops.
import { expect } from "vitest";
import { type LinkerConfig, loadConfig } from "../../src/app/config.ts";
import { Linker } from "../../src/app/linker.ts";
import type { Exchange } from "../../src/core/exchange.ts";
import { Outcome } from "../../src/core/outcome.ts";
import { Log } from "../../src/telemetry/log.ts";
import type { Place } from "../../src/telemetry/registry.ts";
import { HttpClient } from "./http-client.ts";
import { poisonReleased } from "./poison.ts";
import type { World } from "./world.ts";
import { AccessLog } from "../../src/protocols/http/access-log.ts";

type Keys = Readonly<Record<string, unknown>>;

/** A configuration with one `http` router; what is not given has the defaults of the original. */
export interface ProxySetup {
  readonly dtab?: string;
  readonly router?: Keys;
  readonly server?: Keys;
  readonly client?: Keys;
  readonly service?: Keys;
  readonly namers?: readonly Keys[];
  readonly telemetry?: readonly Keys[];
  readonly plugins?: readonly string[];
  readonly admin?: Keys;
  /** `fairlead: 1`: the modern defaults. */
  readonly modern?: boolean;
  /** The whole file instead. */
  readonly text?: string;
  /** Let pools reuse what is released to them, as in production; by default it is poisoned. */
  readonly reuse?: boolean;
  /** Keep the JSON access log in `accessLines`. */
  readonly accessLog?: boolean;
}

/** One exchange as the log of exchanges saw it. */
export interface Recorded {
  readonly status: number;
  readonly cause: string;
  /** The cause with its details. */
  readonly token: string;
  readonly service: string;
  readonly client: string;
  readonly outcome: "success" | "failure" | "ignorable";
  readonly attempts: number;
  readonly retries: number;
  /** gRPC's; -1 when it was not told. */
  readonly callStatus: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly latencyMs: number;
}

const OUTCOMES = {
  [Outcome.success]: "success",
  [Outcome.failure]: "failure",
  [Outcome.ignorable]: "ignorable",
} as const;

function configText(setup: ProxySetup): string {
  const { admin, client, dtab, modern, namers, plugins, router, server, service, telemetry, text } = setup;
  if (text !== undefined) return text;
  return JSON.stringify({
    ...(modern === true ? { fairlead: 1 } : {}),
    admin: { port: 0, ...admin },
    ...(namers === undefined ? {} : { namers }),
    ...(telemetry === undefined ? {} : { telemetry }),
    ...(plugins === undefined ? {} : { plugins }),
    routers: [
      {
        protocol: "http",
        dtab: dtab ?? "",
        servers: [{ port: 0, ...server }],
        ...(client === undefined ? {} : { client }),
        ...(service === undefined ? {} : { service }),
        ...router,
      },
    ],
  });
}

/** The configuration of a setup. */
export async function configOf(setup: ProxySetup): Promise<LinkerConfig> {
  const loaded = await loadConfig(configText(setup), { file: "test", environment: {} });
  if (loaded.config === null) throw new Error(loaded.problems.map((p) => `${p.path}: ${p.message}`).join("\n"));
  return loaded.config;
}

/** A running proxy; disposing of it stops it and fails the test for whatever it leaves behind. */
export class Proxy implements AsyncDisposable {
  readonly world: World;
  readonly linker: Linker;
  /** One entry per exchange, in order of their ends. */
  readonly records: Recorded[];
  /** Lines of the JSON access log, when it was asked for. */
  readonly accessLines: string[] = [];
  readonly logLines: string[];
  readonly lateUses: Error[] = [];
  #stopped = false;

  private constructor(world: World, linker: Linker, records: Recorded[], logLines: string[]) {
    this.world = world;
    this.linker = linker;
    this.records = records;
    this.logLines = logLines;
  }

  static async start(world: World, setup: ProxySetup): Promise<Proxy> {
    const config = await configOf(setup);
    const records: Recorded[] = [];
    const logLines: string[] = [];
    let accessLog: AccessLog | null = null;
    const linker = await Linker.start(config, {
      log: new Log(world.env.clock, (line) => void logLines.push(line)),
      env: world.env,
      transport: (loop) => world.proxyTransport(loop),
      exchangeLog: () => ({
        record: (ex) => {
          records.push(recorded(ex));
          accessLog?.record(ex);
        },
      }),
    });
    const proxy = new Proxy(world, linker, records, logLines);
    if (setup.accessLog === true) accessLog = proxy.#logAccess();
    if (setup.reuse !== true) proxy.#poison();
    return proxy;
  }

  #logAccess(): AccessLog {
    const sink = {
      append: (line: Buffer, length: number) => void this.accessLines.push(line.toString("latin1", 0, length)),
    };
    const { env, loop } = this.linker;
    return new AccessLog({ router: "test", format: { kind: "json" }, loop, clock: env.clock, sink });
  }

  #poison(): void {
    const tell = (use: Error) => void this.lateUses.push(use);
    poisonReleased(this.linker.loop.exchanges, tell);
    poisonReleased(this.linker.loop.attempts, tell);
    poisonReleased(this.linker.http1.heads, tell);
    poisonReleased(this.linker.http2.shared.heads, tell);
    // A connection remembers streams until its turn ends, and sees by these that they are over.
    poisonReleased(this.linker.http2.serverStreams, tell, ["carrier", "credited"]);
    poisonReleased(this.linker.http2.clientStreams, tell, ["carrier", "credited"]);
  }

  /** Puts another configuration in force. Rejects as `Linker.reload` does. */
  async reload(setup: ProxySetup): Promise<void> {
    const progress = this.beginReload(await configOf(setup));
    await this.world.until("the reload", () => progress.done);
    await progress.outcome;
  }

  /** Begins to; `done` tells whether it is over. */
  beginReload(config: LinkerConfig): { done: boolean; readonly outcome: Promise<void> } {
    const outcome = this.linker.reload(config);
    const progress = { done: false, outcome };
    const over = () => {
      progress.done = true;
    };
    outcome.then(over, over);
    return progress;
  }

  /** Port of the first server, or of another. */
  port(router = 0, server = 0): number {
    const port = this.linker.routers[router]?.servers[server]?.listener?.port;
    if (port === undefined) throw new Error("no such server");
    return port;
  }

  /** A new connection to it. */
  connect(router = 0, server = 0): HttpClient {
    return new HttpClient(this.world, this.port(router, server));
  }

  /** The last line of the access log, read back. */
  get lastLine(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.accessLines.at(-1) ?? "null") as Readonly<Record<string, unknown>>;
  }

  get lastRecord(): Recorded {
    const last = this.records.at(-1);
    if (last === undefined) throw new Error("no exchange has ended");
    return last;
  }

  /** Waits until so many exchanges have ended in all. */
  async recorded(count: number): Promise<void> {
    await this.world.until(`record ${count}`, () => this.records.length >= count);
  }

  /** `rt/http`, or of an h2 router `rt/h2`. */
  get #place(): readonly string[] {
    return ["rt", this.linker.routers[0]?.config.protocol ?? "http"];
  }

  /** A counter or gauge of the router; 0 when there is none of this name. */
  metric(...segments: readonly string[]): number {
    const metric = this.linker.metrics.find(...this.#place, ...segments);
    return metric === null || metric.kind === "stat" ? 0 : metric.value;
  }

  /** A figure of the first server. */
  serverMetric(...segments: readonly string[]): number {
    const { config } = this.linker.routers[0] as Linker["routers"][number]; // tests have at least one router
    const [server] = config.servers;
    return this.metric("server", `${server?.ip}/${server?.port}`, ...segments);
  }

  /** Names of everything below a place, for finding leftovers. */
  metricNames(...segments: readonly string[]): string[] {
    let place: Place | undefined = this.linker.metrics.root;
    for (const segment of [...this.#place, ...segments]) place = place?.existing(segment);
    return place === undefined ? [] : [...place.children].map((child) => child.segment);
  }

  /** Begins to stop; `done` tells whether it is over and how. */
  stop(graceMs: number): { done: boolean; clean: boolean } {
    const progress = { done: false, clean: false };
    this.#stopped = true;
    void this.linker.stop(graceMs).then((clean) => {
      progress.clean = clean;
      progress.done = true;
    });
    return progress;
  }

  /** What is in use of everything that is pooled, open or armed. */
  inUse(): Record<string, number> {
    const { http1, http2, loop, routers } = this.linker;
    return {
      exchanges: loop.exchanges.inUse,
      attempts: loop.attempts.inUse,
      heads: http1.heads.inUse,
      h2Heads: http2.shared.heads.inUse,
      serverStreams: http2.serverStreams.inUse,
      clientStreams: http2.clientStreams.inUse,
      timers: loop.wheel.armed,
      fineTimers: loop.fine.armed,
      accepted: routers.flatMap((r) => r.servers).reduce((sum, server) => sum + server.connections, 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#stopped) {
      const progress = this.stop(0);
      await this.world.pass(1);
      await this.world.until("the proxy to stop", () => progress.done);
    }
    const idle = () => Object.values(this.inUse()).every((count) => count === 0);
    await this.world.until(() => `nothing in use: ${JSON.stringify(this.inUse())}`, idle);
    expect(this.lateUses).toEqual([]);
    expect(this.logLines.filter((line) => line.includes(" ERROR "))).toEqual([]);
  }
}

function recorded(ex: Exchange): Recorded {
  return {
    status: ex.status,
    cause: ex.failure?.cause.token ?? "",
    token: ex.failure?.token() ?? "",
    service: ex.path?.service ?? "",
    client: ex.destination?.client ?? "",
    outcome: OUTCOMES[ex.outcome],
    attempts: ex.attempts,
    retries: ex.retries,
    callStatus: ex.callStatus,
    requestBytes: ex.requestBytes,
    responseBytes: ex.responseBytes,
    latencyMs: ex.latencyMs,
  };
}
