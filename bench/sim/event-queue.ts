// What happens next: a clock that jumps from event to event. Of two at the same moment the one that was scheduled first comes first.
import type { Env } from "../../src/base/env.ts";
import type { Random } from "../../src/base/random.ts";
import type { Timer } from "../../src/base/timers.ts";

/** Something that events happen to; which of its events it is, it says itself when it schedules one. */
export interface EventHandler {
  on(event: number): void;
}

const FIRST_CAPACITY = 1024;

/** A binary heap by time, then by order of scheduling, beside the lanes for events that all come equally late. */
export class EventQueue {
  nowMs = 0;
  readonly #lanes: Lane[] = [];
  #times = new Float64Array(FIRST_CAPACITY);
  #orders = new Float64Array(FIRST_CAPACITY);
  #events = new Uint8Array(FIRST_CAPACITY);
  readonly #handlers: EventHandler[] = [];
  #size = 0;
  #order = 0;

  /** `handler.on(event)` in so many milliseconds. */
  after(delayMs: number, handler: EventHandler, event: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const timeMs = this.nowMs + delayMs;
    const order = this.#order++;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#later(parent, timeMs, order)) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#times[at] = timeMs;
    this.#orders[at] = order;
    this.#events[at] = event;
    this.#handlers[at] = handler;
  }

  /** A place for one event of many handlers, always equally late: cheaper than the heap. */
  lane(delayMs: number, event: number): Lane {
    const lane = new Lane(this, delayMs, event, () => this.#order++);
    this.#lanes.push(lane);
    return lane;
  }

  /** Runs the next event; false when there is none. */
  runNext(): boolean {
    let next: Lane | null = null;
    let timeMs = this.#size > 0 ? this.#times[0]! : Infinity;
    let order = this.#size > 0 ? this.#orders[0]! : Infinity;
    for (const lane of this.#lanes) {
      if (lane.timeMs > timeMs || (lane.timeMs === timeMs && lane.order > order)) continue;
      next = lane;
      timeMs = lane.timeMs;
      order = lane.order;
    }
    if (timeMs === Infinity) return false;
    this.nowMs = timeMs;
    if (next !== null) next.run();
    else this.#runTop();
    return true;
  }

  #runTop(): void {
    const handler = this.#handlers[0]!;
    const event = this.#events[0]!;
    const last = --this.#size;
    if (last > 0) this.#sink(this.#times[last]!, this.#orders[last]!, last);
    this.#handlers.length = last;
    handler.on(event);
  }

  /** Puts the entry at `from` in its place, from the top down. */
  #sink(timeMs: number, order: number, from: number): void {
    const event = this.#events[from]!;
    const handler = this.#handlers[from]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#later(child, this.#times[child + 1]!, this.#orders[child + 1]!)) child++;
      if (this.#later(child, timeMs, order)) break;
      this.#move(child, at);
      at = child;
    }
    this.#times[at] = timeMs;
    this.#orders[at] = order;
    this.#events[at] = event;
    this.#handlers[at] = handler;
  }

  /** Is the entry at `at` later than this? */
  #later(at: number, timeMs: number, order: number): boolean {
    const its = this.#times[at]!;
    return its > timeMs || (its === timeMs && this.#orders[at]! > order);
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from]!;
    this.#orders[to] = this.#orders[from]!;
    this.#events[to] = this.#events[from]!;
    this.#handlers[to] = this.#handlers[from]!;
  }

  #grow(): void {
    const capacity = 2 * this.#times.length;
    this.#times = grown(this.#times, new Float64Array(capacity));
    this.#orders = grown(this.#orders, new Float64Array(capacity));
    this.#events = grown(this.#events, new Uint8Array(capacity));
  }
}

/** First in, first out: whoever is scheduled later is due later. */
export class Lane {
  /** When the first is due; infinite while there is none. */
  timeMs = Infinity;
  order = Infinity;
  readonly #queue: EventQueue;
  readonly #delayMs: number;
  readonly #event: number;
  readonly #nextOrder: () => number;
  #times = new Float64Array(FIRST_CAPACITY);
  #orders = new Float64Array(FIRST_CAPACITY);
  #handlers: (EventHandler | null)[] = new Array<EventHandler | null>(FIRST_CAPACITY).fill(null);
  #head = 0;
  #size = 0;

  constructor(queue: EventQueue, delayMs: number, event: number, nextOrder: () => number) {
    this.#queue = queue;
    this.#delayMs = delayMs;
    this.#event = event;
    this.#nextOrder = nextOrder;
  }

  push(handler: EventHandler): void {
    if (this.#size === this.#times.length) this.#grow();
    const at = (this.#head + this.#size++) & (this.#times.length - 1);
    this.#times[at] = this.#queue.nowMs + this.#delayMs;
    this.#orders[at] = this.#nextOrder();
    this.#handlers[at] = handler;
    if (this.#size === 1) this.#show();
  }

  /** Runs the first. */
  run(): void {
    const handler = this.#handlers[this.#head]!;
    this.#handlers[this.#head] = null;
    this.#head = (this.#head + 1) & (this.#times.length - 1);
    this.#size--;
    this.#show();
    handler.on(this.#event);
  }

  #show(): void {
    this.timeMs = this.#size > 0 ? this.#times[this.#head]! : Infinity;
    this.order = this.#size > 0 ? this.#orders[this.#head]! : Infinity;
  }

  #grow(): void {
    const old = this.#times.length;
    const inOrder = Array.from({ length: old }, (_, n) => (this.#head + n) & (old - 1));
    const times = inOrder.map((at) => this.#times[at]!);
    const orders = inOrder.map((at) => this.#orders[at]!);
    this.#handlers = [...inOrder.map((at) => this.#handlers[at]!), ...new Array<null>(old).fill(null)];
    this.#times = grown(times, new Float64Array(2 * old));
    this.#orders = grown(orders, new Float64Array(2 * old));
    this.#head = 0;
  }
}

function grown<A extends Float64Array | Uint8Array>(from: ArrayLike<number>, to: A): A {
  to.set(from);
  return to;
}

/** The surroundings of product code in simulated time. */
export function simulatedEnv(queue: EventQueue, random: Random): Env {
  const after = (delayMs: number, run: () => void): Timer => {
    let cancelled = false;
    queue.after(Math.max(0, delayMs), { on: () => void (cancelled || run()) }, 0);
    const cancel = (): void => void (cancelled = true);
    return { cancel, [Symbol.dispose]: cancel };
  };
  const every = (periodMs: number, run: () => void): Timer => {
    let next: Timer;
    const again = (): void => {
      next = after(periodMs, again);
      run();
    };
    next = after(periodMs, again);
    const cancel = (): void => next.cancel();
    return { cancel, [Symbol.dispose]: cancel };
  };
  return {
    clock: { nowMs: () => queue.nowMs, epochMs: () => Math.floor(queue.nowMs) },
    timers: { after, every, soon: (run) => void after(0, run) },
    random,
  };
}
