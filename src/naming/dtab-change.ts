// What one delegation table has that another has not: which names need a second look when a table is replaced.
import type { Dentry, Dtab } from "../core/dtab.ts";
import { sameTree } from "../core/name-tree.ts";
import type { Path } from "../core/path.ts";
import { PrefixIndex } from "../core/prefix-index.ts";

/** The stretch in which two tables differ: everything from the first changed rule to the last, of both. */
export class DtabChange {
  readonly #rules: PrefixIndex<Dentry> | null;

  private constructor(rules: readonly Dentry[]) {
    this.#rules = rules.length === 0 ? null : new PrefixIndex(rules);
  }

  static between(before: Dtab, after: Dtab): DtabChange {
    const [old, now] = [before.entries, after.entries];
    const shorter = Math.min(old.length, now.length);
    let head = 0;
    while (head < shorter && same(old[head], now[head])) head++;
    let tail = 0;
    while (tail < shorter - head && same(old[old.length - 1 - tail], now[now.length - 1 - tail])) tail++;
    return new DtabChange([...old.slice(head, old.length - tail), ...now.slice(head, now.length - tail)]);
  }

  /** Whether the tables say the same of every name. */
  get isEmpty(): boolean {
    return this.#rules === null;
  }

  /** Builds a piece of what `touches` needs; false if nothing was left to build. */
  buildNext(): boolean {
    return this.#rules !== null && this.#rules.buildNext();
  }

  /** False if the rules that match `path` are the same ones, in the same order, in both tables. */
  touches(path: Path): boolean {
    return this.#rules !== null && this.#rules.matches(path.segments).length > 0;
  }
}

function same(a: Dentry | undefined, b: Dentry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || (samePrefix(a, b) && sameTree(a.dst, b.dst, (x, y) => x.equals(y)));
}

function samePrefix(a: Dentry, b: Dentry): boolean {
  return a.prefix.length === b.prefix.length && a.prefix.every((element, i) => element === b.prefix[i]);
}
