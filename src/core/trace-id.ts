// @hot The identity of a request in a trace (finagle §8.1), as 32-bit halves: no BigInt on the request path.
import type { Random } from "../base/random.ts";

/** Flag bits of finagle §8.1. */
export const TraceFlag = { debug: 1, samplingKnown: 2, sampled: 4 } as const;

/** Ids of one span. All zero means "none yet". Mutable: it belongs to a pooled exchange. */
export class TraceId {
  spanHigh = 0;
  spanLow = 0;
  parentHigh = 0;
  parentLow = 0;
  traceHigh = 0;
  traceLow = 0;
  flagsHigh = 0;
  flagsLow = 0;
  /** The upper half of a 128-bit trace id; used only when `wide`. */
  extraHigh = 0;
  extraLow = 0;
  wide = false;
  /** Was an id received, or must this hop make the root? */
  known = false;
  /** Probability with which a root made here is sampled; negative when nobody asked. */
  pendingSample = -1;
  /** It came by, and goes on by, the `x-b3-*` headers. */
  b3 = false;

  reset(): void {
    this.known = false;
    this.pendingSample = -1;
    this.b3 = false;
    this.wide = false;
    this.flagsHigh = 0;
    this.flagsLow = 0;
  }

  /** Turns the received id into this hop's: a child span, or a new root when none was received. */
  next(random: Random): void {
    const high = random.bits32();
    const low = random.bits32() || 1; // a span id is never zero
    if (this.known) {
      this.parentHigh = this.spanHigh;
      this.parentLow = this.spanLow;
    } else {
      this.traceHigh = high;
      this.traceLow = low;
      this.parentHigh = high;
      this.parentLow = low;
      this.known = true;
    }
    this.spanHigh = high;
    this.spanLow = low;
    if (this.pendingSample >= 0) this.decide(this.pendingSample);
  }

  /** Shall this request be looked at more closely? */
  get sampled(): boolean {
    return this.known && (this.flagsLow & (TraceFlag.sampled | TraceFlag.debug)) !== 0;
  }

  /** Decides sampling of an undecided trace by probability (the `l5d-sample` header), the same on every hop. */
  decide(probability: number): void {
    if ((this.flagsLow & TraceFlag.samplingKnown) !== 0) return;
    this.flagsLow |= TraceFlag.samplingKnown;
    if ((this.traceLow & 0xffffff) < probability * 0x1000000) this.flagsLow |= TraceFlag.sampled;
  }
}
