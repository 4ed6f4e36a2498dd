// One listening address of a data plane through all reloads: the listener stays, what is behind it may change.
import type { Timer } from "../base/timers.ts";
import { listenHttp } from "../bridges/http1-http2/port.ts";
import type { Listener, ListenOptions } from "../core/byte-stream.ts";
import type { ExchangeHandler } from "../core/exchange-handler.ts";
import type { Failure } from "../core/failure.ts";
import type { ProtocolServer } from "../core/protocol.ts";
import type { AdmissionOptions } from "../protocols/http/admit.ts";
import { addressText, isUnixPath, type SocketAddress } from "../core/socket-address.ts";
import { listenAddress, socketTimeouts } from "../transport/config.ts";
import { Entrance } from "../router/entrance.ts";
import type { RouterServer } from "../router/server-stack.ts";
import type { Scope } from "../telemetry/registry.ts";
import type { RouterConfig, ServerConfig } from "./config.ts";
import { portStats, serverConnectionStats } from "./connection-stats.ts";
import { protocolOf } from "./plugged.ts";
import { type RouterWorld, serverScope } from "./router.ts";
import { accessLogOf, http2ServerLimits, http2ServerSettings, serverLimits, tunnelPolicy, usesB3 } from "./settings.ts";

/** What one server of a configuration wants. */
export interface ServerWish {
  /** Which listener it is about: two configurations with the same place mean the same listener. */
  readonly place: string;
  readonly listen: ListenOptions;
  /** How connections are treated, as text: what is equal is the same treatment. */
  readonly treatment: string;
  readonly scope: Scope;
  /** Listens, or takes a listener over. */
  open(where: ListenOptions | Listener, handler: ExchangeHandler): Promise<ServerPort>;
}

/** A listener and its connections, whatever they speak. */
export interface ServerPort extends ProtocolServer {
  /** HTTP/2 streams open at the moment, where there may be any. */
  readonly streams?: number;
  /** Asks all connections to go with their next answer, and gives the listener away; null if that is not possible. */
  handOver(): Listener | null;
  /** Nobody came to have it: as if it had not been given away. */
  takeBack?(): void;
  /** As `handOver`, while the listener stays. */
  leave(): void;
}

/** What a server of a router wants. @param index its number in the router. */
export function serverWish(
  server: ServerConfig,
  index: number,
  config: RouterConfig,
  world: RouterWorld,
  admission: (scope: Scope) => AdmissionOptions,
): ServerWish {
  const { backlog, keepAlive, noDelay, reusePort } = server.socketOptions;
  const protocol = protocolOf(config, world);
  const scope = serverScope(server, config, world);
  const where = listenAddress(server);
  const place = isAnyPort(where) ? `${server.ip}:0 ${config.label} ${index}` : addressText(where);
  const listen: ListenOptions = {
    ...where,
    port: world.ports?.[place] ?? where.port,
    names: [server.label, config.label],
    backlog,
    keepAlive,
    noDelay,
    timeouts: socketTimeouts(server.socketOptions),
    reusePort: reusePort || world.ports !== null,
    // The first of several event loops makes sure that it does not share the port with another process.
    alone: world.ports !== null && !reusePort && where.port > 0 && world.ports[place] === undefined,
  };
  if (protocol !== null) {
    return {
      place,
      listen,
      treatment: JSON.stringify([config.label, config.protocol, ownKeysOf(config), server]),
      scope,
      open: (at, handler) => protocol.listen(server, listen, at, handler, serverConnectionStats(scope)),
    };
  }
  const http1 = speaks(server, config, "http/1.1") ? serverLimits(config, server) : null;
  const http2 = speaks(server, config, "h2")
    ? { settings: http2ServerSettings(config, server), limits: http2ServerLimits(config, server) }
    : null;
  const needsRemote =
    accessLogOf(config) !== null || server.addForwardedHeader !== undefined || server.overrides.allow !== undefined;
  const settings = () => ({
    admission: admission(scope),
    tunnels: tunnelPolicy(server),
    needsRemote: () => needsRemote || world.tracing.on, // telemeters come and go without the port
    timeouts: socketTimeouts(server.socketOptions),
    http1,
    http2,
  });
  return {
    place,
    listen,
    treatment: JSON.stringify([config.label, server, http1, http2, needsRemote, usesB3(config)]),
    scope,
    open: (at, handler) => listenHttp(world, at, settings(), handler, portStats(scope)),
  };
}

/** What a plug-in's protocol is made from besides its servers; all else of a router is not its business. */
function ownKeysOf(config: RouterConfig): object {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !NOT_OF_PROTOCOL.has(key)));
}

const NOT_OF_PROTOCOL: ReadonlySet<string> = new Set([
  "client",
  "dtab",
  "filters",
  "identifier",
  "interpreter",
  "servers",
  "service",
]);

function isAnyPort({ host, port }: SocketAddress): boolean {
  return port === 0 && !isUnixPath(host);
}

// A router's own protocol is always spoken.
function speaks(server: ServerConfig, config: RouterConfig, protocol: "http/1.1" | "h2"): boolean {
  if (protocol === "h2") return config.protocol === "h2" || ("http2" in server && server.http2);
  return config.protocol === "http" || ("http1" in server && server.http1);
}

/** How long a port that was replaced leaves callers that send nothing alone: they learn with their next answer that they shall go. */
const GENTLY_MS = 30_000;

/** A port that takes no further connections. */
interface FormerPort {
  readonly port: ServerPort;
  /** Where its connections count. */
  readonly scope: Scope;
  readonly timer: Timer;
}

/** A listener with its connections, those of earlier treatments included. */
export class OpenServer {
  readonly #world: RouterWorld;
  readonly #entrance: Entrance;
  readonly #former = new Set<FormerPort>();
  #wish: ServerWish;
  #port: ServerPort;
  /** Where its connections count. */
  #scope: Scope;
  #stack: RouterServer;
  /** Stacks of earlier routers that may still have exchanges. */
  #formerStacks: readonly RouterServer[] = [];

  private constructor(wish: ServerWish, stack: RouterServer, entrance: Entrance, port: ServerPort, world: RouterWorld) {
    this.#wish = wish;
    this.#stack = stack;
    this.#entrance = entrance;
    this.#port = port;
    this.#world = world;
    this.#scope = wish.scope.hold();
    this.#gauges();
  }

  /** Listens. Rejects with the system's error when that is not possible. */
  static async open(wish: ServerWish, stack: RouterServer, world: RouterWorld): Promise<OpenServer> {
    const entrance = new Entrance(stack);
    const port = await wish.open(wish.listen, entrance);
    return new OpenServer(wish, stack, entrance, port, world);
  }

  get place(): string {
    return this.#wish.place;
  }

  get stack(): RouterServer {
    return this.#stack;
  }

  get listener(): Listener | null {
    return this.#port.listener;
  }

  get connections(): number {
    return this.#sum((port) => port.connections);
  }

  /**
   * Puts another router behind the listener. Connections stay, if they are to be treated as before; if not, they go with their next answer.
   * Exchanges in progress stay with the router that took them in.
   */
  async follow(wish: ServerWish, stack: RouterServer): Promise<void> {
    this.#formerStacks = [...this.#formerStacks, this.#stack].filter(({ active }) => active > 0);
    this.#entrance.inCharge = stack;
    this.#stack = stack;
    const former = this.#wish;
    this.#wish = wish;
    if (wish.treatment !== former.treatment) await this.#replacePort(wish);
    this.#gauges();
  }

  async #replacePort(wish: ServerWish): Promise<void> {
    const port = this.#port;
    const listener = port.handOver();
    if (listener === null) return;
    try {
      this.#port = await wish.open(listener, this.#entrance);
    } catch (error) {
      // Only code of plug-ins fails here; what there was before serves better than nothing.
      this.#world.logger.error(`${wish.place} stays as it was`, error);
      if (port.takeBack === undefined) await listener.close();
      else port.takeBack();
      return;
    }
    const timer = this.#world.env.timers.after(GENTLY_MS, () => this.#end(former));
    const former: FormerPort = { port, scope: this.#scope, timer };
    this.#former.add(former);
    this.#scope = wish.scope.hold();
    for (const each of this.#former) if (each.port.connections === 0) this.#end(each);
  }

  #end(former: FormerPort): void {
    former.timer.cancel();
    void former.port.drain().then(() => {
      if (this.#former.delete(former)) former.scope.release();
    });
  }

  #gauges(): void {
    const { scope } = this.#wish;
    scope.gauge("connections", () => this.connections);
    scope.gauge("load", () => this.#formerStacks.reduce((sum, { active }) => sum + active, this.#stack.active));
    if (this.#port.streams !== undefined)
      scope.scope("h2").gauge("streams", () => this.#sum((port) => port.streams ?? 0));
  }

  #sum(read: (port: ServerPort) => number): number {
    let sum = read(this.#port);
    for (const { port } of this.#former) sum += read(port);
    return sum;
  }

  /** Asks all connections to go with their next answer; the listener stays open. */
  leave(): void {
    this.#port.leave();
  }

  /** Closes the listener, and asks all connections to go with their next answer. Resolves when nobody can connect any longer; `drain` follows. */
  unlisten(): Promise<void> {
    const closed = this.#port.listener?.close();
    this.#port.leave();
    return closed ?? Promise.resolve();
  }

  /** Stops accepting, lets every exchange finish, and resolves when the last connection is closed. */
  async drain(patienceMs = 0): Promise<void> {
    for (const former of this.#former) this.#end(former);
    const ports = [this.#port, ...[...this.#former].map(({ port }) => port)];
    await Promise.all(ports.map((port) => port.drain(patienceMs)));
  }

  /** Nothing counts here any longer: it has been drained. */
  close(): void {
    this.#scope.release();
  }

  /** Ends whatever is left, each exchange with this failure. */
  abandon(failure: Failure): void {
    for (const { port } of [...this.#former, { port: this.#port }]) port.abandon(failure);
  }
}
