// Names that are bound, and stay so through every change: how an interpreter is used.
import type { ActivityState } from "../core/activity.ts";
import type { Dtab } from "../core/dtab.ts";
import type { BoundName } from "../core/endpoint.ts";
import type { NameTree } from "../core/name-tree.ts";
import type { Path } from "../core/path.ts";

/** What a name is bound to: a tree without alternatives, since they have been decided. */
export type BindingState = ActivityState<NameTree<BoundName>>;

/**
 * Told of a name when it is bound, and whenever that changes. A state may also say the same as the one `before`, and only the addresses beneath
 * come from elsewhere.
 */
export type Told = (binding: number, state: BindingState, before: BindingState | undefined) => void;

/** Names that one user follows, by numbers of the user's choice, under one base dtab at a time. */
export interface LiveNames extends Disposable {
  /** The base dtab; undefined until there is one. Before, nothing is told. */
  readonly dtab: Dtab | undefined;
  /** The numbers of all names. */
  readonly bindings: Iterable<number>;
  /** Replaces the base dtab. All names follow, little by little if there are many. */
  replace(dtab: Dtab): void;
  /**
   * Follows a name. What is known is told before this returns.
   * @param local the request's own rules; they come after, and so win over, those of the base dtab.
   */
  bind(binding: number, local: Dtab, path: Path): void;
  unbind(binding: number): void;
  /** Settled when all names have followed the dtab. */
  readonly followed: Promise<void>;
}
