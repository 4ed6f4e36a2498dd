import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FrameHandler, FrameReader } from "./frame-reader.ts";
import { ErrorCode, errorName, Flag, FrameType } from "./frames.ts";

const MAX_FRAME = 16_384;
const MAX_BLOCK = 20_000;
const MOST_CONTINUATIONS = 64;

/** Writes down what it is told. Data of one frame are one entry, however they came. */
class Recorder implements FrameHandler {
  readonly calls: string[] = [];
  /** Names of calls that are answered with this error. */
  refused = "";
  #data = "";

  #note(name: string, ...details: readonly unknown[]): number {
    this.calls.push([name, ...details].join(" "));
    return name === this.refused ? ErrorCode.enhanceYourCalm : ErrorCode.noError;
  }

  dataBegins(id: number, length: number): number {
    this.#data = "";
    return this.#note("dataBegins", id, length);
  }

  data(buffer: Buffer, start: number, end: number): void {
    expect(end).toBeGreaterThan(start);
    this.#data += buffer.toString("latin1", start, end);
  }

  dataEnds(endStream: boolean, padding: number): number {
    return this.#note("dataEnds", JSON.stringify(this.#data), endStream, padding);
  }

  headers(id: number, endStream: boolean, selfish: boolean, block: Buffer, start: number, end: number): number {
    return this.#note("headers", id, endStream, selfish, JSON.stringify(block.toString("latin1", start, end)));
  }

  priority(id: number, selfish: boolean, wrongLength: boolean): number {
    return this.#note("priority", id, selfish, wrongLength);
  }

  reset(id: number, code: number): number {
    return this.#note("reset", id, code);
  }

  settings(buffer: Buffer, start: number, end: number): number {
    return this.#note("settings", buffer.toString("hex", start, end));
  }

  settingsAcknowledged(): number {
    return this.#note("settingsAcknowledged");
  }

  ping(ack: boolean, buffer: Buffer, start: number): number {
    return this.#note("ping", ack, buffer.toString("latin1", start, start + 8));
  }

  goaway(lastId: number, code: number): number {
    return this.#note("goaway", lastId, code);
  }

  windowUpdate(id: number, increment: number): number {
    return this.#note("windowUpdate", id, increment);
  }

  cheapFrame(): number {
    return this.#note("cheapFrame");
  }
}

/** Octets before and behind those to be read. */
const FENCE = Buffer.alloc(5, 0xee);

/** What is told of these reads; the last entry is the error, if there was one. */
function told(parts: readonly Buffer[], refused = ""): string[] {
  const recorder = new Recorder();
  recorder.refused = refused;
  const reader = new FrameReader(recorder, MAX_FRAME, MAX_BLOCK);
  for (const part of parts) {
    const buffer = Buffer.concat([FENCE, part, FENCE]);
    const code = reader.read(buffer, FENCE.length, FENCE.length + part.length);
    buffer.fill(0xdb); // the next read goes to the same memory
    if (code !== ErrorCode.noError) {
      recorder.calls.push(errorName(code));
      break;
    }
  }
  reader.close();
  return recorder.calls;
}

function frame(type: number, flags: number, id: number, payload: Buffer | string = ""): Buffer {
  const bytes = typeof payload === "string" ? Buffer.from(payload, "latin1") : payload;
  const header = Buffer.alloc(9);
  header.writeUIntBE(bytes.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, bytes]);
}

const uint32 = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
};

/** A payload with its padding around it. */
const padded = (text: string, padding: number): Buffer =>
  Buffer.concat([Buffer.of(padding), Buffer.from(text, "latin1"), Buffer.alloc(padding)]);

const { data, headers, priority, rstStream, settings, pushPromise, ping, goaway, windowUpdate, continuation } =
  FrameType;
const { ack, endHeaders, endStream, padded: isPadded } = Flag;
const hasPriority = Flag.priority;
const whole = endHeaders;
const SETTINGS = frame(settings, 0, 0);
const PING = frame(ping, 0, 0, "12345678");
const PING_TOLD = "ping false 12345678";

interface Vector {
  readonly what: string;
  readonly frames: readonly Buffer[];
  readonly expected: readonly string[];
}

const fine: readonly Vector[] = [
  { what: "DATA", frames: [frame(data, 0, 1, "abc")], expected: ["dataBegins 1 3", 'dataEnds "abc" false 0'] },
  {
    what: "DATA that ends its stream",
    frames: [frame(data, endStream, 3, "a")],
    expected: ["dataBegins 3 1", 'dataEnds "a" true 0'],
  },
  { what: "DATA without any", frames: [frame(data, endStream, 1)], expected: ["dataBegins 1 0", 'dataEnds "" true 0'] },
  {
    what: "DATA with padding",
    frames: [frame(data, isPadded, 1, padded("abc", 4))],
    expected: ["dataBegins 1 8", 'dataEnds "abc" false 5'],
  },
  {
    what: "DATA padded with no octet, which its length still costs one",
    frames: [frame(data, isPadded, 1, padded("abc", 0))],
    expected: ["dataBegins 1 4", 'dataEnds "abc" false 1'],
  },
  {
    what: "DATA of padding alone",
    frames: [frame(data, isPadded | endStream, 1, padded("", 255))],
    expected: ["dataBegins 1 256", 'dataEnds "" true 256'],
  },
  {
    what: "DATA of a padding length alone",
    frames: [frame(data, isPadded, 1, padded("", 0))],
    expected: ["dataBegins 1 1", 'dataEnds "" false 1'],
  },
  { what: "HEADERS", frames: [frame(headers, whole, 1, "block")], expected: ['headers 1 false false "block"'] },
  {
    what: "HEADERS without a block",
    frames: [frame(headers, whole | endStream, 1)],
    expected: ['headers 1 true false ""'],
  },
  {
    what: "HEADERS with padding",
    frames: [frame(headers, whole | isPadded, 1, padded("block", 7))],
    expected: ['headers 1 false false "block"'],
  },
  {
    what: "HEADERS of padding alone",
    frames: [frame(headers, whole | isPadded, 1, padded("", 3))],
    expected: ['headers 1 false false ""'],
  },
  {
    what: "HEADERS with a priority",
    frames: [frame(headers, whole | hasPriority, 5, Buffer.concat([uint32(0x8000_0003), Buffer.from("\x10block")]))],
    expected: ['headers 5 false false "block"'],
  },
  {
    what: "HEADERS with a priority and padding",
    frames: [frame(headers, whole | hasPriority | isPadded, 5, padded("\0\0\0\x03\x10block", 2))],
    expected: ['headers 5 false false "block"'],
  },
  {
    what: "HEADERS with a priority, padding and nothing else",
    frames: [frame(headers, whole | hasPriority | isPadded, 5, padded("\0\0\0\x03\x10", 2))],
    expected: ['headers 5 false false ""'],
  },
  {
    what: "HEADERS of a stream that depends on itself",
    frames: [frame(headers, whole | hasPriority, 5, "\x80\0\0\x05\x10block")],
    expected: ['headers 5 false true "block"'],
  },
  {
    what: "HEADERS that CONTINUATION goes on with",
    frames: [frame(headers, endStream, 1, "ab"), frame(continuation, 0, 1, "cd"), frame(continuation, whole, 1, "ef")],
    expected: ["cheapFrame", "cheapFrame", 'headers 1 true false "abcdef"'],
  },
  {
    what: "HEADERS with padding and priority that CONTINUATION goes on with",
    frames: [
      frame(headers, isPadded | hasPriority, 5, padded("\0\0\0\x05\x10ab", 3)),
      frame(continuation, whole | endStream, 5, "cd"),
    ],
    expected: ["cheapFrame", 'headers 5 false true "abcd"'],
  },
  {
    what: "HEADERS and CONTINUATION without any octet",
    frames: [frame(headers, 0, 1), frame(continuation, 0, 1), frame(continuation, whole, 1)],
    expected: ["cheapFrame", "cheapFrame", 'headers 1 false false ""'],
  },
  { what: "PRIORITY", frames: [frame(priority, 0, 3, "\0\0\0\x01\x10")], expected: ["priority 3 false false"] },
  {
    what: "PRIORITY of a stream that depends on itself",
    frames: [frame(priority, 0, 3, "\x80\0\0\x03\x10")],
    expected: ["priority 3 true false"],
  },
  {
    what: "PRIORITY of a wrong length, an error of its stream only",
    frames: [frame(priority, 0, 3, "\0\0\0\x01")],
    expected: ["priority 3 false true"],
  },
  { what: "PRIORITY of no length", frames: [frame(priority, 0, 3)], expected: ["priority 3 false true"] },
  { what: "RST_STREAM", frames: [frame(rstStream, 0, 1, uint32(0xffff_ffff))], expected: ["reset 1 4294967295"] },
  { what: "SETTINGS", frames: [frame(settings, 0, 0, "\0\x03\0\0\0\x64")], expected: ["settings 000300000064"] },
  { what: "the acknowledgement of SETTINGS", frames: [frame(settings, ack, 0)], expected: ["settingsAcknowledged"] },
  {
    what: "PING and its answer",
    frames: [PING, frame(ping, ack, 0, "abcdefgh")],
    expected: [PING_TOLD, "ping true abcdefgh"],
  },
  { what: "GOAWAY", frames: [frame(goaway, 0, 0, uint32(7, 2))], expected: ["goaway 7 2"] },
  {
    what: "GOAWAY with something to say and a reserved bit",
    frames: [frame(goaway, 0, 0, Buffer.concat([uint32(0xffff_ffff, 11), Buffer.from("why")]))],
    expected: ["goaway 2147483647 11"],
  },
  { what: "WINDOW_UPDATE of a stream", frames: [frame(windowUpdate, 0, 1, uint32(5))], expected: ["windowUpdate 1 5"] },
  {
    what: "WINDOW_UPDATE of the connection, its reserved bit ignored",
    frames: [frame(windowUpdate, 0, 0, uint32(0x8000_0005))],
    expected: ["windowUpdate 0 5"],
  },
  {
    what: "WINDOW_UPDATE of nothing, whose meaning the connection knows",
    frames: [frame(windowUpdate, 0, 1, uint32(0))],
    expected: ["windowUpdate 1 0"],
  },
  {
    what: "frames of unknown types, on any stream",
    frames: [frame(10, 255, 0, "x"), frame(255, 0, 9)],
    expected: ["cheapFrame", "cheapFrame"],
  },
  { what: "flags that a frame does not have", frames: [frame(ping, 0xfe, 0, "12345678")], expected: [PING_TOLD] },
  {
    what: "the reserved bit of a stream's id, which is ignored (§4.1)",
    frames: [frame(data, 0, 0x8000_0001, "a"), frame(ping, 0, 0x8000_0000, "12345678")],
    expected: ["dataBegins 1 1", 'dataEnds "a" false 0', PING_TOLD],
  },
];

const wrong: readonly Vector[] = [
  { what: "DATA on stream 0 (§6.1)", frames: [frame(data, 0, 0, "a")], expected: ["PROTOCOL_ERROR"] },
  { what: "DATA whose padding is missing", frames: [frame(data, isPadded, 1)], expected: ["FRAME_SIZE_ERROR"] },
  {
    what: "DATA with as much padding as payload",
    frames: [frame(data, isPadded, 1, "\x04abc")],
    expected: ["dataBegins 1 4", "PROTOCOL_ERROR"],
  },
  {
    what: "DATA with padding beyond it",
    frames: [frame(data, isPadded, 1, "\xffabc")],
    expected: ["dataBegins 1 4", "PROTOCOL_ERROR"],
  },
  { what: "HEADERS on stream 0 (§6.2)", frames: [frame(headers, whole, 0, "a")], expected: ["PROTOCOL_ERROR"] },
  {
    what: "HEADERS whose padding is missing",
    frames: [frame(headers, whole | isPadded, 1)],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "HEADERS with padding beyond them",
    frames: [frame(headers, whole | isPadded, 1, "\x04abc")],
    expected: ["PROTOCOL_ERROR"],
  },
  {
    what: "HEADERS too short for their priority",
    frames: [frame(headers, whole | hasPriority, 1, "\0\0\0\x01")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "HEADERS whose padding covers their priority",
    frames: [frame(headers, whole | hasPriority | isPadded, 1, "\x02\0\0\0\x01\x10")],
    expected: ["PROTOCOL_ERROR"],
  },
  {
    what: "PRIORITY on stream 0 (§6.3)",
    frames: [frame(priority, 0, 0, "\0\0\0\x01\x10")],
    expected: ["PROTOCOL_ERROR"],
  },
  { what: "RST_STREAM on stream 0 (§6.4)", frames: [frame(rstStream, 0, 0, uint32(8))], expected: ["PROTOCOL_ERROR"] },
  { what: "RST_STREAM that is too short", frames: [frame(rstStream, 0, 1, "\0\0\0")], expected: ["FRAME_SIZE_ERROR"] },
  {
    what: "RST_STREAM that is too long",
    frames: [frame(rstStream, 0, 1, "\0\0\0\0\0")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  { what: "SETTINGS on a stream (§6.5)", frames: [frame(settings, 0, 1)], expected: ["PROTOCOL_ERROR"] },
  {
    what: "SETTINGS of a length that is no multiple of six",
    frames: [frame(settings, 0, 0, "\0\x03\0\0\0")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "an acknowledgement of SETTINGS with content",
    frames: [frame(settings, ack, 0, "\0\x03\0\0\0\x64")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "an acknowledgement of SETTINGS on a stream",
    frames: [frame(settings, ack, 1)],
    expected: ["PROTOCOL_ERROR"],
  },
  {
    what: "PUSH_PROMISE (§8.4)",
    frames: [frame(pushPromise, whole, 1, "\0\0\0\x02abc")],
    expected: ["PROTOCOL_ERROR"],
  },
  { what: "PING on a stream (§6.7)", frames: [frame(ping, 0, 1, "12345678")], expected: ["PROTOCOL_ERROR"] },
  { what: "PING that is too short", frames: [frame(ping, 0, 0, "1234567")], expected: ["FRAME_SIZE_ERROR"] },
  { what: "PING that is too long", frames: [frame(ping, ack, 0, "123456789")], expected: ["FRAME_SIZE_ERROR"] },
  { what: "GOAWAY on a stream (§6.8)", frames: [frame(goaway, 0, 1, uint32(0, 0))], expected: ["PROTOCOL_ERROR"] },
  { what: "GOAWAY that is too short", frames: [frame(goaway, 0, 0, "1234567")], expected: ["FRAME_SIZE_ERROR"] },
  {
    what: "WINDOW_UPDATE that is too short (§6.9)",
    frames: [frame(windowUpdate, 0, 1, "\0\0\0")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "WINDOW_UPDATE that is too long",
    frames: [frame(windowUpdate, 0, 0, "\0\0\0\x01\0")],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "CONTINUATION without HEADERS (§6.10)",
    frames: [frame(continuation, whole, 1, "a")],
    expected: ["PROTOCOL_ERROR"],
  },
  { what: "CONTINUATION on stream 0", frames: [frame(continuation, whole, 0, "a")], expected: ["PROTOCOL_ERROR"] },
  {
    what: "CONTINUATION behind HEADERS that were complete",
    frames: [frame(headers, whole, 1, "a"), frame(continuation, whole, 1, "b")],
    expected: ['headers 1 false false "a"', "PROTOCOL_ERROR"],
  },
  {
    what: "CONTINUATION of another stream",
    frames: [frame(headers, 0, 1, "a"), frame(continuation, whole, 3, "b")],
    expected: ["PROTOCOL_ERROR"],
  },
  ...[
    frame(data, 0, 1, "a"),
    frame(headers, whole, 1, "a"),
    frame(headers, whole, 3, "a"),
    PING,
    frame(settings, ack, 0),
    frame(windowUpdate, 0, 1, uint32(1)),
    frame(77, 0, 1, "a"),
  ].map((between) => ({
    what: `a frame of type ${between[3]} between the pieces of a header block`,
    frames: [frame(headers, 0, 1, "a"), between, frame(continuation, whole, 1, "b")],
    expected: ["PROTOCOL_ERROR"],
  })),
  {
    what: "a frame larger than we allow (§4.2), before it is read",
    frames: [frame(data, 0, 1, "a".repeat(MAX_FRAME + 1)).subarray(0, 9)],
    expected: ["FRAME_SIZE_ERROR"],
  },
  {
    what: "an unknown frame larger than we allow",
    frames: [frame(99, 0, 1, "a".repeat(MAX_FRAME + 1)).subarray(0, 9)],
    expected: ["FRAME_SIZE_ERROR"],
  },
];

const vectors: readonly Vector[] = [
  ...fine.map(({ expected, frames, what }) => ({
    what,
    frames: [SETTINGS, ...frames, PING],
    expected: ["settings ", ...expected, PING_TOLD],
  })),
  ...wrong.map(({ expected, frames, what }) => ({
    what,
    frames: [SETTINGS, ...frames, PING],
    expected: ["settings ", ...expected],
  })),
];

const octets = (bytes: Buffer): Buffer[] => Array.from(bytes, (octet) => Buffer.of(octet));

describe("a frame is told the same in one read, octet by octet, and cut in two anywhere (R16):", () => {
  test.each(vectors)("$what", ({ expected, frames }) => {
    const bytes = Buffer.concat(frames);
    expect(told([bytes])).toEqual(expected);
    expect(told(frames)).toEqual(expected);
    expect(told(octets(bytes))).toEqual(expected);
    for (let at = 1; at < bytes.length; at++) {
      expect(told([bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual(expected);
    }
  });

  test("padding of DATA that is cut in three", () => {
    const bytes = Buffer.concat([SETTINGS, frame(data, isPadded, 1, padded("ab", 6)), PING]);
    const expected = ["settings ", "dataBegins 1 9", 'dataEnds "ab" false 7', PING_TOLD];
    for (let first = 1; first < bytes.length; first++) {
      for (let second = first + 1; second < bytes.length; second++) {
        const parts = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
        expect(told(parts), `cut at ${first} and ${second}`).toEqual(expected);
      }
    }
  });
});

describe("the first frame", () => {
  test.each([
    ["DATA", frame(data, 0, 1, "a")],
    ["HEADERS", frame(headers, whole, 1, "a")],
    ["PING", PING],
    ["an acknowledgement of SETTINGS", frame(settings, ack, 0)],
    ["WINDOW_UPDATE", frame(windowUpdate, 0, 0, uint32(1))],
    ["a frame of unknown type", frame(77, 0, 0)],
  ])("must be SETTINGS, and not %s (§3.4)", (_what, first) => {
    expect(told([first, SETTINGS])).toEqual(["PROTOCOL_ERROR"]);
    expect(told(octets(first))).toEqual(["PROTOCOL_ERROR"]);
  });

  test("may be followed by SETTINGS and acknowledgements at any time", () => {
    expect(told([Buffer.concat([SETTINGS, SETTINGS, frame(settings, ack, 0)])])).toEqual([
      "settings ",
      "settings ",
      "settingsAcknowledged",
    ]);
  });
});

test("DATA without any octets left are told as complete in the read that ends with them", () => {
  expect(told([SETTINGS, frame(data, endStream, 1)])).toEqual(["settings ", "dataBegins 1 0", 'dataEnds "" true 0']);
  expect(told([SETTINGS, ...octets(frame(data, endStream, 1))]).at(-1)).toBe('dataEnds "" true 0');
  expect(told([SETTINGS, frame(data, isPadded, 1, padded("", 0))]).at(-1)).toBe('dataEnds "" false 1');
  expect(told([SETTINGS, frame(data, 0, 1, "ab")]).at(-1)).toBe('dataEnds "ab" false 0');
});

describe("large frames", () => {
  test("of the size that is allowed are read, whole or in pieces", () => {
    const text = "abcdefgh".repeat(MAX_FRAME / 8);
    const bytes = Buffer.concat([SETTINGS, frame(data, 0, 1, text), frame(headers, whole, 3, text), PING]);
    const whole_ = told([bytes]);
    expect(whole_).toHaveLength(5);
    for (const size of [1000, 8192, 16_384, 16_393]) {
      const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      expect(told(parts)).toEqual(whole_);
    }
  });

  test("DATA are handed on as they come, without waiting for the rest", () => {
    const recorder = new Recorder();
    const pieces: string[] = [];
    recorder.data = (buffer, start, end) => void pieces.push(buffer.toString("latin1", start, end));
    const reader = new FrameReader(recorder, MAX_FRAME, MAX_BLOCK);
    const bytes = Buffer.concat([SETTINGS, frame(data, isPadded, 1, padded("abcdef", 1))]);
    for (const at of [9, 18, 19, 20, 22, 25, 26]) {
      const from = [0, 9, 18, 19, 20, 22, 25][[9, 18, 19, 20, 22, 25, 26].indexOf(at)] ?? 0;
      reader.read(bytes, from, at);
    }
    expect(pieces).toEqual(["a", "bc", "def"]);
    expect(recorder.calls.at(-1)).toBe('dataEnds "" false 2');
  });

  test("frames up to a limit of 16 777 215 are read when we allow them", () => {
    const recorder = new Recorder();
    const reader = new FrameReader(recorder, 100_000, 200_000);
    const bytes = Buffer.concat([SETTINGS, frame(headers, whole, 1, "a".repeat(70_000)), PING]);
    for (let at = 0; at < bytes.length; at += 9999) reader.read(bytes, at, Math.min(bytes.length, at + 9999));
    expect(recorder.calls.map((call) => call.length)).toEqual([9, 70_024, PING_TOLD.length]);
  });
});

describe("header blocks in pieces", () => {
  const pieces = (count: number, last: number): Buffer[] => [
    SETTINGS,
    frame(headers, 0, 1, "a"),
    ...Array.from({ length: count }, (_, n) => frame(continuation, n === count - 1 ? last : 0, 1, "b")),
  ];

  test(`may have ${MOST_CONTINUATIONS}, and none beyond (CVE-2024-27316 and its kin)`, () => {
    expect(told(pieces(MOST_CONTINUATIONS, whole)).at(-1)).toBe(
      `headers 1 false false "a${"b".repeat(MOST_CONTINUATIONS)}"`,
    );
    const calls = told(pieces(MOST_CONTINUATIONS + 1, whole));
    expect(calls.at(-1)).toBe("ENHANCE_YOUR_CALM");
    expect(calls.filter((call) => call === "cheapFrame")).toHaveLength(MOST_CONTINUATIONS);
  });

  test("may be as large as allowed, and not an octet larger", () => {
    const rest = MAX_BLOCK - MAX_FRAME;
    const of = (bytes: number): Buffer[] => [
      SETTINGS,
      frame(headers, 0, 1, "a".repeat(MAX_FRAME)),
      frame(continuation, whole, 1, "b".repeat(bytes)),
    ];
    expect(told(of(rest)).at(-1)).toBe(`headers 1 false false "${"a".repeat(MAX_FRAME)}${"b".repeat(rest)}"`);
    expect(told(of(rest + 1)).at(-1)).toBe("ENHANCE_YOUR_CALM");
  });

  test("count their pieces anew each time", () => {
    const block = pieces(40, whole);
    const calls = told([...block, ...block.slice(1), ...block.slice(1)]);
    expect(calls.filter((call) => call.startsWith("headers"))).toHaveLength(3);
  });

  test("do not hinder the next one", () => {
    const block = [frame(headers, 0, 1, "ab"), frame(continuation, whole, 1, "cd")];
    expect(told([SETTINGS, ...block, ...block])).toEqual([
      "settings ",
      ...Array.from({ length: 2 }, () => ["cheapFrame", 'headers 1 false false "abcd"']).flat(),
    ]);
  });
});

test("a handler that refuses any call ends the reading there", () => {
  for (const { frames } of fine) {
    const bytes = Buffer.concat([SETTINGS, ...frames, PING]);
    const calls = told([bytes]);
    for (const [n, call] of calls.entries()) {
      const name = call.split(" ")[0] as string; // splitting gives at least one part
      if (calls.findIndex((other) => other.startsWith(name)) !== n) continue;
      const expected = [...calls.slice(0, n + 1), "ENHANCE_YOUR_CALM"];
      expect(told([bytes], name)).toEqual(expected);
      expect(told(octets(bytes), name)).toEqual(expected);
    }
  }
});

test("a reader is in the middle of something until a frame other than DATA, or a header block, is complete", () => {
  const reader = new FrameReader(new Recorder(), MAX_FRAME, MAX_BLOCK);
  const after = (bytes: Buffer): boolean => {
    reader.read(bytes, 0, bytes.length);
    return reader.partial;
  };
  expect(reader.partial).toBe(false);
  expect(after(SETTINGS.subarray(0, 4))).toBe(true);
  expect(after(SETTINGS.subarray(4))).toBe(false);
  expect(after(PING.subarray(0, 9))).toBe(true);
  expect(after(PING.subarray(9))).toBe(false);
  expect(after(frame(headers, 0, 1, "a"))).toBe(true);
  expect(after(frame(continuation, whole, 1, "a"))).toBe(false);
  expect(after(frame(data, 0, 1, "abc").subarray(0, 10))).toBe(false);
  expect(after(Buffer.from("bc"))).toBe(false);
});

test("a reader that is closed in the middle of something says so no more", () => {
  const reader = new FrameReader(new Recorder(), MAX_FRAME, MAX_BLOCK);
  const bytes = Buffer.concat([SETTINGS, frame(headers, 0, 1, "a"), frame(continuation, whole, 1, "b").subarray(0, 9)]);
  reader.read(bytes, 0, bytes.length);
  expect(reader.partial).toBe(true);
  reader.close();
  reader.close();
  expect(reader.partial).toBe(false);
});

const anyId = fc.integer({ min: 1, max: 0x7fff_ffff });
const anyPayload = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const anyPadding = fc.oneof(fc.constant(-1), fc.nat(20));
const withPadding = (text: string, padding: number): Buffer | string => (padding < 0 ? text : padded(text, padding));
const paddingFlag = (padding: number): number => (padding < 0 ? 0 : isPadded);

const anyFrames: fc.Arbitrary<Buffer> = fc.oneof(
  fc
    .tuple(anyId, fc.boolean(), anyPayload, anyPadding)
    .map(([id, last, text, padding]) =>
      frame(data, (last ? endStream : 0) | paddingFlag(padding), id, withPadding(text, padding)),
    ),
  fc
    .tuple(anyId, anyPayload, anyPadding, fc.boolean(), fc.array(anyPayload, { maxLength: 3 }))
    .map(([id, text, padding, depends, more]) => {
      const flags = paddingFlag(padding) | (depends ? hasPriority : 0) | (more.length === 0 ? whole : 0);
      const first = frame(headers, flags, id, withPadding(depends ? `\0\0\0\x01\x10${text}` : text, padding));
      const rest = more.map((part, n) => frame(continuation, n === more.length - 1 ? whole : 0, id, part));
      return Buffer.concat([first, ...rest]);
    }),
  fc.tuple(anyId, anyPayload).map(([id, text]) => frame(priority, 0, id, text)),
  fc.tuple(anyId, fc.nat()).map(([id, code]) => frame(rstStream, 0, id, uint32(code))),
  fc
    .array(fc.nat(0xffff), { maxLength: 4 })
    .map((ids) =>
      frame(settings, 0, 0, Buffer.concat(ids.map((id) => Buffer.concat([Buffer.of(id >>> 8, id & 255), uint32(id)])))),
    ),
  fc.constant(frame(settings, ack, 0)),
  fc.boolean().map((answer) => frame(ping, answer ? ack : 0, 0, "12345678")),
  fc
    .tuple(fc.nat(), fc.nat(), anyPayload)
    .map(([id, code, text]) => frame(goaway, 0, 0, Buffer.concat([uint32(id, code), Buffer.from(text, "latin1")]))),
  fc.tuple(fc.nat(), fc.nat()).map(([id, increment]) => frame(windowUpdate, 0, id, uint32(increment))),
  fc.tuple(fc.integer({ min: 10, max: 255 }), fc.nat(), anyPayload).map(([type, id, text]) => frame(type, 0, id, text)),
);

test("any frames that are right are read to their end, and told the same however they are cut", () => {
  fc.assert(
    fc.property(fc.array(anyFrames, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (frames, places) => {
      const bytes = Buffer.concat([SETTINGS, ...frames, PING]);
      const cuts = [...new Set(places.map((place) => place % bytes.length))].toSorted((a, b) => a - b);
      const parts = [...cuts, bytes.length].map((cut, i) => bytes.subarray(cuts[i - 1] ?? 0, cut));
      const calls = told([bytes]);
      expect(calls.at(-1)).toBe(PING_TOLD);
      expect(told(parts)).toEqual(calls);
    }),
    { numRuns: 1000 },
  );
});
