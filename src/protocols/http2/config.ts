// Configuration of HTTP/2 routers (reference §2.2).
import { bool, int, number, object } from "../../config/schema.ts";
import {
  accessLog,
  addForwardedHeader,
  endpointProtocol,
  maxCallDepth,
  overrides,
  requestLimitKeys,
  sharedClientKeys,
  tracePropagator,
  tunnelKeys,
} from "../http/config.ts";
import { http2Identifier } from "../http/identifiers/config.ts";
import { http2Defaults } from "./limits.ts";

/** Keys of h2 routers, besides those of every router. */
export const http2RouterKeys = {
  identifier: http2Identifier,
  h2AccessLog: accessLog.file,
  h2AccessLogFormat: accessLog.format,
  h2AccessLogRollPolicy: accessLog.rollPolicy,
  h2AccessLogAppend: accessLog.append,
  h2AccessLogRotateCount: accessLog.rotateCount,
  tracePropagator,
};

/** Largest value of a window and of most settings (RFC 9113 §6.9.1). */
const max31Bits = 2_147_483_647;

/** What this end of a connection announces, towards callers and towards endpoints. */
const settingKeys = {
  windowUpdateRatio: number({
    doc: "Gives a flow-control window back as soon as what is left of it falls under this share.",
    default: http2Defaults.windowUpdateRatio,
    min: 0,
    max: 1,
    refuse: {
      shown: "0 or 1",
      when: (ratio) => ratio <= 0 || ratio >= 1,
      because: "must lie between 0 and 1",
      instead: "write a share such as 0.5",
    },
  }),
  headerTableBytes: int({
    doc: "Size of the table with which the peer compresses headers; 0 for none.",
    unit: "bytes",
    default: http2Defaults.headerTableBytes,
    max: 1_048_576,
  }),
  initialStreamWindowBytes: int({
    doc: "So much of a body the peer may send before its reader has taken any of it.",
    unit: "bytes",
    default: http2Defaults.initialStreamWindowBytes,
    min: 1,
    max: max31Bits,
  }),
  maxFrameBytes: int({
    doc: "Largest payload of a frame the peer may send.",
    unit: "bytes",
    default: http2Defaults.maxFrameBytes,
    min: 16_384,
    max: 16_777_215,
  }),
  maxHeaderListBytes: int({
    doc: "Total size of the headers of a message from the peer, uncompressed, with 32 bytes more for each.",
    unit: "bytes",
    default: http2Defaults.maxHeaderListBytes,
    min: 1024,
    max: 16_777_216,
    differs: {
      says: "Linkerd 1.x has no limit by default; fairlead needs one, since a few bytes on the wire can unpack to megabytes.",
      where: "left out",
      before: "write a larger maxHeaderListBytes",
    },
  }),
};

const limits = object(
  {
    doc: "Bounds on what a caller of this server may take up. A time of 0 switches that bound off.",
    default: {},
    origin: "fairlead",
  },
  {
    headerTimeoutMs: requestLimitKeys.headerTimeoutMs,
    bodyIdleTimeoutMs: int({
      doc: "Some part of a request body must arrive within this time. Off by default: callers of gRPC streams may be silent for long.",
      unit: "ms",
      default: 0,
      origin: "fairlead",
    }),
    streamIdleTimeoutMs: int({
      doc: "Ends a stream on which nothing moved in either direction for this long. Off by default, for the same reason.",
      unit: "ms",
      default: http2Defaults.streamIdleTimeoutMs,
      origin: "fairlead",
    }),
    writeStallTimeoutMs: requestLimitKeys.writeStallTimeoutMs,
    tunnelIdleTimeoutMs: requestLimitKeys.tunnelIdleTimeoutMs,
    tunnelHalfClosedTimeoutMs: requestLimitKeys.tunnelHalfClosedTimeoutMs,
    maxHeaders: requestLimitKeys.maxHeaders,
    keepAlivePingMs: int({
      doc: "Sends a PING on a connection that was silent for this long.",
      unit: "ms",
      default: http2Defaults.pingIntervalMs,
      origin: "fairlead",
    }),
    keepAliveTimeoutMs: int({
      doc: "Closes a connection whose PING is not answered within this time.",
      unit: "ms",
      default: http2Defaults.pingTimeoutMs,
      min: 1,
      origin: "fairlead",
    }),
    maxResetsPerMinute: int({
      doc: "Closes a connection (GOAWAY) whose caller resets or breaks more streams than this before they were answered.",
      default: http2Defaults.maxResetsPerMinute,
      min: 1,
      origin: "fairlead",
      differs: {
        says: "Linkerd 1.x bears any number of resets.",
        where: "left out",
        before: "write a larger limits.maxResetsPerMinute on the server",
      },
    }),
  },
);

/** Keys of their servers. */
export const http2ServerKeys = {
  ...settingKeys,
  maxConcurrentStreamsPerConnection: int({
    doc: "Streams a caller may have open on one connection.",
    unit: "streams",
    default: http2Defaults.maxConcurrentStreams,
    min: 1,
    max: max31Bits,
  }),
  addForwardedHeader,
  maxCallDepth,
  overrides,
  limits,
  ...tunnelKeys,
  http1: bool({ doc: "Also speaks HTTP/1.1 on the same port.", default: false, origin: "fairlead" }),
};

/** Keys of their clients. */
export const http2ClientKeys = {
  ...sharedClientKeys,
  protocol: endpointProtocol("h2"),
  ...settingKeys,
  maxConnectionsPerEndpoint: int({
    doc: "Most connections to one endpoint; a further one is opened only when those there carry as many streams as the endpoint allows.",
    unit: "connections",
    default: http2Defaults.maxConnectionsPerEndpoint,
    min: 1,
    max: 1000,
    origin: "fairlead",
    differs: {
      says: "Linkerd 1.x keeps to one connection per endpoint, and requests wait when it is full.",
      where: "left out",
      before: "write maxConnectionsPerEndpoint: 1 for the client",
    },
  }),
  pingIntervalMs: int({
    doc: "Sends a PING on a connection to an endpoint that was silent for this long; 0 for never.",
    unit: "ms",
    default: http2Defaults.pingIntervalMs,
    origin: "fairlead",
  }),
  pingTimeoutMs: int({
    doc: "Closes a connection to an endpoint whose PING is not answered within this time.",
    unit: "ms",
    default: http2Defaults.pingTimeoutMs,
    min: 1,
    origin: "fairlead",
  }),
};

const MOST_KEPT_BYTES = 16_777_216;

/** Keys of their services. */
export const http2ServiceKeys = {
  classificationTimeoutMs: int({
    doc: "How long an answer is held back until it is known whether it is a failure worth another try. Only where the classifier looks at the end of answers, as those of gRPC do.",
    unit: "ms",
    default: 100,
    min: 1,
  }),
  retryBufferSize: object(
    { doc: "How much is kept so that a request can be repeated.", default: {} },
    {
      requestBytes: int({
        doc: "Of the request; one with a longer body is not repeated.",
        unit: "bytes",
        default: 16_383,
        max: MOST_KEPT_BYTES,
      }),
      responseBytes: int({
        doc: "Of the answer, while it is held back.",
        unit: "bytes",
        default: 16_383,
        max: MOST_KEPT_BYTES,
      }),
    },
  ),
};
