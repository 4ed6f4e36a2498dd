// Live values by name, one source per name: what a namer needs to watch each service once, and only while somebody asks for it.
import { Observed, type Var, whileObserved } from "./var.ts";

/**
 * Variables by key. All observers of a key share one source; it is started for the first and stopped after the last of them, and then nothing
 * of the key is left behind.
 */
export class SharedVars<T> {
  readonly #initial: T;
  readonly #running = new Map<string, Var<T>>();

  constructor(initial: T) {
    this.#initial = initial;
  }

  /** The keys somebody observes. */
  get keys(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** The variable of a key. Asking for it starts nothing; observing it runs `start` if nobody else observes the key. */
  at(key: string, start: (set: (value: T) => void) => Disposable): Var<T> {
    return new Observed((listener) => (this.#running.get(key) ?? this.#create(key, start)).observe(listener));
  }

  #create(key: string, start: (set: (value: T) => void) => Disposable): Var<T> {
    const shared: Var<T> = whileObserved(this.#initial, (set) => {
      this.#running.set(key, shared);
      const source = start(set);
      return { [Symbol.dispose]: () => this.#stop(key, source) };
    });
    return shared;
  }

  #stop(key: string, source: Disposable): void {
    this.#running.delete(key);
    source[Symbol.dispose]();
  }
}
