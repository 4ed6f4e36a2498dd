// The status codes of gRPC, and which of them tells a failure of the proxy to a gRPC caller.
import type { Category } from "../../core/cause.ts";
import type { Failure } from "../../core/failure.ts";

/** The status codes (gRPC: statuscodes.md). */
export const GrpcStatus = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** The names people know the codes by, at their numbers. */
export const GRPC_STATUS_NAMES: readonly string[] = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
];

// UNAVAILABLE invites the caller to try again, so it is for what another attempt may mend.
const BY_CATEGORY: Readonly<Record<Category, number>> = {
  "bad-request": GrpcStatus.invalidArgument,
  unidentified: GrpcStatus.invalidArgument,
  "too-large-head": GrpcStatus.invalidArgument,
  "too-long-line": GrpcStatus.invalidArgument,
  "bad-version": GrpcStatus.invalidArgument,
  unsupported: GrpcStatus.unimplemented,
  "too-slow": GrpcStatus.deadlineExceeded,
  timeout: GrpcStatus.deadlineExceeded,
  unroutable: GrpcStatus.unavailable,
  connect: GrpcStatus.unavailable,
  overload: GrpcStatus.resourceExhausted,
  "bad-answer": GrpcStatus.unavailable,
  leaving: GrpcStatus.unavailable,
  gone: GrpcStatus.cancelled,
  refused: GrpcStatus.permissionDenied,
  internal: GrpcStatus.internal,
};

/** A stream of HTTP/2 that was reset, by its code ("HTTP2 Transport Mapping" of gRPC over HTTP/2; RFC 9113 §7). */
const BY_RESET: Readonly<Record<number, number>> = {
  7: GrpcStatus.unavailable, // REFUSED_STREAM
  8: GrpcStatus.cancelled, // CANCEL
  11: GrpcStatus.resourceExhausted, // ENHANCE_YOUR_CALM
  12: GrpcStatus.permissionDenied, // INADEQUATE_SECURITY
};

/** Where a request filter says with which status of HTTP it refuses; any other is PERMISSION_DENIED. */
const BY_STATUS: Readonly<Record<number, number>> = {
  400: GrpcStatus.invalidArgument,
  401: GrpcStatus.unauthenticated,
  404: GrpcStatus.notFound,
  429: GrpcStatus.resourceExhausted,
  503: GrpcStatus.unavailable,
};

/** The `grpc-status` a failure is answered with. */
export function grpcStatusOf(failure: Failure): number {
  const { category } = failure.cause;
  const { code, status } = failure.detail;
  if (category === "refused") return BY_STATUS[Number(status)] ?? BY_CATEGORY.refused;
  if (typeof code !== "number" || category === "timeout" || category === "leaving") return BY_CATEGORY[category];
  return BY_RESET[code] ?? GrpcStatus.internal;
}
