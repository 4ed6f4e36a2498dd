// Which requests a telemeter that traces wants to know of (linkerd1 §7.1, finagle §8.2).
import { TraceFlag } from "../core/trace-id.ts";

/** Of one telemeter; plain values, which threads are sent. */
export interface Sampler {
  /** Of traces of which nobody has decided, this share; 0 to 1. */
  readonly rate: number;
  /** What it decides is decided for everybody after us. */
  readonly decides: boolean;
  /** The share is that of all traces, those among them that others have decided against. */
  readonly ofAll: boolean;
}

/** Units of `TraceId.draw`. */
export const DRAWS = 0x1000000;

/** Does it want to know of a request? What is sampled, it does. @param flags the lower half, as they are when the request is sent on. */
export function wants({ decides, ofAll, rate }: Sampler, flags: number, draw: number): boolean {
  if ((flags & (TraceFlag.sampled | TraceFlag.debug)) !== 0) return true;
  if (decides || (!ofAll && (flags & TraceFlag.samplingKnown) !== 0)) return false;
  return draw < rate * DRAWS;
}
