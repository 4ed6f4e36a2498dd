// HTTP/1.x as a protocol of the proxy: its server half and its client half, made from settings.
import { Pool } from "../../base/pool.ts";
import {
  type ByteStream,
  type ConnectOptions,
  listenAt,
  type Listener,
  type ListenOptions,
  type Transport,
} from "../../core/byte-stream.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { Session, SessionOwner } from "../../core/session.ts";
import { addressText, plainAddressText } from "../../core/socket-address.ts";
import type { StreamTimeouts } from "../../core/stream-timeout.ts";
import { timedAccept, timedConnecting } from "../../transport/timed-stream.ts";
import type { AdmissionOptions } from "../http/admit.ts";
import { ListeningServer } from "../http/listening-server.ts";
import { HttpHead } from "../http/head.ts";
import type { ClientConnectionStats, ClientContext } from "./client-context.ts";
import { Http1Session } from "./client.ts";
import type { Http1Limits } from "./limits.ts";
import type { Neighbour, ServerConnectionStats, ServerContext } from "./server-context.ts";
import { Http1ServerConnection } from "./server.ts";
import { noTunnels, type TunnelPolicy } from "./upgrade.ts";

const never = (): boolean => false;

/** What both halves share on one event loop. */
export class Http1 {
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly heads = new Pool(() => new HttpHead());
  readonly #answerHead = new HttpHead();

  constructor(loop: DataLoop, transport: Transport) {
    this.loop = loop;
    this.transport = transport;
  }

  /** Opens a server, or takes over what another has opened. */
  async listen(
    where: ListenOptions | Listener,
    settings: {
      limits: Http1Limits;
      admission: AdmissionOptions;
      tunnels?: TunnelPolicy;
      needsRemote?: () => boolean;
      neighbour?: Neighbour | null;
      timeouts?: StreamTimeouts | null;
    },
    handler: ExchangeHandler,
    stats: (address: string) => ServerConnectionStats,
  ): Promise<Http1Server> {
    const server = new Http1Server();
    server.listener = await listenAt(
      this.transport,
      where,
      timedAccept(this.loop, settings.timeouts, (stream) => server.accept(stream)),
    );
    const address = plainAddressText(server.listener);
    server.context = {
      loop: this.loop,
      handler,
      heads: this.heads,
      limits: settings.limits,
      admission: settings.admission,
      tunnels: settings.tunnels ?? noTunnels,
      stats: stats(address),
      address,
      answerForm: {
        chunked: false,
        close: false,
        keepAlive10: false,
        clearContext: settings.admission.clearContext,
      },
      needsRemote: settings.needsRemote ?? never,
      neighbour: settings.neighbour ?? null,
      gone: (connection) => server.gone(connection),
    };
    return server;
  }

  /** Makes the function that opens sessions to one endpoint. */
  connector(
    endpoint: ConnectOptions,
    settings: { limits: Http1Limits; connectTimeoutMs: number },
    stats: ClientConnectionStats,
  ): (owner: SessionOwner) => Session {
    const context: ClientContext = {
      loop: this.loop,
      transport: timedConnecting(this.loop, this.transport, endpoint),
      heads: this.heads,
      answerHead: this.#answerHead,
      limits: settings.limits,
      connectTimeoutMs: settings.connectTimeoutMs,
      stats,
      endpoint,
      address: addressText(endpoint),
    };
    return (owner) => new Http1Session(context, owner);
  }
}

/** A listener and its connections. */
export class Http1Server extends ListeningServer<Http1ServerConnection> {
  context: ServerContext | null = null;

  accept(stream: ByteStream): void {
    if (this.context === null || this.accepted.draining) {
      stream.destroy();
      return;
    }
    this.context.loop.tick();
    this.accepted.add(new Http1ServerConnection(stream, this.context));
  }
}
