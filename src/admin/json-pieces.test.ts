import fc from "fast-check";
import { expect, test } from "vitest";
import { Items, jsonPieces, Members } from "./json-pieces.ts";

const textOf = (value: unknown) => [...jsonPieces(value)].join("");

test("Pieces together are what JSON.stringify writes in one go", () => {
  const sameAsBuiltIn = (value: unknown) => {
    expect(textOf(value)).toBe(`${JSON.stringify(value, null, 2)}\n`);
  };
  fc.assert(fc.property(fc.jsonValue(), sameAsBuiltIn));
});

test("Values JSON does not know are null in lists and left out of objects", () => {
  expect(JSON.parse(textOf([undefined, Number.NaN, Number.POSITIVE_INFINITY]))).toEqual([null, null, null]);
  expect(JSON.parse(textOf({ a: undefined, b: 1 }))).toEqual({ b: 1 });
});

test("Items and members are made only when they are written", () => {
  const made: string[] = [];
  function* names(): Generator<string> {
    for (const name of ["a", "b", "c"]) {
      made.push(name);
      yield name.repeat(10_000);
    }
  }
  const pieces = jsonPieces({ list: new Items(names()) });
  pieces.next();
  expect(made).toEqual(["a", "b"]);
  const members = new Members([...names()].map((name): [string, unknown] => [name[0] ?? "", name]));
  expect(JSON.parse(textOf(members))).toEqual({ a: "a".repeat(10_000), b: "b".repeat(10_000), c: "c".repeat(10_000) });
});

test("Empty lists and objects stay on one line", () => {
  expect(textOf({ a: new Items([]), b: new Members([]), c: [], d: {} })).toBe(
    '{\n  "a": [],\n  "b": {},\n  "c": [],\n  "d": {}\n}\n',
  );
});
