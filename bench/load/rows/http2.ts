// The HTTP/2 rows: gRPC on both sides, and the two translations between HTTP/2 and HTTP/1.1.
import type { Row } from "../bench.ts";
import { speaking } from "../families.ts";
import type { Load } from "../rounds.ts";
import { calibration, ENVOY, toRow, type TrafficRow } from "./traffic.ts";

const WARM_UP = 20_000;
const MB = 1_048_576;
const MESSAGES = 10_000;

const HEADLINE = { nghttpx: { must: 0.8, moonshot: 0.45 }, haproxy: { must: 0.6, moonshot: 0.3 }, envoy: ENVOY };
const ONE_STREAM = { nghttpx: { must: 1, moonshot: 0.75 } };
const BETWEEN_VERSIONS = { haproxy: { must: 1 } };
const UNARY: Load = { connections: 8, streams: 32, warmup: WARM_UP, ...speaking("h2") };

/** Unary gRPC calls on both sides: messages of 105 and 100 bytes. */
function unary(name: string, says: string, load: Partial<Load> = {}, more: Partial<TrafficRow> = {}): TrafficRow {
  return { name, says: `gRPC unary, ${says}`, family: "h2", load: { ...UNARY, ...load }, against: {}, ...more };
}

const TABLE: readonly TrafficRow[] = [
  unary("h2-grpc-c8m32", "8 connections × 32 streams, 1 000 paths", {}, { against: HEADLINE, quick: true }),
  unary("h2-grpc-c32m1", "32 connections × 1 stream", { connections: 32, streams: 1 }, { against: ONE_STREAM }),
  unary("h2-grpc-c1m100", "1 connection × 100 streams", { connections: 1, streams: 100 }),
  unary("h2-grpc-steady", "8 × 32, 1 000 paths, nothing else differs but token and id", { steady: 1 }),
  unary("h2-grpc-unique", "8 × 32, no two paths alike", { uniquePaths: 1 }),
  unary("h2-grpc-stored-ids", "8 × 32, callers put each id, and metadata, into their header table", { storedIds: 1 }),
  unary("h2-grpc-groups", "8 × 32, servers of their own for each of 100 names", {}, { family: "h2-groups" }),
  {
    name: "h2-stream-10k",
    says: `gRPC server streaming, 1 stream, ${MESSAGES} messages of 100 B in each answer`,
    family: "h2",
    load: { ...UNARY, connections: 1, streams: 1, warmup: 20 * MESSAGES, messages: MESSAGES },
    against: {},
    measure: "CPU per message",
  },
  {
    name: "h2-1m-down",
    says: "gRPC, answers of one message of 1 MB, 8 connections × 1 stream",
    family: "h2",
    load: { ...UNARY, streams: 1, warmup: 200, answer: MB },
    against: {},
  },
  {
    name: "h2-1m-up",
    says: "gRPC, requests of one message of 1 MB, 8 connections × 1 stream",
    family: "h2",
    load: { ...UNARY, streams: 1, warmup: 200, upload: MB },
    against: {},
  },
  {
    name: "h2-h1-c8m32",
    says: "HTTP/2 to HTTP/1.1: GET, 1 kB, 8 connections × 32 streams",
    family: "h2-h1",
    load: { connections: 8, streams: 32, warmup: WARM_UP, ...speaking("h2-h1") },
    against: BETWEEN_VERSIONS,
  },
  {
    name: "h1-h2-c64",
    says: "HTTP/1.1 to HTTP/2: GET, 12 headers, 1 kB, 64 connections",
    family: "h1-h2",
    load: { connections: 64, warmup: WARM_UP, ...speaking("h1-h2") },
    against: BETWEEN_VERSIONS,
  },
];

export const http2Rows: readonly Row[] = [calibration("nghttpx", "h2", UNARY), ...TABLE.map(toRow)];
