// How large an explanation has become.
import { Activity, type ActivityState } from "../core/activity.ts";
import type { Path } from "../core/path.ts";
import { Observed } from "../core/var.ts";
import { costOf, type Place, shortened, tooDeep, tooFar, tooMany } from "./limits.ts";

/** What was evaluated because of one state of one live input. It is dropped when the input changes or is let go. */
interface Owner {
  held: number;
}

/**
 * The look-ups and branches an explanation holds. Those that a change makes obsolete no longer count, so an explanation can change for ever, but
 * at no time grow beyond the limit.
 */
export class Effort {
  readonly #asked: Path;
  readonly #max: number;
  #held = 0;
  #owner: Owner = { held: 0 };

  /**
   * @param asked the name that is to be explained.
   * @param max how many look-ups and branches it may hold.
   */
  constructor(asked: Path, max: number) {
    this.#asked = asked;
    this.#max = max;
  }

  /** The same activity; what is evaluated because of one of its states is given back when the next one comes. */
  watched<T>(activity: Activity<T>): Activity<T> {
    if (activity.fixed !== undefined) return activity;
    return new Activity(new Observed((listener) => this.#watch(activity, listener)));
  }

  #watch<T>(activity: Activity<T>, listener: (state: ActivityState<T>) => void): Disposable {
    const owner: Owner = { held: 0 };
    const observation = activity.observe((state) => {
      this.#giveBack(owner);
      const outer = this.#owner;
      this.#owner = owner;
      try {
        listener(state);
      } finally {
        this.#owner = outer;
      }
    });
    return {
      [Symbol.dispose]: () => {
        observation[Symbol.dispose]();
        this.#giveBack(owner);
      },
    };
  }

  #giveBack(owner: Owner): void {
    this.#held -= owner.held;
    owner.held = 0;
  }

  /** Counts the look-up of `path`; the result says why it may not be done, if so. */
  lookup(path: Path, place: Place): string | undefined {
    this.#take(costOf(path));
    return this.#said(tooFar(path, place) ?? this.#overdrawn());
  }

  /** Counts `branches` of a name; the result says why it may not have them, if so. */
  split(branches: number, place: Place): string | undefined {
    this.#take(branches);
    return this.#said(tooDeep(place) ?? this.#overdrawn());
  }

  #take(count: number): void {
    this.#held += count;
    this.#owner.held += count;
  }

  #overdrawn(): string | undefined {
    return this.#held > this.#max ? tooMany(this.#max) : undefined;
  }

  #said(problem: string | undefined): string | undefined {
    return problem === undefined ? undefined : `${shortened(this.#asked)} ${problem}`;
  }
}
