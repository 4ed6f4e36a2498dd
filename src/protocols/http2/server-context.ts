// What all connections of one HTTP/2 server share.
import type { Pool } from "../../base/pool.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { AdmissionOptions } from "../http/admit.ts";
import type { Http2Context, Http2Stats } from "./context.ts";
import type { Http2ServerConnection } from "./server.ts";
import type { Http2ServerStream } from "./server-stream.ts";

/** Figures of a server's connections and streams (linkerd1 §7.4). */
export interface Http2ServerStats extends Http2Stats {
  opened(): void;
  closed(durationMs: number, streams: number): void;
}

/** The surroundings of an accepted connection. */
export interface Http2ServerContext extends Http2Context {
  readonly handler: ExchangeHandler;
  readonly admission: AdmissionOptions;
  readonly streams: Pool<Http2ServerStream>;
  readonly stats: Http2ServerStats;
  /** `ip:port` the server listens on. */
  readonly address: string;
  /**
   * Is the caller's address wanted (access log, Forwarded, tracing)? Asked for each connection; the answer costs a system call. Not a getter:
   * V8 keeps an object that was written down with one as a dictionary, and then everything else is looked up in it for each frame.
   */
  readonly needsRemote: () => boolean;
  /** A connection is closed. */
  gone(connection: Http2ServerConnection): void;
}
