// What one HTTP/2 connection announces, and the bounds that it is held to.

/** What one end of a connection announces in its SETTINGS (RFC 9113 §6.5.2), and how it gives windows back. */
export interface Http2Settings {
  readonly headerTableBytes: number;
  readonly initialStreamWindowBytes: number;
  readonly maxFrameBytes: number;
  /** Counted as RFC 9113 §6.5.2 does: 32 bytes for each field besides its name and value. */
  readonly maxHeaderListBytes: number;
  /** Streams the peer may have open. 0 towards endpoints, which open none: pushing is switched off. */
  readonly maxConcurrentStreams: number;
  /** A window is refilled when what is left of it falls under this share. */
  readonly windowUpdateRatio: number;
}

/** Bounds of one connection and its streams. A time of 0 is no bound. */
export interface Http2Limits {
  /** From the first byte of a header block to its end. */
  readonly headerTimeoutMs: number;
  /** Without progress of a body that is awaited. */
  readonly bodyIdleTimeoutMs: number;
  /** Of a stream, without progress in either direction. */
  readonly streamIdleTimeoutMs: number;
  /** Without the peer taking a byte of what was sent. */
  readonly writeStallTimeoutMs: number;
  /** Of a connection without streams. */
  readonly idleTimeoutMs: number;
  /** Age after which a connection is not used for a further stream. */
  readonly lifeTimeMs: number;
  /** Fields of a header block. */
  readonly maxFields: number;
  /** Cap on the value of a generated `l5d-err`. */
  readonly maxErrBytes: number;
  /** Streams the peer reset, or broke, before they were answered; 0 is no bound. */
  readonly maxResetsPerMinute: number;
  /** Silence after which a PING is sent. */
  readonly pingIntervalMs: number;
  /** How long the answer to a PING may take. */
  readonly pingTimeoutMs: number;
}

/** Defaults, also for HTTP/2 in routers whose own protocol is another one. */
export const http2Defaults = {
  headerTableBytes: 4096,
  initialStreamWindowBytes: 65_535,
  maxFrameBytes: 16_384,
  maxHeaderListBytes: 65_536,
  maxConcurrentStreams: 1000,
  windowUpdateRatio: 0.99,
  streamIdleTimeoutMs: 0,
  maxResetsPerMinute: 1000,
  pingIntervalMs: 0,
  pingTimeoutMs: 20_000,
  maxConnectionsPerEndpoint: 8,
} as const;
