// How far one name may lead. Names come from requests, so a dtab that rewrites in circles, or doubles at every step, must end soon.
import type { Path } from "../core/path.ts";

/** Rewriting steps in a row (Finagle `Namer.bind`): one more is a failure, not "no such name". */
const MAX_DEPTH = 100;
/** Trees inside trees over all steps, so that no dtab can exhaust the stack. */
const MAX_LEVELS = 500;
/** Segments of a name, which grows as it is rewritten. */
const MAX_SEGMENTS = 1_000;
/** Look-ups and branches one binding may consist of: some hundred times what the largest sensible dtab needs, and still milliseconds. */
export const MAX_BOUND = 10_000;
/** The same for an explanation, where each has its own lines of text. */
export const MAX_EXPLAINED = 2_000;

/** A place in the tree of steps, as one number: how many steps led here, and into how many trees inside trees. */
export type Place = number;

const LEVEL = 128; // more than MAX_DEPTH + 1, so that the two do not mix

export const start: Place = 0;

/** The place after a path look-up. */
export function stepped(place: Place): Place {
  return place + LEVEL + 1;
}

/** The place inside a group. */
export function inside(place: Place): Place {
  return place + LEVEL;
}

/** Why a name may not be looked up at this place, if so; said of the name that was asked for. */
export function tooFar(path: Path, place: Place): string | undefined {
  if (place % LEVEL > MAX_DEPTH) {
    const shown = `takes more than ${MAX_DEPTH} rewriting steps, and is now ${shortened(path)}`;
    return `${shown}: does an entry lead back to its own prefix?`;
  }
  if (path.size > MAX_SEGMENTS) return `becomes a name of more than ${MAX_SEGMENTS} segments`;
  return tooDeep(place);
}

/** Why there may not be another group at this place, if so; said of the name that was asked for. */
export function tooDeep(place: Place): string | undefined {
  return place > MAX_LEVELS * LEVEL + LEVEL - 1 ? "leads to alternatives nested too deeply" : undefined;
}

/** What is said of a name that leads to more than `max` look-ups. */
export function tooMany(max: number): string {
  return `leads to more than ${max} look-ups`;
}

const SHOWN_CHARS = 120;

/** A name for people, who need not see all of a hostile one. */
export function shortened(path: Path): string {
  const text = path.take(SHOWN_CHARS).show();
  return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
}
