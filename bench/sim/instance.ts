// One instance of the service: so many workers, and a queue before them.
import type { Random } from "../../src/base/random.ts";
import type { EventQueue } from "./event-queue.ts";
import type { LatencyBook } from "./latency-book.ts";

/** What an attempt comes to. */
export const Answer = { ok: 0, error: 1, refused: 2, reset: 3 } as const;
export type Answer = (typeof Answer)[keyof typeof Answer];

/** Work for an instance: it is told what came of it, over the network. */
export interface Work {
  /** How long it takes an instance that is well. */
  readonly sizeMs: number;
  /** Nobody waits for it any longer. */
  readonly abandoned: boolean;
  /** Of the instance: how much standing still it has taken account of, how many were there when it came, and when that was. */
  stalledMs: number;
  rifBefore: number;
  arrivedMs: number;
  /** Lost in a crash: what is still scheduled for it means nothing. */
  lost: boolean;
  answer(what: Answer): void;
  /** Schedules `served` and `failed` respectively. */
  doneIn(delayMs: number): void;
  failIn(delayMs: number): void;
}

export interface InstanceSpec {
  readonly workers: number;
  readonly crashAtQueue?: number | undefined;
  readonly crashedMs: number;
  readonly dropsAbandoned: boolean;
}

export class Instance {
  readonly slot: number;
  /** What it is known by; a replacement has another. */
  key: string;
  /** Attempts sent to it. */
  picked = 0;
  /** Work takes so many times as long; `takesMs` instead, when it is not 0. */
  factor = 1;
  takesMs = 0;
  refuses = false;
  errorShare = 0;
  errorAfterMs = 0;
  /** Where a cold one is on its way to being warm. */
  warmFromMs = 0;
  warmMs = 0;
  coldFactor = 1;
  /** Latencies by requests in flight, for probes; null where nobody probes. */
  book: LatencyBook | null = null;
  readonly #spec: InstanceSpec;
  readonly #queue: EventQueue;
  readonly #random: Random;
  /** How many are being worked on, and which: the latter only where an instance can crash. */
  #busy = 0;
  readonly #serving: Set<Work> | null;
  #waiting: Work[] = [];
  #pausedUntilMs = 0;
  /** All standing still so far. */
  #stalledMs = 0;

  constructor(slot: number, spec: InstanceSpec, queue: EventQueue, random: Random) {
    this.slot = slot;
    this.key = `i${slot}`;
    this.#spec = spec;
    this.#queue = queue;
    this.#random = random;
    this.#serving = spec.crashAtQueue === undefined ? null : new Set();
  }

  /** Requests in flight, here. */
  get rif(): number {
    return this.#busy + this.#waiting.length;
  }

  /** How long from now until it stirs again. */
  get pausedForMs(): number {
    return Math.max(0, this.#pausedUntilMs - this.#queue.nowMs);
  }

  receive(work: Work): void {
    if (this.refuses) return work.answer(Answer.refused);
    if (this.errorShare > 0 && this.#random.next() < this.errorShare) return work.failIn(this.errorAfterMs);
    work.rifBefore = this.rif;
    work.arrivedMs = this.#queue.nowMs;
    if (this.#busy < this.#spec.workers) return this.#begin(work);
    this.#waiting.push(work);
    if (this.#waiting.length === this.#spec.crashAtQueue) this.#crash();
  }

  /** The time of `work` is over, unless the instance stood still meanwhile. */
  served(work: Work): void {
    if (work.lost) return;
    const missedMs = this.#stalledMs - work.stalledMs;
    work.stalledMs = this.#stalledMs;
    if (missedMs > 0) return work.doneIn(missedMs);
    this.#busy--;
    this.#serving?.delete(work);
    this.book?.note(work.rifBefore, this.#queue.nowMs - work.arrivedMs, this.#queue.nowMs);
    work.answer(Answer.ok);
    this.#next();
  }

  /** Everything stands still. */
  pause(lengthMs: number): void {
    const untilMs = Math.max(this.#pausedUntilMs, this.#queue.nowMs + lengthMs);
    this.#stalledMs += untilMs - Math.max(this.#pausedUntilMs, this.#queue.nowMs);
    this.#pausedUntilMs = untilMs;
  }

  #begin(work: Work): void {
    this.#busy++;
    this.#serving?.add(work);
    work.stalledMs = this.#stalledMs;
    work.doneIn(this.pausedForMs + this.#timeOf(work));
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#busy < this.#spec.workers) {
      const work = this.#waiting.shift()!;
      if (!(this.#spec.dropsAbandoned && work.abandoned)) this.#begin(work);
    }
  }

  #timeOf(work: Work): number {
    if (this.takesMs > 0) return this.takesMs;
    const cold = this.warmMs === 0 ? 0 : 1 - (this.#queue.nowMs - this.warmFromMs) / this.warmMs;
    return work.sizeMs * this.factor * (cold > 0 ? 1 + (this.coldFactor - 1) * cold : 1);
  }

  /** All it had is lost, and for a while nobody is there. */
  #crash(): void {
    const lost = [...(this.#serving ?? []), ...this.#waiting];
    this.#busy = 0;
    this.#serving?.clear();
    this.#waiting = [];
    for (const work of lost) {
      work.lost = true;
      work.answer(Answer.reset);
    }
    this.refuses = true;
    this.#queue.after(this.#spec.crashedMs, { on: () => void (this.refuses = false) }, 0);
  }
}
