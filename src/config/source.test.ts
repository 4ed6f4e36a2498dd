import fc from "fast-check";
import { expect, test } from "vitest";
import { Source } from "./source.ts";

test("a source counts lines and columns from 1", () => {
  const source = new Source("f", "ab\ncd\r\n\nx");
  expect(source.position(0)).toEqual({ line: 1, column: 1 });
  expect(source.position(4)).toEqual({ line: 2, column: 2 });
  expect(source.position(8)).toEqual({ line: 4, column: 1 });
  expect(source.position(99)).toEqual({ line: 4, column: 2 });
});

test("a source gives lines without their breaks", () => {
  const source = new Source("f", "ab\ncd\r\n\nx");
  expect([1, 2, 3, 4].map((line) => source.line(line))).toEqual(["ab", "cd", "", "x"]);
});

test("line and column always lead back to the offset", () => {
  const texts = fc.array(fc.constantFrom("a", "\n", "\r\n", " ")).map((parts) => parts.join(""));
  fc.assert(
    fc.property(texts, fc.nat(200), (text, wanted) => {
      const offset = Math.min(wanted, text.length);
      const { line, column } = new Source("f", text).position(offset);
      const before = text.split("\n").slice(0, line - 1);
      expect(before.join("\n").length + (line > 1 ? 1 : 0) + column - 1).toBe(offset);
    }),
  );
});
