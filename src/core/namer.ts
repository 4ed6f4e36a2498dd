// Namers: service discovery, as the interpreter sees it.
import type { Activity } from "./activity.ts";
import type { BoundName } from "./endpoint.ts";
import type { NameTree } from "./name-tree.ts";
import type { Path } from "./path.ts";

/** What a namer makes of a name: names to go on with, bound names, or both. */
export type NamedTree = NameTree<Path | BoundName>;

/** Turns the names under its prefix into something more concrete. */
export interface Namer {
  /** The whole prefix it answers for: `/#/io.l5d.fs`, `/$/inet`. */
  readonly prefix: Path;
  /**
   * Looks up what follows the prefix. The ids of bound leaves carry the prefix; what the namer does not use of `rest` is their residual.
   * Watches begin when the result is observed and end when it no longer is. Exactly `neg` lets the next namer with this prefix try.
   */
  lookup(rest: Path): Activity<NamedTree>;
  /** The ids this namer could bind right now, for people. */
  names?(): Promise<readonly Path[]>;
  /** What it watches and how that goes, as JSON, for people. */
  state?(): unknown;
}
