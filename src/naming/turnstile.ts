// So many at a time, the others in order of arrival.

/** Lets a bounded number of tasks run at once. */
export class Turnstile {
  readonly #places: number;
  #inside = 0;
  readonly #waiting = new Set<() => void>();

  constructor(places: number) {
    this.#places = places;
  }

  /** Runs `task` when there is a place; it calls `leave` when done. Disposed of while it waits, it never runs; later, nothing changes. */
  enter(task: (leave: () => void) => void): Disposable {
    const run = () => {
      this.#inside++;
      let left = false;
      task(() => {
        if (left) return;
        left = true;
        this.#inside--;
        this.#admit();
      });
    };
    if (this.#inside < this.#places) run();
    else this.#waiting.add(run);
    return { [Symbol.dispose]: () => void this.#waiting.delete(run) };
  }

  #admit(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#inside >= this.#places) return;
    this.#waiting.delete(next);
    next();
  }
}
