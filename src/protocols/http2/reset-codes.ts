// Error codes of streams that end early, from one side of the proxy to the other.
import { causes } from "../../core/cause.ts";
import type { Failure } from "../../core/failure.ts";
import { ErrorCode } from "./codec/frames.ts";
import { GrpcStatus } from "../grpc/status.ts";

/** With which code a caller's stream is reset for a failure that came too late for an answer. */
export function resetCodeOf(failure: Failure): number {
  const { code } = failure.detail;
  if (typeof code === "number" && PASSED_ON.has(code)) return code;
  return failure.ignorable ? ErrorCode.cancel : ErrorCode.internalError;
}

/** What the service says of the call; the others are about its connection with us. */
const PASSED_ON = new Set<number>([
  ErrorCode.noError,
  ErrorCode.cancel,
  ErrorCode.internalError,
  ErrorCode.enhanceYourCalm,
]);

/** The gRPC status of a stream that its service reset ("HTTP2 Transport Mapping" of gRPC over HTTP/2); undefined for other failures. */
export function grpcStatusOfReset(failure: Failure): number | undefined {
  if (failure.cause === causes.h2GaveUp) return undefined; // whatever the code: it is a timeout
  const { code } = failure.detail;
  return typeof code === "number" ? (STATUS_OF_RESET.get(code) ?? GrpcStatus.internal) : undefined;
}

const STATUS_OF_RESET = new Map<number, number>([
  [ErrorCode.refusedStream, GrpcStatus.unavailable],
  [ErrorCode.cancel, GrpcStatus.cancelled],
  [ErrorCode.enhanceYourCalm, GrpcStatus.resourceExhausted],
  [ErrorCode.inadequateSecurity, GrpcStatus.permissionDenied],
]);
