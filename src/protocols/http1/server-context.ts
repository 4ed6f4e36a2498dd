// What all connections of one HTTP/1 server share.
import type { Pool } from "../../base/pool.ts";
import type { ByteStream } from "../../core/byte-stream.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { ExchangeHandler } from "../../core/exchange-handler.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { AdmissionOptions } from "../http/admit.ts";
import type { HttpHead } from "../http/head.ts";
import type { Http1Limits } from "./limits.ts";
import type { Http1ServerConnection } from "./server.ts";
import type { TunnelPolicy } from "./upgrade.ts";
import type { AnswerForm } from "./write-head.ts";

/** Figures of a server's connections (linkerd1 §7.4). */
export interface ServerConnectionStats {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  opened(): void;
  closed(durationMs: number, requests: number): void;
  /** Null where there are none. */
  readonly tunnels: TunnelStats | null;
}

/** Figures of connections that became tunnels. */
export interface TunnelStats {
  opened(): void;
  closed(durationMs: number, receivedBytes: number, sentBytes: number): void;
}

/** Another protocol on the same port. */
export interface Neighbour {
  /** Takes a connection over whose first bytes, `buffer[start, end)`, are the beginning of the preface of HTTP/2. */
  takeOver(stream: ByteStream, buffer: Buffer, start: number, end: number): void;
  /** What a request says about the upgrade it asks for, when it is one that can be had; null otherwise. */
  offer(head: HttpHead): Buffer | null;
  /** Takes a connection over after 101, with the request that asked for it, and with what was read behind it. */
  upgrade(stream: ByteStream, head: HttpHead, offer: Buffer, rest: Buffer): void;
}

/** The surroundings of a connection. */
export interface ServerContext {
  readonly loop: DataLoop;
  readonly handler: ExchangeHandler;
  readonly heads: Pool<HttpHead>;
  readonly limits: Http1Limits;
  readonly admission: AdmissionOptions;
  readonly tunnels: TunnelPolicy;
  /** Filled in and read while a head is written, which is done in one go: one serves all connections. */
  readonly answerForm: AnswerForm;
  readonly stats: ServerConnectionStats;
  /** `ip:port` the server listens on. */
  readonly address: string;
  /**
   * Is the caller's address wanted (access log, Forwarded, tracing)? Asked for each connection; the answer costs a system call. Not a getter:
   * V8 keeps an object that was written down with one as a dictionary, and then everything else is looked up in it for each frame.
   */
  readonly needsRemote: () => boolean;
  /** Null where the port speaks HTTP/1 only. */
  readonly neighbour: Neighbour | null;
  /** A connection is closed, or somebody else's. */
  gone(connection: Http1ServerConnection): void;
}
