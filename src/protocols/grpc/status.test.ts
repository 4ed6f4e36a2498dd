import { expect, test } from "vitest";
import { causes } from "../../core/cause.ts";
import { Failure } from "../../core/failure.ts";
import { GRPC_STATUS_NAMES, GrpcStatus, grpcStatusOf } from "./status.ts";

test.each([
  ["a request without a name", causes.unidentified, "INVALID_ARGUMENT"],
  ["a head that is too large", causes.requestHeadTooLarge, "INVALID_ARGUMENT"],
  ["CONNECT", causes.requestMethodUnsupported, "UNIMPLEMENTED"],
  ["a caller that is too slow", causes.requestHeadTimeout, "DEADLINE_EXCEEDED"],
  ["a refused connection", causes.connectRefused, "UNAVAILABLE"],
  ["a connection that broke", causes.reset, "UNAVAILABLE"],
  ["a caller that left", causes.clientGone, "CANCELLED"],
] as const)("A gRPC caller hears of %s as it would from a service", (_what, cause, name) => {
  expect(GRPC_STATUS_NAMES[grpcStatusOf(new Failure(cause))]).toBe(name);
});

test("Every cause has a status, and none of them is OK", () => {
  for (const cause of Object.values(causes)) expect(grpcStatusOf(new Failure(cause))).toBeGreaterThan(GrpcStatus.ok);
});

test("Every status code has its name at its number", () => {
  const spoken = Object.keys(GrpcStatus).map((key) => key.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase());
  expect(GRPC_STATUS_NAMES).toEqual(spoken);
  expect(Object.values(GrpcStatus)).toEqual(GRPC_STATUS_NAMES.map((_, code) => code));
});
