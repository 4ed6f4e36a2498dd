// A delegation table together with its text, so that the next text need be read only where it differs: of five thousand rules that are sent
// again with one more, one is parsed.
import { type Dentry, Dtab } from "../core/dtab.ts";
import { Scanner } from "../core/syntax.ts";
import { scanEntry } from "./dtab-parser.ts";

/** How many rules are read before others may have their turn. */
const RULES_PER_PIECE = 50;
const CHUNK = 1024;

/** Rules, and where in the text each of them ends. */
export class DtabText {
  static readonly empty = new DtabText("", [], []);
  readonly text: string;
  readonly dtab: Dtab;
  readonly #rules: readonly Dentry[];
  /** Behind the ";" of each rule: reading may begin at any of these places. */
  readonly #ends: readonly number[];

  private constructor(text: string, rules: readonly Dentry[], ends: readonly number[]) {
    this.text = text;
    this.dtab = Dtab.of(rules);
    this.#rules = rules;
    this.#ends = ends;
  }

  /**
   * The table of another text, which is known to be well formed, piece by piece; what is written as before is not read again.
   * @throws SyntaxProblem
   */
  *next(text: string): Generator<void, DtabText, undefined> {
    if (text === this.text) return this;
    const kept = lastUpTo(this.#ends, sharedBeginning(this.text, text));
    const scanner = new Scanner(text);
    scanner.at = kept < 0 ? 0 : this.#ends[kept]!; // one of them
    const rules = this.#rules.slice(0, kept + 1);
    const ends = this.#ends.slice(0, kept + 1);
    const moved = text.length - this.text.length;
    const sameFrom = this.text.length - sharedEnd(this.text, text);
    let old = kept + 1;
    while (!scanner.done) {
      // As soon as we stand where a rule of the old text ended, with nothing but the same behind it, the rest is known.
      while (old < this.#ends.length && this.#ends[old]! + moved < scanner.at) old++;
      if (old < this.#ends.length && this.#ends[old]! >= sameFrom && this.#ends[old]! + moved === scanner.at) {
        for (let i = old + 1; i < this.#rules.length; i++) {
          rules.push(this.#rules[i]!); // in range, as below
          ends.push(this.#ends[i]! + moved);
        }
        break;
      }
      const rule = scanEntry(scanner);
      if (rule === undefined) continue;
      rules.push(rule);
      ends.push(scanner.at);
      if (rules.length % RULES_PER_PIECE === 0) yield;
    }
    return new DtabText(text, rules, ends);
  }
}

/** Index of the last of ascending numbers that is at most `limit`; -1 if none is. */
function lastUpTo(ends: readonly number[], limit: number): number {
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function sharedBeginning(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let at = 0;
  while (at + CHUNK <= most && a.slice(at, at + CHUNK) === b.slice(at, at + CHUNK)) at += CHUNK;
  while (at < most && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  return at;
}

function sharedEnd(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  const chunk = (text: string, at: number) => text.slice(text.length - at - CHUNK, text.length - at);
  let at = 0;
  while (at + CHUNK <= most && chunk(a, at) === chunk(b, at)) at += CHUNK;
  while (at < most && a.charCodeAt(a.length - 1 - at) === b.charCodeAt(b.length - 1 - at)) at++;
  return at;
}
