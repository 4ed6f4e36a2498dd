import { expect, test } from "vitest";
import { hashOctets, hashOrdered } from "./murmur3.ts";

test.each([
  ["", 0, 0],
  ["", 1, 0x514e28b7],
  ["test", 0, 0xba6bd213],
  ["Hello, world!", 0, 0xc0363e43],
  ["Hello, world!", 0x9747b28c, 0x24884cba],
  ["The quick brown fox jumps over the lazy dog", 0x9747b28c, 0x2fa826cd],
])("MurmurHash3 of %j with seed %i is what others compute", (words, seed, hash) => {
  expect(hashOctets(new TextEncoder().encode(words), seed) >>> 0).toBe(hash);
});

test("A hash of numbers depends on their order", () => {
  expect(hashOrdered([1, 2], 7)).not.toBe(hashOrdered([2, 1], 7));
});
