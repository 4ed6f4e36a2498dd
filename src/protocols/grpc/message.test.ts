import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeGrpcMessage, encodeGrpcMessage } from "./message.ts";

// The second is the special status message of gRPC's interoperability tests.
test.each([
  ["no such user", "no such user"],
  [
    "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
    "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A",
  ],
  ["100% ~ \x7f", "100%25 ~ %7F"],
  ["", ""],
])("%j is sent as %j", (message, value) => {
  expect(encodeGrpcMessage(message)).toBe(value);
  expect(decodeGrpcMessage(value)).toBe(message);
});

test.each([
  ["%", "%"],
  ["50%", "50%"],
  ["%4", "%4"],
  ["%zz%41", "%zzA"],
  ["%%41", "%A"],
  ["%e2%98%ba", "☺"],
  ["%FF", "\ufffd"],
  ["\xe2\x98\xba", "☺"],
])("%j is read as %j all the same", (value, message) => {
  expect(decodeGrpcMessage(value)).toBe(message);
});

test("What is encoded is visible ASCII and blanks, and reads back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (message) => {
      const value = encodeGrpcMessage(message);
      expect(value).toMatch(/^[ -~]*$/);
      expect(decodeGrpcMessage(value)).toBe(message);
    }),
  );
});

test("Decoding never fails", () => {
  const values = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });
  fc.assert(fc.property(values, (value) => typeof decodeGrpcMessage(value) === "string"));
});
