// What connections of HTTP/2 are surrounded by.
import type { Pool } from "../../base/pool.ts";
import type { DataLoop } from "../../core/data-loop.ts";
import type { Counter } from "../../telemetry/metrics.ts";
import type { FieldMemory } from "./codec/hpack-decoder.ts";
import type { Http2Head } from "./head.ts";
import type { Http2Limits, Http2Settings } from "./limits.ts";
import type { OutputBuffers } from "./outbox.ts";

/** What all connections of one event loop share. */
export interface Http2Shared {
  readonly loop: DataLoop;
  readonly heads: Pool<Http2Head>;
  readonly memory: FieldMemory;
  readonly buffers: OutputBuffers;
}

/** Figures of streams and frames, over all connections of a server or client. */
export interface Http2Stats {
  readonly sentBytes: Counter;
  readonly receivedBytes: Counter;
  /** Streams that the peer reset, and that we did. */
  readonly resetsReceived: Counter;
  readonly resetsSent: Counter;
  readonly goawaysReceived: Counter;
  readonly goawaysSent: Counter;
  /** Connections given up for an error of the peer. */
  readonly connectionErrors: Counter;
  /** Messages that broke the rules of RFC 9113 §8. */
  readonly malformed: Counter;
  /** Octets of DATA, as far as they were passed on. */
  readonly requestBytes: Counter;
  readonly responseBytes: Counter;
  /** A stream is over: `whole` when both sides said all there was to say. */
  streamEnded(whole: boolean, durationMs: number): void;
}

/** One side of a connection. */
export interface Http2Context {
  readonly shared: Http2Shared;
  readonly settings: Http2Settings;
  readonly limits: Http2Limits;
  readonly stats: Http2Stats;
}
