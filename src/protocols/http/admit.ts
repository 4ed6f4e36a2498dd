// What an HTTP request must satisfy, and what is learnt from it, before it is routed.
import { type Exchange } from "../../core/exchange.ts";
import { Failure } from "../../core/failure.ts";
import { checkCallDepth, readContext } from "./context.ts";
import { forwardedValue, type ForwardedLabels } from "./forwarded.ts";
import type { LocalDtabs } from "./local-dtabs.ts";
import type { HttpMessage } from "./message.ts";
import { admitOverrides, clearOverrides, type OverrideSettings } from "./overrides.ts";

/** The server settings that admission reads (linkerd1 §1.3, §2.1.2). */
export interface AdmissionOptions {
  readonly clearContext: boolean;
  /** Traces come by `x-b3-*` headers (the propagator `io.l5d.zipkin`). */
  readonly b3: boolean;
  readonly maxCallDepth: number;
  /** Name of the header that carries the arrival time, `""` for none. */
  readonly timestampHeader: string;
  readonly forwarded: ForwardedLabels | null;
  readonly localDtabs: LocalDtabs;
  readonly overrides: OverrideSettings;
}

/** The two ends of the connection a request came on. */
export interface ConnectionEnds {
  readonly remote: string;
  readonly local: string;
}

/** Reads the context of a request of any version, and adds what the proxy tells the service; a failure when it must be refused. */
export function admitContext(
  ex: Exchange,
  message: HttpMessage,
  ends: ConnectionEnds,
  options: AdmissionOptions,
): Failure | null {
  const problem = checkCallDepth(message, options.maxCallDepth);
  if (problem !== null) return new Failure(problem, problem.means, { max: options.maxCallDepth });
  if (options.b3) ex.trace.b3 = true;
  if (options.clearContext) {
    message.clearContext = true;
    clearOverrides(message, options.overrides);
  } else {
    readContext(ex, message);
    const failure = admitOverrides(ex, message, ends.remote, options.overrides, options.localDtabs);
    if (failure !== null) return failure;
  }
  if (options.forwarded !== null) message.addField("Forwarded", forwardedValue(message, ends, options.forwarded));
  if (options.timestampHeader !== "") message.addField(options.timestampHeader, String(options.localDtabs.epochMs()));
  return null;
}
