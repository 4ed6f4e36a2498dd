import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FieldList } from "./field-list.ts";
import { FieldNames, ownName } from "./field-name.ts";
import { type HeaderField, HeaderFields, Indexing, ownField, plainField } from "./header-field.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";
import { encodeHuffman } from "./huffman.ts";
import { STATIC_TABLE } from "./static-table.ts";

const NO_LIMITS = { maxFields: 10_000, maxBytes: 10_000_000 };
const { incremental, never, without } = Indexing;

function encode(encoder: HpackEncoder, fields: readonly HeaderField[]): Buffer {
  const room = fields.reduce((sum, field) => sum + field.room, HpackEncoder.BEGIN_BYTES);
  const buffer = Buffer.alloc(room + 2, 0xdb);
  let at = encoder.begin(buffer, 1);
  expect(at).toBeLessThanOrEqual(1 + HpackEncoder.BEGIN_BYTES);
  for (const field of fields) {
    const next = encoder.field(buffer, at, field);
    expect(next - at).toBeLessThanOrEqual(field.room);
    at = next;
  }
  expect(buffer[0]).toBe(0xdb);
  return Buffer.from(buffer.subarray(1, at));
}

const hex = (encoder: HpackEncoder, ...fields: readonly HeaderField[]): string =>
  encode(encoder, fields).toString("hex");

/** A decoder as a test talks to it; fields live until the next block. */
function decoderOf(allowedBytes = 4096) {
  const decoder = new HpackDecoder({ names: new FieldNames(), fields: new HeaderFields() }, allowedBytes);
  const list = new FieldList();
  return {
    decoder,
    fields(block: Buffer): HeaderField[] | null {
      list.clear();
      return decoder.decode(block, 0, block.length, list, NO_LIMITS) ? list.fields.slice(0, list.count) : null;
    },
  };
}

const shown = (fields: readonly HeaderField[] | null): string[] | undefined =>
  fields?.map(({ indexing, name, value }) => `${indexing} ${name.text}: ${value}`);

describe("RFC 7541 Appendix C.4 is what the encoder makes of its requests", () => {
  const request = (...pairs: readonly [string, string][]): HeaderField[] =>
    pairs.map(([name, value]) => ownField(name, value, incremental));

  test("block by block", () => {
    const encoder = new HpackEncoder();
    const first: [string, string][] = [
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ];
    const authority = request(...first);
    expect(hex(encoder, ...authority)).toBe("828684418cf1e3c2e5f23a6ba0ab90f4ff");
    expect(encoder.tableBytes).toBe(57);
    expect(hex(encoder, ...authority, ...request(["cache-control", "no-cache"]))).toBe("828684be5886a8eb10649cbf");
    expect(encoder.tableBytes).toBe(110);
    const third = [
      ...request([":method", "GET"], [":scheme", "https"], [":path", "/index.html"]),
      ...authority.slice(3),
      ...request(["custom-key", "custom-value"]),
    ];
    expect(hex(encoder, ...third)).toBe("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf");
    expect(encoder.tableBytes).toBe(164);
  });
});

describe("a field is written", () => {
  test("as one octet when it stands in the static table", () => {
    const encoder = new HpackEncoder();
    const { fields } = decoderOf();
    for (let index = 1; index <= STATIC_TABLE.length; index++) {
      const block = Buffer.of(0x80 | index);
      expect(encode(encoder, fields(block) ?? []).equals(block)).toBe(true);
    }
    expect(encoder.tableBytes).toBe(0);
  });

  test("as a literal once, and by its index from then on", () => {
    const encoder = new HpackEncoder();
    const [a, b] = [plainField("a", "1", incremental), plainField("b", "2", incremental)];
    expect(hex(encoder, a, a, b, a, b)).toBe("40016101 31 be 40016201 32 bf be".replaceAll(" ", ""));
  });

  test("with the name of another field that is in the table", () => {
    const encoder = new HpackEncoder();
    expect(hex(encoder, plainField("name", "1", incremental))).toBe(
      "40046e616d650131".replace("046e616d65", rawName("name")),
    );
    expect(hex(encoder, plainField("name", "2", incremental))).toBe("7e0132");
    expect(hex(encoder, plainField("name", "3", without))).toBe("0f2f0133");
    expect(hex(encoder, plainField("name", "4", never))).toBe("1f2f0134");
  });

  test("without the table when its sender wanted so, and as never indexed when it is a secret", () => {
    const encoder = new HpackEncoder();
    const secret = plainField("authorization", "abc", never);
    expect(hex(encoder, secret, secret)).toBe("1f0803616263".repeat(2));
    const other = plainField("accept", "abc", without);
    expect(hex(encoder, other, other)).toBe("0f0403616263".repeat(2));
    expect(encoder.tableBytes).toBe(0);
  });

  test("without the table when values of its name hardly come again, whatever its sender wanted", () => {
    const [caller, encoder] = [new HpackEncoder(), new HpackEncoder()];
    const { fields } = decoderOf();
    const passedOn = (n: number): string[] | undefined =>
      shown(
        decoderOf().fields(encode(encoder, fields(encode(caller, [plainField("x-id", String(n), incremental)])) ?? [])),
      );
    expect(passedOn(0)).toEqual([`${incremental} x-id: 0`]);
    for (let n = 1; n < 100; n++) passedOn(n);
    const { tableBytes } = encoder;
    expect(encode(encoder, fields(encode(caller, [plainField("x-id", "last", incremental)])) ?? [])[0]).toBeLessThan(
      0x10,
    );
    expect(encoder.tableBytes).toBe(tableBytes);
  });

  test("without the table when it is larger than that, and what is there stays", () => {
    const encoder = new HpackEncoder();
    const small = plainField("a", "1", incremental);
    encode(encoder, [small]);
    const [first] = encode(encoder, [plainField("b", "x".repeat(4096), incremental)]);
    expect(first).toBe(0);
    expect(hex(encoder, small)).toBe("be");
  });

  test("with a value in the form it came in", () => {
    const encoder = new HpackEncoder();
    const { fields } = decoderOf();
    const coded = Buffer.from(encodeHuffman("custom-value"), "latin1");
    const block = Buffer.concat([
      Buffer.of(0, 1, 0x61, 0x80 | coded.length),
      coded,
      Buffer.from("\0\x01b\x0ccustom-value"),
    ]);
    expect(encode(encoder, fields(block) ?? []).equals(block)).toBe(true);
  });

  test("up to its value, for a value that the caller writes", () => {
    const encoder = new HpackEncoder();
    const buffer = Buffer.alloc(64);
    expect(buffer.toString("hex", 0, encoder.literalName(buffer, 0, ownName("x-a")))).toBe(`00${rawName("x-a")}`);
    expect(buffer.toString("hex", 0, encoder.literalName(buffer, 0, ownName("via")))).toBe("0f2d");
  });

  function rawName(name: string): string {
    const { huffman, octets } = ownName(name);
    return ((huffman ? 0x80 : 0) | octets.length).toString(16).padStart(2, "0") + octets.toString("hex");
  }
});

describe("the encoder's table", () => {
  const remembered = (name: string): HeaderField => plainField(name, "", incremental);

  test("evicts the oldest entries when a field needs their room, and no more of them", () => {
    const encoder = new HpackEncoder(100);
    const fields = ["1", "2", "3"].map((value) => plainField("a", value, incremental));
    encode(encoder, fields); // 34 octets each: two fit
    expect(encoder.tableBytes).toBe(68);
    expect(hex(encoder, fields[2] as HeaderField, fields[1] as HeaderField)).toBe("bebf");
    expect(hex(encoder, fields[0] as HeaderField)).toBe("7e0131");
  });

  test("keeps a field that fits exactly", () => {
    const encoder = new HpackEncoder(68);
    encode(encoder, [plainField("a", "1", incremental), plainField("b", "2", incremental)]);
    expect(encoder.tableBytes).toBe(68);
    const whole = plainField("a", "x".repeat(35), incremental);
    encode(encoder, [whole]);
    expect(encoder.tableBytes).toBe(68);
    expect(hex(encoder, whole)).toBe("be");
  });

  test("is not used when the peer allows none", () => {
    const encoder = new HpackEncoder(0);
    const field = plainField("a", "1", incremental);
    expect(hex(encoder, field, field)).toBe(`20${"0001610131".repeat(2)}`);
    expect(encoder.tableBytes).toBe(0);
  });

  test("takes no more than 4096 octets, whatever the peer allows, and has a place for each entry", () => {
    const encoder = new HpackEncoder(1_000_000);
    encode(
      encoder,
      Array.from({ length: 500 }, (_, n) => plainField("a", `value ${n}`, incremental)),
    );
    expect(encoder.tableBytes).toBeLessThanOrEqual(4096);
    expect(encoder.tableBytes).toBeGreaterThan(4000);
    const smallest = new HpackEncoder();
    const empty = Array.from({ length: 300 }, () => remembered(""));
    encode(smallest, empty);
    expect(smallest.tableBytes).toBe(4096);
    expect(hex(smallest, empty.at(-1) as HeaderField, empty.at(-128) as HeaderField)).toBe("beff3e");
  });
});

describe("a changed size is announced at the beginning of the next block (§4.2)", () => {
  const blockOf = (encoder: HpackEncoder): string => hex(encoder);

  test("once", () => {
    const encoder = new HpackEncoder();
    encoder.allow(100);
    expect(blockOf(encoder)).toBe("3f45");
    expect(blockOf(encoder)).toBe("");
  });

  test("not when it is the same, nor when we use no more of it", () => {
    const encoder = new HpackEncoder();
    encoder.allow(4096);
    encoder.allow(65_536);
    expect(blockOf(encoder)).toBe("");
  });

  test("from the beginning when the peer allows less than what is usual", () => {
    expect(blockOf(new HpackEncoder(100))).toBe("3f45");
    expect(blockOf(new HpackEncoder(4096))).toBe("");
  });

  test("as the smallest since the last block, and then the last", () => {
    const encoder = new HpackEncoder();
    for (const bytes of [1000, 30, 2000, 500]) encoder.allow(bytes);
    expect(blockOf(encoder)).toBe("3e3fd503");
    for (const bytes of [0, 4096]) encoder.allow(bytes);
    expect(blockOf(encoder)).toBe("203fe11f");
  });

  test("and evicts at once", () => {
    const encoder = new HpackEncoder();
    const fields = ["1", "2", "3"].map((value) => plainField("a", value, incremental));
    encode(encoder, fields);
    encoder.allow(34);
    expect(encoder.tableBytes).toBe(34);
    encoder.allow(4096);
    expect(hex(encoder, fields[2] as HeaderField, fields[1] as HeaderField)).toBe("3f033fe11fbe7e0132");
  });
});

// ---- Both halves -----------------------------------------------------------------------------------------------------

const anyName = fc.constantFrom(
  "a",
  "x-b",
  "cookie",
  ":path",
  ":authority",
  "content-type",
  "date",
  "x-request-id",
  "host",
);
const anyValue = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("", "1", "2", "/index.html", "application/grpc", "x".repeat(200)) },
  { weight: 2, arbitrary: fc.string({ maxLength: 60, unit: "binary-ascii" }) },
  { weight: 1, arbitrary: fc.constantFrom("y".repeat(4000), "z".repeat(5000)) },
);
const anyField = fc.record({
  name: anyName,
  value: anyValue,
  indexing: fc.constantFrom(incremental, incremental, without, never),
  plain: fc.boolean(),
});
const anyStep = fc.record({
  sizes: fc.array(fc.oneof(fc.nat(300), fc.constantFrom(0, 100, 4096, 8192)), { maxLength: 3 }),
  fields: fc.array(anyField, { maxLength: 12 }),
});

/** Fields are remembered as the decoder does it, so that they come again as the same object. */
function fieldMaker(): (from: { name: string; value: string; indexing: Indexing; plain: boolean }) => HeaderField {
  const known = new Map<string, HeaderField>();
  return ({ indexing, name, plain, value }) => {
    const key = JSON.stringify([name, value, indexing, plain]);
    const made = known.get(key) ?? (plain ? plainField : ownField)(name, value, indexing);
    known.set(key, made);
    return made;
  };
}

test("any fields arrive as they were, in order, whatever becomes of the table's size meanwhile", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 12 }), (steps) => {
      const encoder = new HpackEncoder();
      const { decoder, fields: decode } = decoderOf();
      const make = fieldMaker();
      for (const { fields, sizes } of steps) {
        for (const bytes of sizes) {
          decoder.allow(bytes);
          encoder.allow(bytes);
        }
        const sent = fields.map(make);
        const got = decode(encode(encoder, sent));
        expect(got?.map(({ name, value }) => [name.text, value])).toEqual(
          sent.map(({ name, value }) => [name.text, value]),
        );
        expect(decoder.tableBytes).toBe(encoder.tableBytes);
      }
    }),
    { numRuns: 500 },
  );
});

test("what a sender wanted of the tables holds behind two proxies, and a secret is in no table on the way", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 8 }), (steps) => {
      const origin = new HpackEncoder();
      const between = decoderOf();
      const onward = new HpackEncoder();
      const end = decoderOf();
      const make = fieldMaker();
      const wanted = ({ indexing, name, size, staticIndex }: HeaderField): Indexing => {
        if (staticIndex > 0) return incremental;
        return indexing === incremental && (name.unique || size > 4096) ? without : indexing;
      };
      for (const { fields } of steps) {
        // A field of ours that stands in the static table is no secret.
        const sent = fields
          .map(make)
          .filter(({ indexing, staticIndex }) => indexing === incremental || staticIndex === 0);
        const received = between.fields(encode(origin, sent)) ?? [];
        const block = encode(onward, received);
        const expected = (from: readonly HeaderField[]) =>
          from.map((field) => `${wanted(field)} ${field.name.text}: ${field.value}`);
        expect(shown(received)).toEqual(expected(sent));
        expect(shown(end.fields(block))).toEqual(expected(received));
      }
    }),
    { numRuns: 300 },
  );
});
