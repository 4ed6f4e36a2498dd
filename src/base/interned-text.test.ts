import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1 } from "./bytes.ts";
import { InternedText } from "./interned-text.ts";

test("InternedText gives the text of any bytes, whatever was asked before", () => {
  const texts = new InternedText();
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { minLength: 1, maxLength: 20 }), (ranges) => {
      for (const range of [...ranges, ...ranges]) {
        const bytes = Buffer.concat([Buffer.from("<"), range, Buffer.from(">")]);
        expect(texts.of(bytes, 1, bytes.length - 1)).toBe(latin1(bytes, 1, bytes.length - 1));
      }
    }),
    { seed: 1 },
  );
});

test("InternedText that shares a slot with another text is found again all the same", () => {
  const texts = new InternedText();
  const many = Array.from({ length: 5_000 }, (_, i) => Buffer.from(`service-${i}.example.com`));
  for (const bytes of [...many, ...many]) expect(texts.of(bytes, 0, bytes.length)).toBe(bytes.toString("latin1"));
});
