// A protocol of a plug-in as reloads need it: its listeners may pass from one server to the next, of which the plug-in need know nothing.
import type { ByteStream, ConnectOptions, Connector, Listener, ListenOptions, Transport } from "../core/byte-stream.ts";
import type { DataLoop } from "../core/data-loop.ts";
import type { ExchangeHandler } from "../core/exchange-handler.ts";
import type { Failure } from "../core/failure.ts";
import type { ProtocolServer, ServerFigures } from "../core/protocol.ts";
import type { RouterProtocol } from "../plugin/protocol.ts";
import { timedAccept, timedConnecting } from "../transport/timed-stream.ts";
import type { ServerConfig } from "./config.ts";
import type { ServerPort } from "./open-server.ts";

/** What a plug-in's protocol connects and listens with. */
export class PluggedTransport implements Transport {
  readonly #loop: DataLoop;
  readonly #transport: Transport;
  /** Listeners that wait for the server that asks for their address. */
  readonly #offers = new Map<ListenOptions, Listener>();

  constructor(loop: DataLoop, transport: Transport) {
    this.#loop = loop;
    this.#transport = transport;
  }

  /** Whoever listens at this address next, takes the listener over. @returns takes the offer back, if it is still there. */
  offer(options: ListenOptions, listener: Listener): () => void {
    this.#offers.set(options, listener);
    return () => void this.#offers.delete(options);
  }

  async listen(options: ListenOptions, untimed: (stream: ByteStream) => void): Promise<Listener> {
    const accept = timedAccept(this.#loop, options.timeouts, untimed);
    const offered = [...this.#offers].find(([{ host, port }]) => host === options.host && port === options.port);
    if (offered === undefined) return new LentListener(await this.#transport.listen(options, accept), accept);
    const [key, listener] = offered;
    this.#offers.delete(key);
    listener.redirect(accept);
    return new LentListener(listener, accept);
  }

  connect(options: ConnectOptions, connector: Connector): ByteStream {
    return timedConnecting(this.#loop, this.#transport, options).connect(options, connector);
  }
}

/** A listener that is taken from the server that has it: from then on the server closes nothing by closing it. */
class LentListener implements Listener {
  readonly #listener: Listener;
  #accept: (stream: ByteStream) => void;
  #taken = false;

  constructor(listener: Listener, accept: (stream: ByteStream) => void) {
    this.#listener = listener;
    this.#accept = accept;
  }

  get host(): string {
    return this.#listener.host;
  }

  get port(): number {
    return this.#listener.port;
  }

  get inherited(): boolean {
    return this.#listener.inherited;
  }

  get descriptor(): number | null {
    return this.#listener.descriptor;
  }

  get managed(): boolean {
    return this.#listener.managed;
  }

  take(): Listener {
    this.#taken = true;
    return this.#listener;
  }

  takeBack(): void {
    this.#taken = false;
    this.#listener.redirect(this.#accept);
  }

  redirect(accept: (stream: ByteStream) => void): void {
    this.#accept = accept;
    if (!this.#taken) this.#listener.redirect(accept);
  }

  leaveFile(): void {
    if (!this.#taken) this.#listener.leaveFile();
  }

  async close(): Promise<void> {
    if (!this.#taken) await this.#listener.close();
  }
}

/** A protocol of one router. */
export class PluggedProtocol {
  readonly protocol: RouterProtocol;
  readonly #transport: PluggedTransport;

  constructor(protocol: RouterProtocol, transport: PluggedTransport) {
    this.protocol = protocol;
    this.#transport = transport;
  }

  /** Opens a server. @param where a listener is that of another server, which has left it to this one. */
  async listen(
    config: ServerConfig,
    options: ListenOptions,
    where: ListenOptions | Listener,
    handler: ExchangeHandler,
    figures: ServerFigures,
  ): Promise<ServerPort> {
    if (!("redirect" in where)) return new PluggedPort(await this.protocol.listen(config, where, handler, figures));
    const takeBack = this.#transport.offer(options, where);
    try {
      return new PluggedPort(await this.protocol.listen(config, options, handler, figures));
    } finally {
      takeBack();
    }
  }
}

class PluggedPort implements ServerPort {
  readonly #server: ProtocolServer;

  constructor(server: ProtocolServer) {
    this.#server = server;
  }

  get listener(): Listener | null {
    return this.#server.listener;
  }

  get connections(): number {
    return this.#server.connections;
  }

  handOver(): Listener | null {
    const { listener } = this.#server;
    if (!(listener instanceof LentListener)) return null;
    this.leave();
    return listener.take();
  }

  takeBack(): void {
    const { listener } = this.#server;
    if (listener instanceof LentListener) listener.takeBack();
  }

  leave(): void {
    this.#server.leave?.();
  }

  drain(patienceMs?: number): Promise<void> {
    return this.#server.drain(patienceMs);
  }

  abandon(failure: Failure): void {
    this.#server.abandon(failure);
  }
}
