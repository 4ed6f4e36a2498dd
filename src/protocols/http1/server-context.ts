// What all connections of one HTTP/1 server share.
import type { Pool } from "../../base/pool.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { AdmissionOptions } from "../http/admit.ts";
import type { HttpHead } from "../http/head.ts";
import type { Http1Limits } from "./limits.ts";
import type { Http1ServerConnection } from "./server.ts";
import type { AnswerForm } from "./write-head.ts";

/** Figures of a server's connections (linkerd1 §7.4). */
export interface ServerConnectionStats {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  opened(): void;
  closed(durationMs: number, requests: number): void;
}

/** The surroundings of a connection. */
export interface ServerContext {
  readonly loop: DataLoop;
  readonly handler: ExchangeHandler;
  readonly heads: Pool<HttpHead>;
  readonly limits: Http1Limits;
  readonly admission: AdmissionOptions;
  /** Filled in and read while a head is written, which is done in one go: one serves all connections. */
  readonly answerForm: AnswerForm;
  readonly stats: ServerConnectionStats;
  /** `ip:port` the server listens on. */
  readonly address: string;
  /** Is the caller's address wanted (access log, Forwarded)? It costs a system call per connection. */
  readonly needsRemote: boolean;
  /** A connection is closed. */
  gone(connection: Http1ServerConnection): void;
}
