// `grpc-timeout`: how long the caller waits, for the whole of the call.
import type { Exchange } from "../../core/exchange.ts";
import { readGrpcTimeout } from "./timeout.ts";

/** Takes a `grpc-timeout` value into an exchange; one that is malformed is none. */
export function takeTimeout(ex: Exchange, value: string): void {
  const timeoutMs = readGrpcTimeout(value);
  if (timeoutMs === null) return;
  ex.callTimeoutMs = timeoutMs;
  ex.deadlineOfWhole = true;
}
