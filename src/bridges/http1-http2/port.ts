// One port for HTTP/1.1 and HTTP/2. Connections begin as HTTP/1's; one that sends the preface of HTTP/2 ("prior knowledge") or asks for
// `Upgrade: h2c` is handed over. A port may also speak only one of the two.
import type { Listener, ListenOptions } from "../../core/byte-stream.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { Failure } from "../../core/failure.ts";
import type { StreamTimeouts } from "../../core/stream-timeout.ts";
import type { AdmissionOptions } from "../../protocols/http/admit.ts";
import type { Http1Limits } from "../../protocols/http1/limits.ts";
import type { TunnelPolicy } from "../../protocols/http1/upgrade.ts";
import type { Http1, Http1Server } from "../../protocols/http1/protocol.ts";
import type { Neighbour, ServerConnectionStats } from "../../protocols/http1/server-context.ts";
import type { Http2Limits, Http2Settings } from "../../protocols/http2/limits.ts";
import type { Http2, Http2Server } from "../../protocols/http2/protocol.ts";
import type { Http2ServerStats } from "../../protocols/http2/server-context.ts";
import { headOf, offerOf } from "./upgrade.ts";

/** What a port speaks, and how. */
export interface PortSettings {
  readonly admission: AdmissionOptions;
  /** Looked at for each connection. */
  readonly needsRemote: () => boolean;
  readonly timeouts: StreamTimeouts | null;
  readonly http1: Http1Limits | null;
  /** What callers of HTTP/1.1 may have made a tunnel. */
  readonly tunnels: TunnelPolicy;
  readonly http2: { readonly settings: Http2Settings; readonly limits: Http2Limits } | null;
}

/** A listener and its connections. */
export interface HttpPort {
  readonly listener: Listener | null;
  readonly connections: number;
  /** HTTP/2 streams open at the moment. */
  readonly streams: number;
  /** Asks all connections to go with their next answer, and gives the listener away. */
  handOver(): Listener | null;
  /** As `handOver`, while the listener stays. */
  leave(): void;
  /** See `Connections.drain`. */
  drain(patienceMs?: number): Promise<void>;
  abandon(failure: Failure): void;
}

/** Opens a port, or takes over the listener of another. */
export async function listenHttp(
  protocols: { readonly http1: Http1; readonly http2: Http2 },
  where: ListenOptions | Listener,
  settings: PortSettings,
  handler: ExchangeHandler,
  stats: ServerConnectionStats & Http2ServerStats,
): Promise<HttpPort> {
  const { admission, http1, http2, timeouts } = settings;
  const given = http2 === null ? null : { admission, timeouts, needsRemote: settings.needsRemote, ...http2 };
  if (http1 === null) {
    if (given === null) throw new Error("a port must speak something");
    return protocols.http2.listen(where, given, handler, stats);
  }
  const second = given === null ? null : secondServer(protocols.http2, given, handler, stats);
  const first = await protocols.http1.listen(
    where,
    {
      admission,
      tunnels: settings.tunnels,
      needsRemote: settings.needsRemote,
      limits: http1,
      timeouts,
      neighbour: second === null ? null : neighbourOf(second),
    },
    handler,
    () => stats,
  );
  return new SharedPort(first, second);
}

// The port's own listener counts its connections when they are accepted.
function secondServer(
  http2: Http2,
  given: Parameters<Http2["server"]>[0],
  handler: ExchangeHandler,
  stats: Http2ServerStats,
): Http2Server {
  return http2.server(given, handler, { ...stats, opened: () => undefined }, "");
}

function neighbourOf(server: Http2Server): Neighbour {
  return {
    takeOver(stream, buffer, start, end) {
      server.accept(stream)?.onBytes(buffer, start, end, false);
    },
    offer: offerOf,
    upgrade(stream, head, offer, rest) {
      const connection = server.accept(stream);
      if (connection === null) return;
      connection.upgraded(offer, headOf(head, connection.takeHead()));
      if (rest.length > 0) connection.onBytes(rest, 0, rest.length, false);
    },
  };
}

class SharedPort implements HttpPort {
  readonly #first: Http1Server;
  readonly #second: Http2Server | null;

  constructor(first: Http1Server, second: Http2Server | null) {
    this.#first = first;
    this.#second = second;
  }

  get listener(): Listener | null {
    return this.#first.listener;
  }

  get connections(): number {
    return this.#first.connections + (this.#second?.connections ?? 0);
  }

  get streams(): number {
    return this.#second?.streams ?? 0;
  }

  handOver(): Listener | null {
    this.#second?.leave();
    return this.#first.handOver();
  }

  leave(): void {
    this.#first.leave();
    this.#second?.leave();
  }

  // A connection that is young may still turn out to speak the second protocol.
  async drain(patienceMs = 0): Promise<void> {
    this.#second?.leave();
    await this.#first.drain(patienceMs);
    await this.#second?.drain();
  }

  abandon(failure: Failure): void {
    this.#first.abandon(failure);
    this.#second?.abandon(failure);
  }
}
