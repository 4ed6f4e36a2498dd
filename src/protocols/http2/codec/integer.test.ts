import fc from "fast-check";
import { expect, test } from "vitest";
import { IntegerReader, putInteger } from "./integer.ts";

/** No length or index that is read may be larger. */
const LARGEST = 0x0fff_ffff;
const PREFIXES = [1, 2, 3, 4, 5, 6, 7, 8] as const;

function written(bits: number, value: number, first = 0): Buffer {
  const buffer = Buffer.alloc(16, 0xdb);
  return buffer.subarray(0, putInteger(buffer, 0, first, bits, value));
}

/** The value and where it ends, or null when it was refused. */
function read(bytes: Buffer, bits: number, end = bytes.length): { value: number; next: number } | null {
  const reader = new IntegerReader();
  const value = reader.read(bytes, 0, end, bits);
  return reader.next < 0 ? null : { value, next: reader.next };
}

test.each([
  { what: "10 with a prefix of 5 bits (RFC 7541 C.1.1)", bits: 5, value: 10, hex: "0a" },
  { what: "1337 with a prefix of 5 bits (C.1.2)", bits: 5, value: 1337, hex: "1f9a0a" },
  { what: "42 that begins an octet (C.1.3)", bits: 8, value: 42, hex: "2a" },
])("an integer: $what", ({ bits, hex, value }) => {
  expect(written(bits, value).toString("hex")).toBe(hex);
  expect(read(Buffer.from(hex, "hex"), bits)).toEqual({ value, next: hex.length / 2 });
});

test.each(PREFIXES)("integers around the limits of a prefix of %i bits come through", (bits) => {
  const most = 2 ** bits - 1;
  for (const value of [0, most - 1, most, most + 1, most + 127, most + 128, most + 16_383, most + 16_384, LARGEST]) {
    const bytes = written(bits, value);
    expect(read(bytes, bits)).toEqual({ value, next: bytes.length });
    for (let cut = 1; cut < bytes.length; cut++) expect(read(bytes, bits, cut)).toBeNull();
  }
});

test("every integer comes through behind every prefix, whatever stands in the bits before it", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PREFIXES),
      fc.oneof(fc.nat(LARGEST), fc.nat(300)),
      fc.nat(255),
      (bits, value, octet) => {
        const first = octet & ~(2 ** bits - 1);
        const bytes = written(bits, value, first);
        expect((bytes[0] as number) & ~(2 ** bits - 1)).toBe(first);
        expect(read(Buffer.concat([bytes, Buffer.of(0xff)]), bits)).toEqual({ value, next: bytes.length });
      },
    ),
  );
});

test.each([
  { what: "one more than the largest", hex: "1fe1ffff7f" },
  { what: "2^31", hex: "1fe1ffffff07" },
  { what: "2^32 and more, which would wrap around", hex: "1fe1ffffff0f" },
  { what: "2^62", hex: "1fffffffffffffffff3f" },
  { what: "zeros without end", hex: "1f8080808080808000" },
  { what: "no end at all", hex: "1fffffff" },
  { what: "a prefix without its rest", hex: "1f" },
])("an integer is refused that is $what", ({ hex }) => {
  expect(read(Buffer.from(hex, "hex"), 5)).toBeNull();
});

test("an integer may be written longer than needed", () => {
  expect(read(Buffer.from("1f80808000", "hex"), 5)).toEqual({ value: 31, next: 5 });
});
