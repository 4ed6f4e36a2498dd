import fc from "fast-check";
import { expect, test } from "vitest";
import { equalsLower, latin1, putHex, putLatin1, shortBuffer } from "./bytes.ts";

const anyLatin1 = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

test("text that is written is read again", () => {
  fc.assert(
    fc.property(anyLatin1, fc.nat(20), (text, at) => {
      const buffer = Buffer.alloc(80);
      const end = putLatin1(buffer, at, text);
      expect(end).toBe(at + text.length);
      expect(latin1(buffer, at, end)).toBe(text);
    }),
    { seed: 1 },
  );
});

test("putHex writes a number as toString(16) does", () => {
  const around = [0, 1, 9, 10, 15, 16, 255, 256, 0xfffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 2 ** 52];
  for (const value of around) {
    const buffer = Buffer.alloc(20);
    expect(latin1(buffer, 2, putHex(buffer, 2, value))).toBe(value.toString(16));
  }
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      const buffer = Buffer.alloc(20);
      expect(latin1(buffer, 0, putHex(buffer, 0, value))).toBe(value.toString(16));
    }),
    { seed: 1 },
  );
});

test("equalsLower compares with lower case, whatever the case of the bytes", () => {
  expect(equalsLower(Buffer.from("xChunkED"), 1, 8, "chunked")).toBe(true);
  expect(equalsLower(Buffer.from("chunkedx"), 0, 8, "chunked")).toBe(false);
  expect(equalsLower(Buffer.from("chunke\xe4", "latin1"), 0, 7, "chunked")).toBe(false);
  expect(equalsLower(Buffer.from("\x1dost"), 0, 4, "=ost")).toBe(false); // 0x1d | 0x20 is "="
});

test("Short buffers are of their size, do not overlap, and share memory with nobody else", () => {
  const pieces = Array.from({ length: 600 }, (_, i) => shortBuffer(i % 300).fill(i & 255));
  for (const [i, piece] of pieces.entries()) expect([...piece]).toEqual(new Array(i % 300).fill(i & 255));
  expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBeLessThan(4);
  expect(pieces.some(({ buffer }) => buffer === Buffer.from("pooled").buffer)).toBe(false);
  expect(shortBuffer(5000)).toHaveLength(5000);
});
