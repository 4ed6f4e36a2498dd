// @hot A value per exchange for a filter that keeps nothing itself: a numbered place in the exchange, handed out when stacks are put together.
import type { Exchange } from "./exchange.ts";

/** One place. Every exchange begins with the initial value. */
export class Slot<T> {
  readonly #place: number;
  readonly #initial: T;

  constructor(place: number, initial: T) {
    this.#place = place;
    this.#initial = initial;
  }

  get(ex: Exchange): T {
    const { slots } = ex;
    if (slots === null) return this.#initial;
    const value = slots[this.#place];
    return value === undefined ? this.#initial : (value as T); // only this slot writes there
  }

  set(ex: Exchange, value: T): void {
    if (ex.slots === null) ex.slots = []; // once per pooled exchange
    ex.slots[this.#place] = value;
  }
}

/** Hands out the places of one event loop. */
export class Slots {
  #next = 0;
  readonly #free: number[] = [];

  /** @param taken is told the place, for `give`. */
  make<T>(initial: T, taken: number[]): Slot<T> {
    const place = this.#free.pop() ?? this.#next++;
    taken.push(place);
    return new Slot(place, initial);
  }

  /** Nobody uses these places any more, in no exchange. */
  give(places: readonly number[]): void {
    for (let i = 0; i < places.length; i++) this.#free.push(places[i] as number);
  }
}
