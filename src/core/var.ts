// A value that changes, and those who watch it. Everything discovery knows reaches the rest of the house this way.

/**
 * A value that changes. Observers are called synchronously: once at once with the current value, then at every change. A derived value costs
 * nothing, and holds nothing, while nobody observes it.
 */
export abstract class Var<T> {
  /** Calls `listener` with the current value before returning, then at every change, until the result is disposed of. */
  abstract observe(listener: (value: T) => void): Disposable;

  /** The value right now. Observes for a moment, so a source that starts when observed may only say its initial value. */
  sample(): T {
    const seen: { value?: T } = {};
    this.observe((value) => {
      seen.value = value;
    })[Symbol.dispose]();
    return seen.value as T; // `observe` called back before it returned
  }

  /** Every value, changed. On a constant `change` runs at once. */
  map<U>(change: (value: T) => U): Var<U> {
    return new Scanned<T, U>(this, (_, value) => change(value));
  }

  /** Follows the variable that `choose` picks for the current value. The new one is observed before the old one is let go. */
  flatMap<U>(choose: (value: T) => Var<U>): Var<U> {
    return new Chosen(this, choose);
  }

  /** Combines each value with the previous result of the same observation. A result identical to the previous one is not delivered. */
  scan<U>(step: (previous: U | undefined, value: T) => U): Var<U> {
    return new Scanned(this, step);
  }

  /** Leaves out values that are the same as the one before. */
  distinct(same: (a: T, b: T) => boolean): Var<T> {
    return this.scan<{ readonly value: T }>((previous, value) =>
      previous !== undefined && same(previous.value, value) ? previous : { value },
    ).map((box) => box.value);
  }
}

/** A value that never changes. */
export class Constant<T> extends Var<T> {
  readonly value: T;

  constructor(value: T) {
    super();
    this.value = value;
  }

  override observe(listener: (value: T) => void): Disposable {
    listener(this.value);
    return nothing;
  }

  override sample(): T {
    return this.value;
  }

  override map<U>(change: (value: T) => U): Var<U> {
    return new Constant(change(this.value));
  }

  override flatMap<U>(choose: (value: T) => Var<U>): Var<U> {
    return choose(this.value);
  }

  override scan<U>(step: (previous: U | undefined, value: T) => U): Var<U> {
    return new Constant(step(undefined, this.value));
  }

  override distinct(): Var<T> {
    return this;
  }
}

const nothing: Disposable = { [Symbol.dispose]: () => {} };

interface Observer<T> {
  readonly listener: (value: T) => void;
  /** The newest version this observer was told. */
  told: number;
}

/**
 * A value someone sets. Setting it from within a listener is fine: observers not yet told of the older value are told only of the newer one.
 * A listener that throws does not keep the others from being told; the first error is thrown to whoever set the value.
 */
export class Source<T> extends Var<T> {
  #value: T;
  #version = 0;
  readonly #observers = new Set<Observer<T>>();

  constructor(initial: T) {
    super();
    this.#value = initial;
  }

  get value(): T {
    return this.#value;
  }

  get observerCount(): number {
    return this.#observers.size;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    const version = ++this.#version;
    const errors: unknown[] = [];
    for (const observer of this.#observers) {
      if (version !== this.#version) break; // set again meanwhile: everybody has been told the newer value
      if (observer.told === version) continue; // began to observe during this loop
      observer.told = version;
      attempt(() => observer.listener(value), errors);
    }
    if (errors.length > 0) throw errors[0];
  }

  override observe(listener: (value: T) => void): Disposable {
    const observer: Observer<T> = { listener, told: this.#version };
    this.#observers.add(observer);
    const stop = () => void this.#observers.delete(observer);
    orElse(() => listener(this.#value), stop);
    return { [Symbol.dispose]: stop };
  }

  override sample(): T {
    return this.#value;
  }
}

function attempt(run: () => void, errors: unknown[]): void {
  try {
    run();
  } catch (error) {
    errors.push(error);
  }
}

/** Runs `act`; if it throws, undoes what was begun for it. */
function orElse<R>(act: () => R, undo: () => void): R {
  try {
    return act();
  } catch (error) {
    undo();
    throw error;
  }
}

/** `map`, `scan` and `distinct`: one upstream value, one result. */
class Scanned<T, U> extends Var<U> {
  readonly #upstream: Var<T>;
  readonly #step: (previous: U | undefined, value: T) => U;

  constructor(upstream: Var<T>, step: (previous: U | undefined, value: T) => U) {
    super();
    this.#upstream = upstream;
    this.#step = step;
  }

  override observe(listener: (value: U) => void): Disposable {
    const step = this.#step;
    let previous: U | undefined;
    let first = true;
    return this.#upstream.observe((value) => {
      const result = step(previous, value);
      if (!first && Object.is(result, previous)) return;
      first = false;
      previous = result;
      listener(result);
    });
  }
}

/** `flatMap`. A value of an inner variable that is no longer the chosen one is never delivered. */
class Chosen<T, U> extends Var<U> {
  readonly #outer: Var<T>;
  readonly #choose: (value: T) => Var<U>;

  constructor(outer: Var<T>, choose: (value: T) => Var<U>) {
    super();
    this.#outer = outer;
    this.#choose = choose;
  }

  override observe(listener: (value: U) => void): Disposable {
    const choose = this.#choose;
    let inner: Disposable | undefined;
    let choice = 0;
    const outer = this.#outer.observe((value) => {
      const mine = ++choice;
      const next = choose(value).observe((result) => {
        if (mine === choice) listener(result);
      });
      if (mine !== choice) return next[Symbol.dispose](); // chosen again while we were choosing
      const previous = inner;
      inner = next;
      previous?.[Symbol.dispose]();
    });
    return {
      [Symbol.dispose]: () => {
        choice = -1;
        outer[Symbol.dispose]();
        inner?.[Symbol.dispose]();
        inner = undefined;
      },
    };
  }
}

/** A variable whose observation is written by hand. `observe` must call its listener once before it returns. */
export class Observed<T> extends Var<T> {
  readonly #observe: (listener: (value: T) => void) => Disposable;

  constructor(observe: (listener: (value: T) => void) => Disposable) {
    super();
    this.#observe = observe;
  }

  override observe(listener: (value: T) => void): Disposable {
    return this.#observe(listener);
  }
}

/**
 * A value kept by a source that runs only while somebody observes: `start` is called for the first observer, and what it returns is disposed of
 * after the last one has gone. All observers share the one source. Started again, it begins with `initial` again.
 */
export function whileObserved<T>(initial: T, start: (set: (value: T) => void) => Disposable): Var<T> {
  let source = new Source(initial);
  let running: Disposable | undefined;
  let observers = 0;
  const begin = () => {
    const mine = source;
    if (++observers === 1) running = start((value) => mine.set(value));
  };
  const release = () => {
    if (--observers > 0) return;
    const stopped = running;
    running = undefined;
    source = new Source(initial);
    stopped?.[Symbol.dispose]();
  };
  return new Observed((listener) =>
    orElse(() => {
      begin();
      return onceBoth(source.observe(listener), release);
    }, release),
  );
}

/** Disposes of `first` and then runs `then`, however often it is asked. */
function onceBoth(first: Disposable, then: () => void): Disposable {
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    first[Symbol.dispose]();
    then();
  };
  return { [Symbol.dispose]: dispose };
}

/** All current values, in order. Delivered once when all are known, then at every change of one. */
export function collect<T>(vars: readonly Var<T>[]): Var<readonly T[]> {
  if (vars.every((v) => v instanceof Constant)) return new Constant(vars.map((v) => v.sample()));
  return new Observed((listener) => {
    const values: T[] = [];
    let complete = false;
    const observations = vars.map((v, i) =>
      v.observe((value) => {
        values[i] = value;
        if (complete) listener(values.slice());
      }),
    );
    complete = true;
    listener(values.slice());
    return { [Symbol.dispose]: () => observations.forEach((o) => o[Symbol.dispose]()) };
  });
}
