// Configuration of connections over time: pools, idle and life time, connecting (reference §1.3, §6.1, §6.4).
import { ineffective, int, object } from "../config/schema.ts";

const lifeTimeMs = int({
  doc: "Closes a connection this long after it was opened, as soon as it carries no request.",
  unit: "ms",
  min: 1,
  defaultDoc: "no limit",
  example: 3_600_000,
});

export const serverSession = object(
  { doc: "When accepted connections are closed.", default: {} },
  {
    idleTimeMs: int({
      doc: "Closes a connection that carried no request for this long.",
      unit: "ms",
      min: 1,
      modernDefault: 600_000,
      defaultDoc: "no limit",
      example: 600_000,
    }),
    lifeTimeMs,
  },
);

export const clientSession = object(
  { doc: "When connections to endpoints are closed.", default: {} },
  {
    idleTimeMs: int({
      doc: "Closes a connection that carried no request for this long.",
      unit: "ms",
      min: 1,
      defaultDoc: "no limit",
      example: 60_000,
    }),
    lifeTimeMs,
  },
);

export const hostConnectionPool = object(
  {
    doc: "How many connections are kept to each endpoint.",
    default: {},
    checks: [
      ({ minSize, maxSize }, report) => {
        if (minSize === undefined || maxSize === undefined || minSize <= maxSize) return;
        report(["minSize"], `minSize ${minSize} is larger than maxSize ${maxSize}`, `write at most ${maxSize}`);
      },
    ],
  },
  {
    minSize: int({ doc: "So many idle connections are kept whatever their age.", default: 0, unit: "connections" }),
    maxSize: int({
      doc: "Further requests wait when so many connections are busy.",
      min: 1,
      unit: "connections",
      defaultDoc: "no limit",
      example: 100,
    }),
    idleTimeMs: int({
      doc: "Closes connections above `minSize` that were idle for this long.",
      unit: "ms",
      min: 1,
      modernDefault: 60_000,
      defaultDoc: "no limit",
      example: 60_000,
    }),
    maxWaiters: int({
      doc: "So many requests may wait for a connection; further ones fail.",
      unit: "requests",
      defaultDoc: "no limit",
      example: 1000,
    }),
  },
);

/** The same key where connections are shared: HTTP/2 opens one, and a further one when it must. */
export const http2HostConnectionPool = ineffective(
  hostConnectionPool,
  "has no effect on HTTP/2 connections, which maxConnectionsPerEndpoint bounds; it holds with protocol: http/1.1 alone",
);

export const connectTimeoutMs = int({
  doc: "Gives up a connection attempt after this long.",
  unit: "ms",
  min: 1,
  default: 1000,
  origin: "fairlead",
});
