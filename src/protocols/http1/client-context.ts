// What all sessions to one endpoint share.
import type { Pool } from "../../base/pool.ts";
import type { ConnectOptions, Transport } from "../../core/byte-stream.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { HttpHead } from "../http/head.ts";
import type { Http1Limits } from "./limits.ts";

/** Figures of a client's connections (linkerd1 §7.4). */
export interface ClientConnectionStats {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  connected(latencyMs: number): void;
  connectFailed(latencyMs: number): void;
  /** Given up by us while it was being established. */
  connectCancelled(): void;
  /** The service sent bytes nobody asked for. */
  unexpected(): void;
}

/** The surroundings of a session. */
export interface ClientContext {
  readonly loop: DataLoop;
  readonly transport: Transport;
  readonly heads: Pool<HttpHead>;
  /** Answers are handled within the read callback, so one head serves all sessions of the loop. */
  readonly answerHead: HttpHead;
  readonly limits: Http1Limits;
  readonly stats: ClientConnectionStats;
  readonly endpoint: ConnectOptions;
  /** `host:port`, for people. */
  readonly address: string;
  readonly connectTimeoutMs: number;
}
