import fc from "fast-check";
import { expect, test } from "vitest";
import { codeOnly, importsOf } from "./source-text.ts";

test.each([
  ["a // b\nc", "a     \nc"],
  ["a /* b\n c */ d", "a     \n      d"],
  [`f("x // y", 'z')`, `f("      ", ' ')`],
  ['"a\\"b" + c', '"    " + c'],
  ["`a${b + `c${d}`}e` + f", "` ${b + ` ${d}`} ` + f"],
  ["`a${{ x: 1 }}b`", "` ${{ x: 1 }} `"],
  ["x.match(/[/\"]'/g) / 2", "x.match(/      g) / 2"],
  ['return /a"b/.test(x)', "return /   /.test(x)"],
  ["(a + b) / c / d", "(a + b) / c / d"],
])("codeOnly keeps code and blanks the rest: %s", (text, code) => {
  expect(codeOnly(text)).toBe(code);
});

test("codeOnly keeps every position and line of any text", () => {
  const bits = fc.constantFrom("'", '"', "`", "${", "}", "{", "/", "*", "\\", "\n", "a", " ");
  fc.assert(
    fc.property(fc.array(bits), (parts) => {
      const text = parts.join("");
      const code = codeOnly(text);
      expect(code).toHaveLength(text.length);
      expect(code.split("\n")).toHaveLength(text.split("\n").length);
    }),
  );
});

test("importsOf sees every form once, with its line and names", () => {
  const text = `// import { a } from "comment"
import { type A, b as c } from "one";
import * as all from 'two';
export {
  d,
} from "three";
const url = new URL("./four.ts", import.meta.url);
const e = Array.from("text"), f = 'import "five"';
const g = await import("six");
import "seven";
`;
  expect(importsOf(text)).toEqual([
    { specifier: "one", names: ["A", "b"], line: 2 },
    { specifier: "two", names: [], line: 3 },
    { specifier: "three", names: ["d"], line: 6 },
    { specifier: "./four.ts", names: [], line: 7 },
    { specifier: "six", names: [], line: 9 },
    { specifier: "seven", names: [], line: 10 },
  ]);
});
