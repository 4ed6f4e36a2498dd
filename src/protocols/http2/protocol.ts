// HTTP/2 as a protocol of the proxy: its server half and its client half, made from settings.
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
import type { Http2ClientContext, Http2ClientStats } from "./client-context.ts";
import { Http2ClientStream } from "./client-stream.ts";
import { Http2Session } from "./client.ts";
import { FieldNames } from "./codec/field-name.ts";
import { HeaderFields } from "./codec/header-field.ts";
import type { Http2Shared } from "./context.ts";
import { Http2Head } from "./head.ts";
import type { Http2Limits, Http2Settings } from "./limits.ts";
import { OutputBuffers } from "./outbox.ts";
import type { Http2ServerContext, Http2ServerStats } from "./server-context.ts";
import { Http2ServerStream } from "./server-stream.ts";
import { Http2ServerConnection } from "./server.ts";

/** What a server is opened with. */
export interface Http2ServerSettings {
  readonly settings: Http2Settings;
  readonly limits: Http2Limits;
  readonly admission: AdmissionOptions;
  /** See `Http2ServerContext`. */
  readonly needsRemote: () => boolean;
  /** Of the connections that its own listener accepts. */
  readonly timeouts?: StreamTimeouts | null;
}

/** What both halves share on one event loop. */
export class Http2 {
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly shared: Http2Shared;
  readonly serverStreams = new Pool(() => new Http2ServerStream());
  readonly clientStreams = new Pool(() => new Http2ClientStream());

  constructor(loop: DataLoop, transport: Transport) {
    this.loop = loop;
    this.transport = transport;
    this.shared = {
      loop,
      heads: new Pool(() => new Http2Head()),
      memory: { names: new FieldNames(), fields: new HeaderFields() },
      buffers: new OutputBuffers(),
    };
  }

  /** Makes the side of a server that takes connections; its listener is the caller's business. */
  server(given: Http2ServerSettings, handler: ExchangeHandler, stats: Http2ServerStats, address: string): Http2Server {
    const server = new Http2Server();
    server.context = {
      shared: this.shared,
      settings: given.settings,
      limits: given.limits,
      admission: given.admission,
      needsRemote: given.needsRemote,
      handler,
      stats,
      streams: this.serverStreams,
      address,
      gone: (connection) => server.gone(connection),
    };
    return server;
  }

  /** Opens a server that speaks nothing else, or takes over what another has opened. */
  async listen(
    where: ListenOptions | Listener,
    given: Http2ServerSettings,
    handler: ExchangeHandler,
    stats: Http2ServerStats,
  ): Promise<Http2Server> {
    let server: Http2Server | null = null;
    const accept = timedAccept(this.loop, given.timeouts, (stream) => {
      if (server === null) stream.destroy();
      else server.accept(stream);
    });
    const listener = await listenAt(this.transport, where, accept);
    server = this.server(given, handler, stats, plainAddressText(listener));
    server.listener = listener;
    return server;
  }

  /** Makes the function that opens sessions to one endpoint. */
  connector(
    endpoint: ConnectOptions,
    given: { settings: Http2Settings; limits: Http2Limits; connectTimeoutMs: number },
    stats: Http2ClientStats,
  ): (owner: SessionOwner) => Session {
    const context: Http2ClientContext = {
      shared: this.shared,
      settings: given.settings,
      limits: given.limits,
      connectTimeoutMs: given.connectTimeoutMs,
      transport: timedConnecting(this.loop, this.transport, endpoint),
      streams: this.clientStreams,
      stats,
      endpoint,
      address: addressText(endpoint),
    };
    return (owner) => new Http2Session(context, owner);
  }
}

/** A server's connections. */
export class Http2Server extends ListeningServer<Http2ServerConnection> {
  context: Http2ServerContext | null = null;

  /** Streams open at the moment. */
  get streams(): number {
    let streams = 0;
    for (const connection of this.accepted) streams += connection.openStreams;
    return streams;
  }

  /** Takes a connection; null when there shall be no more. */
  accept(stream: ByteStream): Http2ServerConnection | null {
    if (this.context === null || this.accepted.draining) {
      stream.destroy();
      return null;
    }
    this.context.shared.loop.tick();
    const connection = new Http2ServerConnection(stream, this.context);
    this.accepted.add(connection);
    return connection;
  }
}
