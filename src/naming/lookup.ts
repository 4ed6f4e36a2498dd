// One look-up of one path, shared by all names that come to it at the same place, and tied to those it was made from.
//
//   /svc/a ──┐                 asked
//            ├── /version ────────── namer        above <── look-up ──> below
//   /svc/b ──┘
import type { ActivityState } from "../core/activity.ts";
import type { BoundName } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";
import type { NamedTree } from "../core/namer.ts";
import type { Path } from "../core/path.ts";
import { type Place, start } from "./limits.ts";

/** What a look-up came to. A limit is said of the name that was asked for: "takes more than 100 rewriting steps". */
export type LookupState =
  | ActivityState<NameTree<BoundName>>
  | { readonly at: "failed"; readonly message: string; readonly limit: true };

/** What may be wrong with a state: flags, and 0 is nothing. */
export const stale = {
  /** Something further below may be another. */
  below: 1,
  /** One of those it was made from has become another. */
  changed: 2,
  /** Its rules or its namers say something else. */
  own: 4,
} as const;

/** A namer's answer while it is needed. */
export interface Asked {
  state: ActivityState<NamedTree>;
  /** Null for an answer that never changes, and while we are subscribing. */
  observation: Disposable | null;
}

/** Data and ties only; the binder gives them their meaning. */
export class Lookup {
  readonly path: Path;
  readonly place: Place;
  state: LookupState = pending;
  /** How many look-ups and branches it stands for, itself included. */
  weight = 1;
  stale: number = stale.own;
  /** The dtab it was last checked under, counted. */
  generation = 0;
  /** Whether it is whatever the only one below is, since its only rule leads there. */
  forwards = false;
  /** The evaluation that used it last. */
  usedBy = 0;
  below: Lookup | readonly Lookup[] | null = null;
  above: Lookup | Set<Lookup> | null = null;
  asked: readonly Asked[] | null = null;

  constructor(path: Path, place: Place) {
    this.path = path;
    this.place = place;
  }

  tieTo(user: Lookup): void {
    const { above } = this;
    if (above === null) this.above = user;
    else if (above instanceof Set) above.add(user);
    else if (above !== user) this.above = new Set([above, user]);
  }

  untieFrom(user: Lookup): void {
    const { above } = this;
    if (above === user) this.above = null;
    else if (above instanceof Set && above.delete(user) && above.size === 0) this.above = null;
  }

  /** Those who use it learn at their next refresh that it has become another. */
  markAbove(): void {
    const { above } = this;
    if (above instanceof Set) for (const user of above) user.stale |= stale.changed;
    else if (above !== null) above.stale |= stale.changed;
  }
}

const pending = { at: "pending" } as const;

/** The look-up of a name that somebody asked for. It is shared with nobody. */
export abstract class Root extends Lookup {
  constructor(path: Path) {
    super(path, start);
  }

  /** It may have become another: it must be refreshed soon, but not yet. Called once until then. */
  abstract woken(): void;
}
