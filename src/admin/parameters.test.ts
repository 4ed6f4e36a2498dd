import { expect, test } from "vitest";
import { Parameters } from "./parameters.ts";

const form = (text: string) => Parameters.fromForm(text, "the query");
const body = (text: string | Buffer, type?: string) => Parameters.fromBody(Buffer.from(text), type);

test("A form is names and values, escapes undone", () => {
  const parameters = form("path=%2Fsvc%2fa+b&&dtab=/a=>/b&empty=&flag");
  expect(["path", "dtab", "empty", "flag", "none"].map((name) => parameters.get(name))).toEqual([
    "/svc/a b",
    "/a=>/b",
    "",
    "",
    undefined,
  ]);
});

test.for([
  ["a=%zz", 'the query has an escape that is no UTF-8: "%zz"'],
  ["a=%ff", 'the query has an escape that is no UTF-8: "%ff"'],
  ["a=1&b=2&a=3", 'the query has the parameter "a" twice'],
  [Array.from({ length: 101 }, (_, i) => `p${i}=1`).join("&"), "the query has more than 100 parameters"],
] as const)("%s is refused", ([text, message]) => {
  expect(() => form(text)).toThrow(expect.objectContaining({ status: 400, message }));
});

test("A flag is 1 or true, 0 or false, or just there", () => {
  const parameters = form("a=1&b=TRUE&c&d=0&e=false");
  expect(["a", "b", "c", "d", "e", "f"].map((name) => parameters.flag(name))).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
  expect(() => form("a=maybe").flag("a")).toThrow('the parameter "a" is "maybe"; write 1 or true, or leave it out');
});

test("What must be there is missed in words, also when it is empty", () => {
  for (const text of ["", "path="]) {
    expect(() => form(text).required("path", "the name to explain")).toThrow(
      'the parameter "path" is missing: the name to explain',
    );
  }
});

test("A body is read by its type, or by its looks when curl says it is a form", () => {
  expect(body('{"a":"b"}', "application/json; charset=utf-8").get("a")).toBe("b");
  expect(body("a=b", "application/x-www-form-urlencoded").get("a")).toBe("b");
  expect(body("a=b\n").get("a")).toBe("b");
  expect(body(' {"a":"b"}', "application/x-www-form-urlencoded").get("a")).toBe("b");
});

test.for([
  ["text/xml", "<a/>", 415, "the body is text/xml; send application/json or application/x-www-form-urlencoded"],
  ["application/json", "[]", 400, 'the body must be a JSON object such as {"path": "/svc/users"}'],
  ["application/json", '{"a":1}', 400, '"a" in the body must be a text, not 1'],
  ["application/json", "{", 400, "the body is no JSON: "],
] as const)("A body of %s that is %s is refused", ([type, text, status, message]) => {
  expect(() => body(text, type)).toThrow(
    expect.objectContaining({ status, message: expect.stringContaining(message) }),
  );
});

test("A body that is no UTF-8 is refused", () => {
  expect(() => body(Buffer.from([0xff]))).toThrow("the body is no UTF-8 text");
});

test("Of two sources the first counts", () => {
  const both = form("a=1").with(form("a=2&b=2"));
  expect([both.get("a"), both.get("b")]).toEqual(["1", "2"]);
});
