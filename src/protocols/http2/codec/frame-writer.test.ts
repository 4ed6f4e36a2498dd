import { describe, expect, test } from "vitest";
import { ManualEnv } from "../../../../test/support/manual-env.ts";
import { TurnEnd } from "../../../base/turn-end.ts";
import type { ByteStream } from "../../../core/byte-stream.ts";
import { CellStore } from "../../../telemetry/cells.ts";
import { Counter } from "../../../telemetry/metrics.ts";
import { Outbox, OutputBuffers } from "../outbox.ts";
import {
  putDataHeader,
  putFrameHeader,
  putGoaway,
  putPing,
  putReset,
  putSettings,
  putWindowUpdate,
  splitBlock,
} from "./frame-writer.ts";
import { Flag, FrameType, HEADER_BYTES } from "./frames.ts";

interface Stage {
  readonly outbox: Outbox;
  /** What has left, write by write. */
  readonly sent: Buffer[];
}

function stage(): Stage {
  const sent: Buffer[] = [];
  const stream = {
    lent: false,
    refused: false,
    write: (buffer: Buffer, start: number, end: number) => sent.push(Buffer.from(buffer.subarray(start, end))) > 0,
  };
  const turn = new TurnEnd(new ManualEnv().timers, () => undefined);
  const owner = { turnEnded: () => undefined };
  const store = new CellStore();
  const counter = new Counter(store, store.allocate(1));
  const outbox = new Outbox(stream as unknown as ByteStream, new OutputBuffers(), turn, owner, counter); // as much of one as is used
  return { outbox, sent };
}

const composed = ({ buffer, length }: Outbox): string => buffer.toString("hex", 0, length);

/** Composes with something of another frame before it, which must stay. */
function written(put: (outbox: Outbox) => void): string {
  const { outbox } = stage();
  outbox.reserve(1)[0] = 0xaa;
  outbox.length = 1;
  put(outbox);
  const hex = composed(outbox);
  expect(hex.slice(0, 2)).toBe("aa");
  return hex.slice(2);
}

test("the header of a frame holds 24 bits of length, a type, flags and a stream (RFC 9113 §4.1)", () => {
  const buffer = Buffer.alloc(11, 0xdb);
  putFrameHeader(buffer, 1, 0x01_02_03, 0x04, 0x05, 0x7677_7879);
  expect(buffer.toString("hex")).toBe("db010203040576777879db");
});

describe("a frame is written as RFC 9113 §6 draws it:", () => {
  test.each([
    { what: "RST_STREAM", put: (o: Outbox) => putReset(o, 3, 8), hex: "000004 03 00 00000003 00000008" },
    {
      what: "RST_STREAM with the largest code",
      put: (o: Outbox) => putReset(o, 0x7fff_ffff, 0xffff_ffff),
      hex: "000004 03 00 7fffffff ffffffff",
    },
    { what: "SETTINGS without any", put: (o: Outbox) => putSettings(o, false, null), hex: "000000 04 00 00000000" },
    {
      what: "the acknowledgement of SETTINGS",
      put: (o: Outbox) => putSettings(o, true, null),
      hex: "000000 04 01 00000000",
    },
    {
      what: "SETTINGS",
      put: (o: Outbox) =>
        putSettings(o, false, [
          [3, 100],
          [0x1234, 0xffff_ffff],
        ]),
      hex: "00000c 04 00 00000000 0003 00000064 1234 ffffffff",
    },
    {
      what: "PING",
      put: (o: Outbox) => putPing(o, false, Buffer.from("x12345678y"), 1),
      hex: "000008 06 00 00000000 3132333435363738",
    },
    {
      what: "the answer to PING",
      put: (o: Outbox) => putPing(o, true, Buffer.from("abcdefgh"), 0),
      hex: "000008 06 01 00000000 6162636465666768",
    },
    {
      what: "GOAWAY",
      put: (o: Outbox) => putGoaway(o, 0x7fff_ffff, 11),
      hex: "000008 07 00 00000000 7fffffff 0000000b",
    },
    {
      what: "WINDOW_UPDATE",
      put: (o: Outbox) => putWindowUpdate(o, 0, 0x7fff_ffff),
      hex: "000004 08 00 00000000 7fffffff",
    },
    {
      what: "WINDOW_UPDATE of a stream",
      put: (o: Outbox) => putWindowUpdate(o, 5, 1),
      hex: "000004 08 00 00000005 00000001",
    },
  ])("$what", ({ hex, put }) => {
    expect(written(put)).toBe(hex.replaceAll(" ", ""));
  });

  test("DATA, whose octets the caller writes behind the header", () => {
    const { outbox } = stage();
    putPing(outbox, false, Buffer.alloc(8), 0);
    putDataHeader(outbox, 7, 3);
    expect([outbox.lastFrame, outbox.length]).toEqual([17, 26]);
    expect(outbox.buffer.length - outbox.length).toBeGreaterThanOrEqual(3);
    outbox.length += outbox.buffer.write("abc", outbox.length);
    expect(composed(outbox).slice(34)).toBe("000003000000000007616263");
  });
});

// ---- Blocks in pieces ------------------------------------------------------------------------------------------------

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: string;
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + HEADER_BYTES + bytes.readUIntBE(at, 3);
    expect(end).toBeLessThanOrEqual(bytes.length);
    frames.push({
      type: bytes.readUInt8(at + 3),
      flags: bytes.readUInt8(at + 4),
      id: bytes.readUInt32BE(at + 5),
      payload: bytes.toString("latin1", at + HEADER_BYTES, end),
    });
    at = end;
  }
  return frames;
}

/** A block that takes exactly the room it had asked for, with `spare` octets more. */
function split(block: string, maxFrameBytes: number, before = "", spare = 0): Stage {
  const made = stage();
  const { outbox } = made;
  outbox.length += outbox.reserve(before.length).write(before, outbox.length, "latin1");
  const buffer = outbox.reserve(HEADER_BYTES + block.length + spare);
  const at = outbox.length;
  buffer.write(block, at + HEADER_BYTES, "latin1");
  outbox.length = at + HEADER_BYTES + block.length;
  splitBlock(outbox, at, maxFrameBytes, Flag.endStream, 9);
  outbox.flush();
  return made;
}

const text = (bytes: number): string => "0123456789abcdef".repeat(Math.ceil(bytes / 16)).slice(0, bytes);

describe("a block larger than a frame is split into HEADERS and CONTINUATION (§6.10)", () => {
  test.each([17, 32, 33, 48, 1000])("of %i octets, with frames of 16", (bytes) => {
    const frames = framesOf(Buffer.concat(split(text(bytes), 16).sent));
    expect(frames.map(({ payload }) => payload).join("")).toBe(text(bytes));
    expect(frames.map(({ type }) => type)).toEqual([
      FrameType.headers,
      ...Array.from({ length: Math.ceil(bytes / 16) - 1 }, () => FrameType.continuation),
    ]);
    expect(frames.map(({ flags }) => flags)).toEqual([
      Flag.endStream,
      ...Array.from({ length: Math.ceil(bytes / 16) - 2 }, () => 0),
      Flag.endHeaders,
    ]);
    expect(frames.every(({ id, payload }) => id === 9 && payload.length <= 16)).toBe(true);
  });

  test("and what was composed before it stays", () => {
    const { sent } = split(text(100), 64, text(10));
    expect(Buffer.concat(sent).toString("latin1", 0, 10)).toBe(text(10));
    expect(framesOf(Buffer.concat(sent).subarray(10))).toHaveLength(2);
  });

  test("when it is larger than the outbox's usual memory, and asked for a little more than it took", () => {
    const { sent } = split(text(100_000), 16_384, "", 100);
    const frames = framesOf(Buffer.concat(sent));
    expect(frames).toHaveLength(7);
    expect(frames.map(({ payload }) => payload).join("")).toBe(text(100_000));
  });

  // Making room for the further frame headers may send what is composed: the block itself must not be among it.
  test.each([100_000, 65_519, 65_536])("of %i octets when its frame headers do not fit any more behind it", (bytes) => {
    const frames = framesOf(Buffer.concat(split(text(bytes), 16_384).sent));
    expect(frames.map(({ payload }) => payload).join("")).toBe(text(bytes));
  });

  test("and the outbox knows where it begins", () => {
    const { outbox } = stage();
    outbox.reserve(HEADER_BYTES + 100).write(text(100), HEADER_BYTES);
    outbox.length = HEADER_BYTES + 100;
    splitBlock(outbox, 0, 64, 0, 9);
    expect(outbox.lastFrame).toBe(0);
  });
});
