// Configuration of HTTP/1 routers (reference §2.1.1–2.1.3).
import { bool, headerName, int, object } from "../../config/schema.ts";
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
import { identifier } from "../http/identifiers/config.ts";

const noBuffering = "has no effect: bodies are always streamed";
const noBodyLimit = "has no effect since Linkerd 1.7: bodies are streamed without a limit";

/** Keys of http routers, besides those of every router. */
export const httpRouterKeys = {
  identifier,
  httpAccessLog: accessLog.file,
  httpAccessLogFormat: accessLog.format,
  httpAccessLogRollPolicy: accessLog.rollPolicy,
  httpAccessLogAppend: accessLog.append,
  httpAccessLogRotateCount: accessLog.rotateCount,
  streamAfterContentLengthKB: int({
    doc: "Bodies up to this length would be buffered.",
    unit: "KB",
    accepted: noBuffering,
  }),
  streamingEnabled: bool({
    doc: "Passes bodies on as they arrive.",
    default: true,
    refuse: {
      shown: "false",
      when: (on) => !on,
      because: "cannot be switched off: whole bodies are never held in memory",
      instead: "remove it",
    },
  }),
  maxHeadersKB: int({
    doc: "Total size of the headers of a message, either way.",
    unit: "KB",
    default: 8,
    min: 1,
    max: 1024,
  }),
  maxInitialLineKB: int({ doc: "Length of the request or status line.", unit: "KB", default: 4, min: 1, max: 1024 }),
  maxErrResponseKB: int({ doc: "Size of the body of an error answer made here.", unit: "KB", default: 5120, min: 1 }),
  compressionLevel: int({
    doc: "Compression of answers; 0 is none.",
    default: 0,
    min: -1,
    max: 9,
    differs: {
      says: "Linkerd 1.x compresses textual answers unless this is 0; fairlead passes bodies on as they are.",
      where: "left out",
      before: "compress in the service, or in front of the proxy",
    },
    warn: {
      shown: "-1",
      when: (level) => level === -1,
      because: "answers are not compressed in this release",
      instead: "write 0 to silence this warning",
    },
    refuse: {
      shown: "1 to 9",
      when: (level) => level > 0,
      because: "compression is not available in this release",
      instead: "write 0, and compress in the service",
    },
  }),
  tracePropagator,
  maxRequestKB: int({ doc: "Limit of buffered request bodies.", accepted: noBodyLimit }),
  maxResponseKB: int({ doc: "Limit of buffered answer bodies.", accepted: noBodyLimit }),
  maxChunkKB: int({ doc: "Limit of one chunk.", accepted: noBodyLimit }),
};

const limits = object(
  {
    doc: "Bounds on what a client of this server may take up. A time of 0 switches that bound off.",
    default: {},
    origin: "fairlead",
  },
  {
    headerTimeoutMs: requestLimitKeys.headerTimeoutMs,
    bodyIdleTimeoutMs: int({
      doc: "Some part of a request body must arrive within this time.",
      unit: "ms",
      default: 60_000,
      origin: "fairlead",
      differs: {
        says: "Linkerd 1.x waits for the rest of a request body as long as it takes.",
        where: "left out",
        before: "write limits: {bodyIdleTimeoutMs: 0} on the server",
      },
    }),
    writeStallTimeoutMs: requestLimitKeys.writeStallTimeoutMs,
    tunnelIdleTimeoutMs: requestLimitKeys.tunnelIdleTimeoutMs,
    tunnelHalfClosedTimeoutMs: requestLimitKeys.tunnelHalfClosedTimeoutMs,
    maxHeaders: requestLimitKeys.maxHeaders,
  },
);

/** Keys of their servers. */
export const httpServerKeys = {
  addForwardedHeader,
  timestampHeader: headerName({
    doc: "Adds this header to requests, with the time of arrival in milliseconds since 1970.",
    defaultDoc: "none",
  }),
  maxCallDepth,
  overrides,
  limits,
  ...tunnelKeys,
  http2: bool({
    doc: "Also speaks HTTP/2 on the same port, with prior knowledge and by `Upgrade: h2c`. What has no key here is as servers of `h2` routers have it by default.",
    default: true,
    origin: "fairlead",
    differs: {
      says: "Linkerd 1.x speaks only HTTP/1 on the ports of http routers, fairlead also HTTP/2 with callers that begin it.",
      where: "left out",
      before: "write http2: false on the server",
    },
  }),
};

/** Keys of their clients. */
export const httpClientKeys = { ...sharedClientKeys, protocol: endpointProtocol("http/1.1") };
