// Alternatives: the first one that is not neg is the answer.
import { Activity, type ActivityState } from "../core/activity.ts";
import { type NameTree, neg } from "../core/name-tree.ts";
import { Observed } from "../core/var.ts";

/**
 * The first of `count` alternatives that is not neg. Pending and failed ones are answers in this sense: they do not let the next one try.
 * An alternative is made, and observed, only while all before it are neg. Works in a loop, not by recursion: there can be thousands of them.
 */
export function firstAnswer<T>(
  count: number,
  alternative: (index: number) => Activity<NameTree<T>>,
): Activity<NameTree<T>> {
  for (let i = 0; i < count; i++) {
    const activity = alternative(i);
    const { fixed } = activity;
    if (fixed === undefined)
      return new Activity(new Observed((listener) => new Search(count, alternative, i, activity, listener)));
    if (!isNeg(fixed)) return activity;
  }
  return Activity.ok(neg);
}

type State<T> = ActivityState<NameTree<T>>;

function isNeg<T>(state: State<T>): boolean {
  return state.at === "ok" && state.value.kind === "neg";
}

interface Held<T> {
  readonly index: number;
  state: State<T> | undefined;
  /** Undefined while we are subscribing. */
  observation: Disposable | undefined;
}

/** One observation. It holds alternatives in order: all but the last are known to be neg, and the last is the answer, or is being made. */
class Search<T> implements Disposable {
  readonly #count: number;
  readonly #alternative: (index: number) => Activity<NameTree<T>>;
  readonly #listener: (state: State<T>) => void;
  /** How many alternatives before the first held one are neg for ever. */
  readonly #offset: number;
  readonly #held: Held<T>[] = [];

  constructor(
    count: number,
    alternative: (index: number) => Activity<NameTree<T>>,
    offset: number,
    first: Activity<NameTree<T>>,
    listener: (state: State<T>) => void,
  ) {
    this.#count = count;
    this.#alternative = alternative;
    this.#offset = offset;
    this.#listener = listener;
    this.#hold(first);
    this.#search();
  }

  [Symbol.dispose](): void {
    this.#letGoFrom(0);
  }

  /** Goes on holding alternatives until the last one is not neg, and tells its state. */
  #search(): void {
    for (;;) {
      const last = this.#held.at(-1);
      if (last?.state === undefined) return; // disposed of, or still subscribing further up the stack
      if (!isNeg(last.state)) return this.#listener(last.state);
      const index = this.#offset + this.#held.length;
      if (index >= this.#count) return this.#listener(last.state);
      const next = this.#alternative(index);
      if (this.#held.at(-1) === last && isNeg(last.state)) this.#hold(next);
    }
  }

  #hold(activity: Activity<NameTree<T>>): void {
    const held: Held<T> = { index: this.#held.length, state: undefined, observation: undefined };
    this.#held.push(held);
    const observation = activity.observe((state) => {
      held.state = state;
      if (held.observation !== undefined) this.#changed(held, state);
    });
    if (this.#holds(held)) held.observation = observation;
    else observation[Symbol.dispose]();
  }

  #changed(held: Held<T>, state: State<T>): void {
    if (!this.#holds(held)) return;
    if (held.index === this.#held.length - 1) return this.#search();
    if (isNeg(state)) return;
    this.#letGoFrom(held.index + 1);
    this.#listener(state);
  }

  #holds(held: Held<T>): boolean {
    return this.#held[held.index] === held;
  }

  #letGoFrom(index: number): void {
    for (const held of this.#held.splice(index)) held.observation?.[Symbol.dispose]();
  }
}
