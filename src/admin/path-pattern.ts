// Regular expressions over paths of the admin port, as `admin.security` has them. They are written by people for Java; here they are
// JavaScript's, and what means something else in JavaScript is a problem rather than a rule that never matches.
import { Script } from "node:vm";

/** No path of ours is longer; what is longer is not there. */
export const MAX_PATH_LENGTH = 1024;
/** A sensible pattern takes microseconds. */
const PATIENCE_MS = 20;

/** Escapes of letters that JavaScript knows without the flag `u`; it takes any other letter for itself. */
const KNOWN_ESCAPES = "bBcdDfnrsStuvwWxk";

/** Why a text cannot be a pattern, in words; null when it can. */
export function patternProblem(text: string): string | null {
  try {
    void new RegExp(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  for (const [escape, letter = ""] of text.matchAll(/\\([A-Za-z]|[^A-Za-z])/g)) {
    if (/[A-Za-z]/.test(letter) && !KNOWN_ESCAPES.includes(letter)) return `JavaScript has no ${escape}`;
  }
  if (/\[(?:\\.|[^\]\\])*&&/.test(text)) return "JavaScript has no && in a class";
  return null;
}

/** A pattern that must match the whole of a path. */
export class PathPattern {
  readonly text: string;
  readonly #source: string;
  #givenUp = false;

  /** @param text has no problem. */
  constructor(text: string) {
    this.text = text;
    this.#source = JSON.stringify(`^(?:${text})$`);
  }

  /**
   * Whether it matches; null when that takes too long, then and ever after. Nested repetitions such as `(a+)+` take exponential
   * time over a path that a stranger chooses, and only a script of its own can be interrupted.
   * @param slow is told when it took too long.
   */
  matches(path: string, slow: (pattern: string) => void): boolean | null {
    if (this.#givenUp || path.length > MAX_PATH_LENGTH) return null;
    try {
      const script = new Script(`new RegExp(${this.#source}).test(${JSON.stringify(path)})`);
      return script.runInThisContext({ timeout: PATIENCE_MS }) === true;
    } catch {
      this.#givenUp = true; // interrupted: the pattern itself was checked with the configuration
      slow(this.text);
      return null;
    }
  }
}
