// What all sessions to one endpoint share.
import type { Pool } from "../../base/pool.ts";
import type { ConnectOptions, Transport } from "../../core/byte-stream.ts";
import type { Http2ClientStream } from "./client-stream.ts";
import type { Http2Context, Http2Stats } from "./context.ts";

/** Figures of a client's connections and streams (linkerd1 §7.4). */
export interface Http2ClientStats extends Http2Stats {
  connected(latencyMs: number): void;
  connectFailed(latencyMs: number): void;
  /** Given up by us while it was being established. */
  connectCancelled(): void;
}

/** The surroundings of a session. */
export interface Http2ClientContext extends Http2Context {
  readonly transport: Transport;
  readonly streams: Pool<Http2ClientStream>;
  readonly stats: Http2ClientStats;
  readonly endpoint: ConnectOptions;
  /** `host:port`, for people. */
  readonly address: string;
  readonly connectTimeoutMs: number;
}
