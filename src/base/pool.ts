// @hot A free list. In tests it can be told to poison what it takes back instead of keeping it, so that a late use is loud.

/** Objects that can be used again. */
export interface Reusable {
  reset(): void;
}

/** Last-in first-out store of idle objects of one class. */
export class Pool<T extends Reusable> {
  readonly #make: () => T;
  readonly #idle: T[] = [];
  readonly #kept: number;
  /** Objects handed out and not yet returned. */
  inUse = 0;
  /** Takes what comes back, which is then never handed out again; for tests. */
  poison: ((object: T) => void) | null = null;

  constructor(make: () => T, kept = 4096) {
    this.#make = make;
    this.#kept = kept;
  }

  take(): T {
    this.inUse++;
    return this.#idle.pop() ?? this.#make();
  }

  give(object: T): void {
    this.inUse--;
    object.reset();
    if (this.poison !== null) this.poison(object);
    else if (this.#idle.length < this.#kept) this.#idle.push(object);
  }
}
