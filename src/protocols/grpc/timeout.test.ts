import { expect, test } from "vitest";
import { readGrpcTimeout } from "./timeout.ts";

test.each([
  ["1S", 1000],
  ["2H", 7_200_000],
  ["3M", 180_000],
  ["250m", 250],
  ["1500u", 1.5],
  ["500000n", 0.5],
  ["0n", 0],
  ["99999999H", 99_999_999 * 3_600_000],
])("grpc-timeout %s is %d ms", (text, ms) => {
  expect(readGrpcTimeout(text)).toBeCloseTo(ms, 9);
});

test.each([
  "",
  "S",
  "1",
  "1s",
  "1h",
  "123456789m",
  "-1S",
  "+1S",
  "1.5S",
  " 1S",
  "1S ",
  "1 S",
  "1SS",
  "0x1S",
  "1d",
  "1S\n",
])("grpc-timeout %j is none", (text) => {
  expect(readGrpcTimeout(text)).toBeNull();
});
