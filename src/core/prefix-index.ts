// A search tree over path prefixes with wildcards: its work depends on the path's length and on what matches, not on how many rules there are.
import { type Prefix, wildcard } from "./prefix.ts";

interface Node<R> {
  /** Rules whose prefix ends here, last written first, with their positions in writing. Most often there is one, or none. */
  rules: readonly R[];
  positions: readonly number[];
  next: Map<string, Node<R>> | undefined;
  any: Node<R> | undefined;
}

/** So many rules are taken in at a time where nobody waits for the index. */
const RULES_PER_PIECE = 100;

/**
 * Finds the rules whose prefix matches a path. Built at the first search, since many tables are only printed or passed on; or before it, in
 * pieces, since a table of thousands takes longer than requests should wait.
 */
export class PrefixIndex<R extends { readonly prefix: Prefix }> {
  readonly items: readonly R[];
  readonly #root = node<R>();
  /** So many items have yet to be taken in, the last written first. */
  #left: number;

  constructor(items: readonly R[]) {
    this.items = items;
    this.#left = items.length;
  }

  /** The matching rules, last written first. The caller must not change the list. */
  matches(segments: readonly string[]): readonly R[] {
    if (this.#left > 0) this.#build(this.#left);
    const single = singleEnd(this.#root, segments);
    if (single === undefined) return none;
    return single === "several" ? merged(endsOf(this.#root, segments)) : single.rules;
  }

  /** Builds a piece of the index; false if nothing was left to build. */
  buildNext(): boolean {
    if (this.#left === 0) return false;
    this.#build(Math.min(this.#left, RULES_PER_PIECE));
    return true;
  }

  #build(rules: number): void {
    for (const end = this.#left - rules; this.#left > end; this.#left--) {
      const position = this.#left - 1;
      const rule = this.items[position] as R; // in range
      let at = this.#root;
      for (const element of rule.prefix) at = element === wildcard ? (at.any ??= node()) : childOf(at, element);
      take(at, rule, position);
    }
  }
}

const none: readonly never[] = [];

function node<R>(): Node<R> {
  return { rules: none, positions: none, next: undefined, any: undefined };
}

/** A list that is pushed to has room for 17: of thousands of rules nearly each is alone at its node. */
function take<R>(at: Node<R>, rule: R, position: number): void {
  if (at.rules.length === 0) {
    at.rules = [rule];
    at.positions = [position];
    return;
  }
  (at.rules as R[]).push(rule); // no longer the list that all nodes begin with
  (at.positions as number[]).push(position);
}

function childOf<R>(parent: Node<R>, segment: string): Node<R> {
  parent.next ??= new Map();
  let child = parent.next.get(segment);
  if (child === undefined) {
    child = node();
    parent.next.set(segment, child);
  }
  return child;
}

/** The only node with rules along `segments`, if there is one way and no more than one such node on it, as there is for most names. */
function singleEnd<R>(root: Node<R>, segments: readonly string[]): Node<R> | "several" | undefined {
  let end: Node<R> | undefined;
  let at: Node<R> | undefined = root;
  for (let depth = 0; at !== undefined; depth++) {
    if (at.rules.length > 0) {
      if (end !== undefined) return "several";
      end = at;
    }
    const segment = segments[depth];
    if (segment === undefined) return end;
    const child: Node<R> | undefined = at.next?.get(segment);
    if (child !== undefined && at.any !== undefined) return "several";
    at = child ?? at.any;
  }
  return end;
}

/** The nodes with rules that lie on some way along `segments`. A level at a time, so that a long path cannot exhaust the stack. */
function endsOf<R>(root: Node<R>, segments: readonly string[]): Node<R>[] {
  const ends: Node<R>[] = [];
  let level: Node<R>[] = [root];
  for (let depth = 0; level.length > 0; depth++) {
    const segment = segments[depth];
    const below: Node<R>[] = [];
    for (const at of level) {
      if (at.rules.length > 0) ends.push(at);
      if (segment === undefined) continue;
      const child = at.next?.get(segment);
      if (child !== undefined) below.push(child);
      if (at.any !== undefined) below.push(at.any);
    }
    level = below;
  }
  return ends;
}

function merged<R>(ends: readonly Node<R>[]): readonly R[] {
  if (ends.length <= 1) return ends[0]?.rules ?? none;
  const found = ends.flatMap((end) => end.rules.map((rule, i) => ({ rule, position: end.positions[i] ?? 0 })));
  return found.sort((a, b) => b.position - a.position).map((match) => match.rule);
}
