// What one delegation table has that another has not: which names need a second look when a table is replaced.
import type { Dentry, Dtab } from "../core/dtab.ts";
import { sameTree } from "../core/name-tree.ts";
import type { Path } from "../core/path.ts";

/** So many rules are compared at a time where nobody waits for the answer. */
const RULES_PER_PIECE = 100;

/**
 * The rules in which two tables differ: of the stretch from the first changed one to the last those of both, and where both have as many
 * there only those that are not the same in the same place. What they match is found by the tables' own indexes, which are there anyway.
 */
export class DtabChange {
  readonly #before: Dtab;
  readonly #after: Dtab;
  /** Where the stretch begins, and how many rules it has in each table. */
  readonly #head: number;
  readonly #removed: number;
  readonly #added: number;
  readonly #changed = new Set<Dentry>();
  /** So many rules of the longer stretch have been compared. */
  #compared = 0;

  private constructor(before: Dtab, after: Dtab, head: number, tail: number) {
    this.#before = before;
    this.#after = after;
    this.#head = head;
    this.#removed = before.entries.length - head - tail;
    this.#added = after.entries.length - head - tail;
  }

  static between(before: Dtab, after: Dtab): DtabChange {
    const [old, now] = [before.entries, after.entries];
    const shorter = Math.min(old.length, now.length);
    let head = 0;
    while (head < shorter && same(old[head], now[head])) head++;
    let tail = 0;
    while (tail < shorter - head && same(old[old.length - 1 - tail], now[now.length - 1 - tail])) tail++;
    return new DtabChange(before, after, head, tail);
  }

  /** Whether the tables say the same of every name. */
  get isEmpty(): boolean {
    return this.#removed === 0 && this.#added === 0;
  }

  /** Prepares a piece of what `touches` needs; false if nothing was left to prepare. */
  buildNext(): boolean {
    return this.#compareNext() || this.#before.buildNext() || this.#after.buildNext();
  }

  /** False if the rules that match `path` are the same ones, in the same order, in both tables. */
  touches(path: Path): boolean {
    while (this.#compareNext());
    const isChanged = (rule: Dentry) => this.#changed.has(rule);
    return this.#before.matches(path).some(isChanged) || this.#after.matches(path).some(isChanged);
  }

  #compareNext(): boolean {
    const length = Math.max(this.#removed, this.#added);
    if (this.#compared === length) return false;
    const end = Math.min(this.#compared + RULES_PER_PIECE, length);
    for (; this.#compared < end; this.#compared++) this.#compare(this.#compared);
    return true;
  }

  #compare(at: number): void {
    const old = at < this.#removed ? this.#before.entries[this.#head + at] : undefined;
    const now = at < this.#added ? this.#after.entries[this.#head + at] : undefined;
    if (this.#removed === this.#added && same(old, now)) return;
    if (old !== undefined) this.#changed.add(old);
    if (now !== undefined) this.#changed.add(now);
  }
}

function same(a: Dentry | undefined, b: Dentry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || (samePrefix(a, b) && sameTree(a.dst, b.dst, (x, y) => x.equals(y)));
}

function samePrefix(a: Dentry, b: Dentry): boolean {
  return a.prefix.length === b.prefix.length && a.prefix.every((element, i) => element === b.prefix[i]);
}
