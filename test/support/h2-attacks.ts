// The attack classes of HTTP/2 at a steady rate, as a caller sends them: what it says first, and what it says again and again. And some of
// HTTP/1.1, for ports that speak both.
import {
  Code,
  dataFrame,
  END_STREAM,
  type FieldPairs,
  frame,
  headerFrames,
  literalBlock,
  pingFrame,
  resetFrame,
  Set as Setting,
  settingsFrame,
  Type,
  windowFrame,
} from "./h2-frames.ts";

/** One class. `i` counts what one connection has sent. */
export interface Attack {
  /** No preface, no frames. */
  readonly http1?: boolean;
  readonly settings?: readonly (readonly [id: number, value: number])[];
  /** Said after the preface. */
  readonly opening?: readonly Buffer[];
  readonly unit: Buffer | ((i: number) => Buffer);
  /** On all connections together. */
  readonly perSecond: number;
  readonly connections?: number;
  /** So many units for each connection; then it only stays. */
  readonly most?: number;
  /** The proxy cuts it off. */
  readonly endsIt?: boolean;
  /** It does not read what comes. */
  readonly deaf?: boolean;
}

const LARGEST_WINDOW = 0x7fff_0000;

const request = (path: string, more: FieldPairs = [], method = "GET", authority = "web"): FieldPairs => [
  [":method", method],
  [":scheme", "http"],
  [":authority", authority],
  [":path", path],
  ...more,
];

const streamId = (i: number): number => 2 * i + 1;

const NEXT = literalBlock(request("/"));
const POST = literalBlock(request("/", [], "POST"));
const LARGE = literalBlock(request("/large"));
const open = (i: number, block = NEXT, end = true): Buffer => headerFrames(streamId(i), block, { end });
const opened = open(0, POST, false);

/** Puts a field into the table (RFC 7541 §6.2.1); each octet 0xbe refers to it again. */
function seed(valueBytes: number): Buffer {
  const field = literalBlock([["x-large", "v".repeat(valueBytes)]]);
  field[0] = 0x40;
  return headerFrames(1, Buffer.concat([NEXT, field]), { end: true });
}

// GET, http and / from the static table, and :authority as a literal that refers to its name.
const SHORTEST = Buffer.concat([Buffer.from([0x82, 0x86, 0x84, 0x01, 3]), Buffer.from("web")]);
const references = (count: number) => (i: number) =>
  headerFrames(streamId(i + 1), Buffer.concat([SHORTEST, Buffer.alloc(count, 0xbe)]), { end: true });

/** More than anybody could work off: what cuts a caller off must do so. */
const FLOOD = 16_000_000;

/** By name. */
export const attacks: Readonly<Record<string, Attack>> = {
  "rapid reset": {
    unit: (i) => Buffer.concat([open(i), resetFrame(streamId(i), Code.cancel)]),
    perSecond: 4000,
  },
  "made you reset": {
    unit: (i) => Buffer.concat([open(i), windowFrame(streamId(i), 0)]),
    perSecond: 4000,
  },
  "CONTINUATION of one octet": {
    opening: [frame(Type.headers, END_STREAM, 1, NEXT)],
    unit: frame(Type.continuation, 0, 1, Buffer.from([0x82])),
    endsIt: true,
    perSecond: FLOOD,
  },
  "CONTINUATION of 16 kB": {
    opening: [frame(Type.headers, END_STREAM, 1, NEXT)],
    unit: frame(Type.continuation, 0, 1, Buffer.alloc(16_384, 0x82)),
    endsIt: true,
    perSecond: 10_000,
  },
  PING: { unit: pingFrame("12345678"), endsIt: true, perSecond: FLOOD },
  SETTINGS: {
    opening: [opened],
    unit: Buffer.concat([
      settingsFrame([[Setting.initialWindow, 60_000]]),
      settingsFrame([[Setting.initialWindow, 1]]),
    ]),
    endsIt: true,
    perSecond: FLOOD / 2,
  },
  PRIORITY: { unit: frame(Type.priority, 0, 1, Buffer.from([0, 0, 0, 0, 15])), endsIt: true, perSecond: FLOOD },
  "empty DATA": { opening: [opened], unit: dataFrame(1, Buffer.alloc(0)), endsIt: true, perSecond: FLOOD },
  "WINDOW_UPDATE by one": { opening: [opened], unit: windowFrame(1, 1), endsIt: true, perSecond: FLOOD },
  "DATA of one octet": { opening: [opened], unit: dataFrame(1, Buffer.from("x")), perSecond: 1_000_000 },
  "windows opened by one for what waits": {
    settings: [[Setting.initialWindow, 0]],
    opening: [open(0, LARGE)],
    unit: windowFrame(1, 1),
    endsIt: true,
    perSecond: 20_000,
  },
  "a bomb of references that is refused": { opening: [seed(4)], unit: references(16_000), perSecond: 1000 },
  "a bomb of references that passes": { opening: [seed(3900)], unit: references(15), perSecond: 200 },
  "answers that are not taken": {
    settings: [[Setting.initialWindow, 0]],
    unit: (i) => open(i, LARGE),
    perSecond: 200,
  },
  "answers that are not read": {
    settings: [[Setting.initialWindow, LARGEST_WINDOW]],
    opening: [windowFrame(0, LARGEST_WINDOW)],
    unit: (i) => open(i, LARGE),
    perSecond: 200,
    deaf: true,
  },
  "streams that stay open": { unit: (i) => open(i, POST, false), perSecond: 4000, most: 999 },
  "endless dtabs": {
    unit: (i) => open(i, literalBlock(request("/", [["l5d-dtab", `/svc/x${i} => /svc/web`]]))),
    perSecond: 500,
  },
  "endless names": { unit: (i) => open(i, literalBlock(request("/", [], "GET", `web${i}`))), perSecond: 1000 },
  "HTTP/1.1: heads an octet at a time": {
    http1: true,
    opening: [Buffer.from("GET / HTTP/1.1\r\nHost: web\r\nX-Slow: ")],
    unit: Buffer.from("x"),
    perSecond: 2000,
    connections: 500,
  },
  "HTTP/1.1: requests one behind the other": {
    http1: true,
    unit: Buffer.from("GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n"),
    perSecond: 20_000,
  },
  "HTTP/1.1: requests whose answers are not read": {
    http1: true,
    unit: Buffer.from("GET / HTTP/1.1\r\nHost: nowhere\r\n\r\n"),
    perSecond: 20_000,
    deaf: true,
  },
  "HTTP/1.1: chunks of one octet": {
    http1: true,
    opening: [Buffer.from("POST / HTTP/1.1\r\nHost: web\r\nTransfer-Encoding: chunked\r\n\r\n")],
    unit: Buffer.from("1\r\nx\r\n"),
    perSecond: 100_000,
  },
};
