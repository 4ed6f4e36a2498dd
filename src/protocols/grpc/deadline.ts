// `grpc-timeout` as a deadline: how long the caller waits joins the limits that came with the request.
import type { DataLoop } from "../../core/data-loop.ts";
import type { Exchange } from "../../core/exchange.ts";
import { readGrpcTimeout } from "./timeout.ts";

/** Takes a `grpc-timeout` value into the deadline of an exchange; one that is malformed is none. */
export function joinDeadline(ex: Exchange, value: string, loop: DataLoop): void {
  const timeoutMs = readGrpcTimeout(value);
  if (timeoutMs === null) return;
  ex.limitTo(loop.clock.epochMs(), Math.ceil(timeoutMs));
  ex.deadlineOfWhole = true;
}
