// @hot Coarse timers for the fast world: arming, re-arming and cancelling move links and allocate nothing.
//
// A hashed wheel (Varghese and Lauck 1987) with one addition: a timer that was just armed waits in a list of fresh timers until
// the next tick, and only then gets its place. So arming reads no clock, and the many timers that are cancelled within one tick
// never reach the wheel. The price is precision: a timer is never early and at most two ticks late.
import type { Clock } from "./clock.ts";
import type { Timer, Timers } from "./timers.ts";

/** Who is told when a timer fires; an owner of several compares `timer` with its fields. */
export interface TimerOwner {
  onTimer(timer: WheelTimer): void;
}

/**
 * One timer, made once and armed often. Hold it in a field rather than subclass it: all timers keep one hidden class.
 * The links are the wheel's own; linked to itself means not armed.
 */
export class WheelTimer {
  readonly owner: TimerOwner;
  next: WheelTimer = this;
  previous: WheelTimer = this;
  delayMs = 0;
  dueMs = 0;

  constructor(owner: TimerOwner) {
    this.owner = owner;
  }

  get armed(): boolean {
    return this.next !== this;
  }
}

const DEFAULT_TICK_MS = 50;
const DEFAULT_SLOTS = 512;
const nobody: TimerOwner = { onTimer: () => undefined };

/** Many coarse timers behind one periodic timer, which runs only while something is armed: an idle process sleeps. */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #tickMs: number;
  readonly #slots: WheelTimer[];
  readonly #mask: number;
  readonly #fresh = new WheelTimer(nobody);
  readonly #due = new WheelTimer(nobody);
  #cursor = 0;
  #armed = 0;
  #driver: Timer | null = null;

  /**
   * @param env the clock and the timers that drive the wheel.
   * @param tickMs precision, and how often a busy wheel wakes.
   * @param slots a power of two; longer delays than `tickMs × slots` are fine, they are looked at once per turn of the wheel.
   */
  constructor(
    env: { readonly clock: Clock; readonly timers: Timers },
    tickMs = DEFAULT_TICK_MS,
    slots = DEFAULT_SLOTS,
  ) {
    this.#clock = env.clock;
    this.#timers = env.timers;
    this.#tickMs = tickMs;
    this.#mask = slots - 1;
    this.#slots = Array.from({ length: slots }, () => new WheelTimer(nobody));
  }

  /** How many timers are armed. */
  get armed(): number {
    return this.#armed;
  }

  /** Fires `timer` once, `delayMs` from now or up to two ticks later. An armed timer starts over. */
  arm(timer: WheelTimer, delayMs: number): void {
    if (timer.next === timer) this.#armed++;
    else unlink(timer);
    timer.delayMs = delayMs;
    append(this.#fresh, timer);
    if (this.#driver === null) this.#start();
  }

  /** After this the timer will not fire. Cancelling a timer that is not armed does nothing. */
  cancel(timer: WheelTimer): void {
    if (timer.next === timer) return;
    unlink(timer);
    this.#armed--;
  }

  /**
   * One tick: fires what is due. Called by the driver. An owner may arm and cancel any timer while it is told, its own too;
   * what it arms gets its place at the next tick. If an owner throws, the rest fires at the next tick.
   */
  advance(nowMs: number): void {
    this.#place(nowMs);
    this.#collect(nowMs);
    this.#fire(nowMs);
    if (this.#armed === 0) this.#stop();
  }

  /** Forgets the driver; armed timers never fire. */
  [Symbol.dispose](): void {
    this.#stop();
  }

  #place(nowMs: number): void {
    const fresh = this.#fresh;
    while (fresh.next !== fresh) {
      const timer = fresh.next;
      unlink(timer);
      timer.dueMs = nowMs + timer.delayMs;
      append(this.#slotOf(timer), timer);
    }
  }

  /** Moves the slots passed since the last tick, and the one we stand in, to the list of those to look at. */
  #collect(nowMs: number): void {
    const to = Math.floor(nowMs / this.#tickMs);
    for (let tick = Math.max(this.#cursor, to - this.#mask); tick <= to; tick++) {
      splice(this.#slots[tick & this.#mask]!, this.#due);
    }
    this.#cursor = to;
  }

  #fire(nowMs: number): void {
    const due = this.#due;
    while (due.next !== due) {
      const timer = due.next;
      unlink(timer);
      if (timer.dueMs > nowMs) {
        append(this.#slotOf(timer), timer);
        continue;
      }
      this.#armed--;
      timer.owner.onTimer(timer);
    }
  }

  #slotOf(timer: WheelTimer): WheelTimer {
    return this.#slots[Math.floor(timer.dueMs / this.#tickMs) & this.#mask]!;
  }

  #start(): void {
    this.#cursor = Math.floor(this.#clock.nowMs() / this.#tickMs);
    this.#driver = this.#timers.every(this.#tickMs, () => this.advance(this.#clock.nowMs()));
  }

  #stop(): void {
    this.#driver?.cancel();
    this.#driver = null;
  }
}

function unlink(timer: WheelTimer): void {
  timer.previous.next = timer.next;
  timer.next.previous = timer.previous;
  timer.next = timer;
  timer.previous = timer;
}

/** Puts a timer at the end of the list that `head` anchors. */
function append(head: WheelTimer, timer: WheelTimer): void {
  const last = head.previous;
  last.next = timer;
  timer.previous = last;
  timer.next = head;
  head.previous = timer;
}

/** Moves a whole list to the end of another. */
function splice(from: WheelTimer, to: WheelTimer): void {
  if (from.next === from) return;
  const first = from.next;
  const last = from.previous;
  from.next = from;
  from.previous = from;
  first.previous = to.previous;
  to.previous.next = first;
  last.next = to;
  to.previous = last;
}
