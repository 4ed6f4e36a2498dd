// The operations of HPACK, each as a loop over the header blocks of gRPC calls: timed by the bench, checked for allocation by its test.
import { FieldList } from "../../src/protocols/http2/codec/field-list.ts";
import { FieldNames } from "../../src/protocols/http2/codec/field-name.ts";
import { type HeaderField, HeaderFields, Indexing, ownField } from "../../src/protocols/http2/codec/header-field.ts";
import { type BlockLimits, type FieldMemory, HpackDecoder } from "../../src/protocols/http2/codec/hpack-decoder.ts";
import { HpackEncoder } from "../../src/protocols/http2/codec/hpack-encoder.ts";
import { decodeHuffman, encodeHuffman } from "../../src/protocols/http2/codec/huffman.ts";
import type { Operation } from "./operations.ts";

/** More than a memory of fields holds: what is new in each call is not found again in the next round either. */
const BLOCKS = 16_384;
const TABLE_BYTES = 4096;
const LIMITS: BlockLimits = { maxFields: 128, maxBytes: 65_536 };
const BUFFER_BYTES = 4 << 20;

/** The fields that the calls of one client have in common. */
const COMMON: readonly HeaderField[] = [
  ownField(":method", "POST", Indexing.incremental),
  ownField(":scheme", "http", Indexing.incremental),
  ownField(":authority", "orders.shop.svc", Indexing.incremental),
  ownField("te", "trailers", Indexing.incremental),
  ownField("content-type", "application/grpc", Indexing.incremental),
  ownField("grpc-accept-encoding", "identity, deflate, gzip", Indexing.incremental),
  ownField("user-agent", "bench-caller/1.2 (linux)", Indexing.incremental),
];

const path = (text: string): HeaderField => ownField(":path", text, Indexing.without);
const token = ownField("authorization", `Bearer ${"0a1B2c3D4e5F".repeat(6)}`, Indexing.never);

/** A few methods, called over and over. */
const repeated = (call: number): readonly HeaderField[] => [...COMMON, path(`/shop.v1.Orders/Get${call % 16}`)];

/** A secret that is never indexed, and a path that is new in each call: nothing of both is found again. */
const varied = (call: number): readonly HeaderField[] => [...COMMON, token, path(`/shop.v1.Orders/Get/${call * 7919}`)];

/** Blocks one after the other, as one connection sends them. The first fills the table; the rest leaves it as it is. */
interface Blocks {
  readonly bytes: Buffer;
  readonly ends: Int32Array;
}

function encodeAll(fieldsOf: (call: number) => readonly HeaderField[]): Blocks {
  const encoder = new HpackEncoder();
  const bytes = Buffer.alloc(BUFFER_BYTES);
  const ends = new Int32Array(BLOCKS);
  let at = 0;
  for (let call = 0; call < BLOCKS; call++) {
    at = encoder.begin(bytes, at);
    for (const field of fieldsOf(call)) at = encoder.field(bytes, at, field);
    ends[call] = at;
  }
  return { bytes, ends };
}

function decoding(name: string, fieldsOf: (call: number) => readonly HeaderField[]): Operation {
  const { bytes, ends } = encodeAll(fieldsOf);
  const memory: FieldMemory = { names: new FieldNames(), fields: new HeaderFields() };
  const decoder = new HpackDecoder(memory, TABLE_BYTES);
  const list = new FieldList();
  if (!decoder.decode(bytes, 0, ends[0]!, list, LIMITS)) throw new Error("the first block is malformed");
  return {
    name,
    run(times) {
      let fields = 0;
      for (let n = 0; n < times; n++) {
        const call = 1 + (n % (BLOCKS - 1));
        list.clear();
        if (!decoder.decode(bytes, ends[call - 1]!, ends[call]!, list, LIMITS)) return Number.NaN;
        fields += list.count;
      }
      return fields;
    },
  };
}

function encoding(name: string, fieldsOf: (call: number) => readonly HeaderField[]): Operation {
  const encoder = new HpackEncoder();
  const out = Buffer.alloc(16_384);
  const calls = Array.from({ length: BLOCKS }, (_, call) => fieldsOf(call));
  return {
    name,
    run(times) {
      let bytes = 0;
      for (let n = 0; n < times; n++) {
        const fields = calls[n % BLOCKS]!;
        let at = encoder.begin(out, 0);
        for (let i = 0; i < fields.length; i++) at = encoder.field(out, at, fields[i]!);
        bytes += at;
      }
      return bytes;
    },
  };
}

function huffmanDecoding(): Operation {
  const coded = Buffer.from(encodeHuffman("/shop.v1.Orders/Get/0123456789abcdef"), "latin1");
  const text = Buffer.alloc(64);
  return {
    name: "Huffman: decode 36 characters",
    run(times) {
      let end = 0;
      for (let n = 0; n < times; n++) end += decodeHuffman(coded, 0, coded.length, text, 0);
      return end;
    },
  };
}

/** Operations that allocate nothing once compiled. */
export function hpackOperations(): readonly Operation[] {
  return [
    decoding("HpackDecoder: a call, all fields seen before", repeated),
    encoding("HpackEncoder: a call, all fields seen before", repeated),
    encoding("HpackEncoder: a call, secret and new path", varied),
    huffmanDecoding(),
  ];
}

/** Operations that remember something new each time. */
export function rememberingOperations(): readonly Operation[] {
  return [decoding("HpackDecoder: a call, secret and new path", varied)];
}
