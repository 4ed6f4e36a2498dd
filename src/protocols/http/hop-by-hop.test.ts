import { expect, test } from "vitest";
import { PlainHttp2Request, requestHead } from "../../../test/support/request-head.ts";
import { allowedInTrailers, isMeshField } from "./hop-by-hop.ts";

const NAMES = [
  ["l5d-dst-service", { mesh: true, trailer: false }],
  ["l5d-unheard-of", { mesh: true, trailer: false }],
  ["fairlead-cause", { mesh: true, trailer: false }],
  ["fairlead-x", { mesh: true, trailer: false }],
  ["l5d-", { mesh: false, trailer: true }],
  ["content-length", { mesh: false, trailer: false }],
  ["grpc-status", { mesh: false, trailer: true }],
] as const;

test.each([
  ["HTTP/1", requestHead(`GET / HTTP/1.1\r\n${NAMES.map(([name]) => `${name.toUpperCase()}: 0\r\n`).join("")}\r\n`)],
  [
    "HTTP/2",
    new PlainHttp2Request(
      "GET",
      "/",
      "web",
      NAMES.map(([name]) => [name, "0"] as const),
    ),
  ],
])("Fields that belong to the mesh are known by their names in %s", (_version, request) => {
  expect(request.count).toBe(NAMES.length);
  for (const [field, [, { mesh, trailer }]] of NAMES.entries()) {
    expect(isMeshField(request, field)).toBe(mesh);
    expect(allowedInTrailers(request, field)).toBe(trailer);
  }
});
