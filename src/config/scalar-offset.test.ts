import fc from "fast-check";
import { expect, test } from "vitest";
import * as yaml from "yaml";
import { parseDocument } from "./document.ts";
import { type ScalarNode, entryOf } from "./node.ts";
import { Problems } from "./problems.ts";
import { sourceOffset } from "./scalar-offset.ts";
import { Source } from "./source.ts";

function scalarAt(text: string, key: string): ScalarNode {
  const problems = new Problems(new Source("f", text));
  const root = parseDocument(yaml, problems);
  const node = root === null ? undefined : entryOf(root, key)?.value;
  if (node?.type !== "scalar") throw new TypeError(`no scalar ${key} in ${text}: ${problems.sorted()[0]?.message}`);
  return node;
}

function placeOf(text: string, marked: string): string {
  const node = scalarAt(text, "key");
  const offset = String(node.value).indexOf(marked);
  expect(offset).toBeGreaterThanOrEqual(0);
  const { line, column } = new Source("f", text).position(sourceOffset(text, node, offset));
  return `${line}:${column}`;
}

test.for([
  ["plain", "key: abc@def", "1:9"],
  ["plain over two lines", "key: abc\n  de@f", "2:5"],
  ["single quotes with a quote in them", "key: 'it''s @'", "1:13"],
  ["double quotes with escapes", 'key: "a\\n\\x41\\u00e9 @"', "1:21"],
  ["double quotes over two lines", 'key: "a \\\n  b @"', "2:5"],
  ["literal block", "key: |\n  /a => /b;\n    /c @ /d\n", "3:8"],
  ["literal block with comment and indentation given", "key: |2- # why\n   a\n  @\n", "3:3"],
  ["literal block with CRLF", "key: |\r\n  a\r\n  b @\r\n", "3:5"],
  ["folded block", "key: >\n  one\n  two @\n", "3:7"],
] as const)("a place inside of a %s scalar is found in the file", ([, text, place]) => {
  expect(placeOf(text, "@")).toBe(place);
});

test("the end of a block is where its last character ends, not after the blank lines", () => {
  const text = "key: |\n  /a => \n\nnext: 1\n";
  const node = scalarAt(text, "key");
  expect(new Source("f", text).position(sourceOffset(text, node, String(node.value).trimEnd().length))).toEqual({
    line: 2,
    column: 8,
  });
});

test("every visible character of a value is found again in the file, however it was written", () => {
  const words = fc.array(fc.constantFrom("a", "/svc", "=>", "é", "\u{1f600}", "'", '"', "\\", ";", " ", "\n"), {
    minLength: 1,
    maxLength: 20,
  });
  const kinds = fc.constantFrom("QUOTE_DOUBLE", "QUOTE_SINGLE", "BLOCK_LITERAL", "BLOCK_FOLDED", "PLAIN");
  fc.assert(
    fc.property(words, kinds, fc.nat(40), (parts, type, wanted) => {
      const document = new yaml.Document({ key: "" });
      const scalar = new yaml.Scalar(`x${parts.join("")}`);
      scalar.type = type;
      document.set("key", scalar);
      const text = document.toString({ lineWidth: 20 });
      const node = scalarAt(text, "key");
      const value = String(node.value);
      const offset = Math.min(wanted, value.length - 1);
      fc.pre(/[a-zé/=>;]/.test(value.charAt(offset)));
      expect(text.charAt(sourceOffset(text, node, offset))).toBe(value.charAt(offset));
    }),
  );
});
