// Error codes of streams that end early, from one side of the proxy to the other.
import type { Failure } from "../../core/failure.ts";
import { ErrorCode } from "./codec/frames.ts";

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
