import fc from "fast-check";
import { expect, test } from "vitest";
import { LineBuffer } from "./line-buffer.ts";

function composed(escapes: "text" | "json", compose: (line: LineBuffer) => void): string {
  const line = new LineBuffer(escapes);
  compose(line);
  return line.bytes.toString("latin1", 0, line.length);
}

test("A line takes plain text, whole numbers and milliseconds", () => {
  const text = composed("text", (line) => {
    line.plain("a ");
    line.integer(0);
    line.plain(" ");
    line.integer(9007199254740991);
    line.plain(" ");
    line.milliseconds(12.3456);
    line.plain(" ");
    line.milliseconds(-0.5);
  });
  expect(text).toBe("a 0 9007199254740991 12.346 -0.500");
});

test("A line for people shows what could forge another line as escapes", () => {
  expect(composed("text", (line) => line.text('a"b\\c\r\nd\x7f\xe9\u20ac'))).toBe(
    'a\\"b\\\\c\\x0d\\x0ad\\x7f\\xe9\\u20ac',
  );
});

test("A range of bytes is escaped like the text of those bytes", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (const escapes of ["text", "json"] as const) {
    const ranged = composed(escapes, (line) => line.range(bytes, 0, 256));
    expect(ranged).toBe(composed(escapes, (line) => line.text(bytes.toString("latin1"))));
    expect(ranged).toMatch(/^[ -~]+$/);
  }
});

test("Two halves are written as 16 hexadecimal digits", () => {
  expect(composed("text", (line) => line.hex64(0xdeadbeef, 7))).toBe("deadbeef00000007");
});

test("Any text inside quotes is a JSON string that reads back as itself, on one line of ASCII", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
      const json = composed("json", (line) => {
        line.plain('"');
        line.text(text);
        line.plain('"');
      });
      expect(JSON.parse(json)).toBe(text);
      expect(json).toMatch(/^[ -~]+$/);
    }),
  );
});

test("Any whole number is written as JavaScript writes it", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), (value) => {
      expect(composed("text", (line) => line.integer(value))).toBe(String(value));
    }),
  );
});

test("A long line grows the buffer, and the next one begins small again", () => {
  const line = new LineBuffer("json");
  line.range(Buffer.alloc(100_000), 0, 100_000);
  expect(line.length).toBe(600_000);
  line.clear();
  line.plain("next");
  expect(line.bytes.toString("latin1", 0, line.length)).toBe("next");
  expect(line.bytes.length).toBeLessThan(10_000);
});
