// HPACK against whatever may come: no block makes the decoder throw, stall or keep more than its bytes are worth, and a decoder that has seen
// everything finds in a block what one finds that has seen nothing.
import fc from "fast-check";
import { expect, test } from "vitest";
import { FieldList } from "../../src/protocols/http2/codec/field-list.ts";
import { FieldNames } from "../../src/protocols/http2/codec/field-name.ts";
import { HeaderFields } from "../../src/protocols/http2/codec/header-field.ts";
import { type BlockLimits, type FieldMemory, HpackDecoder } from "../../src/protocols/http2/codec/hpack-decoder.ts";
import { HpackEncoder } from "../../src/protocols/http2/codec/hpack-encoder.ts";
import { Http2Head, Part } from "../../src/protocols/http2/head.ts";
import { heapInUse } from "../support/heap.ts";
import { StoryEncoder } from "../support/hpack.ts";
import { fuzzing, fuzzLimitMs } from "../support/long.ts";

const STALL_MS = 100;
const BYTES_KEPT_PER_BYTE = 8;
/** A list keeps so much memory for the next message. */
const KEPT_BYTES = 8 * 1024;
/** What the memory of names and fields may grow to once it is warm. */
const GROWTH_BYTES = 8 * 1024 * 1024;
const WARM_UP = 500;
const TABLE_BYTES = 512;
const LIMITS: BlockLimits = { maxFields: 100, maxBytes: 16_384 };

const newMemory = (): FieldMemory => ({ names: new FieldNames(), fields: new HeaderFields() });

const names = [
  ":method",
  ":path",
  ":status",
  "cookie",
  "te",
  "content-length",
  "grpc-status",
  "x-a",
  "X-Upper",
  "connection",
  "",
];
const values = ["", "GET", "/", "200", "trailers", "5", "a=b; c=d", "x".repeat(600), "a\r\nb: c", " blank ", "\xff\0"];
const anyText = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const anyPair = fc.tuple(
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names) }, anyText),
  fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...values) }, anyText),
);

interface Edit {
  readonly at: number;
  readonly removed: number;
  readonly inserted: Uint8Array;
}

/** Octets that begin representations, end integers or make them long. */
const scrap = fc.constantFrom(0x00, 0x0f, 0x10, 0x1f, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x82, 0xbe, 0xff);
const anyEdit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat(),
  removed: fc.nat(4),
  inserted: fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.array(scrap, { maxLength: 6 }).map((octets) => Uint8Array.from(octets)),
  ),
});

function edited(block: Buffer, edits: readonly Edit[]): Buffer {
  return edits.reduce((bytes, { at, inserted, removed }) => {
    const from = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, from), inserted, bytes.subarray(from + removed)]);
  }, block);
}

/** Blocks of one connection: of a right encoder, most of them damaged, or none at all. */
const anyBlocks: fc.Arbitrary<Buffer[]> = fc
  .array(
    fc.record({
      pairs: fc.array(anyPair, { maxLength: 10 }),
      edits: fc.oneof(fc.constant([]), fc.array(anyEdit, { maxLength: 3 })),
      noise: fc.option(fc.uint8Array({ maxLength: 100 }), { freq: 8 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((blocks) => {
    const encoder = new StoryEncoder(TABLE_BYTES);
    return blocks.map(({ edits, noise, pairs }) =>
      noise === null ? edited(encoder.encode(pairs), edits) : Buffer.from(noise),
    );
  });

interface Seen {
  readonly fine: boolean;
  readonly fields: readonly string[];
  readonly tooLarge: boolean;
  readonly tableBytes: number;
  readonly problems: readonly (string | null)[];
}

function decode(decoder: HpackDecoder, block: Buffer, head: Http2Head): Seen {
  head.reset();
  const { list } = head;
  const before = process.threadCpuUsage();
  const fine = decoder.decode(block, 0, block.length, list, LIMITS);
  const { system, user } = process.threadCpuUsage(before); // the work of others on a busy machine is no stall of ours
  expect((system + user) / 1000).toBeLessThan(STALL_MS);
  const fields = list.fields.slice(0, list.count);
  return {
    fine,
    fields: fields.map(({ indexing, malformed, name, value }) => `${indexing} ${malformed} ${name.text}: ${value}`),
    tooLarge: list.tooLarge,
    tableBytes: decoder.tableBytes,
    problems: Object.values(Part).map((part) => {
      const copy = new Http2Head();
      copy.list.copyFrom(list);
      return copy.read(part);
    }),
  };
}

/** What a list holds on to: its own octets, and a place for each field. */
function keptBytes(list: FieldList): number {
  const own = new Set(list.fields.slice(0, list.count).map(({ bytes }) => bytes));
  return 8 * list.count + [...own].reduce((sum, bytes) => sum + bytes.length, 0);
}

test(
  "whatever blocks come, a decoder keeps within its bounds and agrees with one that has seen nothing before",
  () => {
    const shared = newMemory();
    const head = new Http2Head();
    let cases = 0;
    let heap = 0;
    fc.assert(
      fc.property(anyBlocks, (blocks) => {
        const [warm, fresh] = [new HpackDecoder(shared, TABLE_BYTES), new HpackDecoder(newMemory(), TABLE_BYTES)];
        for (const block of blocks) {
          const seen = decode(warm, block, head);
          expect(keptBytes(head.list)).toBeLessThanOrEqual(BYTES_KEPT_PER_BYTE * block.length + KEPT_BYTES);
          expect(head.list.count).toBeLessThanOrEqual(LIMITS.maxFields);
          expect(warm.tableBytes).toBeLessThanOrEqual(TABLE_BYTES);
          expect(decode(fresh, block, new Http2Head())).toEqual(seen);
          if (!seen.fine) break; // the connection is over
        }
        head.reset();
        if (++cases === WARM_UP) heap = heapInUse();
      }),
      fuzzing(1500),
    );
    expect(heapInUse() - heap).toBeLessThan(GROWTH_BYTES);
  },
  fuzzLimitMs,
);

test(
  "whatever was read can be sent on, and is read there as the same, tables and all",
  () => {
    fc.assert(
      fc.property(anyBlocks, fc.array(fc.nat(600), { maxLength: 6 }), (blocks, sizes) => {
        const [decoder, onward] = [new HpackDecoder(newMemory(), TABLE_BYTES), new HpackDecoder(newMemory(), 4096)];
        const encoder = new HpackEncoder();
        const [list, there] = [new FieldList(), new FieldList()];
        for (const [i, block] of blocks.entries()) {
          list.clear();
          if (!decoder.decode(block, 0, block.length, list, LIMITS)) break;
          const size = sizes[i];
          if (size !== undefined) {
            onward.allow(size);
            encoder.allow(size);
          }
          const fields = list.fields.slice(0, list.count);
          const room = fields.reduce((sum, field) => sum + field.room, HpackEncoder.BEGIN_BYTES);
          const sent = Buffer.alloc(room);
          let at = encoder.begin(sent, 0);
          for (const field of fields) at = encoder.field(sent, at, field);
          expect(at).toBeLessThanOrEqual(room);
          there.clear();
          expect(onward.decode(sent, 0, at, there, { maxFields: 1000, maxBytes: 1_000_000 })).toBe(true);
          expect(there.fields.slice(0, there.count).map(({ name, value }) => [name.text, value])).toEqual(
            fields.map(({ name, value }) => [name.text, value]),
          );
          expect(onward.tableBytes).toBe(encoder.tableBytes);
        }
      }),
      fuzzing(1500),
    );
  },
  fuzzLimitMs,
);
