import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeHuffman, encodeHuffman, forbiddenLength, huffmanLength, MALFORMED, measureHuffman } from "./huffman.ts";

/** Between octets of others, so that reading beyond the ends is found out. */
const FENCE = Buffer.from([0x5a, 0x5a]);

function measured(coded: Buffer): number {
  return measureHuffman(Buffer.concat([FENCE, coded, FENCE]), FENCE.length, FENCE.length + coded.length);
}

function decoded(coded: Buffer, length: number): string {
  const into = Buffer.alloc(length + 2, 0xdb);
  const fenced = Buffer.concat([FENCE, coded, FENCE]);
  const end = decodeHuffman(fenced, FENCE.length, FENCE.length + coded.length, into, 1);
  expect(end).toBe(length + 1);
  expect([into[0], into.at(-1)]).toEqual([0xdb, 0xdb]);
  return into.toString("latin1", 1, end);
}

const coded = (text: string): Buffer => Buffer.from(encodeHuffman(text), "latin1");

/** Bits as octets, the last one filled with ones. */
function bits(text: string, padding = "1"): Buffer {
  const whole = text.replaceAll(" ", "");
  const filled = whole.padEnd(Math.ceil(whole.length / 8) * 8, padding);
  return Buffer.from((filled.match(/.{8}/g) ?? []).map((octet) => Number.parseInt(octet, 2)));
}

const EOS = "1".repeat(30);
/** `a` is 00011, `0` is 00000. */
const A = "00011";

describe("the strings of RFC 7541 Appendix C", () => {
  test.each([
    ["www.example.com", "f1e3c2e5f23a6ba0ab90f4ff"],
    ["no-cache", "a8eb10649cbf"],
    ["custom-key", "25a849e95ba97d7f"],
    ["custom-value", "25a849e95bb8e8b4bf"],
    ["302", "6402"],
    ["307", "640eff"],
    ["private", "aec3771a4b"],
    ["gzip", "9bd9ab"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07abe941054d444a8200595040b8166e082a62d1bff"],
    ["Mon, 21 Oct 2013 20:13:22 GMT", "d07abe941054d444a8200595040b8166e084a62d1bff"],
    ["https://www.example.com", "9d29ad171863c78f0b97c8e9ae82ae43d3"],
    [
      "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
      "94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    ],
  ])("%s", (text, hex) => {
    expect(coded(text).toString("hex")).toBe(hex);
    expect(measured(Buffer.from(hex, "hex"))).toBe(text.length);
    expect(decoded(Buffer.from(hex, "hex"), text.length)).toBe(text);
  });
});

test("every octet has a word of its own that decodes to it, also between others", () => {
  const words = new Set<string>();
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    words.add(encodeHuffman(character));
    for (const text of [character, `a${character}a`, `~~~${character}`, character.repeat(9)]) {
      expect(decoded(coded(text), text.length)).toBe(text);
    }
  }
  expect(words.size).toBe(256);
});

test("the words have the lengths of RFC 7541 Appendix B where these are known by heart", () => {
  const bitsOf = (octet: number) => huffmanLength(String.fromCharCode(octet).repeat(8)); // bits of a word = octets of eight
  expect([0x30, 0x61, 0x20, 0x3a, 0x58, 0x21, 0x5c, 0x00, 0x0a, 0x0d, 0x16, 0xf9, 0xff].map(bitsOf)).toEqual([
    5, 5, 6, 7, 8, 10, 19, 13, 30, 30, 30, 28, 26,
  ]);
});

test("no text is an empty code", () => {
  expect(encodeHuffman("")).toBe("");
  expect(measured(Buffer.alloc(0))).toBe(0);
  expect(decoded(Buffer.alloc(0), 0)).toBe("");
});

describe("what is no code (RFC 7541 §5.2)", () => {
  test.each([
    { what: "EOS as the whole text", code: bits(EOS) },
    { what: "EOS within the text", code: bits(`${A} ${EOS} ${A}`) },
    { what: "EOS at the end of the text", code: bits(`${A} ${A} ${EOS}`) },
    { what: "eight bits of padding behind a whole octet", code: Buffer.concat([coded("~~~aaa:"), Buffer.of(0xff)]) },
    { what: "eight bits of padding behind half an octet", code: bits(`${A}${A}${A} 1 11111111`) },
    { what: "eight bits of padding and nothing else", code: Buffer.of(0xff) },
    { what: "sixteen bits of padding", code: Buffer.of(0xff, 0xff) },
    { what: "padding of zeros", code: bits(A, "0") },
    { what: "padding that begins with ones and ends with a zero", code: bits(`${A} 110`) },
    { what: "a word that is cut off", code: bits("1111111 0").subarray(0, 1) },
  ])("$what", ({ code }) => {
    expect(measured(code)).toBe(MALFORMED);
  });
});

test.each([1, 2, 3, 4, 5, 6, 7])("%i bits of padding are right", (padding) => {
  // Words of five bits and of six, until so many bits are left.
  const sixes = [0, 1, 2, 3, 4, 5, 6, 7].find((n) => (40 - ((6 * n) % 8)) % 8 === padding % 8);
  const fives = sixes === undefined ? [0, 1, 2, 3, 4, 5, 6, 7].find((n) => (5 * n + padding) % 8 === 0) : undefined;
  const text = sixes === undefined ? "a".repeat(fives ?? 0) : `${"a".repeat(8)}${"b".repeat(sixes)}`;
  expect(text).not.toBe("");
  expect(measured(coded(text))).toBe(text.length);
});

describe("what may not stand in a value (RFC 9113 §8.2.1, RFC 9110 §5.5)", () => {
  test.each([
    ["NUL", "a\0b"],
    ["NUL alone", "\0"],
    ["CR", "a\rb"],
    ["LF", "a\nb"],
    ["LF at the end", "a\n"],
    ["a control", "a\x01b"],
    ["ESC", "\x1b"],
    ["DEL", "a\x7f"],
    ["CR LF and a field behind it", "a\r\nx: y"],
    ["a blank at the beginning", " a"],
    ["a blank at the end", "a "],
    ["a blank alone", " "],
    ["two blanks", "  "],
    ["a tab at the beginning", "\ta"],
    ["a tab at the end", "a\t"],
    ["a tab alone", "\t"],
    ["a tab behind a blank", " \t"],
  ])("%s", (_what, text) => {
    const verdict = measured(coded(text));
    expect(verdict).toBeLessThan(MALFORMED);
    expect(forbiddenLength(verdict)).toBe(text.length);
    expect(decoded(coded(text), text.length)).toBe(text);
  });

  test.each([["a b"], ["a\tb"], ["\xff"], ["\x80 \x80"], ["\xa0a\xa0"], ["\xea"], ["\xff\xff\xea"]])(
    "and what may: %j",
    (text) => {
      expect(measured(coded(text))).toBe(text.length);
    },
  );
});

test("a value whose code only looks like that of a tab is none that begins with one", () => {
  let lookalikes = 0;
  for (let first = 33; first < 127; first++) {
    for (let second = 33; second < 127; second++) {
      const text = `|${String.fromCharCode(first, second)}`;
      const code = coded(text);
      if (code[0] !== 0xff || code[2] !== 0xea) continue;
      lookalikes++;
      expect(measured(code)).toBe(text.length);
    }
  }
  expect(lookalikes).toBeGreaterThan(0);
});

const anyText = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

test("every text comes through, its length is known before, and the verdict on it is that on the text itself", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const code = coded(text);
      expect(code.length).toBe(huffmanLength(text));
      const verdict = measured(code);
      const length = verdict < MALFORMED ? forbiddenLength(verdict) : verdict;
      expect(length).toBe(text.length);
      expect(decoded(code, length)).toBe(text);
      expect(verdict < MALFORMED).toBe(/[\0-\x08\x0a-\x1f\x7f]|^[ \t]|[ \t]$/.test(text));
    }),
    { numRuns: 1000 },
  );
});

test("whatever is taken for a code encodes to the same octets again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const code = Buffer.from(bytes);
      const verdict = measured(code);
      if (verdict === MALFORMED) return;
      const length = verdict < MALFORMED ? forbiddenLength(verdict) : verdict;
      expect(coded(decoded(code, length)).equals(code)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});
