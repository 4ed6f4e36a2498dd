// @hot A growable first-in first-out queue on an array used as a ring: for those who wait.

const SMALLEST = 16;
/** An emptied ring larger than this gives its memory back: one burst should not be paid for ever. */
const KEPT_WHEN_EMPTY = 1024;

/** First in, first out; grows by doubling; `push` and `shift` allocate nothing in between. */
export class Ring<T> {
  #slots: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds at the end. */
  push(item: T): void {
    if (this.#length === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item;
    this.#length++;
  }

  /** The oldest, which leaves the ring; undefined when empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#slots[this.#head];
    this.#slots[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#slots.length - 1);
    this.#length--;
    this.#emptied();
    return item;
  }

  /** The oldest, which stays; undefined when empty. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#slots[this.#head];
  }

  /** Takes one item out of the queue, wherever it stands; the others keep their order. Linear in the length. */
  remove(item: T): boolean {
    const mask = this.#slots.length - 1;
    let at = 0;
    while (at < this.#length && this.#slots[(this.#head + at) & mask] !== item) at++;
    if (at === this.#length) return false;
    for (; at < this.#length - 1; at++) {
      this.#slots[(this.#head + at) & mask] = this.#slots[(this.#head + at + 1) & mask];
    }
    this.#slots[(this.#head + at) & mask] = undefined;
    this.#length--;
    this.#emptied();
    return true;
  }

  #emptied(): void {
    if (this.#length === 0 && this.#slots.length > KEPT_WHEN_EMPTY) this.#slots = [];
    if (this.#slots.length === 0) this.#head = 0;
  }

  /** Doubles the ring; its size is a power of two so that a mask finds the place. */
  #grow(): void {
    const old = this.#slots;
    const size = old.length === 0 ? SMALLEST : old.length * 2;
    const slots = new Array<T | undefined>(size).fill(undefined);
    for (let at = 0; at < this.#length; at++) slots[at] = old[(this.#head + at) & (old.length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}
