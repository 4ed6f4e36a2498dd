// How far one binding may go. Names come from requests, so a dtab that rewrites in circles, or doubles at every step, must end soon.
import { Activity, type ActivityState } from "../core/activity.ts";
import type { Path } from "../core/path.ts";
import { Observed } from "../core/var.ts";

/** Rewriting steps in a row (Finagle `Namer.bind`): one more is a failure, not "no such name". */
const MAX_DEPTH = 100;
/** Trees inside trees over all steps, so that no dtab can exhaust the stack. */
const MAX_LEVELS = 500;
/** Segments of a name, which grows as it is rewritten. */
const MAX_SEGMENTS = 1_000;
/** Look-ups and branches one binding may hold at a time: some hundred times what the largest sensible dtab needs, and still milliseconds. */
export const MAX_BOUND = 10_000;
/** The same for an explanation, where each has its own lines of text. */
export const MAX_EXPLAINED = 2_000;

/** A place in the tree of steps. */
export interface Place {
  readonly depth: number;
  readonly levels: number;
}

export const start: Place = { depth: 0, levels: 0 };

/** The place after a path look-up. */
export function stepped(place: Place): Place {
  return { depth: place.depth + 1, levels: place.levels + 1 };
}

/** A place inside a group. */
export function inside(place: Place): Place {
  return { depth: place.depth, levels: place.levels + 1 };
}

/** What was evaluated because of one state of one live input. It is dropped when the input changes or is let go. */
interface Owner {
  held: number;
}

/**
 * How large a binding has become: the look-ups and branches it holds. Those that a change makes obsolete no longer count, so a binding can
 * change for ever, but at no time grow beyond the limit.
 */
export class Effort {
  readonly #asked: Path;
  readonly #max: number;
  #held = 0;
  #owner: Owner = { held: 0 };

  /**
   * @param asked the name that is to be bound.
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

  #take(count: number): void {
    this.#held += count;
    this.#owner.held += count;
  }

  /** Counts the look-up of `path`; the result says why it may not be done, if so. */
  lookup(path: Path, place: Place): string | undefined {
    this.#take(1);
    if (place.depth > MAX_DEPTH) {
      const shown = `${shortened(this.#asked)} takes more than ${MAX_DEPTH} rewriting steps`;
      return `${shown}, and is now ${shortened(path)}: does an entry lead back to its own prefix?`;
    }
    if (path.size > MAX_SEGMENTS)
      return `${shortened(this.#asked)} becomes a name of more than ${MAX_SEGMENTS} segments`;
    return this.#overdrawn(place);
  }

  /** Counts `branches` of a name; the result says why it may not have them, if so. */
  split(branches: number, place: Place): string | undefined {
    this.#take(branches);
    return this.#overdrawn(place);
  }

  #overdrawn(place: Place): string | undefined {
    if (place.levels > MAX_LEVELS) return `${shortened(this.#asked)} leads to alternatives nested too deeply`;
    return this.#held > this.#max ? `${shortened(this.#asked)} leads to more than ${this.#max} look-ups` : undefined;
  }
}

const SHOWN_CHARS = 120;

function shortened(path: Path): string {
  const text = path.take(SHOWN_CHARS).show();
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
