// How far one name may lead. Names come from requests, so a dtab that rewrites in circles, or doubles at every step, must end soon.
import type { Path } from "../core/path.ts";

/** Rewriting steps in a row (Finagle `Namer.bind`): one more is a failure, not "no such name". */
const MAX_DEPTH = 100;
/** Trees inside trees over all steps, so that no dtab can exhaust the stack. */
const MAX_LEVELS = 500;
/** Segments of a name, which grows as it is rewritten. */
const MAX_SEGMENTS = 1_000;
/** Bytes of a name. */
const MAX_BYTES = 8 * 1024;
/** Every so many bytes of a name count as a look-up: time and memory go by both. */
const BYTES_PER_LOOKUP = 64;

/** How much a binding may consist of. */
export interface Allowance {
  /** Look-ups and branches, names counted by their length. */
  readonly lookups: number;
  /** What a question to discovery that may change its answer counts in addition: each is watched as long as the binding lives. */
  readonly perQuestion: number;
}

/** For names under the configured dtab alone: some hundred times what the largest sensible one needs, and still milliseconds. */
export const configured: Allowance = { lookups: 10_000, perQuestion: 0 };
/** For names under rules that came with a request, which anybody may have written. */
export const overridden: Allowance = { lookups: 1_000, perQuestion: 10 };
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
  if (path.bytes > MAX_BYTES) return `becomes a name of more than ${MAX_BYTES} bytes`;
  if (path.size > MAX_SEGMENTS) return `becomes a name of more than ${MAX_SEGMENTS} segments`;
  return tooDeep(place);
}

/** Why there may not be another group at this place, if so; said of the name that was asked for. */
export function tooDeep(place: Place): string | undefined {
  return place > MAX_LEVELS * LEVEL + LEVEL - 1 ? "leads to alternatives nested too deeply" : undefined;
}

/** What the look-up of a name counts. */
export function costOf(path: Path): number {
  return 1 + Math.floor(path.bytes / BYTES_PER_LOOKUP);
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
