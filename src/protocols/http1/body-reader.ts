// @hot Finds the borders of one body, whatever its framing, and hands out ranges of the read buffer.
import type { Trailers } from "../../core/body.ts";
import type { Cause } from "../../core/cause.ts";
import { Framing, HttpHead } from "../http/head.ts";
import { Chunk, ChunkedDecoder } from "./codec/chunked.ts";
import { type HeadLimits, Parse, parseTrailers } from "./codec/parse-head.ts";

/** What `next` found. */
export const BodyStep = { needMore: 0, data: 1, end: 2, bad: 3 } as const;
export type BodyStep = (typeof BodyStep)[keyof typeof BodyStep];

/** What a malformed body is refused with. */
export interface BodyProblems {
  readonly chunk: Cause;
  readonly trailer: Cause;
}

/** Reads one body after the other. */
export class BodyReader {
  /** After `data`: the range of body bytes. */
  start = 0;
  end = 0;
  /** Where to go on after any step. */
  position = 0;
  /** After `end`: the trailer section, or null. */
  trailers: Trailers | null = null;
  /** After `bad`. */
  problem: Cause | null = null;
  readonly #problems: BodyProblems;
  readonly #limits: HeadLimits;
  #framing: Framing = Framing.none;
  #left = 0;
  #decoder: ChunkedDecoder | null = null;
  #trailerHead: HttpHead | null = null;

  constructor(problems: BodyProblems, limits: HeadLimits) {
    this.#problems = problems;
    this.#limits = limits;
  }

  begin(framing: Framing, contentLength: number): void {
    this.#framing = framing;
    this.#left = framing === Framing.length ? contentLength : 0;
    this.trailers = null;
    this.problem = null;
    this.#trailerHead = null;
    if (framing !== Framing.chunked) return;
    this.#decoder ??= new ChunkedDecoder();
    this.#decoder.reset();
  }

  /** Bytes known to be still to come; unknown amounts count as many. */
  get remaining(): number {
    if (this.#framing === Framing.length) return this.#left;
    if (this.#framing === Framing.chunked) return (this.#decoder as ChunkedDecoder).remaining;
    return Number.MAX_SAFE_INTEGER;
  }

  /** Is the body known to be complete without another byte? */
  get ended(): boolean {
    return this.#framing === Framing.length && this.#left === 0;
  }

  /** Reads on in `buffer[at, limit)`. */
  next(buffer: Buffer, at: number, limit: number): BodyStep {
    if (this.#framing === Framing.chunked) return this.#nextChunked(buffer, at, limit);
    if (this.#framing === Framing.length) return this.#nextLength(at, limit);
    return this.#give(at, limit, limit);
  }

  #nextLength(at: number, limit: number): BodyStep {
    if (this.#left === 0) {
      this.position = at;
      return BodyStep.end;
    }
    const step = this.#give(at, Math.min(limit, at + this.#left), limit);
    if (step === BodyStep.data) this.#left -= this.end - this.start;
    return step;
  }

  #give(at: number, to: number, limit: number): BodyStep {
    this.position = to;
    if (at >= limit) return BodyStep.needMore;
    this.start = at;
    this.end = to;
    return BodyStep.data;
  }

  #nextChunked(buffer: Buffer, at: number, limit: number): BodyStep {
    if (this.#trailerHead !== null) return this.#readTrailers(buffer, at, limit);
    const decoder = this.#decoder as ChunkedDecoder;
    const step = decoder.next(buffer, at, limit);
    this.position = decoder.position;
    if (step === Chunk.data) {
      this.start = decoder.start;
      this.end = decoder.end;
      return BodyStep.data;
    }
    if (step === Chunk.bad) return this.#bad(this.#problems.chunk);
    if (step === Chunk.needMore) return BodyStep.needMore;
    return this.#beginTrailers(buffer, decoder.position, limit);
  }

  // Nearly always the section is empty: CRLF and nothing else.
  #beginTrailers(buffer: Buffer, at: number, limit: number): BodyStep {
    if (limit - at >= 2 && buffer[at] === 13 && buffer[at + 1] === 10) {
      this.position = at + 2;
      return BodyStep.end;
    }
    this.#trailerHead = new HttpHead();
    return this.#readTrailers(buffer, at, limit);
  }

  #readTrailers(buffer: Buffer, at: number, limit: number): BodyStep {
    const head = this.#trailerHead as HttpHead;
    this.position = limit;
    if (at >= limit) return BodyStep.needMore;
    const before = head.accumulated;
    head.accumulate(buffer, at, limit);
    const verdict = parseTrailers(head, head.accumulated, this.#limits, this.#problems.trailer);
    if (verdict === Parse.incomplete) return BodyStep.needMore;
    if (verdict === Parse.bad) return this.#bad(this.#problems.trailer);
    this.position = at + head.length - before;
    if (head.count > 0) this.trailers = head;
    return BodyStep.end;
  }

  #bad(problem: Cause): BodyStep {
    this.problem = problem;
    return BodyStep.bad;
  }
}
