import { expect, test } from "vitest";
import { isGrpc } from "./content-type.ts";

test.each([
  ["application/grpc", true],
  ["application/grpc+proto", true],
  ["application/grpc+json", true],
  ["application/grpc;charset=utf-8", true],
  ["application/grpc ; charset=utf-8", true],
  ["Application/GRPC", true],
  ["application/grpc-web", false],
  ["application/grpc-web+proto", false],
  ["application/grpc-web-text", false],
  ["application/grpcx", false],
  ["application/json", false],
  ["text/application/grpc", false],
  ["", false],
  [undefined, false],
])("a request of type %j is gRPC: %j", (contentType, grpc) => {
  expect(isGrpc(contentType)).toBe(grpc);
});
