// `grpc-timeout`: how long the caller waits, for the whole of the call.
import type { Deadline } from "../../core/deadline.ts";
import type { Exchange } from "../../core/exchange.ts";
import { readGrpcTimeout } from "./timeout.ts";

/** Takes a `grpc-timeout` value into an exchange; one that is malformed is none. */
export function takeTimeout(ex: Exchange, value: string): void {
  const timeoutMs = readGrpcTimeout(value);
  if (timeoutMs === null) {
    ex.unreadable++;
    return;
  }
  ex.callTimeoutMs = timeoutMs;
  ex.deadlineOfWhole = true;
}

/** The `grpc-timeout` of a call whose deadline is kept here: what its caller wrote, or what is left when that is less. */
export function timeLeft(ex: Exchange, value: string): string {
  const { deadlineMs, timestampMs } = ex.deadline as Deadline; // one that is kept
  const leftMs = deadlineMs - timestampMs;
  const givenMs = readGrpcTimeout(value);
  // More than eight digits of milliseconds, which is a day, are no time that anybody waits for.
  return givenMs === null || leftMs >= givenMs || leftMs > MOST_MS ? value : `${leftMs}m`;
}

const MOST_MS = 99_999_999;
