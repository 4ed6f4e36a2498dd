// How far one binding may go. Names come from requests, so a dtab that rewrites in circles, or doubles at every step, must end soon.
import { Activity } from "../core/activity.ts";
import type { Path } from "../core/path.ts";
import { Observed } from "../core/var.ts";

/** Rewriting steps in a row (Finagle `Namer.bind`): one more is a failure, not "no such name". */
const MAX_DEPTH = 100;
/** Trees inside trees over all steps, so that no dtab can exhaust the stack. */
const MAX_LEVELS = 500;
/** Look-ups and branches in one go, over all alternatives. Some thousand times what the largest sensible dtab needs, and still a matter of milliseconds. */
const MAX_WORK = 20_000;

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

/**
 * The work a binding has done in one go: from a call until it returns, be that the first evaluation or the answer to a change. Each go has the
 * whole allowance again.
 */
export class Effort {
  #left = MAX_WORK;
  #nesting = 0;

  /** Runs something that may evaluate names. */
  go<R>(act: () => R): R {
    if (this.#nesting === 0) this.#left = MAX_WORK;
    this.#nesting++;
    try {
      return act();
    } finally {
      this.#nesting--;
    }
  }

  /** The same activity; what its changes, and its observation, set off is counted as one go. */
  watched<T>(activity: Activity<T>): Activity<T> {
    if (activity.fixed !== undefined) return activity;
    return new Activity(
      new Observed((listener) => this.go(() => activity.observe((state) => this.go(() => listener(state))))),
    );
  }

  /** Counts the look-up of `path`; the result says why it may not be done, if so. */
  lookup(path: Path, place: Place): string | undefined {
    this.#left--;
    if (place.depth > MAX_DEPTH) {
      return `more than ${MAX_DEPTH} rewriting steps, at ${shortened(path)}: does an entry lead back to its own prefix?`;
    }
    return this.#overdrawn(path, place);
  }

  /** Counts the `branches` that `path` splits into; the result says why it may not, if so. */
  split(path: Path, branches: number, place: Place): string | undefined {
    this.#left -= branches;
    return this.#overdrawn(path, place);
  }

  #overdrawn(path: Path, place: Place): string | undefined {
    if (place.levels > MAX_LEVELS) return `names nested too deeply, at ${shortened(path)}`;
    return this.#left < 0 ? `more than ${MAX_WORK} look-ups for one name, at ${shortened(path)}` : undefined;
  }
}

const SHOWN_CHARS = 120;

function shortened(path: Path): string {
  const text = path.take(SHOWN_CHARS).show();
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
