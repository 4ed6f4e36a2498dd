// Why a connection was closed by a timeout of its own (linkerd1 §1.5), and what that is called to those whose request was on it.
import { type Cause, causes, type Source } from "./cause.ts";

/** For how long a connection may be without what is expected of it; 0 = for ever. */
export interface StreamTimeouts {
  /** Nothing was read from it, whatever it was doing. */
  readonly readMs: number;
  /** Something that was written to it was not taken by the kernel. */
  readonly writeMs: number;
}

/** The error with which such a connection closes. */
export class StreamTimeout extends Error {
  readonly code: "READ_TIMEOUT" | "WRITE_TIMEOUT";

  constructor(reading: boolean) {
    super(reading ? "nothing was read within readTimeoutMs" : "a write was not complete within writeTimeoutMs");
    this.name = "StreamTimeout";
    this.code = reading ? "READ_TIMEOUT" : "WRITE_TIMEOUT";
  }
}

/** What it is called when a connection of a caller, or to a service, closed like this; null when it was something else. */
export function timeoutCause(error: Error | null, side: Source): Cause | null {
  if (!(error instanceof StreamTimeout)) return null;
  const reading = error.code === "READ_TIMEOUT";
  if (side === "upstream") return reading ? causes.serviceReadTimeout : causes.serviceWriteTimeout;
  return reading ? causes.clientReadTimeout : causes.clientWriteTimeout;
}
