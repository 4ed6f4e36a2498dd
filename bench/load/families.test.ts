import { expect, test } from "vitest";
import { callersOf, type Family, serversOf, speaking } from "./families.ts";
import { http2Rows } from "./rows/http2.ts";

test("speaking makes gRPC calls only where both sides can carry them", () => {
  expect(speaking("h2")).toMatchObject({ http2: 1, grpc: 1 });
  expect(speaking("h2-groups")).toEqual(speaking("h2"));
  expect(speaking("h2-h1")).toEqual({ http2: 1 });
  expect(speaking("h1-h2")).toEqual({});
});

test("callersOf and serversOf name the two sides of a family", () => {
  const sides = (family: Family): string => `${callersOf(family)} ${serversOf(family)}`;
  expect((["h1", "h2", "h2-groups", "h2-h1", "h1-h2"] as const).map(sides)).toEqual([
    "h1 h1",
    "h2 h2",
    "h2 h2",
    "h2 h1",
    "h1 h2",
  ]);
});

test("http2Rows have names of their own and belong to a family that is not HTTP/1.1 alone", () => {
  const names = http2Rows.map((row) => row.name);
  expect(new Set(names).size).toBe(names.length);
  expect(http2Rows.filter((row) => (row.family ?? "h1") === "h1")).toEqual([]);
});
