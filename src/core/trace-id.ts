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
  /** Is it traced here? Then this hop has two spans: `parent` is that of the server, which is the caller's too when it was received, and `span` that of the client. */
  traced = false;
  received = false;
  /** Of the server's span; its own when it has none. */
  aboveHigh = 0;
  aboveLow = 0;

  reset(): void {
    this.known = false;
    this.traced = false;
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

  /** As `next`, for a request that somebody traces: a new root gets a child at once, so that the server's span is not that of the client (finagle §8.2). */
  nextTraced(random: Random): void {
    this.received = this.known;
    if (!this.known) {
      this.traceHigh = random.bits32();
      this.traceLow = random.bits32() || 1;
      this.spanHigh = this.traceHigh;
      this.spanLow = this.traceLow;
      this.parentHigh = this.traceHigh;
      this.parentLow = this.traceLow;
      this.known = true;
    }
    this.aboveHigh = this.parentHigh;
    this.aboveLow = this.parentLow;
    this.traced = true;
    this.next(random);
  }

  /** Shall this request be looked at more closely? */
  get sampled(): boolean {
    return this.known && (this.flagsLow & (TraceFlag.sampled | TraceFlag.debug)) !== 0;
  }

  /** Has nobody decided yet whether it is sampled? */
  get undecided(): boolean {
    return (this.flagsLow & (TraceFlag.samplingKnown | TraceFlag.sampled | TraceFlag.debug)) === 0;
  }

  /** What is compared with probabilities, in units of 2^-24: the same on every hop. */
  get draw(): number {
    return this.traceLow & 0xffffff;
  }

  /** Decides sampling of an undecided trace by probability (the `l5d-sample` header). */
  decide(probability: number): void {
    if ((this.flagsLow & TraceFlag.samplingKnown) !== 0) return;
    this.flagsLow |= TraceFlag.samplingKnown;
    if (this.draw < probability * 0x1000000) this.flagsLow |= TraceFlag.sampled;
  }
}
